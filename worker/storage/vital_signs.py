"""Vital signs: how long the oldest of each kind of work has been due, what stands in hand, what nobody knows.

Each question is the first row of an index, or a count that ends at `MOST`, so that it costs the same however much
waits and may be asked at each scrape.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, bindparam, func, literal_column, or_, select

from worker.domain.messages import Kind, MessageState
from worker.storage import journeys
from worker.storage.flowbook import Catalogue
from worker.storage.hits import may_class
from worker.storage.ledger import IN_HAND, stands
from worker.storage.tables import breaker, event, hit, journey, message, occurrence, task_reminder, webhook

MOST = 10_000  # rows that are counted; beyond it there are simply many

_NOW = bindparam("now", type_=message.c.not_before.type)
_DUE_EVENT = (
    select(event.c.received_at)
    .where(event.c.state == literal_column("'received'"), or_(event.c.not_before.is_(None), event.c.not_before <= _NOW))
    .order_by(event.c.id)
    .limit(1)
)
_DUE_JOURNEY = select(func.min(journey.c.look_at)).where(journeys.WAITING, journey.c.look_at <= _NOW)
_DUE_MESSAGE = select(func.min(message.c.not_before)).where(stands(MessageState.QUEUED), message.c.not_before <= _NOW)
_DUE_OF_FLOW = _DUE_MESSAGE.where(message.c.flow == bindparam("flow"))
_DUE_OF_NO_FLOW = _DUE_MESSAGE.where(message.c.flow.is_(None))
_DUE_WEBHOOK = select(func.min(webhook.c.not_before)).where(
    webhook.c.state == literal_column("'queued'"), webhook.c.flow == bindparam("flow"), webhook.c.not_before <= _NOW
)
_DUE_REMINDER = select(func.min(task_reminder.c.due_at)).where(
    task_reminder.c.settled_at.is_(None), task_reminder.c.due_at <= _NOW
)
_OPEN_TURN = (
    select(occurrence.c.found_at)
    .where(occurrence.c.state == literal_column("'open'"))
    .order_by(occurrence.c.id)
    .limit(1)
)
_LEASE = select(func.min(message.c.lease_until)).where(IN_HAND)
_OLDEST_UNKNOWN = (
    select(func.coalesce(message.c.transmitting_at, message.c.settled_at))
    .where(stands(MessageState.UNKNOWN))
    .order_by(message.c.id)
    .limit(1)
)
_ANY_QUEUED = select(message.c.id).where(stands(MessageState.QUEUED)).limit(1)
_ANY_WEBHOOK = select(webhook.c.id).where(webhook.c.state == literal_column("'queued'")).limit(1)
_BREAKERS = (
    select(breaker.c.relay, breaker.c.domain == literal_column("''"), func.count())
    .where(breaker.c.state.in_([literal_column("'open'"), literal_column("'probing'")]))
    .group_by(breaker.c.relay, breaker.c.domain == literal_column("''"))
)


def _bounded(column: ColumnElement[int], *such: ColumnElement[bool]) -> Select[int]:
    return select(func.count()).select_from(select(column).where(*such).limit(MOST).subquery())


_COUNT_IN_HAND = (
    select(message.c.state, func.count())
    .where(message.c.id.in_(select(message.c.id).where(IN_HAND).limit(MOST)))
    .group_by(message.c.state)
)
_COUNT_UNKNOWN = _bounded(message.c.id, stands(MessageState.UNKNOWN))
_COUNT_REFUSED = _bounded(event.c.id, event.c.state == literal_column("'refused'"))


@dataclass(frozen=True, slots=True)
class VitalSigns:
    """What was seen.

    Parameters:
        due: by kind of work, for how many seconds the oldest that could be done now has been due; 0 where none is.
            Mails go by the kind of their flow; those of none (to staff, say) are as urgent as those about an order.
        lease_over: seconds since the first lease on a message ended that is still in hand; 0 where none did.
        claimed, transmitting, unknown, refused_events: how many stand so, counted up to `MOST`.
        unknown_for: seconds since the oldest unknown message was handed over; 0 where there is none.
        breakers: how many are open, by relay and whether they hold for all of its mail or for one domain.
    """

    due: Mapping[str, float]
    lease_over: float
    claimed: int
    transmitting: int
    unknown: int
    unknown_for: float
    refused_events: int
    breakers: Mapping[tuple[str, bool], int]


def vital_signs(connection: Connection, catalogue: Catalogue, now: datetime, machine: datetime) -> VitalSigns:
    """Ask for the vital signs.

    Parameters:
        catalogue: what is published; what a held flow has waiting is not due.
        machine: the machine's own time, in which leases are counted.
    """

    def age(statement: Select[Any], since: datetime = now, **asked: Any) -> float:
        at = connection.execute(statement, {"now": now, **asked}).scalar()
        return 0.0 if at is None else max(0.0, (since - at).total_seconds())

    def any_of(statement: Select[Any]) -> bool:
        return not catalogue.all_held and connection.execute(statement).first() is not None

    sending = sorted(catalogue.sending)
    mails = {Kind.TRANSACTIONAL: 0.0, Kind.MARKETING: 0.0}
    if any_of(_ANY_QUEUED):
        mails[Kind.TRANSACTIONAL] = age(_DUE_OF_NO_FLOW)
        for name in sending:
            kind = catalogue.running[name].flow.kind if name in catalogue.running else Kind.MARKETING
            mails[kind] = max(mails[kind], age(_DUE_OF_FLOW, flow=name))
    calling = [age(_DUE_WEBHOOK, flow=name) for name in sending] if any_of(_ANY_WEBHOOK) else []
    in_hand: dict[str, int] = {row.state: row[1] for row in connection.execute(_COUNT_IN_HAND)}
    oldest_hit = select(hit.c.at).where(may_class(now)).order_by(hit.c.id).limit(1)
    return VitalSigns(
        due={
            "event": age(_DUE_EVENT),
            "journey": age(_DUE_JOURNEY),
            "transactional": mails[Kind.TRANSACTIONAL],
            "marketing": mails[Kind.MARKETING],
            "hit": age(oldest_hit),
            "webhook": max(calling, default=0.0),
            "reminder": age(_DUE_REMINDER),
            "turn": age(_OPEN_TURN),
        },
        lease_over=age(_LEASE, machine),
        claimed=in_hand.get(MessageState.CLAIMED.value, 0),
        transmitting=in_hand.get(MessageState.TRANSMITTING.value, 0),
        unknown=int(connection.execute(_COUNT_UNKNOWN).scalar_one()),
        unknown_for=age(_OLDEST_UNKNOWN),
        refused_events=int(connection.execute(_COUNT_REFUSED).scalar_one()),
        breakers={(relay, bool(whole)): count for relay, whole, count in connection.execute(_BREAKERS)},
    )
