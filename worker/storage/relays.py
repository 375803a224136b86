"""Breakers, rates and last answers of relays: read once a batch, written where something was refused or is limited."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, literal_column, or_, select, update

from worker.domain.breakers import WHOLE_RELAY, Breaker, BreakerState, Key
from worker.domain.messages import MessageState
from worker.domain.rates import Progress
from worker.storage.ledger import stands
from worker.storage.rows import Insertion
from worker.storage.tables import breaker, message, rate, relay_answer

KEPT_FOR = timedelta(days=2)  # rows that say nothing any more

_OF_DOMAINS = select(breaker).where(breaker.c.domain.in_(bindparam("domains", expanding=True)))
_HOLD = _OF_DOMAINS.order_by(breaker.c.relay, breaker.c.domain).with_for_update()
_PUT = Insertion(
    breaker,
    lambda new: new.on_conflict_do_update(
        index_elements=["relay", "domain"],
        set_={column.name: new.excluded[column.name] for column in breaker.c if not column.primary_key},
    ),
)
_PROBE = (
    update(breaker)
    .where(
        breaker.c.relay == bindparam("by"),
        breaker.c.domain == bindparam("of"),
        breaker.c.until <= bindparam("now", type_=breaker.c.until.type),
    )
    .values(
        state=BreakerState.PROBING.value,
        message_id=bindparam("number"),
        until=bindparam("within", type_=breaker.c.until.type),
        changed_at=bindparam("now", type_=breaker.c.changed_at.type),
    )
    .returning(breaker.c.relay)
)
_RATES = select(rate).where(rate.c.key.in_(bindparam("keys", expanding=True)))
_HOLD_RATES = _RATES.order_by(rate.c.key).with_for_update()
_FIRST = Insertion(rate, lambda new: new.on_conflict_do_nothing())
_GO_ON = (
    update(rate)
    .where(rate.c.key == bindparam("of"))
    .values(
        free_at=bindparam("free", type_=rate.c.free_at.type),
        line_at=bindparam("line", type_=rate.c.line_at.type),
        taken=rate.c.taken + bindparam("more"),
    )
)
_LONG_PAST = (
    select(rate.c.key)
    .where(
        rate.c.free_at < bindparam("before", type_=rate.c.free_at.type),
        rate.c.line_at < bindparam("before", type_=rate.c.line_at.type),
    )
    .with_for_update(skip_locked=True)
)
_FORGET = delete(rate).where(rate.c.key.in_(_LONG_PAST.scalar_subquery()))
_SAID = Insertion(
    relay_answer,
    lambda new: new.on_conflict_do_update(
        index_elements=["relay", "outcome"],
        set_={name: new.excluded[name] for name in ("code", "answer", "at")},
    ),
)


@dataclass(frozen=True, slots=True)
class Taken:
    """How far what goes at a rate has come, and how many mails of a day were taken."""

    progress: Progress
    taken: int


@dataclass(frozen=True, slots=True)
class LastAnswer:
    """What a relay answered last with this outcome, without addresses."""

    relay: str
    outcome: str
    code: int | None
    answer: str
    at: datetime


def breakers(connection: Connection, domains: Collection[str]) -> dict[Key, Breaker]:
    """Return what is known of the relays as a whole and of these domains; nothing of those that take our mail."""
    return _by_key(connection.execute(_OF_DOMAINS, {"domains": [WHOLE_RELAY, *domains]}))


def hold_breakers(connection: Connection, domains: Collection[str]) -> dict[Key, Breaker]:
    """Return the same and keep it to this transaction."""
    return _by_key(connection.execute(_HOLD, {"domains": [WHOLE_RELAY, *domains]}))


def all_breakers(connection: Connection) -> list[Breaker]:
    """Return every breaker, those that only count too."""
    rows = connection.execute(select(breaker).order_by(breaker.c.relay, breaker.c.domain))
    return list(_by_key(rows).values())


def shut(connection: Connection) -> list[Breaker]:
    """Return the breakers that are open or probing, those since longest first."""
    rows = connection.execute(
        select(breaker).where(breaker.c.state != literal_column("'closed'")).order_by(breaker.c.since)
    )
    return list(_by_key(rows).values())


def refusing(connection: Connection, now: datetime) -> list[Breaker]:
    """Return the breakers that keep mail waiting: open now, or with mails in the queue that have met them."""
    found = shut(connection)
    met = waiting(connection) if found else {}
    return [one for one in found if one.stops(now) or f"breaker: {one.key}" in met]


def put_breakers(connection: Connection, changed: Mapping[Key, Breaker | None], now: datetime) -> None:
    """Write breakers, None for one that is gone; what nobody had mail for since long is forgotten on the way."""
    for key in sorted(changed, key=lambda one: (one.relay, one.domain)):
        one = changed[key]
        if one is None:
            connection.execute(delete(breaker).where(breaker.c.relay == key.relay, breaker.c.domain == key.domain))
            continue
        connection.execute(
            _PUT.on(connection),
            {
                "relay": key.relay,
                "domain": key.domain,
                "state": one.state.value,
                "strikes": one.strikes,
                "opened": one.opened,
                "until": one.until,
                "message_id": one.message,
                "code": one.code,
                "answer": one.answer,
                "since": one.since,
                "changed_at": one.changed_at,
            },
        )
    over = or_(breaker.c.until.is_(None), breaker.c.until < now - KEPT_FOR)
    connection.execute(delete(breaker).where(over, breaker.c.changed_at < now - KEPT_FOR))


def claim_probe(connection: Connection, key: Key, message: int, now: datetime, until: datetime) -> bool:
    """Let this message be the one probe of an open breaker whose time is over; says whether it is."""
    asked = {"by": key.relay, "of": key.domain, "number": message, "now": now, "within": until}
    return connection.execute(_PROBE, asked).first() is not None


def progress(connection: Connection, keys: Collection[str]) -> dict[str, Taken]:
    """Return how far these have come, by key; nothing of those that never began."""
    return _taken(connection.execute(_RATES, {"keys": sorted(keys)})) if keys else {}


def hold_progress(connection: Connection, keys: Collection[str], now: datetime) -> dict[str, Taken]:
    """Return the same, each there from now on and kept to this transaction."""
    if not keys:
        return {}
    found = _taken(connection.execute(_HOLD_RATES, {"keys": sorted(keys)}))
    missing = sorted(set(keys) - set(found))
    if missing:
        first = [{"key": key, "free_at": now, "line_at": now, "taken": 0} for key in missing]
        connection.execute(_FIRST.on(connection), first)
        connection.execute(_FORGET, {"before": now - KEPT_FOR})  # as others begin, those long past go
        found |= _taken(connection.execute(_HOLD_RATES, {"keys": missing}))
    return found


def go_on(connection: Connection, steps: Mapping[str, tuple[Progress, int]]) -> None:
    """Write how far these have come, and how many mails more were taken."""
    rows = [
        {"of": key, "free": steps[key][0].free_at, "line": steps[key][0].line_at, "more": steps[key][1]}
        for key in sorted(steps)
    ]
    if rows:
        connection.execute(_GO_ON, rows)


def all_progress(connection: Connection) -> dict[str, Taken]:
    """Return how far all have come, by key."""
    return _taken(connection.execute(select(rate).order_by(rate.c.key)))


def waiting(connection: Connection) -> dict[str, int]:
    """Return how many queued messages wait for a breaker, a rate or warm-up, by the reason."""
    held = or_(*(message.c.reason.startswith(word) for word in ("breaker: ", "rate: ", "warm-up: ")))
    asked = select(message.c.reason, func.count()).where(stands(MessageState.QUEUED), held).group_by(message.c.reason)
    return {reason: count for reason, count in connection.execute(asked).tuples() if reason is not None}


def note_answers(connection: Connection, answers: Iterable[LastAnswer]) -> None:
    """Write what relays answered last."""
    for one in sorted(answers, key=lambda said: (said.relay, said.outcome)):
        values = {"relay": one.relay, "outcome": one.outcome, "code": one.code, "answer": one.answer, "at": one.at}
        connection.execute(_SAID.on(connection), values)


def last_answers(connection: Connection) -> list[LastAnswer]:
    """Return what relays answered last, the newest first."""
    rows = connection.execute(select(relay_answer).order_by(relay_answer.c.at.desc()))
    return [LastAnswer(row.relay, row.outcome, row.code, row.answer, row.at) for row in rows]


def _by_key(rows: Iterable[Row[Any]]) -> dict[Key, Breaker]:
    found = {}
    for row in rows:
        key = Key(row.relay, row.domain)
        found[key] = Breaker(
            key,
            BreakerState(row.state),
            row.strikes,
            row.opened,
            row.until,
            row.message_id,
            row.code,
            row.answer,
            row.since,
            row.changed_at,
        )
    return found


def _taken(rows: Iterable[Row[Any]]) -> dict[str, Taken]:
    return {row.key: Taken(Progress(row.free_at, row.line_at), row.taken) for row in rows}
