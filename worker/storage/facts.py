"""Facts of a customer at a moment, loaded as far as the asking conditions need them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, bindparam, select

from worker.domain.customers import Customer
from worker.domain.facts import (
    CouponFact,
    EventsOf,
    Facts,
    Happening,
    History,
    JourneyFacts,
    MailFact,
    Need,
    Needs,
    ShopFacts,
    TaskFact,
    UnderWay,
)
from worker.domain.journeys import Journey
from worker.domain.light import light
from worker.domain.orders import Order
from worker.domain.tasks import TaskState
from worker.storage import coupons, orders, stock, write_behind
from worker.storage.coupons import CouponRow
from worker.storage.tables import event, journey, message, request, task

_EVENTS = (
    select(event.c.type, event.c.occurred_at, event.c.order_number, event.c.request)
    .where(event.c.customer_id == bindparam("customer"), event.c.state == "processed")
    .order_by(event.c.occurred_at.desc(), event.c.id.desc())
)
_BEGAN = select(event.c.occurred_at).where(event.c.id == bindparam("id"))
_EVENT = select(event).where(event.c.id.in_(bindparam("ids", expanding=True)))
_MAILS = (
    select(
        message.c.key,
        message.c.staff,
        message.c.step,
        message.c.sent_at,
        message.c.transmitting_at,
        message.c.opened_at,
        message.c.clicked_at,
    )
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
_TASKS = (
    select(task.c.step, task.c.state, task.c.outcome, task.c.closed_by)
    .where(task.c.journey_id == bindparam("journey"), task.c.turn == bindparam("turn"))
    .order_by(task.c.id)
)
_REQUESTS = (
    select(request.c.number)
    .where(request.c.customer_id == bindparam("customer"), request.c.closed_at.is_(None))
    .order_by(request.c.opened_at, request.c.number)
)
_GIVEN: Needs = frozenset({Need.COUPONS})
_NOTHING = History()


@light
@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks: a customer, at a moment, with the order, event and journey that it is about.

    Parameters:
        needs: the parts of the past to load.
    """

    customer: Customer
    needs: Needs
    order: Order | None = None
    event: Happening | None = None
    journey: Journey | None = None


def load(connection: Connection, asking: Asking, shop: ShopFacts, now: datetime, *, new: bool = False) -> Facts:
    """Return the facts at `now`, with as much of the past as is asked for.

    Parameters:
        new: whether it is the customer's first event, so that they have no orders and requests but those that it names.
    """
    if new and (asking.event is None or asking.event.request is None):
        asking = replace(asking, needs=asking.needs - {Need.REQUESTS})
    placed: Mapping[int, tuple[Order, ...]] = {}
    if Need.ORDERS in asking.needs:
        placed = _first(asking) if new else orders.counted_of(connection, [asking.customer.id])
    given = coupons.of_customers(connection, [asking.customer.id]) if Need.COUPONS in asking.needs else {}
    out = stock.out_of_stock(connection) if Need.STOCK in asking.needs else frozenset()
    return _load(connection, asking, shop, now, placed, given, out)


def _first(asking: Asking) -> dict[int, tuple[Order, ...]]:
    order, number = asking.order, asking.customer.id
    return {number: (order,)} if order is not None and order.counted and order.customer_id == number else {}


def _load(
    connection: Connection,
    asking: Asking,
    shop: ShopFacts,
    now: datetime,
    placed: Mapping[int, tuple[Order, ...]],
    given: Mapping[int, tuple[CouponRow, ...]],
    out: frozenset[str],
    began: Happening | None = None,
) -> Facts:
    needs, customer, of = asking.needs, asking.customer, asking.journey
    about = _journey_facts(connection, of, needs, began)
    event_at = asking.event.at if asking.event else None
    if needs <= _GIVEN and customer.id not in given:  # so it is for most mails
        return Facts(now, shop, customer, asking.order, asking.event, about, _NOTHING)
    history = History(
        orders=placed.get(customer.id, ()) if Need.ORDERS in needs else (),
        events=_happenings(connection, customer.id, needs, about.since if about else event_at, now),
        mails=_mails(connection, of) if of is not None and Need.MAILS in needs else (),
        flows=_flows(connection, customer.id) if Need.FLOWS in needs else (),
        tasks=_tasks(connection, of) if of is not None and Need.TASKS in needs else (),
        requests=_requests(connection, customer.id) if Need.REQUESTS in needs else (),
        coupons=_coupons(given.get(customer.id, ()), of) if Need.COUPONS in needs else (),
        out_of_stock=out if Need.STOCK in needs else frozenset(),
    )
    return Facts(now, shop, customer, asking.order, asking.event, about, history)


def begun(connection: Connection, known: Facts, journey: Journey, needs: Needs) -> Facts:
    """Return the facts of an event for the journey that it has just begun, which has no mails yet.

    Parameters:
        known: loaded for the event, with at least these needs.
        journey: with id 0 where it is not written yet.
    """
    began_at = known.event.at if known.event else None
    about = JourneyFacts(journey.flow, journey.entered_at, journey.order_number, journey.request, began_at)
    own = replace(known, journey=about)
    if Need.FLOWS not in needs:
        return own
    own = with_flows(connection, own)
    if journey.id:
        return own
    flows = (*own.history.flows, UnderWay(journey.flow, journey.order_number))
    return replace(own, history=replace(own.history, flows=flows))


def with_flows(connection: Connection, known: Facts) -> Facts:
    """Return the facts with the flows that are under way by now."""
    return replace(known, history=replace(known.history, flows=_flows(connection, known.customer.id)))


def for_journeys(
    connection: Connection,
    journeys: Sequence[tuple[Journey, Customer, Needs]],
    shop: ShopFacts,
    now: datetime,
) -> dict[int, Facts]:
    """Return the facts of several journeys by their number: the order and the trigger's event come with each."""
    happenings = events_by_id(connection, [j.event_id for j, _, _ in journeys if j.event_id is not None])
    numbers = [j.order_number for j, _, _ in journeys if j.order_number is not None]
    by_number = orders.by_number(connection, numbers)
    placed = orders.counted_of(connection, sorted({c.id for _, c, needs in journeys if Need.ORDERS in needs}))
    given = coupons.of_customers(connection, sorted({c.id for _, c, needs in journeys if Need.COUPONS in needs}))
    stocked = any(Need.STOCK in needs for _, _, needs in journeys)
    out = stock.out_of_stock(connection) if stocked else frozenset()
    return {
        of.id: _load(
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
            placed,
            given,
            out,
            happenings.get(of.event_id) if of.event_id else None,
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


def _happenings(
    connection: Connection, customer_id: int, needs: Needs, since: datetime | None, now: datetime
) -> tuple[Happening, ...]:
    """Return the events that are asked for, each type as far back as one of the expressions looks.

    Parameters:
        since: when the journey began, or would begin.
    """
    statements = [_EVENTS] if Need.EVENTS in needs else list(_by_type(needs, since, now))
    if statements:
        write_behind.catch_up(connection)  # which events are theirs
    rows = [row for statement in statements for row in connection.execute(statement, {"customer": customer_id})]
    rows.sort(key=lambda row: row.occurred_at)
    return tuple(Happening(row.type, row.occurred_at, row.order_number, row.request) for row in rows)


def _by_type(needs: Needs, since: datetime | None, now: datetime) -> Iterator[Select[Any]]:
    by_type: dict[str, list[EventsOf]] = {}
    for need in needs:
        if isinstance(need, EventsOf) and (need.within != "journey" or since is not None):
            by_type.setdefault(need.type, []).append(need)
    for type_, asked in sorted(by_type.items()):
        starts = [_start(need, since, now) for need in asked]
        statement = _EVENTS.where(event.c.type == type_)
        if None not in starts:
            statement = statement.where(event.c.occurred_at >= min(start for start in starts if start is not None))
        if all(need.within != "journey" for need in asked):  # of a journey's, not every event counts
            statement = statement.limit(max(need.at_least for need in asked))
        yield statement


def _start(need: EventsOf, since: datetime | None, now: datetime) -> datetime | None:
    if need.within == "journey":
        return since
    return None if need.within is None else now - need.within


def _mails(connection: Connection, of: Journey) -> tuple[MailFact, ...]:
    """Return the mails of a journey since it was last started over, which their keys tell."""
    return tuple(
        MailFact(row.step, row.sent_at or row.transmitting_at, row.opened_at, row.clicked_at)
        for row in connection.execute(_MAILS, {"journey": of.id})
        if of.turn == 0 or row.key.removesuffix(f":{row.staff}").endswith(f":{of.turn}")
    )


def _tasks(connection: Connection, of: Journey) -> tuple[TaskFact, ...]:
    return tuple(
        TaskFact(row.step, TaskState(row.state), row.outcome, row.closed_by)
        for row in connection.execute(_TASKS, {"journey": of.id, "turn": of.turn})
    )


def _requests(connection: Connection, customer_id: int) -> tuple[str, ...]:
    return tuple(connection.execute(_REQUESTS, {"customer": customer_id}).scalars())


def _coupons(given: Sequence[CouponRow], of: Journey | None) -> tuple[CouponFact, ...]:
    return tuple(row.fact(own=of is not None and row.journey_id == of.id) for row in given)


def _flows(connection: Connection, customer_id: int) -> tuple[UnderWay, ...]:
    return tuple(UnderWay(row.flow, row.order_number) for row in connection.execute(_FLOWS, {"customer": customer_id}))


def _journey_facts(
    connection: Connection, of: Journey | None, needs: Needs, began: Happening | None
) -> JourneyFacts | None:
    """Return what there is to know of the journey; the event that began it is looked up where it is not given."""
    if of is None:
        return None
    began_at = None if began is None else began.at
    if (
        began is None
        and of.event_id is not None
        and (needs & {Need.ORDERS, Need.EVENTS, Need.COUPONS} or any(isinstance(n, EventsOf) for n in needs))
    ):
        began_at = connection.scalar(_BEGAN, {"id": of.event_id})
    return JourneyFacts(of.flow, of.entered_at, of.order_number, of.request, began_at, of.day)
