"""What an event tells of a customer, written down: the record, the address's consent, the order, the facts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from worker.domain.consents import consent_change, word
from worker.domain.customers import ConsentState, Customer, Purpose
from worker.domain.journeys import TraceEntry, TraceKind
from worker.domain.order_changes import order_change
from worker.domain.orders import Order
from worker.domain.profiles import profile_changes
from worker.engine.advancing import leave
from worker.engine.foretelling import foretell
from worker.engine.suppressing import lift_by_event
from worker.storage import consent, customers, journeys, ledger, membership, orders, pending
from worker.storage.pending import PendingEvent

# House events that are themselves a word about consent to marketing.
_WORDS = {"subscribed": True, "unsubscribed": False}


@dataclass(frozen=True, slots=True)
class Recorded:
    """Whom an event was about, and the order as it stands after it.

    Parameters:
        before: the customer as known before, None for a new one.
    """

    customer: Customer
    order: Order | None
    before: Customer | None = None


def record(connection: Connection, event: PendingEvent, currency: str, now: datetime) -> Recorded:
    """Write down what the event tells, and close it; the facts are up to date afterwards.

    Parameters:
        currency: the shop's, for orders that name none.
    """
    customer_id, before = _identify(connection, event, now)
    note = _take_consent(connection, event, customer_id)
    order = _take_order(connection, event, customer_id, currency, now) if event.order else None
    number = event.order["number"] if event.order else None
    if order is not None and order.customer_id != customer_id:
        note = "; ".join(filter(None, (note, f"order {number} is another customer's and stays theirs")))
    if not pending.close(connection, event.id, customer_id, number, note):
        raise RuntimeError(f"event {event.id} was taken by someone else meanwhile; nothing of it is done again")
    customer = customers.by_id(connection, [customer_id])[customer_id]
    if lift_by_event(connection, customer, event, now):
        customer = customers.by_id(connection, [customer_id])[customer_id]
    return Recorded(customer, order, before)


def _identify(connection: Connection, event: PendingEvent, now: datetime) -> tuple[int, Customer | None]:
    """Find or make the customer: the shop's id wins, then the address; a guest who gets an id stays the same one.

    Returns:
        Our number of the customer, and the customer as known before.
    """
    external_id, email = event.customer.get("id"), event.customer.get("email")
    known = customers.by_external_id(connection, external_id) if external_id else None
    guest = customers.guest(connection, email) if email else None
    values: dict[str, Any] = {}
    if external_id:
        if known is None and guest is not None:
            known, values["external_id"] = guest, external_id
        before = known
        if known is not None and guest is not None and guest.id != known.id:
            _join(connection, guest, known, now)
            known = customers.by_id(connection, [known.id])[known.id]
    else:
        before = known = customers.by_email(connection, email) if email else None
    said_at = min(event.at, event.received_at)  # a shop whose clock or zone is wrong does not outdo its own later words
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
    left = customers.join_guest(connection, guest, known, now)
    membership.mark(connection, {guest.id: True})
    for journey in journeys.under_way(connection, guest.id):
        leave(connection, journey, "joined", TraceEntry(TraceKind.EXIT, None, {"reason": "joined"}), now)
    for journey_id in left:
        ledger.cancel(connection, journey_id, "exit: joined", now)


def _take_consent(connection: Connection, event: PendingEvent, customer_id: int) -> str | None:
    said: dict[str, Any] = dict(event.customer.get("consent") or {})
    if event.type in _WORDS:
        said["marketing"] = _WORDS[event.type]
    words = [(purpose, bool(said[purpose.value])) for purpose in Purpose if said.get(purpose.value) is not None]
    if not words:
        return None
    email = event.customer.get("email") or customers.by_id(connection, [customer_id])[customer_id].email
    if email is None:
        return "consent not kept: the customer has no e-mail address, and consent belongs to one"
    at = datetime.fromisoformat(said["at"]) if said.get("at") else event.at
    ignored = []
    holding = consent.hold(connection, email)
    for purpose, yes in words:
        known = holding[purpose]
        new = consent_change(known, word(yes, at, event.received_at, event.type))
        if new is None:
            if yes != (known.state is ConsentState.SUBSCRIBED):
                ignored.append(purpose.value)
        elif new.renews(known):
            consent.renew(connection, email, purpose, new)
        else:
            consent.change(
                connection,
                email,
                purpose,
                new,
                source=said.get("source") or f"{event.source}:{event.type}",
                wording=said.get("wording"),
                proof={"event": event.id},
                event_id=event.id,
                quiet=event.history,
            )
    return f"consent to {', '.join(ignored)} unchanged: another word stands against it" if ignored else None


def _take_order(connection: Connection, event: PendingEvent, customer_id: int, currency: str, now: datetime) -> Order:
    """Take over what the event says of the order; whose order it is, theirs are the facts, and their journeys look."""
    assert event.order is not None
    known, told = orders.known(connection, event.order["number"])
    change = order_change(known, told, customer_id, event.type, event.order, event.data, event.at, currency)
    order = replace(change.order, id=orders.save(connection, change.order, change.told))
    if change.lines_changed:
        orders.save_lines(connection, order.id, order.lines, new=known is None)
    if change.status is not None:
        orders.add_status(connection, order.id, change.status, event.at, event.id)
    owners = {order.customer_id, known.customer_id if known is not None else order.customer_id}
    for owner in sorted(owners):
        customers.refresh_order_facts(connection, owner)
    foretell(connection, owners, (), now)
    if owners - {customer_id}:
        journeys.wake_of(connection, sorted(owners - {customer_id}))
        membership.mark(connection, dict.fromkeys(owners - {customer_id}, event.history))
    return order
