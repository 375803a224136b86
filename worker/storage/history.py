"""The stored past of customers, read in slices by whoever plays it through again; nothing is written.

Each slice is a short transaction of its own that the database itself keeps from writing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Result, Select, bindparam, case, distinct, func, select, text

from worker.domain.consents import PENDING
from worker.domain.customers import ConsentState, Purpose, Suppression
from worker.domain.hits import HitClass, HitKind
from worker.storage import customers
from worker.storage.database import Database
from worker.storage.past import PastAddress, PastConsent, PastCustomer, PastEvent, PastMail, Span
from worker.storage.tables import address, consent_change, customer, event, hit, journey, message, request

_CHUNK = 5_000  # values of one condition

_IDS = (
    select(customer.c.id)
    .where(customer.c.id > bindparam("after"), customer.c.erased_at.is_(None), customer.c.merged_into.is_(None))
    .order_by(customer.c.id)
    .limit(bindparam("size"))
)
_COLUMNS = (
    event.c.id,
    event.c.type,
    event.c.occurred_at,
    event.c.received_at,
    event.c.history,
    event.c.payload,
    event.c.order_number,
    event.c.request,
    event.c.customer_id,
)
_EVENTS = select(*_COLUMNS).where(
    event.c.customer_id.in_(bindparam("customers", expanding=True)),
    event.c.state == "processed",
    event.c.id <= bindparam("last"),
)
_SHARED = (
    select(event.c.order_number)
    .where(event.c.order_number.is_not(None), event.c.state == "processed", event.c.id <= bindparam("last"))
    .group_by(event.c.order_number)
    .having(func.count(distinct(event.c.customer_id)) > 1)
)
_OF_ORDERS = select(*_COLUMNS).where(
    event.c.order_number.in_(bindparam("numbers", expanding=True)),
    event.c.state == "processed",
    event.c.id <= bindparam("last"),
)
_ADDRESSES = select(address).where(address.c.email.in_(bindparam("emails", expanding=True)))
_CONSENTS = (
    select(
        consent_change.c.email,
        consent_change.c.purpose,
        consent_change.c.state,
        consent_change.c.at,
        event.c.id.label("told_by"),
        case((event.c.history, event.c.occurred_at), else_=event.c.received_at).label("known_at"),
    )
    .select_from(consent_change.outerjoin(event, event.c.id == consent_change.c.event_id))
    .where(
        consent_change.c.email.in_(bindparam("emails", expanding=True)),
        consent_change.c.purpose.in_([purpose.value for purpose in Purpose]),
        consent_change.c.state != PENDING,
    )
    .order_by(consent_change.c.id)
)
_PEOPLE = (HitClass.PERSON.value, HitClass.PROXY.value)
_HITS = (
    select(message.c.customer_id, hit.c.at, hit.c.kind)
    .select_from(hit.join(message, message.c.id == hit.c.message_id))
    .where(message.c.customer_id.in_(bindparam("customers", expanding=True)), hit.c["class"].in_(_PEOPLE))
    .order_by(hit.c.at, hit.c.id)
)
_CASES = (
    select(request.c.customer_id, request.c.number, request.c.opened_at, request.c.closed_at)
    .where(request.c.customer_id.in_(bindparam("customers", expanding=True)))
    .order_by(request.c.opened_at, request.c.number)
)
_JOURNEYS = (
    select(journey.c.customer_id, journey.c.flow, journey.c.order_number, journey.c.entered_at, journey.c.ended_at)
    .where(
        journey.c.customer_id.in_(bindparam("customers", expanding=True)),
        journey.c.state != "control",
        journey.c.flow != bindparam("but"),
    )
    .order_by(journey.c.id)
)
_MAILS = (
    select(message.c.customer_id, message.c.flow, message.c.kind, message.c.sent_at)
    .where(message.c.customer_id.in_(bindparam("customers", expanding=True)), message.c.sent_at.is_not(None))
    .order_by(message.c.sent_at, message.c.id)
)


@contextmanager
def looking(database: Database) -> Iterator[Connection]:
    """One short look during which the database refuses to write."""
    with database.reading() as connection:
        if not database.is_sqlite:
            connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
            yield connection
            return
        connection.exec_driver_sql("PRAGMA query_only=ON")
        try:
            yield connection
        finally:
            connection.exec_driver_sql("PRAGMA query_only=OFF")


def customers_count(connection: Connection) -> int:
    """Return how many customers there are to look at."""
    there = select(func.count()).where(customer.c.erased_at.is_(None), customer.c.merged_into.is_(None))
    return int(connection.execute(there).scalar_one())


def entered_between(connection: Connection, flow: str, since: datetime, until: datetime) -> int:
    """Return how many journeys of a flow really began within a time."""
    own = select(func.count()).where(journey.c.flow == flow, journey.c.entered_at.between(since, until))
    return int(connection.execute(own).scalar_one())


class PastReader:
    """Reads customers' past, slice by slice, up to the last event that there was as it began.

    Parameters:
        database: it is only looked at.
        hits, requests, mails: whether these are asked for.
        journeys: the flow besides whose journeys are asked for, None where none are.
    """

    def __init__(
        self,
        database: Database,
        *,
        hits: bool = False,
        requests: bool = False,
        journeys: str | None = None,
        mails: bool = False,
    ) -> None:
        self._database = database
        self._asked = (hits, requests, journeys, mails)
        with looking(database) as connection:
            self._last = int(connection.execute(select(func.coalesce(func.max(event.c.id), 0))).scalar_one())
            shared = list(connection.execute(_SHARED, {"last": self._last}).scalars())
            by_number: dict[str, list[PastEvent]] = {}
            for part in _parts(shared):
                for row in connection.execute(_OF_ORDERS, {"numbers": part, "last": self._last}):
                    by_number.setdefault(row.order_number, []).append(_event(row))
        self._shared: dict[int, list[PastEvent]] = {}
        for told in by_number.values():
            for one in {one.customer_id for one in told}:
                self._shared.setdefault(one, []).extend(other for other in told if other.customer_id != one)

    def slices(self, size: int = 500) -> Iterator[list[PastCustomer]]:
        """Yield all customers with their past, by our numbers of them; who was erased or joined is left out."""
        after = 0
        while True:
            with looking(self._database) as connection:
                ids = list(connection.execute(_IDS, {"after": after, "size": size}).scalars())
                if not ids:
                    return
                found = self._read(connection, ids)
            yield found
            after = ids[-1]

    def _read(self, connection: Connection, ids: Sequence[int]) -> list[PastCustomer]:
        people = {number: PastCustomer(one) for number, one in customers.by_id(connection, ids).items()}
        of = {"customers": list(ids)}
        for row in _rows(connection, _EVENTS, {**of, "last": self._last}):
            people[row.customer_id].events.append(_event(row))
        for number, one in people.items():
            one.events += self._shared.get(number, ())
            one.events.sort(key=lambda told: (told.known_at, told.id))
        _read_addresses(connection, people.values())
        hits, requests, journeys, mails = self._asked
        if hits:
            for row in _rows(connection, _HITS, of):
                people[row.customer_id].hits.append((row.at, HitKind(row.kind)))
        if requests:
            for row in _rows(connection, _CASES, of):
                people[row.customer_id].requests.append(Span(row.number, row.opened_at, row.closed_at))
        if journeys is not None:
            for row in _rows(connection, _JOURNEYS, {**of, "but": journeys}):
                span = Span(row.flow, row.entered_at, row.ended_at, row.order_number)
                people[row.customer_id].journeys.append(span)
        if mails:
            for row in _rows(connection, _MAILS, of):
                people[row.customer_id].mails.append(PastMail(row.flow, row.kind, row.sent_at))
        return [people[number] for number in ids]


def _read_addresses(connection: Connection, people: Iterable[PastCustomer]) -> None:
    owners: dict[str, list[PastCustomer]] = {}
    for one in people:
        said = {found.customer.get("email") for found in one.events if found.customer_id == one.today.id}
        for email in sorted(email for email in {*said, one.today.email} if email):
            owners.setdefault(email, []).append(one)
    for part in _parts(list(owners)):
        changes: dict[str, list[PastConsent]] = {}
        for row in _rows(connection, _CONSENTS, {"emails": part}):
            known_at = row.at if row.known_at is None else max(row.known_at, row.at)
            change = PastConsent(known_at, row.told_by or 0, Purpose(row.purpose), ConsentState(row.state))
            changes.setdefault(row.email, []).append(change)
        for row in _rows(connection, _ADDRESSES, {"emails": part}):
            today = {one: ConsentState(row._mapping[one.value]) for one in Purpose}
            told = tuple(sorted(changes.get(row.email, ()), key=lambda one: (one.known_at, one.event)))
            for one in owners[row.email]:
                one.addresses[row.email] = PastAddress(today, told, row.suppressed, row.suppressed_at, _stop(row))


def _stop(row: Any) -> Suppression | None:
    if row.marketing_suppressed is None:
        return None
    return Suppression(row.marketing_suppressed, row.marketing_suppressed_at, -1)  # of no journey that is played


def _event(row: Any) -> PastEvent:
    payload: Mapping[str, Any] = row.payload
    return PastEvent(
        row.id,
        row.type,
        row.occurred_at,
        row.occurred_at if row.history else row.received_at,
        row.customer_id,
        payload.get("customer") or {},
        payload.get("order"),
        row.order_number,
        payload.get("data") or {},
        row.request,
    )


def _rows(connection: Connection, statement: Select[Any], values: Mapping[str, Any]) -> Result[Any]:
    return connection.execute(statement, values)


def _parts(values: Sequence[str]) -> Iterator[list[str]]:
    for start in range(0, len(values), _CHUNK):
        yield list(values[start : start + _CHUNK])
