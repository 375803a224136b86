"""The forms of values in JSON Schema: what an editor may refuse while one types is refused by the readers, too.

YAML gives an editor numbers and words of yes and no where our readers have texts, so a text may be any of these. A
form is never stricter than its reader; what only the check can say (a condition's names, a day that the calendar does
not have), the schema lets pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from worker.language.yaml.scalars import LONGEST_NAME, WEEKDAYS

Form = dict[str, Any]
"""A part of a JSON Schema (draft 7, which the YAML language server reads)."""

TEXT_TYPES = ["string", "number", "boolean"]
_LENGTH = r"\d+\s*(minute|hour|day|week|month|year)s?\s*$"
_NUMBER = re.compile(r"[-+]?(\d+|\d*\.\d+|\d+\.\d*)([eE][-+]?\d+)?")


def told(form: Form, about: str, example: str = "") -> Form:
    """Return a form with the text that an editor shows over it, and an example where one helps."""
    found = {**form, "description": about}
    if example:
        found["markdownDescription"] = f"{about}\n\n```yaml\n{example}\n```"
    return found


def text() -> Form:
    """Return the form of any text."""
    return {"type": TEXT_TYPES}


def name() -> Form:
    """Return the form of a name: of a step, a branch, a coupon."""
    return {"type": TEXT_TYPES, "pattern": r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", "maxLength": LONGEST_NAME}


def duration() -> Form:
    """Return the form of a length of time, `3 days`."""
    return {"type": "string", "pattern": r"^\s*" + _LENGTH, "examples": ["2 hours", "3 days", "1 week"]}


def offset() -> Form:
    """Return the form of a time before (with a minus) or after something."""
    return {"type": "string", "pattern": r"^\s*-?" + _LENGTH, "examples": ["-3 days", "-2 weeks", "60 days"]}


def time_of_day() -> Form:
    """Return the form of `09:00`."""
    return {"type": "string", "pattern": r"^\s*\d{1,2}:\d{2}\s*$", "examples": ["09:00"]}


def percentage() -> Form:
    """Return the form of a number above 0 that may be a percentage."""
    written = r"^\s*\d+(_\d+)*(\.\d+)?\s*%?\s*$"
    return {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": written}]}


def words(known: Iterable[str]) -> Form:
    """Return the form of one of the known words; `true` and numbers are the same with quotes and without."""
    found: list[str | bool | int | float] = []
    for word in known:
        found.append(word)
        if word in ("true", "false"):
            found.append(word == "true")
        elif _NUMBER.fullmatch(word):
            found.append(float(word) if re.search(r"[.eE]", word) else int(word))
    return {"enum": found}


def one_of(known: Iterable[str] | None) -> Form:
    """Return the form of one of the shop's own names, or of any name where it is not known which there are."""
    return {"type": TEXT_TYPES} if known is None else words(sorted(known))


def weekdays() -> Form:
    """Return the form of one weekday or several."""
    return one_or_list(words(WEEKDAYS))


def one_or_list(form: Form) -> Form:
    """Return the form of one thing or a list of them."""
    return {"anyOf": [form, {"type": "array", "items": form}]}


def by_language(languages: Iterable[str]) -> Form:
    """Return the form of a text, or of one for each language."""
    texts = {language: told(text(), f"The text in '{language}'") for language in languages}
    group = {"type": "object", "properties": texts, "additionalProperties": text(), "minProperties": 1}
    return {"anyOf": [text(), group]}


def values(about: str, keys: Mapping[str, Form] | None = None, *, others: bool = True) -> Form:
    """Return the form of names with a text each; `keys` are those known before."""
    found: Form = {"type": "object", "additionalProperties": text() if others else False, "description": about}
    if keys:
        found["properties"] = dict(keys)
    return found


def group(keys: Iterable[str], forms: Mapping[str, Form], needed: Iterable[str] = ()) -> Form:
    """Return the form of a group of keys, which are the reader's; one that the forms do not know may hold anything."""
    found: Form = {
        "type": "object",
        "properties": {key: forms.get(key, {}) for key in keys},
        "additionalProperties": False,
    }
    if required := list(needed):
        found["required"] = required
    return found
