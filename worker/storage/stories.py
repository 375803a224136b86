"""The story of one customer: for every flow what was seen and decided, entered or not; the source of `phin why`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, literal_column, select

from worker.domain.customers import Customer, Purpose
from worker.domain.journeys import JourneyState
from worker.domain.tasks import Task
from worker.storage import flows, tasks, traces
from worker.storage.story_mails import MailStory, WebhookStory, mails_of, webhooks_of
from worker.storage.tables import (
    consent_change,
    event,
    event_trace,
    flow_version,
    goal,
    journey,
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a journey's trace."""

    at: datetime
    kind: str
    step: str | None
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class JourneyStory:
    """One journey, from its entry on."""

    id: int
    version: int
    state: JourneyState
    entered_at: datetime
    ended_at: datetime | None
    due_at: datetime | None
    reason: str | None
    lines: tuple[Line, ...]
    mails: tuple[MailStory, ...]  # to the customer
    goal_at: datetime | None
    tasks: tuple[Task, ...] = ()
    staff_mails: tuple[MailStory, ...] = ()  # that steps wrote to staff
    webhooks: tuple[WebhookStory, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an event did not enter the customer; the newest one of its kind and reason, and how often it came."""

    event: str
    at: datetime
    reason: str
    detail: Mapping[str, Any]
    times: int


@dataclass(frozen=True, slots=True)
class Asked:
    """What a flow that finds its customers itself says when it is asked now.

    Parameters:
        trigger: in words.
        reason: why the customer would not enter: `date` (not known), `segment` (not in it), `when`; None: they would.
        about: the name of the date or the segment.
        seen: what decided.
        comes: when the trigger next comes for this customer, None where that is not known or it does not.
    """

    trigger: str
    reason: str | None
    about: str = ""
    seen: tuple[Mapping[str, Any], ...] = ()
    comes: datetime | None = None


@dataclass(frozen=True, slots=True)
class FlowStory:
    """One flow as it concerns the customer; `asked` where it finds its customers itself."""

    flow: str
    status: str
    paused: bool
    triggers: tuple[str, ...]
    journeys: tuple[JourneyStory, ...]
    refusals: tuple[Refusal, ...]
    asked: tuple[Asked, ...] = ()


@dataclass(frozen=True, slots=True)
class ConsentStory:
    """The change of consent that holds now."""

    purpose: Purpose
    state: str
    at: datetime
    source: str


@dataclass(frozen=True, slots=True)
class EventStory:
    """One event of the customer."""

    id: int
    type: str
    at: datetime
    state: str
    history: bool
    order_number: str | None
    note: str | None


@dataclass(frozen=True, slots=True)
class Story:
    """All there is to tell of a customer."""

    customer: Customer
    consents: tuple[ConsentStory, ...]
    flows: tuple[FlowStory, ...]
    events: tuple[EventStory, ...]


def story(
    connection: Connection,
    customer: Customer,
    triggers: Mapping[str, Sequence[str]],
    asked: Mapping[str, Sequence[Asked]] | None = None,
) -> Story:
    """Return the customer's story, over every flow that was ever published.

    Parameters:
        triggers: for each flow what starts it, in words.
        asked: for each flow that finds its customers itself, what it says of this one now.
    """
    told = _journeys(connection, customer.id)
    refusals = _refusals(connection, customer.id)
    by_flow = [
        FlowStory(
            row.name,
            row.status,
            row.paused_at is not None,
            tuple(triggers.get(row.name, ())),
            tuple(told.get(row.name, ())),
            tuple(refusals.get(row.name, ())),
            tuple((asked or {}).get(row.name, ())),
        )
        for row in flows.all_flows(connection)
    ]
    return Story(customer, _consents(connection, customer.email), tuple(by_flow), _events(connection, customer))


def _journeys(connection: Connection, customer_id: int) -> dict[str, list[JourneyStory]]:
    rows = connection.execute(
        select(journey, flow_version.c.number, goal.c.at.label("goal_at"))
        .select_from(journey.join(flow_version).outerjoin(goal, goal.c.journey_id == journey.c.id))
        .where(journey.c.customer_id == customer_id)
        .order_by(journey.c.entered_at, journey.c.id)
    ).all()
    ids = [row.id for row in rows]
    lines = traces.of_journeys(connection, ids)
    mails = mails_of(connection, ids)
    given = tasks.of_journeys(connection, ids)
    calls = webhooks_of(connection, ids)
    found: dict[str, list[JourneyStory]] = {}
    for row in rows:
        found.setdefault(row.flow, []).append(
            JourneyStory(
                row.id,
                row.number,
                JourneyState(row.state),
                row.entered_at,
                row.ended_at,
                row.due_at,
                row.reason,
                tuple(Line(line.at, line.kind, line.step, line.detail) for line in lines.get(row.id, ())),
                tuple(one for one in mails.get(row.id, ()) if one.staff is None),
                row.goal_at,
                tuple(given.get(row.id, ())),
                tuple(one for one in mails.get(row.id, ()) if one.staff is not None),
                tuple(calls.get(row.id, ())),
            )
        )
    return found


def _refusals(connection: Connection, customer_id: int, most: int = 200) -> dict[str, list[Refusal]]:
    """Return for each flow why the latest events did not enter, alike ones gathered."""
    rows = connection.execute(
        select(event_trace.c.flows, event.c.type, event.c.occurred_at)
        .select_from(event_trace.join(event, event.c.id == event_trace.c.event_id))
        .where(event_trace.c.customer_id == customer_id)
        .order_by(event_trace.c.at.desc(), event_trace.c.event_id.desc())
        .limit(most)
    )
    gathered: dict[tuple[str, str, str], Refusal] = {}
    for row in rows:
        for said in row.flows:
            if "journey" in said:
                continue
            key = (said["flow"], row.type, said["reason"])
            newest = gathered.get(key)
            if newest is None:
                detail = {name: value for name, value in said.items() if name not in ("flow", "reason")}
                gathered[key] = Refusal(row.type, row.occurred_at, said["reason"], detail, 1)
            else:
                gathered[key] = Refusal(newest.event, newest.at, newest.reason, newest.detail, newest.times + 1)
    found: dict[str, list[Refusal]] = {}
    for (name, _, _), refusal in gathered.items():
        found.setdefault(name, []).append(refusal)
    return found


def _consents(connection: Connection, email: str | None) -> tuple[ConsentStory, ...]:
    if email is None:
        return ()
    newest: dict[str, ConsentStory] = {}
    mine = consent_change.c.email == email, consent_change.c.purpose.in_([purpose.value for purpose in Purpose])
    for row in connection.execute(select(consent_change).where(*mine).order_by(consent_change.c.id)):
        newest[row.purpose] = ConsentStory(Purpose(row.purpose), row.state, row.at, row.source)
    return tuple(newest[name] for name in sorted(newest))


def _events(connection: Connection, customer: Customer, most: int = 50) -> tuple[EventStory, ...]:
    """Return the latest events: those that were processed for the customer, and those that name them and were not."""
    mine = [select(event.c.id).where(event.c.customer_id == customer.id).order_by(event.c.occurred_at.desc())]
    for state in ("received", "refused"):
        of_state = select(event.c.id).where(event.c.state == literal_column(f"'{state}'")).order_by(event.c.id.desc())
        if customer.external_id is not None:
            mine.append(of_state.where(event.c.customer_key == f"id:{customer.external_id}"))
        if customer.email is not None:
            by_email = of_state.where(event.c.email_key == f"email:{customer.email}", event.c.customer_key.is_(None))
            mine.append(by_email)
    numbers = {number for one in mine for number in connection.execute(one.limit(most)).scalars()}
    latest = select(event).where(event.c.id.in_(numbers)).order_by(event.c.occurred_at.desc(), event.c.id.desc())
    rows = connection.execute(latest.limit(most)).all()
    return tuple(
        EventStory(row.id, row.type, row.occurred_at, row.state, row.history, row.order_number, row.reason)
        for row in reversed(rows)
    )
