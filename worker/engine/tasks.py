"""What staff do with tasks: take, hand on, put off, close. Each is one transaction, and of two who come one is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from difflib import get_close_matches

from sqlalchemy import Connection

from worker.domain.errors import PhinError
from worker.domain.event_check import EventRules
from worker.domain.settings import Settings
from worker.domain.staff import Person, Staff, StaffOf
from worker.domain.tasks import PHIN, Outcome, Reminder, ReminderKind, Task, TaskState, in_hours, moved
from worker.domain.work import Work
from worker.engine.closing import close
from worker.engine.failing import transact
from worker.engine.giving import choose, role_of
from worker.storage import audit, ledger, reminders, tasks
from worker.storage.audit import Actor, Way
from worker.storage.database import Database

LONGEST_REMARK = 2_000  # characters
LONGEST_SNOOZE = timedelta(days=366)


def on_a_page(by: str) -> Actor:
    """Return who says something on a page: the person of the staff."""
    return Actor(Way.PAGE, by or PHIN)


class TaskError(PhinError):
    """What was said of a task cannot be done; the message says why, and what can."""


@dataclass(frozen=True, slots=True)
class Handled:
    """What became of somebody's word about a task.

    Parameters:
        task: as it stands now; None where there is no task of this number.
        changed: whether the word changed it. If not, the task says why: it was closed before (`closed_by`,
            `closed_at`, `outcome`), or somebody else has it in progress (`assignee`).
        work: what follows, to be enqueued.
    """

    task: Task | None
    changed: bool
    work: Work = field(default_factory=Work)


class Tasks:
    """The tasks of a shop, for whoever handles them: command line, pages.

    People are named by their keys in `config/staff.yaml`; `by` is who says it.

    Parameters:
        staff: returns the staff as it is now.
        actor: says for the log who it is that says it, by `by`.
    """

    def __init__(
        self, database: Database, settings: Settings, staff: StaffOf, actor: Callable[[str], Actor] = on_a_page
    ) -> None:
        self._database = database
        self._actor = actor
        self._rules = EventRules.of(settings)
        self._staff = staff

    def close(self, task_id: int, outcome: Outcome, by: str, now: datetime, remark: str | None = None) -> Handled:
        """Close a task with what came of it.

        Raises:
            TaskError: the remark is too long, or the outcome is one that only Phin gives.
        """
        remark = (remark or "").strip() or None
        if remark is not None and len(remark) > LONGEST_REMARK:
            raise TaskError(f"a remark has at most {LONGEST_REMARK:,} characters; this one has {len(remark):,}")
        if outcome is Outcome.BY_ITSELF:
            raise TaskError("'by itself' is said of tasks that nobody closed; say what came of it")

        def work(connection: Connection, task: Task) -> Work | None:
            return close(connection, self._rules, task, outcome, by, now, remark)

        return self._handle(task_id, work, f"task closed: {outcome.value}", by, now)

    def take(self, task_id: int, by: str, now: datetime) -> Handled:
        """Take a task in hand; one that somebody else has in progress stays theirs.

        Raises:
            TaskError: there is no such person.
        """
        person = self._person(by)

        def work(connection: Connection, task: Task) -> Work | None:
            if task.state is TaskState.IN_PROGRESS:
                return None
            self._move(connection, task, person, now, state=TaskState.IN_PROGRESS)
            return Work()

        return self._handle(task_id, work, "task taken", by, now)

    def assign(self, task_id: int, to: str, by: str, now: datetime) -> Handled:
        """Give a task to a person, or to the next of a role; whoever gets it is told, unless they did it themselves.

        Raises:
            TaskError: there is no such person or role.
        """
        if not self._staff().members(to):
            raise TaskError(self._unknown(to))

        def work(connection: Connection, task: Task) -> Work | None:
            person = choose(connection, self._staff(), to, now, task.assignee)
            if person is None or person.key == task.assignee:
                return None
            self._move(connection, task, person, now, state=TaskState.OPEN, role=role_of(self._staff(), to))
            if person.key != by:
                nth = reminders.next_number(connection, task.id, ReminderKind.CAME)
                came = Reminder(ReminderKind.CAME, nth, now, in_hours(person, now))
                reminders.add(connection, task.id, [came])
            return Work()

        return self._handle(task_id, work, "task assigned", by, now, to)

    def snooze(self, task_id: int, until: datetime, now: datetime, by: str = "") -> Handled:
        """Put a task off: nothing is told of it until then, and then that it is back.

        Where it would be due before, it is due then, and its later reminders move by as much.

        Raises:
            TaskError: `until` is not to come, or too far away.
        """
        if until <= now:
            raise TaskError("a task can be put off to a time to come; this one has passed")
        if until > now + LONGEST_SNOOZE:
            raise TaskError("a task can be put off by a year at most")

        def work(connection: Connection, task: Task) -> Work | None:
            due_at = task.due_at if task.due_at is None else max(task.due_at, until)
            later = timedelta(0) if task.due_at is None or due_at is None else due_at - task.due_at
            tasks.change(connection, task.id, snoozed_until=until, due_at=due_at)
            ledger.cancel_of_task(connection, task.id, "put off", now)
            person = self._staff().people.get(task.assignee or "")
            for kept in reminders.outstanding(connection, [task.id]):
                if kept.reminder.kind in (ReminderKind.CAME, ReminderKind.BACK):
                    reminders.settle(connection, kept.id, None, now)
                    continue
                wanted = max(kept.reminder.wanted_at + later, until)
                reminders.put_off(connection, kept.id, wanted, moved_to(kept.reminder, wanted, person, due_at))
            nth = reminders.next_number(connection, task.id, ReminderKind.BACK)
            back = Reminder(ReminderKind.BACK, nth, until, in_hours(person, until))
            reminders.add(connection, task.id, [back])
            return Work()

        return self._handle(task_id, work, "task put off", by, now)

    def _handle(
        self,
        task_id: int,
        work: Callable[[Connection, Task], Work | None],
        action: str,
        by: str,
        now: datetime,
        to: str | None = None,
    ) -> Handled:
        """Do something with an open task, kept to the transaction; tasks are held before their journeys, always."""
        actor = self._actor(by)
        said_for = by if by and by != actor.who else None

        def handle(connection: Connection) -> Handled:
            held = tasks.hold(connection, [task_id]).get(task_id)
            if held is None or not held.is_open:
                return Handled(held, False)
            done = work(connection, held)
            if done is not None:
                audit.write(connection, actor, action, f"task {task_id}", now, by=said_for, to=to)
            return Handled(tasks.by_id(connection, [task_id])[task_id], done is not None, done or Work())

        return transact(self._database, handle)

    def _move(
        self, connection: Connection, task: Task, person: Person, now: datetime, *, state: TaskState, **values: object
    ) -> None:
        """Make a task somebody's; what it has still to tell goes to them, in their hours."""
        hand_over(connection, task, person, now, state=state, **values)

    def _person(self, key: str) -> Person:
        person = self._staff().people.get(key)
        if person is None:
            raise TaskError(self._unknown(key))
        return person

    def _unknown(self, word: str) -> str:
        staff: Staff = self._staff()
        known = [*staff.people, *staff.roles]
        near = get_close_matches(word, known, 1)
        hint = f"did you mean '{near[0]}'?" if near else f"there are: {', '.join(known) or 'none'}"
        return f"there is no '{word}' in config/staff.yaml; {hint}"


def hand_over(
    connection: Connection, task: Task, person: Person, now: datetime, *, state: TaskState, **values: object
) -> None:
    """Make a task somebody's; what is in the queue about it is taken back, what it has still to tell goes to them."""
    tasks.change(connection, task.id, assignee=person.key, state=state.value, snoozed_until=None, **values)
    if person.key == task.assignee:
        return
    ledger.cancel_of_task(connection, task.id, "another has it now", now)
    for kept in reminders.outstanding(connection, [task.id]):
        if kept.reminder.kind is ReminderKind.CAME:
            reminders.settle(connection, kept.id, None, now)
        else:
            due_at = moved(kept.reminder, person, task.due_at)
            reminders.put_off(connection, kept.id, kept.reminder.wanted_at, due_at)


def moved_to(reminder: Reminder, wanted: datetime, person: Person | None, due_at: datetime | None) -> datetime:
    """Return when a reminder comes that is wanted at another moment."""
    return moved(Reminder(reminder.kind, reminder.nth, wanted, wanted, reminder.to), person, due_at)
