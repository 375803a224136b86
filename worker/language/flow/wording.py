"""Flows and their steps in words, by what their dataclasses hold: a verb that comes later needs no words here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass, replace
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any

from worker.domain.conditions.tree import Expression
from worker.domain.durations import Duration
from worker.domain.flows import Once, OnceKind
from worker.domain.steps import AddToFields, SetFields, Step, TaskStep
from worker.domain.texts import LocalText, Text

_VERBS: dict[type[Step], str] = {TaskStep: "task", SetFields: "set", AddToFields: "add"}  # where a class is called so
_LABELS = {
    "from_name": "from",
    "values": "with",
    "otherwise": "else",
    "triggers": "trigger",
    "exits": "exit",
    "restarts": "again: restart",
    "by_shop": "zone: shop",
}
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LONGEST = 60  # characters of a value
_NONE = "none"


def verb_of(step: Step) -> str:
    """Return the verb with which a step is written."""
    return _VERBS.get(type(step)) or type(step).__name__.lower()


def is_automatic(step: Step) -> bool:
    """Say whether a step's name was counted (`wait-2`), and so is another when one is put before it."""
    return re.fullmatch(rf"{verb_of(step)}-\d+", step.name) is not None


def label_of(field: str) -> str:
    """Return how a flow's file calls what a dataclass calls so."""
    return _LABELS.get(field, field.replace("_", " "))


def said_by(step: Step) -> Iterator[Field[Any]]:
    """Yield the fields in which an author says something, the verb's own first."""
    yield from (field for field in fields(step) if field.compare and field.name not in ("name", "line"))


def bare(step: Step) -> Step:
    """Return a fork without the steps of its ways, and any other step as it is."""
    emptied: dict[str, Any] = {}
    for field in said_by(step):
        value = getattr(step, field.name)
        if not isinstance(value, tuple):
            continue
        if any(isinstance(item, Step) for item in value):
            emptied[field.name] = ()
        elif any(is_dataclass(item) and hasattr(item, "steps") for item in value):
            emptied[field.name] = tuple(replace(item, steps=()) for item in value)
    return replace(step, **emptied) if emptied else step


def described(step: Step) -> str:
    """Return a step in words: `wait 7 days, at 10:30`; with its name where the author gave it one of its own."""
    step = bare(step)
    main, *options = said_by(step)
    value = shown(getattr(step, main.name))
    told = [f"{verb_of(step)} {value}", *(_option(step, field) for field in options if _is_said(step, field))]
    own = "" if is_automatic(step) or step.name.startswith(value.strip("'…")) else f" ({shown(step.name)})"
    return ", ".join(told) + own


def briefly(step: Step) -> str:
    """Return a step's verb and what it is about, without its options."""
    main = next(said_by(step))
    return f"{verb_of(step)} {shown(getattr(bare(step), main.name))}"


def shown(value: Any) -> str:
    """Return a value in one line, as an author would write it; a long one is cut."""
    return _cut(" ".join(_written(value).split()), _LONGEST)


def shown_change(before: Any, after: Any) -> str:
    """Return `7 days → 5 days`, `10:30 (before: none)`; of long values that begin alike, where they begin to differ."""
    old, new = (" ".join(_written(value).split()) for value in (before, after))
    if old == _NONE:
        return f"{_cut(new, _LONGEST)} (before: {_NONE})"
    if max(len(old), len(new)) > _LONGEST:
        same = next((at for at, (one, other) in enumerate(zip(old, new, strict=False)) if one != other), 0)
        from_here = max(0, same - _LONGEST // 3)
        if from_here:
            old, new = f"…{old[from_here:]}", f"…{new[from_here:]}"
    return f"{_cut(old, _LONGEST)} → {_cut(new, _LONGEST)}"


def _written(value: Any) -> str:
    match value:
        case None | "" | ():
            return _NONE
        case bool():
            return "yes" if value else "no"
        case Expression():
            return value.text
        case Enum():
            return str(value.value)
        case str():
            return f"'{value}'" if " " in value else value
        case Text():
            return _written(value.written)
        case LocalText():
            return _written(next(iter(value.by_language.values())))
        case Once(OnceKind.SPAN, Duration() as span):
            return f"per {span}"
        case time():
            return f"{value:%H:%M}"
        case date() | datetime():
            return value.isoformat()
        case Decimal():
            return f"{value.normalize():f}"
        case float():
            return f"{value:g}"
        case frozenset():
            return (
                _NONE
                if not value
                else ", ".join(_DAYS[day] if isinstance(day, int) else _written(day) for day in sorted(value))
            )
        case tuple():
            pairs = all(isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], str) for item in value)
            return ", ".join(f"{item[0]}: {_written(item[1])}" if pairs else _written(item) for item in value)
    if is_dataclass(value) and type(value).__str__ is object.__str__:
        return " ".join(_parts(value))
    return str(value)


def _parts(value: Any) -> Iterator[str]:
    """Yield what a dataclass without words of its own says: its first field as it is, the others with their labels."""
    for number, field in enumerate(fields(value)):
        if _is_said(value, field):
            told = _written(getattr(value, field.name))
            yield told if number == 0 else f"{label_of(field.name)} {told}"


def _option(step: Step, field: Field[Any]) -> str:
    value = getattr(step, field.name)
    label = label_of(field.name)
    return label if value is True else f"{label} {shown(value).removeprefix(f'{label.split()[-1]} ')}"


def _is_said(owner: Any, field: Field[Any]) -> bool:
    value = getattr(owner, field.name)
    return bool(value != (() if field.default is MISSING else field.default))


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1].rstrip()}…"
