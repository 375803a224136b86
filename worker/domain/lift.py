"""The lift of a flow with a holdout: whether those whom it wrote to reached its goal more often than those set aside.

Both arms are counted alike, by intention to treat: every customer of either arm, whatever was sent and opened, and a
goal that came within the same time after the entry. So the only thing that differs between them is the flow.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from math import sqrt
from statistics import NormalDist

from worker.domain.flows import Flow
from worker.domain.steps import Send, Step, Wait, ways_of

_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)


class Verdict(StrEnum):
    """What an interval says."""

    MORE = "more"  # surely more than without the flow
    FEWER = "fewer"  # surely fewer
    CHANCE = "chance"  # it may be chance
    NOBODY = "nobody"  # in one of the arms there is nobody yet


@dataclass(frozen=True, slots=True)
class Arm:
    """Customers who were treated alike.

    Parameters:
        reached: how many of them reached the goal.
        revenue: totals of the orders by which they did, by currency.
    """

    customers: int = 0
    reached: int = 0
    revenue: dict[str, Decimal] = field(default_factory=dict)

    @property
    def rate(self) -> float | None:
        """The share that reached the goal; None where there is nobody."""
        return self.reached / self.customers if self.customers else None

    def each(self, currency: str) -> Decimal:
        """Return the revenue in a currency for each customer of the arm: whole from a hundred on, else to cents."""
        each = self.revenue.get(currency, Decimal(0)) / self.customers if self.customers else Decimal(0)
        return round(each, 2) if each < 100 else Decimal(round(each))


@dataclass(frozen=True, slots=True)
class Lift:
    """Both arms of a flow.

    Parameters:
        within: how long after the entry a goal counts.
    """

    treated: Arm
    control: Arm
    within: timedelta

    @property
    def difference(self) -> float | None:
        """The rate of the treated less that of the control, -1 to 1; None where one of the arms is empty."""
        one, other = self.treated.rate, self.control.rate
        return None if one is None or other is None else one - other

    @property
    def interval(self) -> tuple[float, float] | None:
        """Between what the difference lies, with 95 % confidence; None where one of the arms is empty."""
        one, other = self.treated, self.control
        if not one.customers or not other.customers:
            return None
        return newcombe(one.reached, one.customers, other.reached, other.customers)

    @property
    def verdict(self) -> Verdict:
        """What can be said of it."""
        found = self.interval
        if found is None:
            return Verdict.NOBODY
        low, high = found
        return Verdict.MORE if low > 0 else Verdict.FEWER if high < 0 else Verdict.CHANCE


def compared_within(flow: Flow) -> timedelta | None:
    """Return how long after the entry a goal counts in both arms; None for a flow with nothing to compare.

    That is until the goal's own time after the last mail that the flow may send: the longest way to it, a wait's time
    of day counted as a day and its weekdays as a week. Whoever is set aside gets no mail to count from.
    """
    if flow.goal is None or flow.holdout <= 0:
        return None
    return flow.goal.within.span() + (_longest(flow.steps)[1] or timedelta())


def _longest(steps: tuple[Step, ...]) -> tuple[timedelta, timedelta | None]:
    """Return the longest time through these steps, and to the last mail among them; None where there is none."""
    so_far = timedelta()
    last: timedelta | None = None
    for step in steps:
        if isinstance(step, Send):
            last = so_far
        elif isinstance(step, Wait):
            so_far += step.duration.span() + (_WEEK if step.on else _DAY if step.at is not None else timedelta())
        through = timedelta()
        for way in ways_of(step):
            time, sent = _longest(way)
            through = max(through, time)
            if sent is not None and (last is None or so_far + sent > last):
                last = so_far + sent
        so_far += through
    return so_far, last


def newcombe(reached: int, of: int, reached_there: int, of_there: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the score interval for the difference of two proportions, without correction for continuity.

    Method 10 of R. G. Newcombe, "Interval estimation for the difference between independent proportions: comparison of
    eleven methods", Statistics in Medicine 17 (1998), 873-890: it keeps what it promises for few people and rare goals.

    Parameters:
        of, of_there: at least 1.

    Returns:
        The lower and the upper limit, -1 to 1.
    """
    one, other = reached / of, reached_there / of_there
    low, high = _wilson(reached, of, confidence)
    low_there, high_there = _wilson(reached_there, of_there, confidence)
    difference = one - other
    return (
        difference - sqrt((one - low) ** 2 + (high_there - other) ** 2),
        difference + sqrt((high - one) ** 2 + (other - low_there) ** 2),
    )


def _wilson(reached: int, of: int, confidence: float) -> tuple[float, float]:
    """Return E. B. Wilson's score interval for one proportion (1927)."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    middle = 2 * reached + z * z
    width = z * sqrt(z * z + 4 * reached * (1 - reached / of))
    return (middle - width) / (2 * (of + z * z)), (middle + width) / (2 * (of + z * z))
