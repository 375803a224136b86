"""Asked now: what a flow that finds its customers itself would say of one customer at this moment."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Connection

from worker.domain.calendars.occurrences import Seasons, next_of, own_turn
from worker.domain.conditions.readings import date_of, time_of
from worker.domain.conditions.tree import Expression, Name
from worker.domain.conditions.values import needs
from worker.domain.customers import Customer
from worker.domain.facts import Facts, Needs
from worker.domain.settings import Settings
from worker.domain.triggers import ORDER_DATES, DateTrigger, SegmentTrigger, Timed
from worker.domain.zones import zone_of
from worker.engine.surroundings import Surroundings
from worker.storage import facts, orders
from worker.storage.facts import Asking
from worker.storage.flowbook import FlowBook, Version
from worker.storage.stories import Asked


def ask_now(
    connection: Connection, flowbook: FlowBook, settings: Settings, customer: Customer, seasons: Seasons, now: datetime
) -> dict[str, list[Asked]]:
    """Return for each running flow with triggers of the clock or of segments what each of these says of a customer."""
    catalogue = flowbook.follow(connection)
    around = Surroundings.of(settings, flowbook.segments)
    found: dict[str, list[Asked]] = {}
    for version, trigger in (*catalogue.timed, *catalogue.coming_in):
        said = _ask(connection, around, version, trigger, customer, seasons, now)
        found.setdefault(version.flow.name, []).append(said)
    return found


def _ask(
    connection: Connection,
    around: Surroundings,
    version: Version,
    trigger: Timed | SegmentTrigger,
    customer: Customer,
    seasons: Seasons,
    now: datetime,
) -> Asked:
    name, reading = str(trigger), around.reading
    segment = reading.segments.get(trigger.segment) if isinstance(trigger, SegmentTrigger) else None
    wanted = version.needs if segment is None else Needs().union(version.needs, needs(segment.tree, reading.segments))
    order = None
    if isinstance(trigger, DateTrigger) and trigger.field in ORDER_DATES:
        placed = orders.counted_of(connection, [customer.id]).get(customer.id, ())
        first = trigger.field == "customer.first_order_at"
        ranked = sorted(placed, key=lambda one: (one.placed_at or now, one.id))
        order = (ranked[0] if first else ranked[-1]) if ranked else None
    known = facts.load(connection, Asking(customer, wanted, order), around.shop, now)
    if isinstance(trigger, SegmentTrigger):
        if segment is None or not reading.holds(segment, known):
            return Asked(name, "segment", trigger.segment, _seen(around, segment, known))
    else:
        day = _day(around, trigger, known) if isinstance(trigger, DateTrigger) else None
        if isinstance(trigger, DateTrigger) and day is None:
            return Asked(name, "date", trigger.field)
    when = version.flow.when
    if when is not None and not reading.holds(when, known):
        return Asked(name, "when", "", _seen(around, when, known))
    if isinstance(trigger, SegmentTrigger):
        return Asked(name, None, trigger.segment)
    zone = zone_of(None if trigger.by_shop else customer.timezone, around.shop.timezone)
    if isinstance(trigger, DateTrigger) and day is not None:
        turn = own_turn(trigger, day, zone, now)
    else:
        turn = next_of(trigger, zone, now, seasons)
    return Asked(name, None, comes=None if turn is None else turn.moment)


def _day(around: Surroundings, trigger: DateTrigger, known: Facts) -> date | None:
    """Return the day that a trigger goes by, as its zone sees it; None where the record has no date there."""
    value = around.reading.value(Name(tuple(trigger.field.split("."))), known)
    if isinstance(value, str):
        value = date_of(value) or time_of(value)
    if isinstance(value, datetime):
        zone = zone_of(None if trigger.by_shop else known.customer.timezone, around.shop.timezone)
        return value.astimezone(zone).date()
    return value if isinstance(value, date) else None


def _seen(around: Surroundings, condition: Expression | None, known: Facts) -> tuple[dict[str, object], ...]:
    return () if condition is None else tuple(around.reading.explain(condition, known))
