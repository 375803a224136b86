"""What runs, as the first page shows it: each flow's counts of late, and the mails of a day.

Everything is counted from indexes over the time that it happened at, so that a page costs what its days hold, and not
what the tables do.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from math import ceil

from sqlalchemy import ColumnElement, Connection, Integer, case, cast, func, literal, select

from worker.domain.mail_rates import MailRates
from worker.domain.messages import MessageState
from worker.storage import revenue
from worker.storage.journeys import WAITING
from worker.storage.ledger import IN_HAND, stands
from worker.storage.tables import flow, goal, journey, message, task
from worker.storage.tasks import OPEN
from worker.storage.types import microseconds

_HOUR = timedelta(hours=1)
# Written as they stand, so that both databases see that the indexes over a part of the rows will do.
OPENED = message.c.opened_at.is_not(None)
CLICKED = message.c.clicked_at.is_not(None)
FOLLOWED = func.count(case((message.c.tracked, 1)))  # of those counted; the index of all sent mails says it
_UNASKED: ColumnElement[int] = literal(0)
# Few, so that their own small index counts them, which is taken from what the index of all mails counts.
TO_STAFF = message.c.staff.is_not(None)
WENT_WRONG = stands(
    MessageState.SKIPPED, MessageState.CANCELLED, MessageState.FAILED, MessageState.BOUNCED, MessageState.COMPLAINED
)


@dataclass(slots=True)
class FlowCounts(MailRates):
    """What became of one flow in the time that was asked for.

    Parameters:
        entered: journeys that were entered in that time.
        under_way: journeys that are under way now, whenever they were entered.
        sent: mails to customers that were taken in that time.
        followed: of these, mails that may be followed; `opened` and `clicked` of these, by people.
        to_staff: mails to staff that were taken in that time.
        goals: goals that were reached in that time.
        revenue: what the orders placed in that time are worth that are credited to its mails, by currency.
    """

    entered: int = 0
    under_way: int = 0
    sent: int = 0
    followed: int = 0
    opened: int = 0
    clicked: int = 0
    to_staff: int = 0
    goals: int = 0
    revenue: dict[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MailDay(MailRates):
    """The mails of one day.

    Parameters:
        hours: how many were sent to customers in each hour of the day, from its beginning.
        to_staff: how many were sent to staff on that day.
        followed: of the mails sent to customers on that day, those that may be followed; `opened`, `clicked` of these.
        queued, in_hand, unknown: how many stand so now, of whatever day.
        skipped, cancelled, failed, returned: what was settled so on that day; returned are bounces and complaints.
    """

    hours: tuple[int, ...]
    followed: int
    opened: int
    clicked: int
    queued: int
    in_hand: int
    unknown: int
    skipped: int
    cancelled: int
    failed: int
    returned: int
    to_staff: int = 0

    @property
    def sent(self) -> int:
        """How many were sent to customers on that day."""
        return sum(self.hours)


@dataclass(frozen=True, slots=True)
class TaskCounts:
    """Open tasks: all, those due later on the day, and those that should have been done by now."""

    open: int
    today: int
    late: int


def flow_counts(connection: Connection, since: datetime) -> dict[str, FlowCounts]:
    """Return the counts of every flow that was ever published, by name."""
    mine = journey.c.flow == flow.c.name
    entered = select(func.count()).select_from(journey).where(mine, journey.c.entered_at >= since)
    standing = select(func.count()).select_from(journey).where(mine, WAITING)
    each = select(flow.c.name, entered.scalar_subquery(), standing.scalar_subquery())
    found = {name: FlowCounts(new, now) for name, new, now in connection.execute(each)}
    for name, count, followed in _sent_by(connection, since):
        counts = found.setdefault(name, FlowCounts())
        counts.sent, counts.followed = count, followed
    for name, count, _ in _sent_by(connection, since, TO_STAFF, of=_UNASKED):
        counts = found.setdefault(name, FlowCounts())
        counts.to_staff, counts.sent = count, max(0, counts.sent - count)
    for name, count, _ in _sent_by(connection, since, OPENED, of=_UNASKED):
        found.setdefault(name, FlowCounts()).opened = count
    for name, count, _ in _sent_by(connection, since, CLICKED, of=_UNASKED):
        found.setdefault(name, FlowCounts()).clicked = count
    # grouped by a copy of the name: SQLite without statistics would walk all goals to have them by flow in order
    reached = select((goal.c.flow + "").label("of"), func.count()).where(goal.c.at >= since).group_by("of")
    for name, count in connection.execute(reached):
        found.setdefault(name, FlowCounts()).goals = count
    for name, earned in revenue.by_flow(connection, since).items():
        found.setdefault(name, FlowCounts()).revenue = earned.amounts
    return found


def _sent_by(
    connection: Connection, since: datetime, *such: ColumnElement[bool], of: ColumnElement[int] = FOLLOWED
) -> list[tuple[str, int, int]]:
    """Return how many such mails each flow sent, and how many of them may be followed where that is asked for."""
    counted = select(message.c.flow, func.count(), of).where(message.c.sent_at >= since, message.c.flow.is_not(None))
    return [
        (name, count, followed)
        for name, count, followed in connection.execute(counted.where(*such).group_by(message.c.flow))
    ]


def mail_day(connection: Connection, begin: datetime, end: datetime) -> MailDay:
    """Return what became of mails between two moments, no more than some days apart."""
    today = (message.c.sent_at >= begin, message.c.sent_at < end)
    hour = _hours_since(connection, begin)
    each_hour = select(hour.label("hour"), func.count()).where(*today).group_by("hour")
    by_hour = {int(number): count for number, count in connection.execute(each_hour)}
    to_staff = {int(number): count for number, count in connection.execute(each_hour.where(TO_STAFF))}
    wrong = select(message.c.state, func.count()).where(
        WENT_WRONG, message.c.settled_at >= begin, message.c.settled_at < end
    )
    states = [MessageState.SKIPPED, MessageState.CANCELLED, MessageState.FAILED]
    returned = [MessageState.BOUNCED, MessageState.COMPLAINED]
    settled = {
        state: connection.execute(wrong.where(stands(state)).group_by(message.c.state)).all()
        for state in [*states, *returned]
    }
    count = {state: sum(row[1] for row in rows) for state, rows in settled.items()}
    return MailDay(
        hours=tuple(
            max(0, by_hour.get(number, 0) - to_staff.get(number, 0)) for number in range(ceil((end - begin) / _HOUR))
        ),
        followed=int(connection.execute(select(FOLLOWED).where(*today)).scalar_one()),
        opened=_count(connection, *today, OPENED),
        clicked=_count(connection, *today, CLICKED),
        queued=_count(connection, stands(MessageState.QUEUED)),
        in_hand=_count(connection, IN_HAND),
        unknown=_count(connection, stands(MessageState.UNKNOWN)),
        skipped=count[MessageState.SKIPPED],
        cancelled=count[MessageState.CANCELLED],
        failed=count[MessageState.FAILED],
        returned=sum(count[state] for state in returned),
        to_staff=sum(to_staff.values()),
    )


def task_counts(connection: Connection, now: datetime, end: datetime) -> TaskCounts:
    """Count the open tasks.

    Parameters:
        end: of the day.
    """
    today = case(((task.c.due_at >= now) & (task.c.due_at < end), 1))
    late = case((task.c.due_at < now, 1))
    counted = select(func.count(), func.count(today), func.count(late)).select_from(task).where(OPEN)
    return TaskCounts(*(int(count) for count in connection.execute(counted).one()))


def open_of(connection: Connection) -> dict[str, int]:
    """Return how many open tasks each person has, by key."""
    counted = select(task.c.assignee, func.count()).where(OPEN, task.c.assignee.is_not(None)).group_by(task.c.assignee)
    return {person: int(count) for person, count in connection.execute(counted)}


def _count(connection: Connection, *such: ColumnElement[bool]) -> int:
    return int(connection.execute(select(func.count()).select_from(message).where(*such)).scalar_one())


def _hours_since(connection: Connection, begin: datetime) -> ColumnElement[int]:
    """Return the whole hours from `begin` to when a mail was sent."""
    if connection.dialect.name == "postgresql":
        seconds = func.extract("epoch", message.c.sent_at - begin)
        return cast(func.floor(seconds / 3600), Integer)
    kept = message.c.sent_at.op("-", return_type=Integer())(literal(microseconds(begin), Integer()))
    return kept.op("/", return_type=Integer())(literal(3_600_000_000, Integer()))
