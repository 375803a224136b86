"""What the steps `set`, `add`, `tag` and `untag` write to a customer: own fields in their declared types, and tags."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Any

from worker.domain.conditions.readings import Value, date_of, time_of
from worker.domain.conditions.tree import Expression
from worker.domain.conditions.values import Reading
from worker.domain.conditions.valuetypes import FieldType
from worker.domain.customers import Customer
from worker.domain.facts import Facts
from worker.domain.steps import AddToFields, SetFields, Tag, Untag
from worker.domain.texts import Text

_WORDS = {"true": True, "yes": True, "false": False, "no": False}


def written(
    step: SetFields | AddToFields | Tag | Untag, facts: Facts, reading: Reading
) -> tuple[Customer, dict[str, Any]]:
    """Return the customer as the step leaves them, and what it wrote (JSON), for the trace.

    A value that is missing, or is none of the field's type, clears a field that is set and adds nothing. That it was
    a flow's word, and when, is noted with the customer (`Customer.written`).

    Parameters:
        reading: knows the types of the own fields.
    """
    customer = facts.customer
    match step:
        case SetFields():
            given = {name: typed(text, reading.fields.get(name), facts, reading) for name, text in step.values}
            return _with_fields(customer, given, facts.now), {"set": given}
        case AddToFields():
            sums = {name: _sum(customer, name, typed(text, "number", facts, reading)) for name, text in step.values}
            known = {name: value for name, value in sums.items() if value is not None}
            return _with_fields(customer, known, facts.now), {"set": known}
        case Tag(tags=tags):
            new = [tag for tag in tags if tag not in customer.tags]
            own = list(dict.fromkeys((*customer.written.get("tags", ()), *tags)))
            noted = {**customer.written, "tags": own}
            return replace(customer, tags=(*customer.tags, *new), written=noted), {"tagged": new}
        case Untag(tags=tags):
            gone = [tag for tag in tags if tag in customer.tags]
            left = tuple(tag for tag in customer.tags if tag not in gone)
            own = [tag for tag in customer.written.get("tags", ()) if tag not in tags]
            return replace(customer, tags=left, written={**customer.written, "tags": own}), {"untagged": gone}


def typed(text: Text, kind: FieldType | None, facts: Facts, reading: Reading) -> str | float | int | bool | None:
    """Return what a text of a flow comes to, as JSON keeps a field of this type; None where it is none.

    A text that is one expression has its value, any other is read as it is written.

    Parameters:
        kind: the declared type; None where the field is declared no more, and whatever it is is kept.
    """
    alone = text.parts[0] if len(text.parts) == 1 else None
    value: Value = reading.told(alone, facts) if isinstance(alone, Expression) else reading.text(text, facts)
    match kind:
        case "number":
            return _number(value)
        case "boolean":
            return value if isinstance(value, bool) else _WORDS.get(str(value).strip().lower())
        case "date":
            found = value if isinstance(value, date) else date_of(str(value))
            return None if found is None else (found.date() if isinstance(found, datetime) else found).isoformat()
        case "time":
            moment = value if isinstance(value, datetime) else time_of(str(value))
            return None if moment is None else moment.isoformat()
        case "text" if value is not None and not isinstance(value, tuple):
            return reading.text(text, facts)
    return _kept(value)


def _kept(value: Value) -> str | float | int | bool | None:
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, date):
        return value.isoformat()
    return value if isinstance(value, str | bool) else None


def _number(value: Value) -> float | int | None:
    if isinstance(value, str):
        try:
            value = float(value.strip().replace("_", ""))
        except ValueError:
            return None
    if not isinstance(value, float) or value != value or value in (float("inf"), float("-inf")):
        return None
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


def _sum(customer: Customer, name: str, added: object) -> float | int | None:
    before = customer.fields.get(name)
    if not isinstance(added, int | float):
        return None
    if isinstance(before, bool) or not isinstance(before, int | float):
        before = 0
    return _number(float(before) + float(added))


def _with_fields(customer: Customer, given: dict[str, Any], at: datetime) -> Customer:
    kept = {name: value for name, value in customer.fields.items() if name not in given}
    fields = {**kept, **{name: value for name, value in given.items() if value is not None}}
    when = {**customer.written.get("fields", {}), **dict.fromkeys(given, at.isoformat())}
    return replace(customer, fields=fields, written={**customer.written, "fields": when})
