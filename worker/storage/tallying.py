"""Counts what happened since the last look: what was taken in by its number, what was settled by its time.

A table of ten million mails is never counted. What is only ever added to is counted by ranges of numbers: up to the
highest that there was at the *last* look, so that on PostgreSQL what was numbered then has been committed by now. What
is settled is counted by ranges of the index over that time, twice: at once, so that a figure is fresh, and once more
when it is `SETTLED_WITHIN` old, for what was committed after its time, as a group of mails to a slow relay is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BindParameter, Connection, Row, Select, and_, bindparam, func, literal_column, select

from worker.domain.messages import Kind, MessageState
from worker.domain.policy import SkipReason
from worker.storage.figures import OTHER, Counted, Mark, highest
from worker.storage.ledger import stands
from worker.storage.overview import WENT_WRONG
from worker.storage.tables import bounce, event, event_trace, goal, hit, journey, message, webhook

SETTLED_WITHIN = timedelta(minutes=2)  # from its time until what was settled then is surely committed
SAMPLE = 2_000  # rows of one look whose times are taken; of more, the first
STEPPED_BACK = timedelta(seconds=5)  # the shop's clock went back by more than that
AT_ONCE = timedelta(seconds=5)  # from an entry until its first mail is written, where no wait stands before it

# Limits of the buckets in seconds: a person notices from a second on, a shop from minutes on.
SECONDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 21600.0)

SETTLED = "settled"  # the name of the mark of everything that is counted by its time
REFUSED = "refused by its server"
_FAILED = ("tried too often", "its senders died too often")
_WORDS = frozenset(reason.value for reason in SkipReason)

_FROM: BindParameter[int] = bindparam("from_number")
_TO: BindParameter[int] = bindparam("to_number")
_SINCE = bindparam("since", type_=message.c.sent_at.type)
_UNTIL = bindparam("until", type_=message.c.sent_at.type)
_SETTLED = and_(message.c.settled_at >= _SINCE, message.c.settled_at < _UNTIL)
_SENT = and_(message.c.sent_at.is_not(None), message.c.sent_at >= _SINCE, message.c.sent_at < _UNTIL)
_UNSENT = (
    MessageState.SKIPPED,
    MessageState.CANCELLED,
    MessageState.FAILED,
    MessageState.BOUNCED,
    MessageState.COMPLAINED,
)


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at one source came to.

    Parameters:
        before, after: where its mark was read, and where it goes.
        counted: what is added if it does.
        recent: totals of what may still be incomplete, counted anew at each look.
        leaps: whether the clock went back, so that what was shown is where totals go on from.
    """

    before: Mark | None
    after: Mark
    counted: Counted = field(default_factory=Counted)
    recent: Counted = field(default_factory=Counted)
    leaps: bool = False


@dataclass(frozen=True, slots=True)
class _Numbered:
    """A table that is only ever added to, counted by its numbers.

    Parameters:
        rows: what is counted of a range of numbers; its first column is how many.
        add: adds one of these to what was counted.
        held: returns the number before which everything is ripe for counting, where that is not so of all.
    """

    name: str
    highest: Select[int]
    rows: Select[Any]
    add: Callable[[Counted, Row[Any]], None]
    held: Select[int] | None = None


def _range(table: Any, *columns: Any) -> Select[Any]:
    asked = select(func.count(), *columns).where(table.c.id > _FROM, table.c.id <= _TO)
    return asked.group_by(*columns)


def _event(counted: Counted, row: Row[Any]) -> None:
    counted.add("events_received", row[0], source=row.source, type=row.type)


def _entered(counted: Counted, row: Row[Any]) -> None:
    counted.add("journeys_entered", row[0], flow=row.flow)


def _created(counted: Counted, row: Row[Any]) -> None:
    counted.add("messages_created", row[0], flow=row.flow, kind=row.kind)


def _hit(counted: Counted, row: Row[Any]) -> None:
    counted.add("hits", row[0], kind=row.kind, **{"class": row._mapping["class"]})


def _bounce(counted: Counted, row: Row[Any]) -> None:
    counted.add("bounces", row[0], source=row.source, **{"class": row._mapping["class"]})


_UNCLASSED = select(func.min(hit.c.id)).where(hit.c["class"].is_(None))
_NUMBERED = (
    _Numbered("events", highest(event.c.id), _range(event, event.c.source, event.c.type), _event),
    _Numbered("journeys", highest(journey.c.id), _range(journey, journey.c.flow), _entered),
    _Numbered("messages", highest(message.c.id), _range(message, message.c.flow, message.c.kind), _created),
    _Numbered("hits", highest(hit.c.id), _range(hit, hit.c.kind, hit.c["class"]), _hit, _UNCLASSED),
    _Numbered("bounces", highest(bounce.c.id), _range(bounce, bounce.c.source, bounce.c["class"]), _bounce),
)

_BY_FLOW = select(func.count(), message.c.flow).where(_SENT).group_by(message.c.flow)
_BY_REASON = {
    state: select(func.count(), message.c.reason, message.c.flow)
    .where(WENT_WRONG, stands(state), _SETTLED)
    .group_by(message.c.reason, message.c.flow)
    for state in _UNSENT
}
_JOURNEYS_FAILED = (
    select(func.count(), journey.c.flow)
    .where(journey.c.state == literal_column("'failed'"), journey.c.ended_at >= _SINCE, journey.c.ended_at < _UNTIL)
    .group_by(journey.c.flow)
)
_GOALS = select(func.count(), goal.c.flow).where(goal.c.at >= _SINCE, goal.c.at < _UNTIL).group_by(goal.c.flow)
_WEBHOOKS_FAILED = (
    select(func.count(), webhook.c.flow)
    .where(webhook.c.state == literal_column("'failed'"), webhook.c.settled_at >= _SINCE, webhook.c.settled_at < _UNTIL)
    .group_by(webhook.c.flow)
)
_PROCESSED = (
    select(event.c.received_at, event_trace.c.at)
    .select_from(event_trace.join(event, event.c.id == event_trace.c.event_id))
    .where(event_trace.c.at >= _SINCE, event_trace.c.at < _UNTIL)
    .order_by(event_trace.c.at)
    .limit(SAMPLE)
)
_DELAYS = (
    select(message.c.kind, message.c.created_at, message.c.not_before, message.c.sent_at)
    .where(_SENT)
    .order_by(message.c.sent_at)
    .limit(SAMPLE)
)
_FROM_EVENT = (
    select(event.c.received_at, journey.c.entered_at, message.c.created_at, message.c.sent_at)
    .select_from(
        message.join(journey, journey.c.id == message.c.journey_id).join(event, event.c.id == journey.c.event_id)
    )
    .where(_SENT, message.c.kind == literal_column(f"'{Kind.TRANSACTIONAL.value}'"))
    .order_by(message.c.sent_at)
    .limit(SAMPLE)
)


def look(connection: Connection, marks: dict[str, Mark], now: datetime) -> list[Look]:
    """Count what happened since these marks; nothing is written.

    The first look at a source only puts its mark: totals begin when Phin begins to count them.
    """
    found = [_numbered(connection, source, marks.get(source.name)) for source in _NUMBERED]
    return [*(one for one in found if one is not None), _settled(connection, marks.get(SETTLED), now)]


def _numbered(connection: Connection, source: _Numbered, before: Mark | None) -> Look | None:
    top = int(connection.execute(source.highest).scalar_one())
    if before is None:
        return Look(None, Mark(source.name, top, top))
    until = before.seen
    if source.held is not None:
        unripe = connection.execute(source.held).scalar()
        until = until if unripe is None else min(until, unripe - 1)
    until = max(until, before.number)
    after = Mark(source.name, until, max(top, before.seen))
    if after == before:
        return None
    counted = Counted()
    if until > before.number:
        for row in connection.execute(source.rows, {"from_number": before.number, "to_number": until}):
            source.add(counted, row)
    return Look(before, after, counted)


def _settled(connection: Connection, before: Mark | None, now: datetime) -> Look:
    if before is None or before.at is None:
        return Look(before, Mark(SETTLED, at=now))
    if now < before.at - STEPPED_BACK:  # what was counted of the time that comes once more is not counted twice
        return Look(before, Mark(SETTLED, at=now), leaps=True)
    ripe = max(before.at, now - SETTLED_WITHIN)
    counted, recent = Counted(), Counted()
    if ripe > before.at:
        window = {"since": before.at, "until": ripe}
        _totals(connection, window, counted)
        _times(connection, window, counted)
    _totals(connection, {"since": ripe, "until": now}, recent)
    return Look(before, Mark(SETTLED, at=ripe), counted, recent)


def _totals(connection: Connection, window: dict[str, datetime], counted: Counted) -> None:
    for count, flow in connection.execute(_BY_FLOW, window):
        counted.add("messages_sent", count, flow=flow)
    for state, statement in _BY_REASON.items():
        for count, reason, flow in connection.execute(statement, window):
            name = f"messages_{state.value}"
            if state in (MessageState.SKIPPED, MessageState.FAILED):
                counted.add(name, count, flow=flow, reason=reason_of(state, reason))
            else:
                counted.add(name, count, flow=flow)
    for name, each in (
        ("journeys_failed", _JOURNEYS_FAILED),
        ("goals", _GOALS),
        ("webhooks_failed", _WEBHOOKS_FAILED),
    ):
        for count, flow in connection.execute(each, window):
            counted.add(name, count, flow=flow)


def _times(connection: Connection, window: dict[str, datetime], counted: Counted) -> None:
    for received_at, at in connection.execute(_PROCESSED, window):
        counted.observe("event_processing_seconds", _seconds(received_at, at), SECONDS)
    for kind, created_at, not_before, sent_at in connection.execute(_DELAYS, window):
        since = max(created_at, not_before)
        counted.observe("message_send_delay_seconds", _seconds(since, sent_at), SECONDS, kind=kind)
    for received_at, entered_at, created_at, sent_at in connection.execute(_FROM_EVENT, window):
        if created_at - entered_at <= AT_ONCE:
            counted.observe("event_to_mail_seconds", _seconds(received_at, sent_at), SECONDS)


def _seconds(since: datetime, until: datetime) -> float:
    return max(0.0, (until - since).total_seconds())


def reason_of(state: MessageState, reason: str | None) -> str:
    """Return why a mail was not sent in one of few words: a label must not hold a template's or a server's text."""
    said = (reason or "").partition(":")[0]
    if state is MessageState.SKIPPED:
        return said if said in _WORDS else OTHER
    if said == "refused":
        return REFUSED
    return said if said in _FAILED else OTHER
