"""Turns of triggers as rows: found once, worked through in slices; and the notes of whose dates moved."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, literal_column, select, text, update

from worker.storage import write_behind
from worker.storage.bulk import BulkInsert
from worker.storage.rows import Insertion
from worker.storage.tables import customer, date_mark, occurrence, trigger_start

# Each value of an indexed column by one step along the index: a DISTINCT would walk over every customer.
_ZONES = text(
    "WITH RECURSIVE known(name) AS (SELECT min(timezone) FROM customer UNION ALL"
    " SELECT (SELECT min(timezone) FROM customer WHERE timezone > known.name) FROM known WHERE known.name IS NOT NULL)"
    " SELECT name FROM known WHERE name IS NOT NULL"
)
_OPEN = occurrence.c.state == literal_column("'open'")
_BY_ID = select(occurrence).where(occurrence.c.id == bindparam("id"), _OPEN).with_for_update(skip_locked=True)
_UNDER_WAY = select(occurrence).where(_OPEN).order_by(occurrence.c.id)
_FIND = Insertion(occurrence, lambda new: new.on_conflict_do_nothing().returning(occurrence.c.id))
_REACH = (
    update(occurrence)
    .where(occurrence.c.id == bindparam("number"))
    .values(reached=bindparam("up_to"), entered=occurrence.c.entered + bindparam("more"))
)
_END = (
    update(occurrence)
    .where(occurrence.c.id == bindparam("number"), _OPEN)
    .values(state=bindparam("how"), ended_at=bindparam("at"))
)
_OLDEST_ENDED = select(occurrence.c.ended_at).order_by(occurrence.c.id).limit(1)
_START = Insertion(trigger_start, lambda new: new.on_conflict_do_nothing())
_STARTS = select(trigger_start)
_MARK = BulkInsert("date_mark", {"customer_id": "bigint", "field": "text"})
_MARKS = select(date_mark).order_by(date_mark.c.id).limit(bindparam("most"))
_UNMARK = delete(date_mark).where(date_mark.c.id.in_(bindparam("ids", expanding=True)))


@dataclass(frozen=True, slots=True)
class Found:
    """A turn of a trigger for one group of customers (`worker.storage.audience`).

    Parameters:
        turn: its name within the trigger.
    """

    flow: str
    trigger: str
    zone: str
    turn: str
    moment: datetime


@dataclass(frozen=True, slots=True)
class Occurrence(Found):
    """One that is written down.

    Parameters:
        reached: our number of the customer up to whom it has come.
    """

    id: int
    reached: int


def start(connection: Connection, flow: str, triggers: Iterable[str], now: datetime) -> None:
    """Note from when on a flow's triggers of the clock count: those that are new from now on, the others as before."""
    names = list(triggers)
    connection.execute(delete(trigger_start).where(trigger_start.c.flow == flow, trigger_start.c.trigger.not_in(names)))
    if names:
        rows = [{"flow": flow, "trigger": name, "since": now} for name in names]
        connection.execute(_START.on(connection), rows)


def starts(connection: Connection) -> dict[tuple[str, str], datetime]:
    """Return since when each trigger counts, by flow and trigger."""
    return {(row.flow, row.trigger): row.since for row in connection.execute(_STARTS)}


def zones(connection: Connection) -> list[str]:
    """Return the zones that customers have."""
    return list(connection.execute(_ZONES).scalars())


def zones_of(connection: Connection, people: Sequence[int]) -> list[str]:
    """Return the zones that some customers have."""
    of_some = select(customer.c.timezone).where(customer.c.id.in_(list(people)), customer.c.timezone.is_not(None))
    return sorted(connection.execute(of_some.distinct()).scalars())


def find(connection: Connection, found: Sequence[Found], now: datetime) -> int:
    """Write turns down that have come; one that is there stays as it is. Returns how many are new."""
    made = 0
    for one in found:
        values = {"flow": one.flow, "trigger": one.trigger, "zone": one.zone, "turn": one.turn, "moment": one.moment}
        made += connection.execute(_FIND.on(connection), {**values, "found_at": now}).first() is not None
    return made


def under_way(connection: Connection) -> list[Occurrence]:
    """Return the turns that are not worked through, in the order in which they came."""
    return [_occurrence(row) for row in connection.execute(_UNDER_WAY)]


def hold(connection: Connection, number: int) -> Occurrence | None:
    """Return a turn and keep it to this transaction; None where another has it, or has ended it."""
    row = connection.execute(_BY_ID, {"id": number}).first()
    return None if row is None else _occurrence(row)


def reach(connection: Connection, number: int, customer_id: int, entered: int) -> None:
    """Note up to which customer a turn has come, and how many more it entered."""
    connection.execute(_REACH, {"number": number, "up_to": customer_id, "more": entered})


def end(connection: Connection, number: int, state: str, now: datetime) -> None:
    """End a turn: it is `done`, or came too `late`."""
    connection.execute(_END, {"number": number, "how": state, "at": now})


def outdated(connection: Connection, before: datetime) -> bool:
    """Say whether the oldest turn was ended before a moment."""
    ended = connection.execute(_OLDEST_ENDED).scalar()
    return ended is not None and ended < before


def prune(connection: Connection, before: datetime, most: int) -> int:
    """Take away, of the oldest turns, those that were ended before a moment; returns how many.

    Parameters:
        before: long enough ago that nobody asks for these turns any more (`LATEST`), or they would be written anew.
    """
    oldest = select(occurrence.c.id).order_by(occurrence.c.id).limit(most).subquery()
    old = occurrence.c.id.in_(select(oldest.c.id)), occurrence.c.ended_at < before
    return connection.execute(delete(occurrence).where(*old)).rowcount


def mark(connection: Connection, customer_id: int, fields: Iterable[str]) -> None:
    """Note that dates of a customer moved, or the zone."""
    rows = [(customer_id, field) for field in fields]
    if rows:
        write_behind.write(connection, _MARK.run, rows)


def marks(connection: Connection, most: int) -> tuple[list[int], dict[str, set[int]]]:
    """Return the oldest notes: their own numbers, and the customers by the field that moved."""
    fields: dict[str, set[int]] = {}
    numbers: list[int] = []
    for row in connection.execute(_MARKS, {"most": most}):
        numbers.append(row.id)
        fields.setdefault(row.field, set()).add(row.customer_id)
    return numbers, fields


def unmark(connection: Connection, numbers: Sequence[int]) -> None:
    """Take notes away that were looked at."""
    connection.execute(_UNMARK, {"ids": list(numbers)})


def _occurrence(row: Row[Any]) -> Occurrence:
    return Occurrence(row.flow, row.trigger, row.zone, row.turn, row.moment, row.id, row.reached)
