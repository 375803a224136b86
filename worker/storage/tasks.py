"""Tasks: given out once a key, listed, changed and closed by one; whose turn it is in each role."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, literal_column, select, text, update

from worker.domain.tasks import OPEN_STATES, Outcome, Priority, Task, TaskState, TaskType
from worker.storage.rows import Insertion
from worker.storage.tables import message, rotation, task

# Written as they stand, so that both databases see that the indexes over open tasks will do.
OPEN = task.c.state.in_([literal_column(f"'{state.value}'") for state in OPEN_STATES])
_LOOK_AGAIN = text("task.look_again")

_BY_ID = select(task).where(task.c.id.in_(bindparam("ids", expanding=True)))
_WATCHING = select(task).where(task.c.customer_id == bindparam("customer"), OPEN, task.c.watches).order_by(task.c.id)
_WAKE_OF = (
    update(task)
    .where(task.c.customer_id.in_(bindparam("customers", expanding=True)), OPEN, task.c.watches)
    .values(look_again=True)
)
_ADD = Insertion(task, lambda new: new.on_conflict_do_nothing().returning(task.c.id))
_HOLD = _BY_ID.order_by(task.c.id).with_for_update()
_HOLD_FREE = _BY_ID.order_by(task.c.id).with_for_update(skip_locked=True)
_CHANGE = update(task).where(task.c.id == bindparam("of"), OPEN)
_LOOKED = (
    update(task).where(task.c.id.in_(bindparam("ids", expanding=True)), task.c.look_again).values(look_again=False)
)
_FIRST_TURN = Insertion(rotation, lambda new: new.on_conflict_do_nothing())
_HOLD_TURN = select(rotation.c.person).where(rotation.c.role == bindparam("role")).with_for_update()
_NOTE_TURN = update(rotation).where(rotation.c.role == bindparam("of")).values(person=bindparam("whose"))
_WOKEN = select(task.c.id).where(OPEN, _LOOK_AGAIN).order_by(task.c.id).limit(bindparam("limit"))


@dataclass(frozen=True, slots=True)
class NewTask:
    """A task that is to be given out.

    Parameters:
        key: what makes it one: `journey:12:call:0`.
        title, note: by language code, rendered.
        watches: whether its step says what closes it (`close_when`).
    """

    key: str
    type: TaskType
    priority: Priority
    title: Mapping[str, str]
    note: Mapping[str, str] = field(default_factory=dict)
    customer_id: int | None = None
    order_number: str | None = None
    request: str | None = None
    journey_id: int | None = None
    flow: str | None = None
    step: str | None = None
    turn: int = 0
    role: str | None = None
    assignee: str | None = None
    due_at: datetime | None = None
    watches: bool = False


def add(connection: Connection, new: NewTask, now: datetime) -> int | None:
    """Write a task, once a key; returns its number, or None where there is one of this key already."""
    values = {
        "key": new.key,
        "type": new.type.value,
        "priority": new.priority.value,
        "title": dict(new.title),
        "note": dict(new.note),
        "customer_id": new.customer_id,
        "order_number": new.order_number,
        "request": new.request,
        "journey_id": new.journey_id,
        "flow": new.flow,
        "step": new.step,
        "turn": new.turn,
        "role": new.role,
        "assignee": new.assignee,
        "created_at": now,
        "due_at": new.due_at,
        "watches": new.watches,
    }
    return connection.execute(_ADD.on(connection), values).scalar()


def by_id(connection: Connection, ids: Collection[int]) -> dict[int, Task]:
    """Return tasks by our own number, closed ones too; those that are not there are left out."""
    if not ids:
        return {}
    return {row.id: _task(row) for row in connection.execute(_BY_ID, {"ids": list(ids)})}


def hold(connection: Connection, ids: Collection[int], *, skip: bool = False) -> dict[int, Task]:
    """Return tasks and keep them to this transaction.

    Parameters:
        skip: leave those that another transaction holds, instead of waiting for it.
    """
    if not ids:
        return {}
    mine = _HOLD_FREE if skip else _HOLD
    return {row.id: _task(row) for row in connection.execute(mine, {"ids": list(ids)})}


def listed(
    connection: Connection,
    *,
    states: Collection[TaskState] = OPEN_STATES,
    assignee: str | None = None,
    customer_id: int | None = None,
    due_before: datetime | None = None,
    limit: int = 200,
) -> list[Task]:
    """Return tasks, those that are due first; open ones unless other states are asked for.

    Parameters:
        assignee: only this staff member's; an empty text: those that nobody has.
        due_before: only those due before this moment.
    """
    asked: list[ColumnElement[bool]] = [
        OPEN if set(states) == set(OPEN_STATES) else task.c.state.in_([state.value for state in states])
    ]
    if assignee is not None:
        asked.append(task.c.assignee == assignee if assignee else task.c.assignee.is_(None))
    if customer_id is not None:
        asked.append(task.c.customer_id == customer_id)
    if due_before is not None:
        asked.append(task.c.due_at < due_before)
    statement = select(task).where(*asked).order_by(task.c.due_at.is_(None), task.c.due_at, task.c.id).limit(limit)
    return [_task(row) for row in connection.execute(statement)]


def of_journeys(connection: Connection, journey_ids: Collection[int]) -> dict[int, list[Task]]:
    """Return the tasks that journeys gave out, in order, by journey."""
    found: dict[int, list[Task]] = {}
    mine = select(task).where(task.c.journey_id.in_(list(journey_ids))).order_by(task.c.id)
    for row in connection.execute(mine) if journey_ids else ():
        found.setdefault(row.journey_id, []).append(_task(row))
    return found


def for_digest(connection: Connection, assignee: str, until: datetime) -> list[Task]:
    """Return a staff member's open tasks that are due before `until`, late ones too, but those put off beyond it."""
    mine = listed(connection, assignee=assignee, due_before=until)
    return [task for task in mine if task.snoozed_until is None or task.snoozed_until < until]


def watching(connection: Connection, customer_id: int) -> list[Task]:
    """Return the customer's open tasks whose steps say what closes them."""
    return [_task(row) for row in connection.execute(_WATCHING, {"customer": customer_id})]


def change(connection: Connection, task_id: int, **values: Any) -> bool:
    """Write some columns of a task that is open; says whether it was."""
    return connection.execute(_CHANGE, {"of": task_id, **values}).rowcount == 1


def close(
    connection: Connection, task_id: int, outcome: Outcome, by: str, now: datetime, remark: str | None = None
) -> bool:
    """Close a task that is open; says whether it was, so that of two who close it one does."""
    values = {"closed_at": now, "closed_by": by, "outcome": outcome.value, "remark": remark}
    return change(connection, task_id, state=outcome.state.value, look_again=False, snoozed_until=None, **values)


def wake_of(connection: Connection, customers: Collection[int]) -> None:
    """Note that the open tasks of these customers are to look again whether they close by themselves.

    The note is as durable as the fact that changed.
    """
    connection.execute(_WAKE_OF, {"customers": list(customers)})


def woken(connection: Connection, limit: int) -> list[int]:
    """Return open tasks that are to look again, the oldest first."""
    return list(connection.execute(_WOKEN, {"limit": limit}).scalars())


def looked(connection: Connection, ids: Collection[int]) -> None:
    """Note that these tasks have looked."""
    connection.execute(_LOOKED, {"ids": list(ids)})


def hold_turn(connection: Connection, role: str) -> str | None:
    """Return who had the last turn of a role, and keep the next one to this transaction."""
    connection.execute(_FIRST_TURN.on(connection), {"role": role})
    return connection.execute(_HOLD_TURN, {"role": role}).scalar()


def note_turn(connection: Connection, role: str, person: str) -> None:
    """Write who has the turn now."""
    connection.execute(_NOTE_TURN, {"of": role, "whose": person})


def forget(connection: Connection, customer_id: int) -> None:
    """Take out of the customer's tasks, and of mails about them, what may name a person.

    What was done when, and by whom, stays.
    """
    values: dict[str, Any] = {"title": {}, "note": {}, "remark": None}
    mine = select(task.c.id).where(task.c.customer_id == customer_id)
    connection.execute(update(message).where(message.c.task_id.in_(mine)).values(subject=None))
    connection.execute(update(task).where(task.c.customer_id == customer_id).values(**values))


def join(connection: Connection, guest_id: int, into: int) -> None:
    """Give a guest's tasks to the customer who the guest turned out to be."""
    connection.execute(update(task).where(task.c.customer_id == guest_id).values(customer_id=into))


def _task(row: Row[Any]) -> Task:
    return Task(
        id=row.id,
        key=row.key,
        state=TaskState(row.state),
        type=TaskType(row.type),
        priority=Priority(row.priority),
        title=row.title or {},
        note=row.note or {},
        customer_id=row.customer_id,
        order_number=row.order_number,
        request=row.request,
        journey_id=row.journey_id,
        flow=row.flow,
        step=row.step,
        role=row.role,
        assignee=row.assignee,
        created_at=row.created_at,
        due_at=row.due_at,
        snoozed_until=row.snoozed_until,
        closed_at=row.closed_at,
        closed_by=row.closed_by,
        outcome=Outcome(row.outcome) if row.outcome else None,
        remark=row.remark,
    )
