"""Bounces: reports kept once each, the mails that they are about, and what addresses have had."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, func, literal_column, select, update

from worker.domain.bounce_words import BounceReason
from worker.domain.bounces import BounceClass
from worker.domain.messages import MessageState
from worker.storage.ledger import stands
from worker.storage.rows import Insertion
from worker.storage.tables import bounce, customer, message

S = MessageState
LOOKED_THROUGH = 50  # latest mails to an address
DIAGNOSTIC = 500  # characters that are kept


@dataclass(frozen=True, slots=True)
class NewBounce:
    """One thing that a report says, as it is kept.

    Parameters:
        key: what makes it one, however often it comes in.
        state: `counted`: something followed from it; `early`: its mail is still in a sender's hand; `noted`: it has
            no consequence; `unread`: somebody should look.
        email: whose it is: where the mail was sent to.
        matched: by what the mail was known.
        why: why it could not be read.
        size: bytes of the whole report.
        raw: its beginning, where it could not be read.
    """

    key: str
    source: str
    received_at: datetime
    state: str
    kind: BounceClass
    reason: BounceReason
    status: str | None = None
    diagnostic: str | None = None
    email: str | None = None
    message: int | None = None
    matched: str | None = None
    why: str | None = None
    size: int = 0
    raw: bytes | None = None


@dataclass(frozen=True, slots=True)
class ReturnedMail:
    """A mail that a report may be about; `customer` is whose it is now, of a mail to staff None."""

    id: int
    state: MessageState
    email: str
    customer: int | None
    flow: str | None
    step: str | None
    template: str
    kind: str
    message_id: str | None
    transmitting_at: datetime


def _values(new: NewBounce) -> dict[str, Any]:
    return {
        "key": new.key,
        "source": new.source,
        "received_at": new.received_at,
        "state": new.state,
        "class": new.kind.value,
        "reason": new.reason.value,
        "status": new.status,
        "diagnostic": new.diagnostic[:DIAGNOSTIC] if new.diagnostic else None,
        "email": new.email,
        "message_id": new.message,
        "matched": new.matched,
        "why": new.why,
        "size": new.size,
        "raw": new.raw,
    }


_ADD = Insertion(bounce, lambda new: new.on_conflict_do_nothing().returning(bounce.c.id))
_REPLACE = update(bounce).where(bounce.c.id == bindparam("number"), bounce.c.state == literal_column("'unread'"))


def add(connection: Connection, new: NewBounce) -> int | None:
    """Keep something; returns its number, or None where it was kept before."""
    number = connection.execute(_ADD.on(connection), _values(new)).scalar()
    return None if number is None else int(number)


def replace(connection: Connection, number: int, new: NewBounce) -> bool:
    """Write what one that could not be read says by now; its key and its time stay. Says whether it was there."""
    values = {name: value for name, value in _values(new).items() if name not in ("key", "source", "received_at")}
    return connection.execute(_REPLACE.values(values), {"number": number}).rowcount > 0


def _mails() -> Select[Any]:
    into = customer.alias()
    return (
        select(
            message.c.id,
            message.c.state,
            message.c.email,
            func.coalesce(into.c.id, message.c.customer_id).label("whose"),
            message.c.flow,
            message.c.step,
            message.c.template,
            message.c.kind,
            message.c.message_id,
            message.c.transmitting_at,
        )
        .select_from(
            message.outerjoin(customer, customer.c.id == message.c.customer_id).outerjoin(
                into, into.c.id == customer.c.merged_into
            )
        )
        .where(message.c.email.is_not(None), message.c.transmitting_at.is_not(None))
    )


_BY_NUMBER = _mails().where(message.c.id.in_(bindparam("ids", expanding=True)))
# Two indexes, two questions: advertising is found by its address, all else by whom it was for.
_LATEST = _mails().order_by(message.c.transmitting_at.desc()).limit(LOOKED_THROUGH)
_MARKETING_TO = _LATEST.where(message.c.email == bindparam("email"), message.c.kind == literal_column("'marketing'"))
_MAILS_OF = _LATEST.where(
    message.c.customer_id.in_(select(customer.c.id).where(customer.c.email == bindparam("email"))),
    message.c.email == bindparam("email"),
)


def mails(connection: Connection, numbers: Sequence[int]) -> list[ReturnedMail]:
    """Return those of these mails that were handed over, or are being so, in the order of the numbers given."""
    if not numbers:
        return []
    found = {row.id: _mail(row) for row in connection.execute(_BY_NUMBER, {"ids": list(numbers)})}
    return [found[number] for number in numbers if number in found]


def mails_to(connection: Connection, email: str) -> list[ReturnedMail]:
    """Return the latest mails to an address, the newest first."""
    rows = [row for asked in (_MARKETING_TO, _MAILS_OF) for row in connection.execute(asked, {"email": email})]
    found = {row.id: _mail(row) for row in rows}
    return sorted(found.values(), key=lambda one: one.transmitting_at, reverse=True)


def _mail(row: Row[Any]) -> ReturnedMail:
    return ReturnedMail(
        row.id,
        MessageState(row.state),
        row.email,
        row.whose,
        row.flow,
        row.step,
        row.template,
        row.kind,
        row.message_id,
        row.transmitting_at,
    )


def _moving(*states: MessageState) -> Any:
    return (
        update(message)
        .where(message.c.id == bindparam("number"), stands(*states))
        .values(
            state=bindparam("to_state"),
            reason=bindparam("why"),
            settled_at=bindparam("at", type_=message.c.settled_at.type),
            sent_at=func.coalesce(message.c.sent_at, message.c.transmitting_at),
            claim=None,
        )
    )


# By `worker.domain.messages.MOVES`; what comes back was taken, whatever we knew of it.
_MOVES = {
    S.BOUNCED: _moving(S.SENT, S.UNKNOWN),
    S.COMPLAINED: _moving(S.SENT, S.UNKNOWN, S.BOUNCED),
    S.SENT: _moving(S.UNKNOWN),
}


def move(connection: Connection, number: int, state: MessageState, reason: str, now: datetime) -> bool:
    """Write what became of a mail: bounced, complained, or sent after all; says whether it could still become that."""
    values = {"number": number, "to_state": state.value, "why": reason, "at": now}
    return connection.execute(_MOVES[state], values).rowcount > 0


_SEEN = select(func.max(customer.c.last_opened_at), func.max(customer.c.last_clicked_at)).where(
    customer.c.email == bindparam("email")
)
_SOFT = select(func.count(bounce.c.message_id.distinct()), func.min(bounce.c.received_at)).where(
    bounce.c.email == bindparam("email"),
    bounce.c["class"] == literal_column("'soft'"),
    bounce.c.state == literal_column("'counted'"),
)
_SINCE = bounce.c.received_at > bindparam("since", type_=bounce.c.received_at.type)
_SOFT_SINCE = _SOFT.where(_SINCE)
_FORGET_SOFT = (
    update(bounce)
    .where(bounce.c.email == bindparam("of"), bounce.c["class"] == literal_column("'soft'"))
    .values(state="noted")
)


def soft_since_seen(connection: Connection, email: str) -> tuple[int, datetime | None]:
    """Return how often an address came back for a while, and when first, since its receiver opened or clicked."""
    seen = [at for at in connection.execute(_SEEN, {"email": email}).one() if at is not None]
    if seen:
        count, first = connection.execute(_SOFT_SINCE, {"email": email, "since": max(seen)}).one()
    else:
        count, first = connection.execute(_SOFT, {"email": email}).one()
    return int(count), first


def forget_soft(connection: Connection, email: str) -> None:
    """Let the soft bounces of an address count no more: its suppression is lifted."""
    connection.execute(_FORGET_SOFT, {"of": email})


_EARLY = (
    select(bounce.c.id, bounce.c.message_id, bounce.c["class"], bounce.c.reason, bounce.c.status, message.c.state)
    .join(message, message.c.id == bounce.c.message_id)
    .where(
        bounce.c.state == literal_column("'early'"),
        stands(S.SENT, S.UNKNOWN, S.FAILED, S.QUEUED, S.BOUNCED, S.COMPLAINED, S.SKIPPED),
    )
    .limit(200)
)


def early(connection: Connection) -> list[Any]:
    """Return what came back before our sender had written that it was handed over, and is written by now."""
    return list(connection.execute(_EARLY))


def count(connection: Connection, number: int) -> None:
    """Write that what followed from something has been done."""
    connection.execute(update(bounce).where(bounce.c.id == number).values(state="counted"))


def counts(connection: Connection, since: datetime) -> dict[tuple[BounceClass, str], int]:
    """Return how many there were since then, by class and reason."""
    told = (bounce.c["class"], bounce.c.reason)
    rows = connection.execute(select(*told, func.count()).where(bounce.c.received_at >= since).group_by(*told))
    return {(BounceClass(kind), reason): number for kind, reason, number in rows}


def listed(connection: Connection, *, unread: bool, most: int) -> list[Any]:
    """Return the newest, without what was kept of their bytes."""
    columns = [column for column in bounce.c if column.name != "raw"]
    asked = select(*columns).order_by(bounce.c.id.desc()).limit(most)
    if unread:
        asked = asked.where(bounce.c.state == literal_column("'unread'"))
    return list(connection.execute(asked))


def count_unread(connection: Connection, since: datetime | None = None) -> int:
    """Return how many could not be read, or name no mail of ours."""
    asked = select(func.count()).select_from(bounce).where(bounce.c.state == literal_column("'unread'"))
    return int(connection.execute(asked if since is None else asked.where(bounce.c.received_at >= since)).scalar_one())


def count_strange(connection: Connection) -> int:
    """Return how many were read, and name no mail of ours."""
    asked = select(func.count()).select_from(bounce).where(bounce.c.state == literal_column("'unread'"))
    unreadable = bounce.c["class"] == BounceClass.UNREADABLE.value
    return int(connection.execute(asked.where(~unreadable)).scalar_one())


def by_id(connection: Connection, number: int) -> Any | None:
    """Return all that is kept of one."""
    return connection.execute(select(bounce).where(bounce.c.id == number)).first()


def unread(connection: Connection, since: datetime, most: int = 200) -> list[Any]:
    """Return the newest that could not be read since then: how they came, when, and why not."""
    asked = select(bounce.c.source, bounce.c.received_at, bounce.c.why).where(bounce.c.received_at >= since)
    asked = asked.where(bounce.c.state == literal_column("'unread'")).order_by(bounce.c.id.desc())
    return list(connection.execute(asked.limit(most)))


def unread_after(connection: Connection, number: int, most: int) -> list[Any]:
    """Return those that could not be read, with their bytes, from a number on."""
    asked = select(bounce).where(bounce.c.state == literal_column("'unread'"), bounce.c.id > number)
    return list(connection.execute(asked.order_by(bounce.c.id).limit(most)))
