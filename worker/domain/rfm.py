"""RFM: recency, frequency and monetary value of a customer's orders, scored from 1 to 5, and the class they make.

The three measures are Hughes' (Strategic Database Marketing, 1994); monetary value is the average order, as in Fader,
Hardie and Lee (RFM and CLV, Journal of Marketing Research 42, 2005). Hughes ranks customers against each other, in
fifths; here the limits are fixed, so that the class follows from one customer's own facts: it never changes because
of what others buy, it can be explained in a sentence, and the readers on values and in SQL come to the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from worker.domain.customers import CustomerFacts

_DAY = timedelta(days=1)


class RfmClass(StrEnum):
    """What a customer is to the shop; the first that fits, in this order."""

    NONE = "none"  # no order
    LAPSED = "lapsed"  # recency 1
    AT_RISK = "at-risk"  # recency 2
    CHAMPION = "champion"  # recency, frequency and monetary value 4 or 5
    LOYAL = "loyal"  # frequency 3 or more
    NEW = "new"  # recency 4 or 5, frequency 1
    POTENTIAL = "potential"  # all others: bought not long ago, once or twice


@dataclass(frozen=True, slots=True)
class RfmLimits:
    """Where one score ends and the next begins, each four numbers in ascending order; the defaults suit coffee.

    Parameters:
        recency: whole days since the last order, at most: for the scores 5, 4, 3, 2; longer ago is 1.
        frequency: counted orders, at least: for the scores 2, 3, 4, 5; fewer is 1.
        monetary: average order in the shop's currency, at least: for the scores 2, 3, 4, 5; less is 1.
    """

    recency: tuple[float, ...] = (30, 60, 90, 120)
    frequency: tuple[float, ...] = (2, 3, 5, 8)
    monetary: tuple[float, ...] = (150_000, 300_000, 500_000, 800_000)


@dataclass(frozen=True, slots=True)
class Scores:
    """The three scores of a customer who has bought, 1 to 5."""

    recency: int
    frequency: int
    monetary: int


def scores(facts: CustomerFacts, now: datetime, limits: RfmLimits) -> Scores | None:
    """Return the scores of a customer, None without an order; an order whose time is not known is of long ago."""
    if facts.orders_count <= 0:
        return None
    last = facts.last_order_at
    recency = 1 if last is None else 5 - sum((now - last) // _DAY > limit for limit in limits.recency)
    average = float(facts.total_spent) / facts.orders_count  # divided as doubles, as the database does
    return Scores(
        recency,
        1 + sum(facts.orders_count >= limit for limit in limits.frequency),
        1 + sum(average >= limit for limit in limits.monetary),
    )


def rfm_class(facts: CustomerFacts, now: datetime, limits: RfmLimits) -> RfmClass:
    """Return the class of a customer at a moment."""
    found = scores(facts, now, limits)
    if found is None:
        return RfmClass.NONE
    if found.recency <= 2:
        return RfmClass.LAPSED if found.recency == 1 else RfmClass.AT_RISK
    if min(found.recency, found.frequency, found.monetary) >= 4:
        return RfmClass.CHAMPION
    if found.frequency >= 3:
        return RfmClass.LOYAL
    return RfmClass.NEW if found.recency >= 4 and found.frequency == 1 else RfmClass.POTENTIAL
