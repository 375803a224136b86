"""The figures of each flow, counted from the rows: entered, waiting, sent, opened, clicked, goals, revenue."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from sqlalchemy import ColumnElement, Connection, case, func, select

from worker.domain.breakers import NOT_TAKEN, RELAY_AS_A_WHOLE, WAITS
from worker.domain.mail_rates import MailRates
from worker.storage import revenue
from worker.storage.tables import event, goal, journey, message, orders

# What was refunded since, or cancelled, is no revenue; the goal itself stays reached.
_NOW_WORTH = case(
    (orders.c.id.is_(None), goal.c.amount), (orders.c.counted, orders.c.total - orders.c.refunded), else_=0
)


@dataclass(slots=True)
class FlowFigures(MailRates):
    """What came of one flow. Opens and clicks are people's, each mail counted once.

    Parameters:
        control: of those who entered, journeys of customers who were set aside.
        sent: mails to customers that were taken, those that bounced later too; `unknown` ones are apart.
        followed: of these, mails that may be followed: only these can be opened and clicked as far as anybody knows.
        to_staff: mails to staff that were taken.
        goal_revenue: what the orders that reached the goal are worth now, by currency; other flows may count them too.
        orders, revenue: purchases that are credited to its mails, and what they are worth; no other flow has them.
        skips: mails not sent, by reason.
    """

    flow: str
    entered: int = 0
    waiting: int = 0
    done: int = 0
    exited: int = 0
    failed: int = 0
    control: int = 0
    queued: int = 0
    sent: int = 0
    followed: int = 0
    unknown: int = 0
    undelivered: int = 0
    opened: int = 0
    clicked: int = 0
    to_staff: int = 0
    goals: int = 0
    goal_revenue: dict[str, Decimal] = field(default_factory=dict)
    orders: int = 0
    revenue: dict[str, Decimal] = field(default_factory=dict)
    skips: dict[str, int] = field(default_factory=dict)

    @property
    def goal_rate(self) -> float | None:
        """Goals of journeys entered and not set aside, or None where there are none."""
        going = self.entered - self.control
        return self.goals / going if going else None


def flow_figures(connection: Connection, since: datetime | None = None) -> dict[str, FlowFigures]:
    """Return the figures of every flow that anybody entered, by name.

    Parameters:
        since: count only journeys that were entered from then on, with their mails and goals; None: all.
    """
    found: dict[str, FlowFigures] = {}

    entered = journey.c.entered_at >= since if since is not None else journey.c.id.is_not(None)
    states = select(journey.c.flow, journey.c.state, func.count()).where(entered)
    for name, state, count in connection.execute(states.group_by(journey.c.flow, journey.c.state)):
        figures = found.setdefault(name, FlowFigures(name))
        figures.entered += count
        match state:
            case "waiting":
                figures.waiting += count
            case "done":
                figures.done += count
            case "exited":
                figures.exited += count
            case "failed":
                figures.failed += count
            case "control":
                figures.control += count
    _count_mails(connection, entered, found)
    goals = (
        select(journey.c.flow, goal.c.currency, func.count(), func.sum(_NOW_WORTH))
        .select_from(goal.join(journey).outerjoin(orders, orders.c.number == goal.c.order_number))
        .where(entered)
        .group_by(journey.c.flow, goal.c.currency)
    )
    for name, currency, count, amount in connection.execute(goals):
        figures = found.setdefault(name, FlowFigures(name))
        figures.goals += count
        if currency is not None and amount is not None:
            figures.goal_revenue[currency] = figures.goal_revenue.get(currency, Decimal(0)) + amount
    for name, earned in revenue.by_flow_of_journeys(connection, since).items():
        figures = found.setdefault(name, FlowFigures(name))
        figures.orders, figures.revenue = earned.orders, earned.amounts
    return found


def _count_mails(connection: Connection, entered: ColumnElement[bool], found: dict[str, FlowFigures]) -> None:
    mails = (
        select(
            journey.c.flow,
            message.c.state,
            case((message.c.state == "skipped", message.c.reason), else_=None).label("why"),
            func.count(),
            func.count(case((message.c.tracked, 1))),
            func.count(message.c.opened_at),
            func.count(message.c.clicked_at),
        )
        .select_from(message.join(journey))
        .where(entered, message.c.staff.is_(None))
        .group_by(journey.c.flow, message.c.state, "why")
    )
    for name, state, why, count, followed, opened, clicked in connection.execute(mails):
        figures = found.setdefault(name, FlowFigures(name))
        figures.opened += opened
        figures.clicked += clicked
        match state:
            case "sent" | "bounced" | "complained":
                figures.sent += count
                figures.followed += followed
            case "queued" | "claimed" | "transmitting":
                figures.queued += count
            case "unknown":
                figures.unknown += count
            case "failed":
                figures.undelivered += count
            case "skipped":
                figures.skips[why] = figures.skips.get(why, 0) + count
    staff = (
        select(journey.c.flow, func.count())
        .select_from(message.join(journey))
        .where(entered, message.c.staff.is_not(None), message.c.sent_at.is_not(None))
        .group_by(journey.c.flow)
    )
    for name, count in connection.execute(staff):
        found.setdefault(name, FlowFigures(name)).to_staff = count


@dataclass(frozen=True, slots=True)
class Untaken:
    """Mails in the queue that the relay itself did not take, or that wait since it takes none.

    What waits for a domain, a rate or warm-up is not among them (`worker.storage.relays.waiting`).

    Parameters:
        answer: what it said last, or why it could not be asked; it may quote an e-mail address.
    """

    mails: int
    answer: str


def untaken(connection: Connection) -> Untaken | None:
    """Return the mails that wait for the relay, or None where there are none."""
    of_relay = (message.c.reason == NOT_TAKEN) | message.c.reason.startswith(f"{WAITS}{RELAY_AS_A_WHOLE}")
    waits = (message.c.state == "queued") & message.c.answer.is_not(None) & of_relay
    mails = connection.execute(select(func.count()).where(waits)).scalar_one()
    if not mails:
        return None
    last = select(message.c.code, message.c.answer).where(waits).order_by(message.c.settled_at.desc()).limit(1)
    code, words = connection.execute(last).one()
    return Untaken(mails, f"{code} {words}" if code else words)


def event_counts(connection: Connection) -> dict[str, int]:
    """Return how many events there are in each state."""
    counts: dict[str, int] = {}
    for row in connection.execute(select(event.c.state, func.count().label("events")).group_by(event.c.state)):
        counts[row.state] = row.events
    return counts
