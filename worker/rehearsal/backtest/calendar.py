"""Triggers of the clock for one customer: whose turn comes when, and under which key they enter."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from zoneinfo import ZoneInfo

from worker.domain.calendars.occurrences import Seasons, next_of, own_turn
from worker.domain.calendars.turns import Turn
from worker.domain.conditions.readings import date_of, time_of
from worker.domain.conditions.tree import Name
from worker.domain.conditions.values import Reading
from worker.domain.facts import Facts
from worker.domain.flows import Flow, OnceKind
from worker.domain.journeys import Journey
from worker.domain.matching import YEARLY_APART, of_dates_alone, once_of, waits_since
from worker.domain.orders import Order
from worker.domain.triggers import ORDER_DATES, DateTrigger, Timed, Trigger
from worker.domain.zones import zone_of

_FIRST = "customer.first_order_at"


class Calendar:
    """The turns of a flow's triggers of the clock within the time that is played.

    Parameters:
        shop: the shop's zone.
    """

    def __init__(
        self, triggers: Iterable[Timed], seasons: Seasons, shop: str, since: datetime, until: datetime
    ) -> None:
        self.triggers = tuple(triggers)
        self._seasons = seasons
        self._shop = shop
        self._since = since
        self._until = until
        self._known: dict[tuple[Timed, str], list[Turn]] = {}

    def wall(self, trigger: Timed, zone: str | None) -> ZoneInfo:
        """Return the zone on whose wall a trigger is read for a customer.

        Parameters:
            zone: the customer's.
        """
        return zone_of(None if trigger.by_shop else zone, self._shop)

    def next_for(self, trigger: Timed, day: date | None, zone: str | None, after: datetime) -> Turn | None:
        """Return the first turn after a moment for one customer, None where none comes in the time that is played.

        Parameters:
            day: the customer's, of a trigger that goes by one.
        """
        wall = self.wall(trigger, zone)
        if isinstance(trigger, DateTrigger):
            turn = None if day is None else own_turn(trigger, day, wall, after)
            return turn if turn is not None and turn.moment <= self._until else None
        turns = self._turns(trigger, wall)
        place = bisect_right(turns, after, key=lambda turn: turn.moment)
        return turns[place] if place < len(turns) else None

    def _turns(self, trigger: Timed, wall: ZoneInfo) -> list[Turn]:
        """Return all turns on a wall, worked out once."""
        key = trigger, wall.key
        if key not in self._known:
            found: list[Turn] = []
            turn = next_of(trigger, wall, self._since, self._seasons)
            while turn is not None and turn.moment <= self._until:
                found.append(turn)
                turn = next_of(trigger, wall, turn.moment, self._seasons)
            self._known[key] = found
        return self._known[key]


def day_in(trigger: DateTrigger, facts: Facts, reading: Reading, wall: ZoneInfo) -> date | None:
    """Return the day in the record that a trigger goes by, as a wall shows it; None where there is none."""
    value = reading.value(Name(tuple(trigger.field.split("."))), facts)
    if isinstance(value, str):
        value = date_of(value) or time_of(value)
    if isinstance(value, datetime):
        return value.astimezone(wall).date()
    return value if isinstance(value, date) else None


def its_order(trigger: Trigger, placed: tuple[Order, ...]) -> Order | None:
    """Return the order that an entry by this trigger is about: the customer's first or latest, or none.

    Parameters:
        placed: the customer's orders that count, oldest first.
    """
    if not isinstance(trigger, DateTrigger) or trigger.field not in ORDER_DATES or not placed:
        return None
    return placed[0] if trigger.field == _FIRST else placed[-1]


def key_at(
    flow: Flow, trigger: Trigger, turn: Turn, latest: Order | None, own: Mapping[str, Journey], zone: ZoneInfo
) -> str | None:
    """Return the once-key under which a customer enters at a turn, None where it is too soon after another entry.

    The rule is the one by which the database enrols (`worker.storage.enrolment`).

    Parameters:
        latest: the order that the turn is about, or else the customer's latest.
        own: the customer's journeys in the flow by their keys, in the order of entry.
        zone: by which `once: per 30 days` counts its days.
    """
    once = once_of(flow, trigger)
    entered = [(key, journey.entered_at) for key, journey in own.items()]
    match once.kind:
        case OnceKind.EVER:
            return "ever"
        case OnceKind.YEAR:
            key = f"year:{turn.year}"
            near = turn.moment - YEARLY_APART
            others = any(at > near and one.startswith("year:") and one != key for one, at in entered)
            return None if others and of_dates_alone(flow) else key
        case OnceKind.SEASON if turn.season is not None:
            return f"season:{turn.season}"
        case OnceKind.ORDER:
            return turn.name if latest is None else f"order:{latest.number}"
        case OnceKind.SPAN:
            assert once.span is not None
            since = waits_since(once.span, turn, zone)
            last = max(own.values(), key=lambda one: (one.entered_at, one.id), default=None)
            late = any(at >= since for _, at in entered)
            return None if late else f"after:{last.id if last else 0}"
    return turn.name
