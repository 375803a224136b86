"""The Arabica offer: when those who open it do so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from random import Random

from demo.case import Window
from demo.people import Person

LATEST = timedelta(hours=36)  # after the offer; nobody who opens it does so later
QUIET_FROM, QUIET_UNTIL = 23, 6  # hours of the night, in which nobody reads


def openings(seed: int, window: Window, people: Sequence[Person]) -> Mapping[str, datetime]:
    """Return when each of those who open the offer does; most soon, some a day later; empty where there is no offer."""
    if window.offer_at is None:
        return {}
    rng = Random(f"{seed}:offer")
    return {person.id: _opened_at(rng, window.offer_at, window.end) for person in people if person.opens_offer}


def _opened_at(rng: Random, offer_at: datetime, end: datetime) -> datetime:
    left = end - offer_at
    delay = timedelta(minutes=min(rng.lognormvariate(5.0, 1.2) + 4, LATEST / timedelta(minutes=1)))
    if delay > left * 0.4:
        return offer_at + left * rng.uniform(0.1, 0.4)
    moment = offer_at + delay
    if moment.hour >= QUIET_FROM or moment.hour < QUIET_UNTIL:
        morning = moment + timedelta(hours=8)
        return morning if morning < offer_at + left * 0.5 else moment
    return moment
