"""Facts of a customer at a moment, loaded as far as the asking conditions need them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select

from worker.domain.customers import Customer
from worker.domain.facts import Facts, Happening, History, JourneyFacts, MailFact, Need, ShopFacts, UnderWay
from worker.domain.journeys import Journey
from worker.domain.orders import Order
from worker.storage import orders
from worker.storage.tables import event, journey, message

_EVENTS = (
    select(event)
    .where(event.c.customer_id == bindparam("customer"), event.c.state == "processed")
    .order_by(event.c.occurred_at, event.c.id)
)
_BEGAN = select(event.c.occurred_at).where(event.c.id == bindparam("id"))
_EVENT = select(event).where(event.c.id.in_(bindparam("ids", expanding=True)))
_MAILS = (
    select(message.c.step, message.c.sent_at, message.c.transmitting_at, message.c.opened_at, message.c.clicked_at)
    .where(
        message.c.journey_id == bindparam("journey"), message.c.state.in_(["sent", "unknown", "bounced", "complained"])
    )
    .order_by(message.c.id)
)
_FLOWS = (
    select(journey.c.flow, journey.c.order_number)
    .where(journey.c.customer_id == bindparam("customer"), journey.c.state == "waiting")
    .order_by(journey.c.id)
)


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks: a customer, at a moment, with the order, event and journey that it is about.

    Parameters:
        needs: the parts of the past to load.
    """

    customer: Customer
    needs: frozenset[Need]
    order: Order | None = None
    event: Happening | None = None
    journey: Journey | None = None


def load(connection: Connection, asking: Asking, shop: ShopFacts, now: datetime) -> Facts:
    """Return the facts at `now`, with as much of the past as is asked for."""
    needs, customer, of = asking.needs, asking.customer, asking.journey
    history = History(
        orders=orders.counted_of(connection, [customer.id]).get(customer.id, ()) if Need.ORDERS in needs else (),
        events=_happenings(connection, customer.id) if Need.EVENTS in needs else (),
        mails=_mails(connection, of.id) if of is not None and Need.MAILS in needs else (),
        flows=_flows(connection, customer.id) if Need.FLOWS in needs else (),
    )
    return Facts(now, shop, customer, asking.order, asking.event, _journey_facts(connection, of, needs), history)


def for_journeys(
    connection: Connection,
    journeys: Sequence[tuple[Journey, Customer, frozenset[Need]]],
    shop: ShopFacts,
    now: datetime,
) -> dict[int, Facts]:
    """Return the facts of several journeys by their number: the order and the trigger's event come with each."""
    happenings = events_by_id(connection, [j.event_id for j, _, _ in journeys if j.event_id is not None])
    numbers = [j.order_number for j, _, _ in journeys if j.order_number is not None]
    by_number = orders.by_number(connection, numbers)
    return {
        of.id: load(
            connection,
            Asking(
                customer,
                needs,
                by_number.get(of.order_number) if of.order_number else None,
                happenings.get(of.event_id) if of.event_id else None,
                of,
            ),
            shop,
            now,
        )
        for of, customer, needs in journeys
    }


def events_by_id(connection: Connection, ids: Sequence[int]) -> dict[int, Happening]:
    """Return what events reported, by our own number."""
    if not ids:
        return {}
    return {row.id: happening(row) for row in connection.execute(_EVENT, {"ids": list(ids)})}


def happening(row: Any) -> Happening:
    """Return what an event's row reports."""
    payload: Mapping[str, Any] = row.payload
    return Happening(row.type, row.occurred_at, row.order_number, row.request, payload.get("data") or {})


def _happenings(connection: Connection, customer_id: int) -> tuple[Happening, ...]:
    return tuple(happening(row) for row in connection.execute(_EVENTS, {"customer": customer_id}))


def _mails(connection: Connection, journey_id: int) -> tuple[MailFact, ...]:
    return tuple(
        MailFact(row.step, row.sent_at or row.transmitting_at, row.opened_at, row.clicked_at)
        for row in connection.execute(_MAILS, {"journey": journey_id})
    )


def _flows(connection: Connection, customer_id: int) -> tuple[UnderWay, ...]:
    return tuple(UnderWay(row.flow, row.order_number) for row in connection.execute(_FLOWS, {"customer": customer_id}))


def _journey_facts(connection: Connection, of: Journey | None, needs: frozenset[Need]) -> JourneyFacts | None:
    if of is None:
        return None
    began_at = None
    if of.event_id is not None and needs & {Need.ORDERS, Need.EVENTS}:
        began_at = connection.scalar(_BEGAN, {"id": of.event_id})
    return JourneyFacts(of.flow, of.entered_at, of.order_number, of.request, began_at)
