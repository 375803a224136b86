"""What an event tells of a customer, written down: the record, the address's consent, the order, the facts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from worker.domain.customers import Customer
from worker.domain.journeys import TraceEntry, TraceKind
from worker.domain.order_changes import order_change
from worker.domain.orders import Order
from worker.domain.profiles import profile_changes
from worker.domain.pseudonyms import NO_KEYS, Pseudonyms
from worker.engine.advancing import leave
from worker.engine.consenting import ConsentRules, take_consent
from worker.engine.foretelling import foretell
from worker.engine.returning import drop, welcome
from worker.engine.suppressing import lift_by_event
from worker.storage import customers, erasure, journeys, ledger, membership, orders, pending, write_behind
from worker.storage.gathered import Gathered
from worker.storage.pending import PendingEvent


@dataclass(frozen=True, slots=True)
class Recorded:
    """Whom an event was about, and the order as it stands after it.

    Parameters:
        before: the customer as known before, None for a new one.
        asked: the ledger's line of a yes to marketing that waits for its confirmation, where the event said one.
        mails: numbers of the mails that confirm a refusal.
    """

    customer: Customer
    order: Order | None
    before: Customer | None = None
    asked: int | None = None
    mails: tuple[int, ...] = ()


def record(
    connection: Connection,
    event: PendingEvent,
    gathered: Gathered,
    currency: str,
    now: datetime,
    rules: ConsentRules,
    pseudonyms: Pseudonyms = NO_KEYS,
) -> Recorded | None:
    """Write down what the event tells, and close it; the facts are up to date afterwards.

    Parameters:
        gathered: what was asked for all events that are processed with this one.
        currency: the shop's, for orders that name none.
        rules: what follows from a word about consent.
        pseudonyms: by which somebody is known again who was erased.

    Returns:
        None where it tells of somebody's time before they were erased: it is closed, and nothing of it kept.
    """
    identified = _identify(connection, event, gathered, now, pseudonyms)
    if identified is None:
        drop(connection, pseudonyms, event)
        return None
    customer_id, before = identified
    taken = take_consent(connection, event, customer_id, rules, now)
    note = taken.note
    order = _take_order(connection, event, gathered, customer_id, currency, now) if event.order else None
    number = event.order["number"] if event.order else None
    if order is not None and order.customer_id != customer_id:
        note = "; ".join(filter(None, (note, f"order {number} is another customer's and stays theirs")))
    pending.close(connection, event.id, customer_id, number, note)
    customer = customers.by_id(connection, [customer_id])[customer_id]
    back = welcome(connection, pseudonyms, customer, event, now)
    if lift_by_event(connection, customer, event, now) or back:
        customer = customers.by_id(connection, [customer_id])[customer_id]
    return Recorded(customer, order, before, taken.asked, taken.mails)


def _identify(
    connection: Connection, event: PendingEvent, gathered: Gathered, now: datetime, pseudonyms: Pseudonyms
) -> tuple[int, Customer | None] | None:
    """Find or make the customer: the shop's id wins, then the address; a guest who gets an id stays the same one.

    Returns:
        Our number of the customer, and the customer as known before; None where they were erased since it happened.
    """
    external_id, email = event.customer.get("id"), event.customer.get("email")
    known = gathered.by_external_id(connection, external_id) if external_id else None
    guest = gathered.guest(connection, email) if email else None
    values: dict[str, Any] = {}
    if external_id:
        if known is None and guest is not None:
            known, values["external_id"] = guest, external_id
        before = known
        if known is not None and guest is not None and guest.id != known.id:
            _join(connection, guest, known, now)
            gathered.join(guest, known)
            known = customers.by_id(connection, [known.id])[known.id]
    else:
        before = known = gathered.by_email(connection, email) if email else None
    said_at = min(event.at, event.received_at)  # a shop whose clock or zone is wrong does not outdo its own later words
    changes_address = email is not None and (known is None or email != known.email)
    gone = gathered.erased(connection, pseudonyms, event) if known is None or changes_address else None
    if gone is not None and known is None and said_at <= gone.at:
        return None
    if gone is not None and email:
        erasure.suppress(connection, email, gone)
    values |= profile_changes(known, event.customer, said_at)
    newest = known is None or known.profile_at is None or said_at >= known.profile_at
    if email and (known is None or (email != known.email and (newest or known.email is None))):
        values["email"] = email
    if event.history and (known is None or known.created_at is None or said_at < known.created_at):
        values["created_at"] = said_at  # the shop's past goes before the day on which it was loaded
    if known is None:
        return customers.add(connection, {"external_id": external_id, **values}, now), None
    if values:
        customers.change(connection, known.id, values, now)
    return known.id, before


def _join(connection: Connection, guest: Customer, known: Customer, now: datetime) -> None:
    """Make one customer of two; a journey of the guest that the customer is in too ends, and sends nothing more."""
    write_behind.catch_up(connection)  # what flows said of the guest's events becomes theirs
    left = customers.join_guest(connection, guest, known, now)
    membership.mark(connection, {guest.id: True})
    for journey in journeys.under_way(connection, guest.id):
        leave(connection, journey, "joined", TraceEntry(TraceKind.EXIT, None, {"reason": "joined"}), now)
    for journey_id in left:
        ledger.cancel(connection, journey_id, "exit: joined", now)


def _take_order(
    connection: Connection, event: PendingEvent, gathered: Gathered, customer_id: int, currency: str, now: datetime
) -> Order:
    """Take over what the event says of the order; whose order it is, theirs are the facts, and their journeys look."""
    assert event.order is not None
    known, told = gathered.order(connection, event.order["number"])
    change = order_change(known, told, customer_id, event.type, event.order, event.data, event.at, currency)
    order = replace(change.order, id=orders.save(connection, change.order, change.told))
    if change.lines_changed:
        orders.save_lines(connection, order.id, order.lines, new=known is None)
    if change.status is not None:
        orders.add_status(connection, order.id, change.status, event.at, event.id)
    owners = {order.customer_id, known.customer_id if known is not None else order.customer_id}
    for owner in sorted(owners):
        customers.refresh_order_facts(connection, owner)
    foretell(connection, gathered.fitted(connection), owners, (), now)
    if owners - {customer_id}:
        gathered.touch(ids=owners)
        journeys.wake_of(connection, sorted(owners - {customer_id}))
        membership.mark(connection, dict.fromkeys(owners - {customer_id}, event.history))
    return order
