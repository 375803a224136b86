"""A customer as known at each moment of the past: it grows with each event, as it did when the event came in.

What no event tells of (a field of the record, an address's consent, what is foretold) is taken as it is today.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from worker.domain.conditions.tree import Expression, Name, walk
from worker.domain.conditions.values import needs
from worker.domain.consents import lifts
from worker.domain.customers import Consent, ConsentState, Customer, CustomerFacts, Purpose, Suppression
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
from worker.domain.flows import Flow, expressions
from worker.domain.hits import HitKind
from worker.domain.order_changes import order_change
from worker.domain.orders import Order, Told
from worker.domain.profiles import MERGED, PLAIN, profile_changes
from worker.domain.segments import named
from worker.domain.steps import TaskStep
from worker.domain.steps import walk as walk_steps
from worker.domain.triggers import DateTrigger, SegmentTrigger
from worker.storage.past import PastAddress, PastConsent, PastCustomer, PastEvent

_LAST_SEEN = {("customer", "last_opened_at"), ("customer", "last_clicked_at")}
_PURPOSES = (Purpose.MARKETING, Purpose.TRACKING)
_NO_ADDRESS = PastAddress(dict.fromkeys(Purpose, ConsentState.UNKNOWN))


@dataclass(frozen=True, slots=True)
class Asks:
    """What of the past a flow asks for, its conditions and the segments that they name together.

    Parameters:
        hits: whether it asks when the customer was last seen.
    """

    needs: Needs
    hits: bool

    @classmethod
    def of(cls, flow: Flow, segments: Mapping[str, Expression]) -> Asks:
        """Return what a flow asks for."""
        trees = [one.tree for one in expressions(flow)]
        waiting = [trigger.segment for trigger in flow.triggers if isinstance(trigger, SegmentTrigger)]
        waiting += [name for tree in trees for name, _ in named(tree)]
        seen: set[str] = set()
        while waiting:
            name = waiting.pop()
            if name in segments and name not in seen:
                seen.add(name)
                trees.append(segments[name].tree)
                waiting += [other for other, _ in named(segments[name].tree)]
        wanted = Needs().union(*(needs(tree, segments) for tree in trees))
        if any(isinstance(step, TaskStep) and step.hold for step in walk_steps(flow.steps)):
            wanted |= {Need.TASKS}
        dates = {tuple(one.field.split(".")) for one in flow.triggers if isinstance(one, DateTrigger)}
        names = {node.path for tree in trees for node in walk(tree) if isinstance(node, Name)} | dates
        return cls(wanted, bool(names & _LAST_SEEN))


class Past:
    """What was known of one customer, up to the last event that was taken in.

    Parameters:
        told: what is stored.
    """

    def __init__(self, told: PastCustomer, asks: Asks, shop: ShopFacts) -> None:
        self._told = told
        self._asks = asks
        self._shop = shop
        self._own = told.today.id
        first = told.events[0].known_at if told.events else told.today.created_at
        self.began = min(first, told.today.created_at or first) if first is not None else None
        self.customer = _untold(told, self.began)
        self.orders: dict[str, Order] = {}
        self._order_told: dict[str, Told] = {}
        self._counted: list[tuple[datetime, int, str]] = []  # when placed, our turn of it, number
        self._turns: dict[str, int] = {}
        self._spent = Decimal(0)
        self._events: dict[str, list[Happening]] = {}
        self._requests: list[str] = []
        self._stop: Suppression | None = None
        self._standing: tuple[object, ...] = ()  # what the consent follows from that is known now
        self._consents = Consent()
        self._last_event = 0

    def take(self, event: PastEvent) -> Order | None:
        """Take in what an event told; returns the order that it named, as it stands after it."""
        self._last_event = max(self._last_event, event.id)
        if event.customer_id == self._own:
            self._take_record(event)
            self._lift(min(event.at, event.known_at), event.type)
        order = self._take_order(event) if event.order else None
        if event.customer_id == self._own:
            happening = Happening(event.type, event.at, event.order_number, event.request)
            insort(self._events.setdefault(event.type, []), happening, key=lambda one: one.at)
        return order

    def request_of(self, event: PastEvent) -> str | None:
        """Return the number of the request that an event belongs to, and note whether it is open."""
        number = event.request
        if event.type == "support.requested":
            number = number or f"#{event.id}"
            self._requests.append(number)
        elif event.type == "support.closed":
            number = number or (self._requests[0] if len(self._requests) == 1 else None)
            self._requests = [one for one in self._requests if one != number]
        return number

    def seen(self, kind: HitKind, at: datetime) -> None:
        """Note that the customer looked at a mail; who clicks in one has opened it."""
        facts = replace(self.customer.facts, last_opened_at=_later(self.customer.facts.last_opened_at, at))
        if kind is HitKind.CLICK:
            self._lift(at)
            facts = replace(facts, last_clicked_at=_later(facts.last_clicked_at, at))
        self.customer = replace(self.customer, facts=facts)

    def suppress(self, stop: Suppression) -> None:
        """Have the address suppressed for marketing by a step of the flow."""
        self._stop = stop

    def facts(
        self,
        now: datetime,
        *,
        order: Order | None = None,
        event: Happening | None = None,
        journey: JourneyFacts | None = None,
        mails: Sequence[MailFact] = (),
        tasks: Sequence[TaskFact] = (),
        coupons: Sequence[CouponFact] = (),
        flows: Iterable[UnderWay] = (),
    ) -> Facts:
        """Return all that a condition may look at.

        Parameters:
            flows: journeys under way in the flow that is played.
        """
        wanted = self._asks.needs
        since = journey.since if journey is not None else event.at if event is not None else None
        history = History(
            orders=self.counted if Need.ORDERS in wanted else (),
            events=self._happenings(since, now),
            mails=tuple(mails),
            flows=(*self._real_flows(now), *flows) if Need.FLOWS in wanted else (),
            tasks=tuple(tasks),
            requests=tuple(one.name for one in self._told.requests if one.lasts(now)),
            coupons=tuple(coupons),
        )
        return Facts(now, self._shop, self._consenting(now), order, event, journey, history)

    @property
    def counted(self) -> tuple[Order, ...]:
        """The orders that count, oldest first."""
        return tuple(self.orders[number] for _, _, number in self._counted)

    def _take_record(self, event: PastEvent) -> None:
        said, at = event.customer, min(event.at, event.known_at)
        known = self.customer
        newest = known.profile_at is None or at >= known.profile_at
        changes = profile_changes(known, said, at)
        email = said.get("email")
        if email and email != known.email and (newest or known.email is None):
            changes["email"] = email
        if "tags" in changes:
            changes["tags"] = tuple(changes["tags"])
        if changes:
            self.customer = replace(known, **changes)

    def _take_order(self, event: PastEvent) -> Order:
        assert event.order is not None
        number = event.order["number"]
        before = self.orders.get(number)
        told = self._order_told.get(number, Told())
        change = order_change(
            before, told, event.customer_id, event.type, event.order, event.data, event.at, self._shop.currency
        )
        turn = self._turns.setdefault(number, len(self._turns) + 1)
        order = self.orders[number] = replace(change.order, id=turn) if change.order.id != turn else change.order
        self._order_told[number] = change.told
        out, into = self._counts(before), self._counts(order)
        if out != into or (before is not None and _worth(before) != _worth(order)):
            self._count_anew(before if out else None, order if into else None)
        return order

    def _counts(self, order: Order | None) -> bool:
        return order is not None and order.counted and order.customer_id == self._own

    def _count_anew(self, out: Order | None, into: Order | None) -> None:
        if out is not None:
            del self._counted[bisect_left(self._counted, self._place(out))]
            self._spent -= out.total - out.refunded
        if into is not None:
            insort(self._counted, self._place(into))
            self._spent += into.total - into.refunded
        facts = replace(
            self.customer.facts,
            orders_count=len(self._counted),
            total_spent=self._spent,
            first_order_at=self._counted[0][0] if self._counted else None,
            last_order_at=self._counted[-1][0] if self._counted else None,
        )
        self.customer = replace(self.customer, facts=facts)

    def _place(self, order: Order) -> tuple[datetime, int, str]:
        assert order.placed_at is not None, "an order counts once it is known when it was placed"
        return order.placed_at, order.id, order.number

    def _happenings(self, since: datetime | None, now: datetime) -> tuple[Happening, ...]:
        """Return the events that are asked for, each type as far back as one of the expressions looks."""
        if Need.EVENTS in self._asks.needs:
            return tuple(sorted((one for of in self._events.values() for one in of), key=lambda one: one.at))
        found: list[Happening] = []
        starts: dict[str, datetime | None] = {}
        for need in self._asks.needs:
            if isinstance(need, EventsOf) and need.type in self._events:
                start = since or now if need.within == "journey" else now - need.within if need.within else None
                before = starts.get(need.type, now)
                starts[need.type] = None if start is None or before is None else min(start, before)
        for kind, start in starts.items():
            told = self._events[kind]
            found += told if start is None else told[bisect_left(told, start, key=lambda one: one.at) :]
        return tuple(found)

    def _real_flows(self, now: datetime) -> Iterable[UnderWay]:
        return (UnderWay(one.name, one.order_number) for one in self._told.journeys if one.lasts(now))

    def _lift(self, at: datetime, event_type: str | None = None) -> None:
        """Let marketing go again where the customer did what lifts the flow's own suppression."""
        if self._stop is not None and lifts(self._stop, at, event_type):
            self._stop = None

    def _consenting(self, now: datetime) -> Customer:
        """Return the customer with the consent that the address had."""
        known, email = self.customer, self.customer.email
        found = _NO_ADDRESS if email is None else self._told.addresses.get(email, _NO_ADDRESS)
        key = now, self._last_event
        reached = bisect_right(found.changes, key, key=_told_at) if found.changes else 0
        bounced = found.suppressed if found.suppressed_at is None or found.suppressed_at <= now else None
        stop = self._stop or (found.stop if found.stop is not None and found.stop.at <= now else None)
        standing = email, reached, bounced, stop
        if standing != self._standing:
            marketing, tracking = (self._consent(found, reached, purpose) for purpose in _PURPOSES)
            self._standing, self._consents = standing, Consent(marketing, tracking, bounced, stop)
        if known.consent != self._consents:
            self.customer = known = replace(known, consent=self._consents)
        return known

    def _consent(self, found: PastAddress, reached: int, purpose: Purpose) -> ConsentState:
        for change in reversed(found.changes[:reached]):
            if change.purpose is purpose:
                return change.state
        told = any(change.purpose is purpose for change in found.changes)
        return ConsentState.UNKNOWN if told else found.today[purpose]


def _told_at(change: PastConsent) -> tuple[datetime, int]:
    return change.known_at, change.event


def _untold(told: PastCustomer, began: datetime | None) -> Customer:
    """Return the customer before the first event: what no event tells of is as it is today."""
    today = told.today
    said: set[str] = set()
    parts: dict[str, set[str]] = {name: set() for name in MERGED}
    for event in told.events:
        if event.customer_id == today.id:
            said.update(event.customer)
            for name in MERGED:
                parts[name].update(event.customer.get(name) or ())
    kept: dict[str, Any] = {name: getattr(today, name) for name in (*PLAIN, "birthday", "email") if name not in said}
    for name in MERGED:
        kept[name] = {key: value for key, value in getattr(today, name).items() if key not in parts[name]}
    if "tags" not in said:
        kept["tags"] = today.tags
    foretold = CustomerFacts(alive=today.facts.alive, predicted_next_order_at=today.facts.predicted_next_order_at)
    return Customer(today.id, today.external_id, created_at=began, facts=foretold, **kept)


def _worth(order: Order) -> tuple[Any, ...]:
    return order.total, order.refunded, order.placed_at, order.counted


def _later(known: datetime | None, at: datetime) -> datetime:
    return at if known is None else max(known, at)
