"""What was kept long enough is cleared, in slices; what somebody still needs waits.

Rows are numbered in the order in which they came, so a rule walks through its table by number, from where everything
before is cleared to the first row that is too young.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, bindparam, delete, func, or_, select, update

from worker.domain.journeys import JourneyState
from worker.domain.messages import MessageState
from worker.domain.settings import Settings
from worker.domain.webhooks import WebhookState
from worker.storage.erasure import differs, left
from worker.storage.journeys import WAITING
from worker.storage.personal import HELD
from worker.storage.rows import insert
from worker.storage.tables import (
    bounce,
    consent_change,
    event,
    event_trace,
    hit,
    journey,
    message,
    retention,
    task,
    trace,
    webhook,
)

SLICE = 1_000  # rows that are looked at in one transaction
S = MessageState
_IN_WORK = (S.QUEUED.value, S.CLAIMED.value, S.TRANSMITTING.value, S.UNKNOWN.value)


@dataclass(frozen=True, slots=True)
class Rule:
    """What is cleared of one table's rows, and when.

    Parameters:
        name: of the setting under `retention`.
        came: when a row was written; numbers and these times go the same way.
        since: from when on it counts as old.
        over: whether nobody needs it any more.
        values: what is put into its columns; of a rule without, rows are deleted.
        below: empties what hangs on the rows instead.
    """

    name: str
    title: str
    table: Table
    key: str
    came: ColumnElement[Any]
    since: ColumnElement[Any]
    over: ColumnElement[bool]
    values: Mapping[str, Any] = field(default_factory=dict)
    below: Callable[[Connection, Sequence[int]], int] | None = None

    def days(self, settings: Settings) -> int | None:
        """Return for how many days it is kept; None for ever."""
        found: int | None = getattr(settings.retention, self.name)
        return found


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a rule has come, as its row tells it."""

    floor: int = 0
    reached: int = 0
    held: int | None = None
    begun_at: datetime | None = None
    ended_at: datetime | None = None
    cleared: int = 0
    cleared_in_all: int = 0

    @property
    def under_way(self) -> bool:
        """Whether a pass has begun and not ended."""
        return self.begun_at is not None and self.ended_at is None


def _details(connection: Connection, numbers: Sequence[int]) -> int:
    """Empty the details of these journeys' traces, but for what figures are drawn by."""
    keys = HELD["trace"].only["detail"]
    mine = select(trace.c.journey_id, trace.c.number, trace.c.detail).where(trace.c.journey_id.in_(list(numbers)))
    rows = [(row, left(row.detail, keys)) for row in connection.execute(mine).all() if row.detail]
    changed = [{"of": row.journey_id, "nth": row.number, "now": kept} for row, kept in rows if kept != row.detail]
    if changed:
        line = update(trace).where(trace.c.journey_id == bindparam("of"), trace.c.number == bindparam("nth"))
        connection.execute(line.values(detail=bindparam("now", type_=trace.c.detail.type)), changed)
    return len(changed)


def _blank(table: str, *columns: str) -> dict[str, Any]:
    """Return what the registry says these columns are emptied with."""
    return {column: HELD[table].blank[column] for column in columns}


# By the customer, for whose waiting journeys there is an index.
_ASKED_BY_WAITING = (
    select(journey.c.id)
    .where(WAITING, journey.c.customer_id == event.c.customer_id, journey.c.event_id == event.c.id)
    .exists()
)

RULES: tuple[Rule, ...] = (
    Rule(
        "hit_sources",
        "opens and clicks: where from",
        hit,
        "id",
        hit.c.at,
        hit.c.at,
        hit.c["class"].is_not(None),
        _blank("hit", "ip_hash", "user_agent", "headers"),
    ),
    Rule(
        "event_contents",
        "events: what they told",
        event,
        "id",
        event.c.received_at,
        event.c.received_at,
        and_(event.c.state != "received", ~_ASKED_BY_WAITING),
        _blank("event", "payload"),
    ),
    Rule(
        "traces",
        "ended journeys: what was seen",
        journey,
        "id",
        journey.c.entered_at,
        func.coalesce(journey.c.ended_at, journey.c.entered_at),
        journey.c.state != JourneyState.WAITING.value,
        below=_details,
    ),
    Rule(
        "refused_entries",
        "events: why no flow began",
        event_trace,
        "event_id",
        event_trace.c.at,
        event_trace.c.at,
        event_trace.c.at.is_not(None),
    ),
    Rule(
        "mail_texts",
        "mails: subject and values",
        message,
        "id",
        message.c.created_at,
        func.coalesce(message.c.settled_at, message.c.created_at),
        message.c.state.not_in(_IN_WORK),
        _blank("message", "subject", "values", "answer"),
    ),
    Rule(
        "webhook_bodies",
        "webhooks: what was told",
        webhook,
        "id",
        webhook.c.created_at,
        func.coalesce(webhook.c.settled_at, webhook.c.created_at),
        webhook.c.state != WebhookState.QUEUED.value,
        _blank("webhook", "body", "answer"),
    ),
    Rule(
        "task_texts",
        "closed tasks: what was written",
        task,
        "id",
        task.c.created_at,
        func.coalesce(task.c.closed_at, task.c.created_at),
        task.c.closed_at.is_not(None),
        _blank("task", "title", "note", "remark"),
    ),
    Rule(
        "bounce_reports",
        "returned mails: what was said",
        bounce,
        "id",
        bounce.c.received_at,
        bounce.c.received_at,
        bounce.c.received_at.is_not(None),
        _blank("bounce", "diagnostic", "raw"),
    ),
    Rule(
        "proofs_of_erased",
        "consents of erased people",
        consent_change,
        "id",
        consent_change.c.at,
        consent_change.c.at,
        consent_change.c.email.not_like("%@%"),
    ),
)
"""Every rule, by the names of the settings."""


def standings(connection: Connection) -> dict[str, Standing]:
    """Return how far each rule has come; one that never began is left out."""
    return {
        row.rule: Standing(
            row.floor, row.reached, row.held, row.begun_at, row.ended_at, row.cleared, row.cleared_in_all
        )
        for row in connection.execute(select(retention)).all()
    }


def begin(connection: Connection, rule: Rule, now: datetime) -> None:
    """Begin a pass, from where everything before is cleared."""
    values = {"begun_at": now, "ended_at": None, "cleared": 0, "held": None}
    new = insert(connection, retention).values(rule=rule.name, **values)
    again = {**values, "reached": retention.c.floor}
    connection.execute(new.on_conflict_do_update(index_elements=["rule"], set_=again))


def clear(connection: Connection, rule: Rule, kept: timedelta, now: datetime) -> bool:
    """Take a pass one slice further; says whether there is more."""
    held_row = select(retention).where(retention.c.rule == rule.name).with_for_update()
    at = connection.execute(held_row).first()
    if at is None or at.begun_at is None or at.ended_at is not None:
        return False
    before, key = now - kept, rule.table.c[rule.key]
    over = and_(rule.since < before, rule.over).label("over")
    slice_ = select(key.label("number"), (rule.came < before).label("old"), over)
    rows = connection.execute(slice_.where(key > at.reached).order_by(key).limit(SLICE)).all()
    due = [row.number for row in rows if row.over]
    held = at.held if at.held is not None else next((row.number for row in rows if not row.over), None)
    cleared = _clear(connection, rule, due) if due else 0
    more = len(rows) == SLICE and any(row.old for row in rows)
    reached = rows[-1].number if rows else at.reached
    values: dict[str, Any] = {
        "reached": reached,
        "held": held,
        "cleared": at.cleared + cleared,
        "cleared_in_all": at.cleared_in_all + cleared,
    }
    if not more:
        values |= {"ended_at": now, "floor": reached if held is None else held - 1}
    connection.execute(update(retention).where(retention.c.rule == rule.name).values(values))
    return more


def waiting(connection: Connection, rule: Rule, kept: timedelta, now: datetime) -> int:
    """Return how many rows would be cleared now; looks at all from where everything before is cleared."""
    at = standings(connection).get(rule.name, Standing())
    key = rule.table.c[rule.key]
    mine = [key > at.floor, rule.since < now - kept, rule.over]
    if rule.values:
        mine.append(_full(rule))
    if rule.below is not None:
        mine.append(key.in_(select(trace.c.journey_id).where(differs(trace, "detail", {}))))
    return int(connection.execute(select(func.count()).select_from(rule.table).where(*mine)).scalar_one())


def _clear(connection: Connection, rule: Rule, due: Sequence[int]) -> int:
    if rule.below is not None:
        return rule.below(connection, due)
    mine = rule.table.c[rule.key].in_(due)
    if not rule.values:
        return connection.execute(delete(rule.table).where(mine)).rowcount
    return connection.execute(update(rule.table).where(mine, _full(rule)).values(rule.values)).rowcount


def _full(rule: Rule) -> ColumnElement[bool]:
    return or_(*(differs(rule.table, name, value) for name, value in rule.values.items()))
