"""Whether a customer is still one, and when they will buy again: what a fitted model says of one customer.

The model is the modified BG/NBD (Batislam, Denizel, Filiztekin 2007, "Empirical validation and comparison of models for
customer base analysis", after Fader, Hardie, Lee 2005): while a customer is alive, they buy at a rate of their own,
gamma distributed over the customers (`r`, `alpha`); after each purchase, the first too, they may leave for good, with a
chance of their own, beta distributed (`a`, `b`). Days are the unit of time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

_DAY = timedelta(days=1)
LONGEST = 3_650.0  # days ahead beyond which nothing is foretold


@dataclass(frozen=True, slots=True)
class Model:
    """The four parameters, fitted to all buyers of a shop."""

    r: float
    alpha: float
    a: float
    b: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """What is foretold of one customer.

    Parameters:
        alive: the chance (0 to 1) that they are still a customer.
        next_order_at: by when, if they are, they will have bought again with even odds; None where that is too far off.
    """

    alive: float
    next_order_at: datetime | None


def predict(model: Model, orders: int, first: datetime, last: datetime, now: datetime) -> Prediction:
    """Foretell a customer who has bought.

    Parameters:
        orders: how many orders count, 1 or more.
        first, last: when the first and the last of them was placed.
    """
    repeats = max(0, orders - 1)
    recency = max(0.0, (last - first) / _DAY)
    age = max(recency, (now - first) / _DAY)
    days = until_next(model, repeats, recency)
    return Prediction(alive(model, repeats, recency, age), None if days > LONGEST else last + days * _DAY)


def alive(model: Model, repeats: float, recency: float, age: float) -> float:
    """Return the chance that a customer is still one.

    Parameters:
        repeats: orders after the first.
        recency: days from the first order to the last.
        age: days from the first order to now.
    """
    silence = float(((model.alpha + age) / (model.alpha + recency)) ** (model.r + repeats))
    return 1.0 / (1.0 + model.a / (model.b + repeats) * silence)


def until_next(model: Model, repeats: float, recency: float) -> float:
    """Return the days after the last order within which a customer who is alive buys again with even odds.

    The rate of one's own is gamma distributed given what was seen up to the last order, so the wait for the next is
    Pareto (Lomax) distributed; this is its median.
    """
    shape = model.r + repeats
    if shape <= 0:
        return float("inf")
    try:
        return (model.alpha + recency) * (float(2.0 ** (1.0 / shape)) - 1.0)
    except OverflowError:
        return float("inf")
