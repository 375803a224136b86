"""Hits in the ledger: kept raw once each, classed later, and what people's hits mean for mails and customers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from json.encoder import encode_basestring_ascii as _quoted  # json.dumps of a text, without what it asks before
from types import MappingProxyType
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, ColumnElement, Connection, Row, and_, bindparam, case, func, or_, select, update

from worker.domain.hits import ALIKE, SETTLING, Hit, HitClass, HitKind
from worker.domain.messages import MessageState
from worker.storage import membership, suppression
from worker.storage.personal import HELD
from worker.storage.tables import customer, hit, message
from worker.storage.types import instant_of, microseconds

_LARGEST = 2**63 - 1  # what a column of whole numbers holds
_NUL = b"\\u0000"  # no header or address has one, and PostgreSQL takes none


class NewHit(NamedTuple):
    """A request as it came.

    Parameters:
        key: made with the request; read back from a spool, the hit stays one.
        at: when it came, aware.
        url: where a click led.
        headers: those that tell machines from people.
        ip_hash: keyed hash of the client's address, with another key each day.
    """

    key: str
    message: int
    kind: HitKind
    at: datetime
    link: int | None = None
    url: str | None = None
    user_agent: str = ""
    headers: Mapping[str, str] = MappingProxyType({})
    ip_hash: str | None = None

    def row(self) -> str:
        """Return it as one line of JSON, the form in which it waits in a spool and is given to the database."""
        key, message, kind, at, link, url, agent, headers, hidden = self
        return (
            f'[{_quoted(key)},{message},"{kind}",{"null" if link is None else link},'
            f"{'null' if url is None else _quoted(url)},{microseconds(at)},{_quoted(agent)},"
            f"{json.dumps(dict(headers)) if headers else '{}'},{'null' if hidden is None else _quoted(hidden)}]"
        )

    @classmethod
    def of_row(cls, text: bytes) -> NewHit:
        """Return the hit of a row.

        Raises:
            ValueError: this is no row.
        """
        try:
            found = json.loads(text)
        except RecursionError:
            found = None
        if not isinstance(found, list) or len(found) != len(cls._fields) or _NUL in text:
            raise ValueError("no row of a hit")
        key, message, kind, link, url, at, agent, headers, hidden = found
        good = (
            isinstance(key, str)
            and _whole(message)
            and (link is None or _whole(link))
            and (url is None or isinstance(url, str))
            and _whole(at)
            and isinstance(agent, str)
            and isinstance(headers, dict)
            and (hidden is None or isinstance(hidden, str))
        )
        try:
            when = instant_of(at) if good else None
        except OverflowError:
            when = None
        if when is None:
            raise ValueError("no row of a hit")
        return cls(key, message, HitKind(kind), when, link, url, agent, headers, hidden)


@dataclass(frozen=True, slots=True)
class Kept:
    """A hit as it is kept, with what is known of its mail; `customer` is None where there is no such mail.

    Parameters:
        whose: how it was classed, None where it was not yet; `told_by` by what.
    """

    id: int
    hit: Hit
    customer: int | None
    sent_at: datetime | None
    whose: HitClass | None = None
    told_by: str | None = None


@dataclass(frozen=True, slots=True)
class Classed:
    """How a hit is classed, by what that was told, and what it was made with."""

    id: int
    whose: HitClass
    told_by: str
    program: str | None
    device: str | None


@dataclass(frozen=True, slots=True)
class PeoplesHits:
    """When people first and last opened a mail and clicked in it, among the hits that were just classed."""

    message: int
    customer: int
    opens: tuple[datetime, ...]
    clicks: tuple[datetime, ...]


_COLUMNS = "key, message_id, kind, link, url, at, user_agent, headers, ip_hash"
_ADD_POSTGRES = (
    f"INSERT INTO hit ({_COLUMNS}) SELECT r ->> 0, (r ->> 1)::bigint, r ->> 2, (r ->> 3)::integer, r ->> 4,"
    " timestamptz 'epoch' + (r ->> 5)::bigint * interval '1 microsecond', r ->> 6, (r -> 7)::jsonb, r ->> 8"
    " FROM json_array_elements(%s::json) AS one(r) ON CONFLICT DO NOTHING RETURNING id, kind"
)
_ADDED_POSTGRES = f"WITH added AS ({_ADD_POSTGRES}) SELECT kind, array_agg(id ORDER BY id) FROM added GROUP BY kind"
_ADD_SQLITE = (
    f"INSERT INTO hit ({_COLUMNS}) SELECT {', '.join(f'value ->> {n}' for n in range(9))} FROM json_each(?)"
    " WHERE true ON CONFLICT DO NOTHING"
)
_ADDED_SQLITE = "SELECT kind, json_group_array(id) FROM hit WHERE id > ? GROUP BY kind"


def add(connection: Connection, rows: str) -> dict[HitKind, tuple[int, ...]]:
    """Keep hits, each key once; returns the numbers of those that are new, by kind.

    Thousands come in a second, so they go in, and their numbers come out, as one text of JSON, without work of
    SQLAlchemy or the driver for each. On SQLite that has another reason too: for each row that it steps to, the driver
    lets go of Python's lock, and may wait for it beside a busy loop.

    Parameters:
        rows: what `NewHit.row` gives of each, between commas.
    """
    if connection.dialect.name == "postgresql":
        found = connection.exec_driver_sql(_ADDED_POSTGRES, (f"[{rows}]",))
        return {HitKind(kind): tuple(numbers) for kind, numbers in found}
    # one writer at a time: what is beyond the last row of before is ours
    last = connection.exec_driver_sql("SELECT coalesce(max(id), 0) FROM hit").scalar_one()
    connection.exec_driver_sql(_ADD_SQLITE, (f"[{rows}]",))
    added = connection.exec_driver_sql(_ADDED_SQLITE, (last,))
    return {HitKind(kind): tuple(json.loads(numbers)) for kind, numbers in added}


def _unclassed(settled: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
    return and_(hit.c["class"].is_(None), or_(hit.c.kind == HitKind.OPEN.value, hit.c.at <= settled))


_DUE = select(hit.c.id).where(_unclassed(bindparam("settled"))).order_by(hit.c.id).limit(bindparam("most"))


def may_class(now: datetime) -> ColumnElement[bool]:
    """Return the condition for hits that can be classed now; a click first waits for what comes beside it."""
    return _unclassed(now - SETTLING)


def due(connection: Connection, now: datetime, most: int) -> list[int]:
    """Return the numbers of hits that can be classed now, at most so many, the oldest first."""
    return list(connection.execute(_DUE, {"settled": now - SETTLING, "most": most}).scalars())


_WHOSE = case((customer.c.erased_at.is_(None), message.c.customer_id)).label("customer_id")  # an erased one is nobody
_HANDED_OVER = func.coalesce(message.c.sent_at, message.c.transmitting_at).label("handed_over")
_WITH_MAIL = hit.outerjoin(message, message.c.id == hit.c.message_id)
KEPT = (
    select(hit, _WHOSE, _HANDED_OVER)
    .select_from(_WITH_MAIL.outerjoin(customer, customer.c.id == message.c.customer_id))
    .order_by(hit.c.id)
)


def forget_source(connection: Connection, ids: Sequence[int]) -> None:
    """Keep of hits that are nobody's any more only that they came, of which class, and when."""
    if ids:
        connection.execute(update(hit).where(hit.c.id.in_(list(ids))).values(HELD["hit"].blank))


def unclassed(connection: Connection, ids: Sequence[int], now: datetime) -> list[Kept]:
    """Return those of these hits that can be classed now."""
    return [as_kept(row) for row in connection.execute(KEPT.where(hit.c.id.in_(list(ids)), may_class(now)))]


def beside(connection: Connection, of: Sequence[Kept]) -> dict[int, list[Kept]]:
    """Return the hits on the mails of these that came about when these did, themselves too, by mail."""
    found: dict[int, list[Kept]] = {}
    if not of:
        return found
    since, until = min(one.hit.at for one in of) - ALIKE, max(one.hit.at for one in of) + ALIKE
    messages = {one.hit.message for one in of}
    for row in connection.execute(KEPT.where(hit.c.message_id.in_(sorted(messages)), hit.c.at.between(since, until))):
        found.setdefault(row.message_id, []).append(as_kept(row))
    return found


_CLASS = (
    update(hit)
    .where(hit.c.id == bindparam("number"))
    .values(
        {
            "class": bindparam("whose"),
            "reason": bindparam("told_by"),
            "program": bindparam("with_program"),
            "device": bindparam("on_device"),
        }
    )
)


def set_classes(connection: Connection, classed: Sequence[Classed]) -> None:
    """Write who made each hit, by what that was told, and with what it was made."""
    values = [
        {
            "number": one.id,
            "whose": one.whose.value,
            "told_by": one.told_by,
            "with_program": one.program,
            "on_device": one.device,
        }
        for one in classed
    ]
    if values:
        connection.execute(_CLASS, values)


def hold_customers(connection: Connection, customers: Iterable[int]) -> None:
    """Keep others from changing these customers' facts until the end of the transaction."""
    if connection.dialect.name == "postgresql":
        numbers = sorted(set(customers))
        held = select(customer.c.id).where(customer.c.id.in_(numbers)).order_by(customer.c.id)
        connection.execute(held.with_for_update(key_share=True))


def settle_by_evidence(connection: Connection, messages: Iterable[int], now: datetime) -> list[int]:
    """Call mails sent whose outcome was unknown and that were looked at; returns their numbers.

    Whoever looked, person or machine, had the mail.
    """
    statement = (
        update(message)
        .where(message.c.id.in_(sorted(set(messages))), message.c.state == MessageState.UNKNOWN.value)
        .values(
            state=MessageState.SENT.value,
            sent_at=func.coalesce(message.c.sent_at, message.c.transmitting_at),
            settled_at=now,
            reason="it was opened or clicked",
        )
        .returning(message.c.id)
    )
    return list(connection.execute(statement).scalars())


def note_people(connection: Connection, noted: Sequence[PeoplesHits], now: datetime) -> None:
    """Write into mails when people first opened and clicked, and into customers when they last did.

    Who clicks lifts a flow's suppression of the address.
    """
    for one in noted:
        _earliest(connection, one.message, "opened_at", one.opens)
        _earliest(connection, one.message, "clicked_at", one.clicks)
        _latest(connection, one.customer, "last_opened_at", one.opens)
        _latest(connection, one.customer, "last_clicked_at", one.clicks)
        if one.clicks:
            suppression.lift_marketing(connection, one.customer, "the customer clicked", max(one.clicks), now)
    membership.mark(connection, {one.customer: False for one in noted})


def _earliest(connection: Connection, number: int, name: str, times: Sequence[datetime]) -> None:
    if times:
        column, first = message.c[name], min(times)
        later = or_(column.is_(None), column > first)
        connection.execute(update(message).where(message.c.id == number, later).values({name: first}))


def _latest(connection: Connection, number: int, name: str, times: Sequence[datetime]) -> None:
    if times:
        column, last = customer.c[name], max(times)
        earlier = or_(column.is_(None), column < last)
        connection.execute(update(customer).where(customer.c.id == number, earlier).values({name: last}))


def as_kept(row: Row[Any]) -> Kept:
    """Return a row of `KEPT`."""
    kind, agent, whose = HitKind(row.kind), row.user_agent or "", row._mapping["class"]
    read = Hit(row.message_id, kind, row.at, row.link, agent, row.headers or {}, row.ip_hash)
    return Kept(row.id, read, row.customer_id, row.handed_over, whose and HitClass(whose), row.reason)


def _whole(value: object) -> bool:
    return type(value) is int and -_LARGEST <= value <= _LARGEST
