"""Everything that the database holds of one person, as an export tells it: rows by section, as the registry has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, Table, select

from worker.storage import persons
from worker.storage.personal import HELD, Held, Whose
from worker.storage.persons import Person
from worker.storage.tables import metadata

Section = list[dict[str, Any]]

# How a person calls a column that the tables call otherwise; everywhere, or in one table.
_LABELS = {"external_id": "shop_id", "id": "number", "at": "time"}
_OWN_LABELS = {("event", "external_id"): "id_at_source", ("orders", "id"): "row", ("request", "number"): "number"}
_OURS = frozenset({"customer_id"})  # it is theirs, as everything here


def disclose(connection: Connection, person: Person, zone: ZoneInfo) -> dict[str, Section]:
    """Return a person's rows by section, in the order of their keys; sections without rows are there, empty.

    What is hidden in the registry, since it says nothing to a person, is left out; times are in `zone`.
    """
    with_shared = replace(person, emails=(*person.emails, *person.shared))
    found: dict[str, Section] = {}
    for name, held in HELD.items():
        if held.whose is Whose.NOBODY:
            continue
        table = metadata.tables[name]
        # an address that two have is each one's, with its consent; mails that came back belong to one
        whose = with_shared if held.whose is Whose.ADDRESS and "message_id" not in table.c else person
        mine = persons.theirs(table, held.whose, whose)
        ordered = select(table).order_by(*table.primary_key.columns)
        rows = [] if mine is None else connection.execute(ordered.where(mine)).all()
        found[held.title] = [_told(table, held, row, zone) for row in rows]
    return found


def _told(table: Table, held: Held, row: Row[Any], zone: ZoneInfo) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for column, value in zip(table.columns, row, strict=True):
        if column.name not in held.hidden | _OURS and value is not None:
            label = _OWN_LABELS.get((table.name, column.name)) or _LABELS.get(column.name, column.name)
            told[label] = _plain(value, zone)
    return told


def _plain(value: Any, zone: ZoneInfo) -> Any:
    """Return a value as JSON knows it: times with their zone, amounts as numbers, bytes as text."""
    if isinstance(value, datetime):
        return value.astimezone(zone).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, Mapping):
        return {str(key): _plain(one, zone) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one, zone) for one in value]
    return value
