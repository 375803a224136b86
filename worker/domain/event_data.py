"""An event's free data and the customer's own fields: JSON within limits, and values of declared types."""

from __future__ import annotations

import math
from typing import Any

from worker.domain.event_fields import NO_LINE, NO_TEXT, fault, read_day, read_moment, single_line
from worker.domain.settings import FieldType

DATA_DEPTH = 8  # levels of objects and lists
DATA_VALUES = 2_000  # values in all
DATA_TEXT = 20_000  # characters of one text
KEY_LIMIT = 100  # characters of a key
DOUBLED = "\x00doubled"  # a reader of JSON puts the name of a key given twice under this key
FIELD_TEXT = 1_000  # characters of an own field


def check_json(value: Any, path: str = "data") -> tuple[str, str] | None:
    """Look for what a JSON value may not hold: too deep, too much, text or numbers that no database keeps.

    Returns:
        The path of the first fault and its sentence, or None.
    """
    left = DATA_VALUES

    def look(value: Any, path: str, depth: int) -> tuple[str, str] | None:
        nonlocal left
        left -= 1
        if left < 0:
            return "data", f"must hold at most {DATA_VALUES:,} values"
        if isinstance(value, str):
            if len(value) > DATA_TEXT:
                return path, f"must have at most {DATA_TEXT:,} characters, and has {len(value):,}"
            return (path, "must not hold NUL or half characters") if NO_TEXT.search(value) else None
        if isinstance(value, float):
            return None if math.isfinite(value) else (path, "must be a finite number")
        if isinstance(value, int) and abs(value) > 10**30:
            return path, "must be a number of at most 30 digits"
        if isinstance(value, dict | list) and depth == DATA_DEPTH:
            return path, f"must be at most {DATA_DEPTH} levels deep"
        if isinstance(value, list):
            return next(
                (found for n, part in enumerate(value) if (found := look(part, f"{path}[{n}]", depth + 1))), None
            )
        if isinstance(value, dict):
            for key, part in value.items():
                if len(key) > KEY_LIMIT or NO_LINE.search(key):
                    return path, f"must have names of one line and at most {KEY_LIMIT} characters"
                if found := look(part, f"{path}.{key}", depth + 1):
                    return found
        return None

    return look(value, path, 0)


def doubled(value: Any, path: str = "data", depth: int = 0) -> tuple[str, str] | None:
    """Look for a key given twice; returns the path of its object and a sentence, or None."""
    if isinstance(value, dict):
        if DOUBLED in value:
            return path, f"has '{shown(str(value[DOUBLED]))}' twice"
        parts: Any = ((f"{path}.{shown(key)}", part) for key, part in value.items())
    elif isinstance(value, list):
        parts = ((f"{path}[{number}]", part) for number, part in enumerate(value))
    else:
        return None
    if depth > 20:  # the check of depth tells it
        return None
    return next((found for at, part in parts if (found := doubled(part, at, depth + 1))), None)


def typed(value: Any, kind: FieldType) -> Any:
    """Read a value of a declared type; text is one line, a date `YYYY-MM-DD`, a time ISO 8601, kept in UTC.

    Raises:
        PydanticCustomError: it is of another type.
    """
    match kind:
        case "text" if isinstance(value, str):
            if len(value) > FIELD_TEXT:
                raise fault(f"must have at most {FIELD_TEXT:,} characters")
            return single_line(value.strip())
        case "number" if isinstance(value, int | float) and not isinstance(value, bool):
            if not math.isfinite(value) or abs(value) >= 10**15:
                raise fault("must be a number of at most 15 digits")
            return value
        case "boolean" if isinstance(value, bool):
            return value
        case "date":
            return read_day(value).isoformat()
        case "time":
            return read_moment(value).isoformat().replace("+00:00", "Z")
    expected = {"text": "text", "number": "a number", "boolean": "true or false"}[kind]
    raise fault(f"must be {expected}, as config/phin.yaml declares it")


def shown(name: str) -> str:
    """Return a name from outside in a form that can stand in an answer."""
    shown = "".join(letter if letter.isprintable() else "�" for letter in name[:60])
    return shown + ("…" if len(name) > 60 else "")
