"""A task: something that staff are to do for a customer; its states, its outcomes, the plan of its reminders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from worker.domain.durations import Duration
from worker.domain.staff import Person, last_working_moment, next_working_moment


class TaskState(StrEnum):
    """Where a task stands."""

    OPEN = "open"  # nobody has begun
    IN_PROGRESS = "in progress"  # somebody has taken it
    DONE = "done"
    CANCELLED = "cancelled"  # closed without having been done


OPEN_STATES = (TaskState.OPEN, TaskState.IN_PROGRESS)


class TaskType(StrEnum):
    """What there is to do."""

    CALL = "call"
    EMAIL = "email"
    TODO = "todo"


class Priority(StrEnum):
    """How much a task matters beside others."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


class Outcome(StrEnum):
    """How a task was closed; a remark may stand beside it."""

    DONE = "done"
    NOT_REACHED = "not reached"  # the customer could not be reached, and it is given up
    NOT_NEEDED = "no longer needed"
    BY_ITSELF = "by itself"  # its `close_when` came true

    @property
    def state(self) -> TaskState:
        """The state of a task that was closed so."""
        return TaskState.DONE if self in (Outcome.DONE, Outcome.BY_ITSELF) else TaskState.CANCELLED


BY_STAFF = (Outcome.DONE, Outcome.NOT_REACHED, Outcome.NOT_NEEDED)  # outcomes that a person may choose
PHIN = "phin"  # who closed it, where nobody did


class ReminderKind(StrEnum):
    """What a mail about a task tells."""

    CAME = "came"  # the task is new, or came to another person
    BEFORE = "before"  # due soon
    BACK = "back"  # the time for which it was put off is over
    OVERDUE = "overdue"
    ESCALATED = "escalated"  # handed on, because nobody did it


@dataclass(frozen=True, slots=True)
class Escalation:
    """To whom (a person or a role) a task goes that long after it was due."""

    to: str
    after: Duration


@dataclass(frozen=True, slots=True)
class ReminderRules:
    """When a task's reminders come, relative to when it is due (`remind`, `overdue`, `escalate` of the step)."""

    remind: tuple[Duration, ...] = ()
    overdue: Duration | None = None
    escalate: Escalation | None = None


@dataclass(frozen=True, slots=True)
class Reminder:
    """One reminder of a task; kind and nth make it one.

    Parameters:
        wanted_at: when it should come; `due_at` is that moment moved into the working hours of the one who gets it.
        to: person or role whom an escalation goes to.
    """

    kind: ReminderKind
    nth: int
    wanted_at: datetime
    due_at: datetime
    to: str | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """A task as its row tells it.

    Parameters:
        title, note: by language code; under "" what was written without languages. Empty for an erased customer.
        role: whose rotation it came from, or None where one person was named.
        assignee: key of the staff member whose it is, or None while nobody is known who could do it.
        due_at: when it is to be done, or None.
        snoozed_until: until when it was put off, or None.
        closed_by: key of the staff member, or `phin`.
        remark: what the person wrote who closed it.
    """

    id: int
    key: str
    state: TaskState
    type: TaskType
    priority: Priority
    title: Mapping[str, str]
    note: Mapping[str, str]
    customer_id: int | None
    order_number: str | None
    request: str | None
    journey_id: int | None
    flow: str | None
    step: str | None
    role: str | None
    assignee: str | None
    created_at: datetime
    due_at: datetime | None
    snoozed_until: datetime | None = None
    closed_at: datetime | None = None
    closed_by: str | None = None
    outcome: Outcome | None = None
    remark: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether it is still to be done."""
        return self.state in OPEN_STATES

    def late(self, now: datetime) -> bool:
        """Say whether it should have been done by now."""
        return self.is_open and self.due_at is not None and self.due_at < now

    def title_in(self, language: str) -> str:
        """Return the title in a language, else as it is."""
        return text_in(self.title, language)

    def note_in(self, language: str) -> str:
        """Return the note in a language, else as it is; empty where there is none."""
        return text_in(self.note, language)


def text_in(texts: Mapping[str, str], language: str) -> str:
    """Return the text in a language, else the one without a language, else any; empty where there is none."""
    return texts.get(language) or texts.get("") or next(iter(texts.values()), "")


def due_moment(due: Duration, start: datetime, zone: ZoneInfo) -> datetime:
    """Return when a task that came at `start` is to be done, in UTC.

    Minutes and hours are clock time, nights and weekends counted: `48 hours` is two days later to the minute. Days,
    weeks and months are counted on the calendar of the zone, at the same time of day.
    """
    if not due.by_calendar:
        return start + due.span()
    local = due.after(start.astimezone(zone).replace(tzinfo=None))
    return local.replace(tzinfo=zone).astimezone(start.tzinfo)


def plan(
    rules: ReminderRules,
    created_at: datetime,
    due_at: datetime | None,
    person: Person | None,
    *,
    escalates_at_once: bool = False,
) -> tuple[Reminder, ...]:
    """Return the reminders of a new task, each moved into the person's working hours.

    One before the task is due never comes after it: where the person does not work in between, it comes in the last
    hours of work before. One that would come together with the task or with another says nothing new and is left out.

    Parameters:
        escalates_at_once: whether the task is handed on as it comes, since its person is back only after it is due.
    """
    found = [Reminder(ReminderKind.CAME, 1, created_at, in_hours(person, created_at))]
    if due_at is None:
        return tuple(found)
    moments = {found[0].due_at}
    for nth, before in enumerate(sorted(rules.remind, key=Duration.span, reverse=True), start=1):
        wanted = due_at - before.span()
        moment = before_due(person, wanted, due_at)
        if wanted > created_at and moment > found[0].due_at and moment not in moments:
            moments.add(moment)
            found.append(Reminder(ReminderKind.BEFORE, nth, wanted, moment))
    if rules.overdue is not None:
        wanted = due_at + rules.overdue.span()
        found.append(Reminder(ReminderKind.OVERDUE, 1, wanted, in_hours(person, wanted)))
    if rules.escalate is not None:
        wanted = created_at if escalates_at_once else due_at + rules.escalate.after.span()
        found.append(Reminder(ReminderKind.ESCALATED, 1, wanted, wanted, rules.escalate.to))
    return tuple(found)


def moved(reminder: Reminder, person: Person | None, due_at: datetime | None) -> datetime:
    """Return when a reminder comes that goes to this person now."""
    if reminder.kind is ReminderKind.BEFORE and due_at is not None:
        return before_due(person, reminder.wanted_at, due_at)
    return reminder.wanted_at if reminder.kind is ReminderKind.ESCALATED else in_hours(person, reminder.wanted_at)


def in_hours(person: Person | None, moment: datetime) -> datetime:
    """Return the moment, or the first after it at which the person works; who never does is told at any time."""
    return moment if person is None else next_working_moment(person, moment) or moment


def before_due(person: Person | None, wanted: datetime, due_at: datetime) -> datetime:
    """Return when a reminder before `due_at` comes: in working hours, and not after it is due."""
    moment = in_hours(person, wanted)
    if person is None or moment < due_at:
        return moment
    return last_working_moment(person, wanted) or wanted


def in_order(tasks: Sequence[Task], now: datetime) -> list[Task]:
    """Return tasks as somebody should do them: late ones first, then by due time, what matters more before the rest."""
    weight = {Priority.HIGH: 0, Priority.NORMAL: 1, Priority.LOW: 2}
    far = datetime.max.replace(tzinfo=now.tzinfo)

    def place(task: Task) -> tuple[bool, datetime, int, datetime, int]:
        return not task.late(now), task.due_at or far, weight[task.priority], task.created_at, task.id

    return sorted(tasks, key=place)
