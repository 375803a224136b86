"""Reminders of tasks, each once by task, kind and number; and who has had the digest of a day."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, bindparam, func, select, update

from worker.domain.tasks import Reminder, ReminderKind
from worker.storage.rows import Insertion
from worker.storage.tables import staff_digest, task_reminder

_OUTSTANDING = task_reminder.c.settled_at.is_(None)
_DUE = (
    select(task_reminder.c.id, task_reminder.c.task_id)
    .where(_OUTSTANDING, task_reminder.c.due_at <= bindparam("now", type_=task_reminder.c.due_at.type))
    .order_by(task_reminder.c.due_at, task_reminder.c.id)
    .limit(bindparam("limit"))
)
_ADD = Insertion(task_reminder, lambda new: new.on_conflict_do_nothing())
_OUTSTANDING_OF = (
    select(task_reminder)
    .where(task_reminder.c.task_id.in_(bindparam("tasks", expanding=True)), _OUTSTANDING)
    .order_by(task_reminder.c.due_at, task_reminder.c.id)
)
_BEGIN = Insertion(staff_digest, lambda new: new.on_conflict_do_nothing().returning(staff_digest.c.person))
_CHANGE = update(task_reminder).where(task_reminder.c.id == bindparam("of"), _OUTSTANDING)
_CHANGE_ALL = update(task_reminder).where(task_reminder.c.task_id == bindparam("of"), _OUTSTANDING)


@dataclass(frozen=True, slots=True)
class Kept:
    """A reminder as its row tells it."""

    id: int
    task_id: int
    reminder: Reminder


def add(connection: Connection, task_id: int, reminders: Sequence[Reminder]) -> None:
    """Write reminders, each kind and number once for a task."""
    rows = [
        {
            "task_id": task_id,
            "kind": one.kind.value,
            "nth": one.nth,
            "to": one.to,
            "wanted_at": one.wanted_at,
            "due_at": one.due_at,
        }
        for one in reminders
    ]
    if rows:
        connection.execute(_ADD.on(connection), rows)


def due(connection: Connection, now: datetime, limit: int) -> list[tuple[int, int]]:
    """Return reminders that are due, the oldest first, each with its task."""
    return [(row.id, row.task_id) for row in connection.execute(_DUE, {"now": now, "limit": limit})]


def outstanding(connection: Connection, task_ids: Collection[int]) -> list[Kept]:
    """Return what these tasks, which the transaction holds, have still to tell."""
    return [
        Kept(
            row.id,
            row.task_id,
            Reminder(ReminderKind(row.kind), row.nth, row.wanted_at, row.due_at, row.to),
        )
        for row in connection.execute(_OUTSTANDING_OF, {"tasks": list(task_ids)})
    ]


def put_off(connection: Connection, reminder_id: int, wanted_at: datetime, due_at: datetime) -> None:
    """Have a reminder come at another moment."""
    connection.execute(_CHANGE, {"of": reminder_id, "wanted_at": wanted_at, "due_at": due_at})


def settle(connection: Connection, reminder_id: int, message_id: int | None, now: datetime) -> None:
    """Note that a reminder was told by this message, or that there was nothing more to tell."""
    connection.execute(_CHANGE, {"of": reminder_id, "settled_at": now, "message_id": message_id})


def settle_all(connection: Connection, task_id: int, now: datetime) -> None:
    """Leave out what a task has still to tell."""
    connection.execute(_CHANGE_ALL, {"of": task_id, "settled_at": now})


def next_number(connection: Connection, task_id: int, kind: ReminderKind) -> int:
    """Return the number of the next reminder of a kind."""
    mine = select(func.max(task_reminder.c.nth))
    last = connection.execute(mine.where(task_reminder.c.task_id == task_id, task_reminder.c.kind == kind.value))
    return int(last.scalar() or 0) + 1


def begin_digest(connection: Connection, person: str, day: date, now: datetime) -> bool:
    """Note that somebody's digest of a day is written now; says whether it was not before."""
    return connection.execute(_BEGIN.on(connection), {"person": person, "day": day, "at": now}).scalar() is not None


def note_digest(connection: Connection, person: str, day: date, message_id: int) -> None:
    """Write which message a digest became."""
    connection.execute(
        update(staff_digest)
        .where(staff_digest.c.person == person, staff_digest.c.day == day)
        .values(message_id=message_id)
    )
