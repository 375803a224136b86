"""Reminders: what a task tells its assignee when, escalation, and the morning's digest; each once, however many ask."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from functools import partial

import structlog
from sqlalchemy import Connection

from worker.domain.errors import UnavailableError
from worker.domain.event_check import EventRules
from worker.domain.messages import Kind
from worker.domain.settings import Settings
from worker.domain.staff import Person, Staff, StaffOf, end_of_day, works_on
from worker.domain.tasks import ReminderKind, Task, TaskState, in_hours
from worker.domain.work import Work
from worker.engine.closing import ClosingByItself
from worker.engine.failing import each_for_itself, transact
from worker.engine.giving import choose, role_of
from worker.engine.surroundings import Surroundings
from worker.engine.tasks import hand_over
from worker.storage import ledger, reminders, tasks
from worker.storage.database import Database, told
from worker.storage.flowbook import FlowBook
from worker.storage.ledger import NewMessage
from worker.storage.reminders import Kept

_log = structlog.get_logger(__name__)

TEMPLATES = {
    ReminderKind.CAME: "staff/task",
    ReminderKind.BEFORE: "staff/reminder",
    ReminderKind.BACK: "staff/reminder",
    ReminderKind.OVERDUE: "staff/overdue",
    ReminderKind.ESCALATED: "staff/escalated",
}
DIGEST = "staff/digest"
MORNING = timedelta(hours=4)  # after a digest's time; a clock that stood still for longer writes none that day
AT_ONCE = 100  # reminders in one transaction
AGAIN = timedelta(hours=1)  # after which a reminder is tried again that failed, or that nobody could be told of
# Of several that are due at one moment, after a clock stood still, the last of these tells all.
_WEIGHT = tuple(ReminderKind)


class Reminders:
    """Writes mails to staff when they are due.

    Parameters:
        staff: returns the staff as it is now.
    """

    def __init__(self, database: Database, flowbook: FlowBook, settings: Settings, staff: StaffOf) -> None:
        self._database = database
        self._flowbook = flowbook
        self._staff = staff
        around = Surroundings.of(settings, flowbook.segments, staff)
        self._closing = ClosingByItself(flowbook, around, EventRules.of(settings))
        self._had_digest: set[tuple[str, date]] = set()

    def run(self, now: datetime) -> Work:
        """Close tasks whose condition came true, tell what is due, and write the digests of the morning.

        Returns:
            Messages to send, and the journeys and events that follow from closed tasks.
        """
        return self._close_woken(now) + self._remind(now) + self._digests(now)

    def _close_woken(self, now: datetime) -> Work:
        with self._database.reading() as connection:
            ids = tasks.woken(connection, AT_ONCE)
        if not ids:
            return Work()
        together = partial(transact, self._database, partial(self._look, ids, now))
        return each_for_itself(ids, together, partial(self._look_alone, now))

    def _look_alone(self, now: datetime, task_id: int) -> Work:
        try:
            return transact(self._database, partial(self._look, [task_id], now))
        except UnavailableError:
            raise
        except Exception as error:
            _log.error("what closes a task cannot be told", task=task_id, exc_info=error)
            with self._database.writing() as connection:
                tasks.looked(connection, [task_id])
        return Work()

    def _look(self, ids: Sequence[int], now: datetime, connection: Connection) -> Work:
        self._flowbook.follow(connection)
        held = [task for task in tasks.hold(connection, ids, skip=True).values() if task.is_open]
        tasks.looked(connection, [task.id for task in held])
        return sum((self._closing.again(connection, task, now) for task in held), Work())

    def _remind(self, now: datetime) -> Work:
        work = Work()
        while True:
            with self._database.reading() as connection:
                due = reminders.due(connection, now, AT_ONCE)
            if not due:
                return work
            ids = sorted({task for _, task in due})
            together = partial(transact, self._database, partial(self._tell_all, ids, now))
            work += each_for_itself(ids, together, partial(self._tell_alone, now))
            with self._database.reading() as connection:
                if reminders.due(connection, now, AT_ONCE)[:1] == due[:1]:
                    return work  # another process has it in hand

    def _tell_alone(self, now: datetime, task_id: int) -> Work:
        try:
            return transact(self._database, partial(self._tell_all, [task_id], now))
        except UnavailableError:
            raise
        except Exception as error:
            _log.error("a reminder cannot be told", task=task_id, why=told(error), exc_info=error)
            with self._database.writing() as connection:
                for kept in reminders.outstanding(connection, [task_id]):
                    if kept.reminder.due_at <= now:
                        reminders.put_off(connection, kept.id, kept.reminder.wanted_at, now + AGAIN)
        return Work()

    def _tell_all(self, task_ids: Sequence[int], now: datetime, connection: Connection) -> Work:
        held = tasks.hold(connection, task_ids, skip=True)
        due: dict[int, list[Kept]] = {}
        for kept in reminders.outstanding(connection, list(held)):
            if kept.reminder.due_at <= now:
                due.setdefault(kept.task_id, []).append(kept)
        messages: list[int] = []
        for task_id, found in due.items():
            found.sort(key=lambda kept: _WEIGHT.index(kept.reminder.kind))
            for silent in found[:-1]:
                reminders.settle(connection, silent.id, None, now)
            messages += self._tell(connection, held[task_id], found[-1], now)
        return Work(messages=tuple(messages))

    def _tell(self, connection: Connection, task: Task, kept: Kept, now: datetime) -> list[int]:
        """Write one reminder's mail, in the hours of whoever gets it."""
        if not task.is_open:
            reminders.settle(connection, kept.id, None, now)
            return []
        kind, staff = kept.reminder.kind, self._staff()
        person = staff.people.get(task.assignee or "")
        if kind is ReminderKind.ESCALATED:
            back = _first_back(staff, kept.reminder.to, task, now)
            if back > now:
                reminders.put_off(connection, kept.id, kept.reminder.wanted_at, back)
                return []
            person = self._escalated(connection, staff, task, kept, now)
        elif person is None:
            person = self._given_anew(connection, staff, task, now)
        if person is None:
            reminders.put_off(connection, kept.id, kept.reminder.wanted_at, now + AGAIN)
            return []
        moment = in_hours(person, now)
        if moment > now and kind is not ReminderKind.ESCALATED:
            reminders.put_off(connection, kept.id, kept.reminder.wanted_at, moment)
            return []
        values: dict[str, object] = {"from": task.assignee} if kind is ReminderKind.ESCALATED else {}
        mail = NewMessage(
            key=f"task:{task.id}:{kind.value}:{kept.reminder.nth}",
            customer_id=None,
            kind=Kind.TRANSACTIONAL,
            template=TEMPLATES[kind],
            not_before=moment,
            order_number=task.order_number,
            values=values,
            staff=person.key,
            task_id=task.id,
        )
        written = ledger.write(connection, [mail], now)
        reminders.settle(connection, kept.id, written[0] if written else None, now)
        return written if moment <= now else []

    def _escalated(self, connection: Connection, staff: Staff, task: Task, kept: Kept, now: datetime) -> Person | None:
        """Hand a task that nobody did on to whom its step names; it is theirs from now on."""
        to = kept.reminder.to
        person = choose(connection, staff, to, now, task.assignee)
        if person is None:
            _log.error("a task cannot be escalated: there is nobody", task=task.id, to=to)
            return None
        hand_over(connection, task, person, now, state=TaskState.OPEN, role=role_of(staff, to))
        return person

    def _given_anew(self, connection: Connection, staff: Staff, task: Task, now: datetime) -> Person | None:
        """Give a task to somebody else whose assignee is not of the staff any more."""
        person = choose(connection, staff, task.role, now)
        if person is None:
            _log.error("a task has nobody to do it", task=task.id, role=task.role, assignee=task.assignee)
            return None
        hand_over(connection, task, person, now, state=TaskState.OPEN)
        return person

    def _digests(self, now: datetime) -> Work:
        staff = self._staff()
        wanted = [person for person in staff.people.values() if self._wants_digest(person, staff.digest_at, now)]
        if not wanted:
            return Work()
        written = transact(self._database, partial(self._write_digests, wanted, now))
        self._had_digest = {
            (person, day) for person, day in self._had_digest if now.date() - day < timedelta(days=3)
        } | {(person.key, _day(person, now)) for person in wanted}
        return Work(messages=tuple(written))

    def _wants_digest(self, person: Person, at: time, now: datetime) -> bool:
        local = now.astimezone(person.zone)
        day = local.date()
        if (person.key, day) in self._had_digest or not works_on(person, day):
            return False
        begins = datetime.combine(day, at, tzinfo=person.zone)
        return begins <= now < begins + MORNING

    def _write_digests(self, people: Sequence[Person], now: datetime, connection: Connection) -> list[int]:
        messages: list[int] = []
        for person in people:
            day = _day(person, now)
            if not reminders.begin_digest(connection, person.key, day, now):
                continue
            if not tasks.for_digest(connection, person.key, end_of_day(person, now)):
                continue
            mail = NewMessage(
                key=f"digest:{person.key}:{day}",
                customer_id=None,
                kind=Kind.TRANSACTIONAL,
                template=DIGEST,
                not_before=now,
                expires_at=end_of_day(person, now),
                staff=person.key,
            )
            written = ledger.write(connection, [mail], now)
            for number in written:
                reminders.note_digest(connection, person.key, day, number)
            messages += written
        return messages


def _first_back(staff: Staff, to: str | None, task: Task, now: datetime) -> datetime:
    """Return when one of those whom a task is handed on to works: until then it stays where it is."""
    members = [person for person in staff.members(to) if person.key != task.assignee] or staff.members(to)
    return min((in_hours(person, now) for person in members), default=now)


def _day(person: Person, now: datetime) -> date:
    return now.astimezone(person.zone).date()
