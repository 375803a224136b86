"""The meaning of a flow as a hash: the same for files that do the same, another where anything they say differs.

Comments, the order of keys, quotes, spaces within an expression, and defaults written out make no difference;
`status` is not part of it. The title is: it is shown with each journey, so a version keeps its own.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import date, time
from decimal import Decimal
from enum import Enum
from typing import Any

from worker.domain.conditions.tree import Expression
from worker.domain.flows import Flow
from worker.domain.steps import Step
from worker.domain.texts import Text


def meaning_of(flow: Flow) -> str:
    """Return the SHA-256 (hex) of what a flow does."""
    return hashlib.sha256(canonical(flow).encode("ascii")).hexdigest()


def canonical(value: Any) -> str:
    """Return what a flow, or a part of one, says, as one text: the same for parts that mean the same."""
    return json.dumps(_canonical(value), ensure_ascii=True, sort_keys=True, separators=(",", ":"))


def same(one: Any, other: Any) -> bool:
    """Say whether two parts of flows mean the same."""
    return one == other or canonical(one) == canonical(other)


def _canonical(value: Any) -> Any:
    """Return a value in plain parts of JSON; only what an author can say, never where it stands."""
    if isinstance(value, Expression):
        return {"expression": _canonical(value.tree)}
    if isinstance(value, Text):
        return {"text": _canonical(value.parts)}
    if is_dataclass(value) and not isinstance(value, type):
        said = {f.name: _canonical(getattr(value, f.name)) for f in fields(value) if _says(value, f)}
        return {type(value).__name__: said}
    if isinstance(value, Mapping):
        return {str(key): _canonical(item) for key, item in value.items()}
    if isinstance(value, frozenset):
        return sorted(_canonical(item) for item in value)
    if isinstance(value, tuple):
        return [_canonical(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if value is None or isinstance(value, (str, int, float)):
        return value
    raise TypeError(f"{type(value).__name__} has no canonical form")


def _says(owner: Any, field: Field[Any]) -> bool:
    """Say whether a field is part of the meaning.

    One that holds its default is left out, so that a field that a later Phin adds makes no new version of every
    flow there is.
    """
    if not field.compare or (isinstance(owner, Step) and field.name == "line"):
        return False
    if isinstance(owner, Flow) and field.name in ("status", "meaning"):
        return False
    return field.default is MISSING or getattr(owner, field.name) != field.default
