"""When a condition may come to hold, or hold no longer, though nothing happens: time alone moves it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta

from worker.domain.conditions.calls import Bought, Days, Did, InFlow, InSegment, read_call
from worker.domain.conditions.readings import date_of, time_of
from worker.domain.conditions.tree import Call, Compare, Expression, Literal, Name, Node, children
from worker.domain.conditions.values import Reading
from worker.domain.facts import Facts
from worker.domain.zones import zone_of
from worker.storage.past import Span

_DAY = timedelta(days=1)
_INSTANT = timedelta(microseconds=1)
_AROUND = range(-1, 3)  # days around the number that a count of days is compared with


class Moments:
    """Looks for the next moment at which a condition has to be asked again.

    Parameters:
        journeys: those of other flows, which begin and end by themselves.
    """

    def __init__(self, reading: Reading, facts: Facts, journeys: list[Span]) -> None:
        self._reading = reading
        self._facts = facts
        self._journeys = journeys

    def next_after(self, condition: Expression) -> datetime | None:
        """Return the first moment after now at which the condition may be another, None where time does not move it."""
        now = self._facts.now
        return min((one for one in self._of(condition.tree, self._reading.segments, ()) if one > now), default=None)

    def _of(self, node: Node, segments: Mapping[str, Expression], inside: tuple[str, ...]) -> Iterator[datetime]:
        if isinstance(node, Compare):
            yield from self._compared(node)
        elif isinstance(node, Name):
            yield from self._named(node)
        asked = read_call(node) if isinstance(node, Call) else None
        match asked:
            case Days(moment=moment):
                yield from self._days(moment, None)
            case Bought(within=timedelta() as within):
                times = (order.placed_at for order in self._facts.history.orders)
                yield from (at + within + _INSTANT for at in times if at is not None)
            case Did(within=timedelta() as within):
                yield from (one.at + within + _INSTANT for one in self._facts.history.events if one.type == asked.event)
            case InFlow(flow=flow):
                for span in self._journeys:
                    if span.name == flow:
                        yield span.since
                        yield from () if span.until is None else (span.until,)
            case InSegment(segment=name) if name in segments and name not in inside:
                yield from self._of(segments[name].tree, segments, (*inside, name))
        for child in children(node):
            known = isinstance(node, Compare) and _counted_in(child) and isinstance(_other(node, child), Literal)
            if not known:  # else the number that it is compared with says when
                yield from self._of(child, segments, inside)

    def _compared(self, node: Compare) -> Iterator[datetime]:
        for one, other in ((node.left, node.right), (node.right, node.left)):
            if isinstance(one, Call) and _counted_in(one) and isinstance(other, Literal):
                asked = read_call(one)
                if isinstance(asked, Days) and isinstance(other.value, int | float):
                    yield from self._days(asked.moment, -other.value if asked.until else other.value)
            if isinstance(one, Name) and one.path == ("now",):
                value = self._reading.value(other, self._facts)
                moment = time_of(value) if isinstance(value, str) else value
                if isinstance(moment, datetime):
                    yield from (moment, moment + _INSTANT)
                elif isinstance(value, str) and (day := date_of(value)) is not None:
                    yield self._midnight(day, self._facts.shop.timezone)

    def _named(self, node: Name) -> Iterator[datetime]:
        if node.path == ("today",):
            yield self._tomorrow()
        elif node.path == ("customer", "rfm"):
            last = self._facts.customer.facts.last_order_at
            if last is not None:
                yield from (last + (math.floor(limit) + 1) * _DAY for limit in self._facts.shop.rfm.recency)

    def _days(self, moment: Node, beside: float | None) -> Iterator[datetime]:
        """Yield when a count of days since a moment becomes another: those around a number, or the next at all."""
        value = self._reading.value(moment, self._facts)
        if isinstance(value, str):
            value = date_of(value) or time_of(value)
        now = self._facts.now
        if isinstance(value, datetime):
            around = math.floor(beside) if beside is not None else (now - value) // _DAY
            for number in _AROUND:
                yield from (value + (around + number) * _DAY, value + (around + number) * _DAY + _INSTANT)
        elif isinstance(value, date):
            if beside is None:
                yield self._tomorrow()
            else:
                for number in _AROUND:
                    yield self._midnight(value + (math.floor(beside) + number) * _DAY)

    def _tomorrow(self) -> datetime:
        zone = zone_of(self._facts.customer.timezone, self._facts.shop.timezone)
        return self._midnight(self._facts.now.astimezone(zone).date() + _DAY)

    def _midnight(self, day: date, zone: str | None = None) -> datetime:
        wall = zone_of(zone or self._facts.customer.timezone, self._facts.shop.timezone)
        return datetime.combine(day, time(), tzinfo=wall).astimezone(UTC)


def _counted_in(node: Node) -> bool:
    return isinstance(node, Call) and node.function in ("days_since", "days_until")


def _other(node: Compare, child: Node) -> Node:
    return node.right if child is node.left else node.left
