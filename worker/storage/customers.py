"""Customers: found by the shop's id or by address, made, changed, joined."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, and_, bindparam, func, or_, select, union, update

from worker.domain.customers import Consent, ConsentState, Customer, CustomerFacts, Suppression
from worker.domain.profiles import inherited
from worker.storage import coupons, requests, tasks, wishes
from worker.storage.read_again import ReadAgain
from worker.storage.rows import ORDER_LOCKS, Insertion, lock_keys
from worker.storage.tables import address, customer, event, event_trace, journey, message, orders

_CONSENT = (
    *(address.c.marketing, address.c.tracking, address.c.suppressed, address.c.marketing_suppressed),
    *(address.c.marketing_suppressed_at, address.c.marketing_suppressed_by),
    *wishes.COLUMNS,
)
_COLUMNS = (
    *(customer.c.id, customer.c.external_id, customer.c.email, customer.c.name, customer.c.first_name),
    *(customer.c.phone, customer.c.birthday, customer.c.language, customer.c.timezone),
    *(customer.c.address, customer.c.fields, customer.c.tags, customer.c.created_at, customer.c.profile_at),
    *(customer.c.written, customer.c.orders_count, customer.c.total_spent),
    *(customer.c.first_order_at, customer.c.last_order_at, customer.c.last_opened_at, customer.c.last_clicked_at),
    *(customer.c.alive, customer.c.predicted_next_order_at, customer.c.erased_at),
    *_CONSENT,
)
_WITH_ADDRESS = customer.outerjoin(address, address.c.email == customer.c.email)
_CUSTOMER = select(*_COLUMNS).select_from(_WITH_ADDRESS)

_ADDRESS = select(*_CONSENT).where(address.c.email == bindparam("email"))

_BY_ID = _CUSTOMER.where(customer.c.id.in_(bindparam("ids", expanding=True)))
_HELD_BY_ID = _BY_ID.with_for_update(of=customer, key_share=True)
_KEEP = (
    select(customer.c.id)
    .where(customer.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(customer.c.id)
    .with_for_update(key_share=True)
)
_BY_EXTERNAL_ID = _CUSTOMER.where(customer.c.external_id == bindparam("external_id"))
# Of several with one address, one that the shop has an id for comes first, then the oldest.
_BY_EMAIL = (
    _CUSTOMER.where(
        customer.c.email == bindparam("email"), customer.c.erased_at.is_(None), customer.c.merged_into.is_(None)
    )
    .order_by(customer.c.external_id.is_(None), customer.c.id)
    .limit(1)
)
_GUEST = (
    _CUSTOMER.where(
        customer.c.email == bindparam("email"),
        customer.c.external_id.is_(None),
        customer.c.erased_at.is_(None),
        customer.c.merged_into.is_(None),
    )
    .order_by(customer.c.id)
    .limit(1)
)
# Of those with one address, whom `by_email` and `guest` may find: the oldest with an id of the shop's, and without.
# Gathered by index first: of conditions joined by OR the database would read every customer.
_OF_KEYS = (
    select(customer.c.id).where(customer.c.external_id.in_(bindparam("external_ids", expanding=True))),
    select(func.min(customer.c.id))
    .where(
        customer.c.email.in_(bindparam("emails", expanding=True)),
        customer.c.erased_at.is_(None),
        customer.c.merged_into.is_(None),
    )
    .group_by(customer.c.email, customer.c.external_id.is_(None)),
)
_NAMED = _CUSTOMER.where(customer.c.id.in_(union(*_OF_KEYS)))
_HELD = union(
    *_OF_KEYS,
    select(orders.c.customer_id).where(orders.c.number.in_(bindparam("numbers", expanding=True))),
)
_HOLD = select(customer.c.id).where(customer.c.id.in_(_HELD)).order_by(customer.c.id).with_for_update(key_share=True)
_ADD = Insertion(customer, lambda new: new.returning(customer.c.id))
_CHANGE = update(customer).where(customer.c.id == bindparam("of"))
# One search of the orders for all four; SQLAlchemy has no words for a row of columns that is set from a SELECT.
_REFRESH = (
    "UPDATE customer SET (orders_count, total_spent, first_order_at, last_order_at) ="
    " (SELECT count(*), coalesce(sum(total - refunded), 0), min(placed_at), max(placed_at)"
    " FROM orders WHERE customer_id = {of} AND counted) WHERE id = {of}"
)
_REFRESHES = {"sqlite": _REFRESH.format(of=":of"), "postgresql": _REFRESH.format(of="%(of)s")}


def by_id(connection: Connection, ids: Sequence[int]) -> dict[int, Customer]:
    """Return customers by our own number; those that are not there are left out."""
    if not ids:
        return {}
    return {row.id: _customer(row) for row in connection.execute(_BY_ID, {"ids": list(ids)}).all()}


def by_external_id(connection: Connection, external_id: str) -> Customer | None:
    """Return the customer that the shop knows by this id."""
    row = connection.execute(_BY_EXTERNAL_ID, {"external_id": external_id}).first()
    return _customer(row) if row else None


def by_email(connection: Connection, email: str) -> Customer | None:
    """Return the customer with this (normalised) address; with an id of the shop's before one without."""
    row = connection.execute(_BY_EMAIL, {"email": email}).first()
    return _customer(row) if row else None


def guest(connection: Connection, email: str) -> Customer | None:
    """Return the customer who is known by this address only, without an id of the shop's."""
    row = connection.execute(_GUEST, {"email": email}).first()
    return _customer(row) if row else None


def named(connection: Connection, keys: Iterable[str]) -> list[Customer]:
    """Return whom `by_external_id`, `by_email` and `guest` find by these keys (`id:…`, `email:…`), asked at once."""
    ids, emails = _split(keys)
    return [_customer(row) for row in connection.execute(_NAMED, {"external_ids": ids, "emails": emails})]


def at_address(connection: Connection, whom: Customer, email: str) -> Customer:
    """Return a customer as a mail finds them that is for this very address, whichever is theirs by now."""
    if whom.erased or whom.email == email:
        return whom
    row = connection.execute(_ADDRESS, {"email": email}).first()
    return replace(whom, email=email, consent=Consent() if row is None else _consent(*row))


def find(connection: Connection, word: str) -> list[Customer]:
    """Return the customers a person may mean by this word: the shop's id, our number as `#12`, or an address."""
    number = int(word[1:]) if word.startswith("#") and word[1:].isdigit() else -1
    found = connection.execute(
        _CUSTOMER.where(
            or_(
                customer.c.external_id == word,
                customer.c.id == number,
                and_(customer.c.email == word.strip().lower(), customer.c.merged_into.is_(None)),
            )
        ).order_by(customer.c.id)
    )
    return [_customer(row) for row in found]


def add(connection: Connection, values: Mapping[str, Any], now: datetime) -> int:
    """Make a customer's row; returns our number of it.

    Parameters:
        values: with `created_at` where the customer was known before now.
    """
    made = {"created_at": now, **values, "updated_at": now}
    return int(connection.execute(_ADD.on(connection), made).scalar_one())


def change(connection: Connection, customer_id: int, values: Mapping[str, Any], now: datetime) -> None:
    """Write some columns of one customer."""
    connection.execute(_CHANGE, {"of": customer_id, **values, "updated_at": now})


def hold(connection: Connection, keys: Iterable[str], order_numbers: Iterable[str] = ()) -> frozenset[int] | None:
    """Keep others from changing these customers' facts, and these orders, until the end of the transaction.

    Held before they are read, and all at once in the order of their numbers, as everybody does who holds several.

    Parameters:
        keys: `id:…` and `email:…`, what events name their customers by.
        order_numbers: the orders that events name, whosesoever they are: who placed one is held like the others.

    Returns:
        Our numbers of those who are held; None: everybody is, as SQLite has one writer at a time.
    """
    if connection.dialect.name != "postgresql":
        return None
    keys, numbers = set(keys), sorted(set(order_numbers))
    if numbers:
        lock_keys(connection, ORDER_LOCKS, numbers)  # before it is asked whose they are
    ids, emails = _split(keys)
    asked = {"external_ids": ids, "emails": emails, "numbers": numbers}
    return frozenset(connection.execute(_HOLD, asked).scalars())


def _split(keys: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return the ids and the addresses that keys name, in one order each time."""
    sorted_keys = sorted(set(keys))
    ids = [key.removeprefix("id:") for key in sorted_keys if key.startswith("id:")]
    return ids, [key.removeprefix("email:") for key in sorted_keys if key.startswith("email:")]


def keep(connection: Connection, ids: Iterable[int]) -> None:
    """Keep others from changing these customers' rows until the end of the transaction, as `hold` does."""
    if connection.dialect.name == "postgresql":
        connection.execute(_KEEP, {"ids": sorted(set(ids))})


def held(connection: Connection, customer_id: int) -> Customer:
    """Return a customer as the row stands now, and keep it to this transaction."""
    return _customer(connection.execute(_HELD_BY_ID, {"ids": [customer_id]}).one())


def refresh_order_facts(connection: Connection, customer_id: int) -> None:
    """Count the customer's orders anew: what was refunded or cancelled is out of them."""
    connection.exec_driver_sql(_REFRESHES[connection.dialect.name], {"of": customer_id})


def join_guest(connection: Connection, guest: Customer, known: Customer, now: datetime) -> list[int]:
    """Move what a guest is and did to the customer whom the shop has an id for; the guest's row points there.

    Returns:
        The guest's journeys that stay where they are, since the customer has such a one: one for each once-key.
    """
    guest_id, into = guest.id, known.id
    for table in (orders, event, event_trace):
        connection.execute(update(table).where(table.c.customer_id == guest_id).values(customer_id=into))
    other = journey.alias()
    moving = select(journey.c.id).where(
        journey.c.customer_id == guest_id,
        ~select(other.c.id)
        .where(other.c.customer_id == into, other.c.flow == journey.c.flow, other.c.once_key == journey.c.once_key)
        .exists(),
    )
    moved = list(connection.execute(moving).scalars())
    connection.execute(update(journey).where(journey.c.id.in_(moved)).values(customer_id=into))
    connection.execute(update(message).where(message.c.journey_id.in_(moved)).values(customer_id=into))
    tasks.join(connection, guest_id, into)
    requests.join(connection, guest_id, into)
    coupons.join(connection, guest_id, into)
    change(connection, into, inherited(known, guest), now)
    change(connection, guest_id, {"merged_into": into}, now)
    refresh_order_facts(connection, into)
    refresh_order_facts(connection, guest_id)
    return list(connection.execute(select(journey.c.id).where(journey.c.customer_id == guest_id)).scalars())


def _consent(marketing: str | None, tracking: str | None, suppressed: str | None, *further: Any) -> Consent:
    if suppressed is None and not any(further):
        return _plain_consent(marketing or "unknown", tracking or "unknown")
    stopped, stopped_at, stopped_by, *wished = further
    return Consent(
        ConsentState(marketing or "unknown"),
        ConsentState(tracking or "unknown"),
        suppressed,
        None if stopped is None else Suppression(stopped, stopped_at, stopped_by),
        wishes.wished(*wished),
    )


@cache
def _plain_consent(marketing: str, tracking: str) -> Consent:
    return Consent(ConsentState(marketing), ConsentState(tracking))


def _customer(row: Sequence[Any]) -> Customer:
    """Return the customer that a row of `_COLUMNS` tells of."""
    id_, external_id, email, name, first_name, phone, birthday, language, timezone, *rest = row
    lives_at, fields, tags, created_at, profile_at, written, count, spent, first, last, *rest = rest
    opened, clicked, alive, foretold, erased_at, *consent = rest
    return Customer(
        id_,
        external_id,
        email,
        name,
        first_name,
        phone,
        birthday,
        language,
        timezone,
        lives_at or {},
        fields or {},
        tuple(tags or ()),
        created_at,
        profile_at,
        written or {},
        _consent(*consent),
        CustomerFacts(count, spent, first, last, opened, clicked, alive, foretold),
        erased_at is not None,
    )


def again() -> ReadAgain[Customer]:
    """Return what reads customers by their numbers, again and again."""
    return ReadAgain(_COLUMNS, _WITH_ADDRESS, _customer)
