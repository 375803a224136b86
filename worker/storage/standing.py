"""One flow as it stands: how many are at each of its steps, what each step sent, and its latest journeys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, select

from worker.domain.journeys import JourneyState
from worker.domain.mail_rates import MailRates
from worker.storage.journeys import WAITING
from worker.storage.overview import CLICKED, FOLLOWED, OPENED, TO_STAFF
from worker.storage.tables import customer, flow_version, journey, message


@dataclass(slots=True)
class StepCounts(MailRates):
    """What is to be counted at one step.

    Parameters:
        here: journeys that stand at it now.
        sent: mails of it that were taken in the time asked for; `to_staff` of these.
        followed: of these, mails that may be followed; `opened` and `clicked` of these.
    """

    here: int = 0
    sent: int = 0
    to_staff: int = 0
    followed: int = 0
    opened: int = 0
    clicked: int = 0

    @property
    def all_followed(self) -> bool:
        """Whether every mail to a customer may be followed."""
        return self.followed >= self.sent - self.to_staff


@dataclass(frozen=True, slots=True)
class JourneyMail:
    """A mail of a journey; `message_id` as it stands in the mail, None before it was made; `reason` of its state."""

    id: int
    step: str | None
    state: str
    subject: str | None
    message_id: str | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Latest:
    """One of a flow's latest journeys.

    Parameters:
        version: which version of the flow it follows.
        customer: the shop's own id, or none for a guest; `name` as the shop knows it.
    """

    id: int
    version: int
    customer: str | None
    name: str | None
    state: JourneyState
    step: str | None
    entered_at: datetime
    due_at: datetime | None
    ended_at: datetime | None
    reason: str | None
    mails: tuple[JourneyMail, ...] = field(default=())


def step_counts(connection: Connection, flow: str, since: datetime) -> dict[str, StepCounts]:
    """Return the counts of each step of a flow at which there are any, of older versions too, by its name."""
    found: dict[str, StepCounts] = {}
    standing = select(journey.c.step, func.count()).where(journey.c.flow == flow, WAITING).group_by(journey.c.step)
    for step, count in connection.execute(standing):
        if step is not None:
            found.setdefault(step, StepCounts()).here = count
    for step, count, followed in _mails_of(connection, flow, since):
        if step is not None:
            counts = found.setdefault(step, StepCounts())
            counts.sent, counts.followed = count, followed
    for step, count in _sent(connection, flow, since, TO_STAFF):
        found.setdefault(step, StepCounts()).to_staff = count
    for step, count in _sent(connection, flow, since, OPENED):
        found.setdefault(step, StepCounts()).opened = count
    for step, count in _sent(connection, flow, since, CLICKED):
        found.setdefault(step, StepCounts()).clicked = count
    return found


def _mails_of(connection: Connection, flow: str, since: datetime) -> list[tuple[str | None, int, int]]:
    counted = select(message.c.step, func.count(), FOLLOWED).where(message.c.sent_at >= since, message.c.flow == flow)
    return [(row[0], row[1], row[2]) for row in connection.execute(counted.group_by(message.c.step))]


def _sent(connection: Connection, flow: str, since: datetime, *such: ColumnElement[bool]) -> Sequence[tuple[str, int]]:
    counted = (
        select(message.c.step, func.count())
        .where(message.c.sent_at >= since, message.c.flow == flow, *such)
        .group_by(message.c.step)
    )
    return [(step, count) for step, count in connection.execute(counted) if step is not None]


def latest(connection: Connection, flow: str, most: int = 20) -> list[Latest]:
    """Return the journeys of a flow that were entered last, the newest first."""
    newest = (
        select(journey, customer.c.external_id, customer.c.name, flow_version.c.number)
        .select_from(
            journey.join(customer, customer.c.id == journey.c.customer_id).join(
                flow_version, flow_version.c.id == journey.c.version_id
            )
        )
        .where(journey.c.flow == flow)
        .order_by(journey.c.entered_at.desc(), journey.c.id.desc())
        .limit(most)
    )
    rows = connection.execute(newest).all()
    mails = _mails(connection, [row.id for row in rows])
    return [
        Latest(
            row.id,
            row.number,
            row.external_id,
            row.name,
            JourneyState(row.state),
            row.step,
            row.entered_at,
            row.due_at,
            row.ended_at,
            row.reason,
            tuple(mails.get(row.id, ())),
        )
        for row in rows
    ]


def _mails(connection: Connection, journeys: Sequence[int]) -> Mapping[int, list[JourneyMail]]:
    columns = (message.c.id, message.c.step, message.c.state, message.c.subject, message.c.message_id, message.c.reason)
    rows = connection.execute(
        select(message.c.journey_id, *columns).where(message.c.journey_id.in_(list(journeys))).order_by(message.c.id)
    )
    found: dict[int, list[JourneyMail]] = {}
    for row in rows:
        found.setdefault(row.journey_id, []).append(
            JourneyMail(row.id, row.step, row.state, row.subject, row.message_id, row.reason)
        )
    return found
