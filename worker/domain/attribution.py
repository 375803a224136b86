"""To which mail a purchase is credited: the one whose coupon it redeemed, else the last clicked, else the last opened.

An order is credited once or not at all, whatever many mails went before it: sums over mails and flows never exceed
what was sold. A flow's goal is another thing: each flow counts what it is for, and several may count one order.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class CreditedBy(StrEnum):
    """What a purchase is credited for, the stronger first."""

    COUPON = "coupon"  # the order redeemed a code that a flow gave
    CLICK = "click"  # a person followed a link
    OPEN = "open"  # a person looked at the mail


@dataclass(frozen=True, slots=True)
class CreditRules:
    """What counts for a purchase.

    Parameters:
        click, open: for how long before it a person's click and open of a mail do.
        transactional: whether mails that follow from an order or a request are credited too.
    """

    click: timedelta = timedelta(days=7)
    open: timedelta = timedelta(days=1)
    transactional: bool = False

    @property
    def longest(self) -> timedelta:
        """How far back one has to look."""
        return max(self.click, self.open)


USUAL = CreditRules()


@dataclass(frozen=True, slots=True)
class Touch:
    """What a customer did with a mail.

    Parameters:
        message: number of the mail; None for a coupon whose flow sent none.
        journey: number of the journey that it was of.
    """

    by: CreditedBy
    at: datetime
    message: int | None
    journey: int | None


def credited(placed_at: datetime, touches: Iterable[Touch], rules: CreditRules) -> Touch | None:
    """Return the touch that a purchase is credited to, or None.

    A redeemed coupon comes first, whenever it was given; then the last click, then the last open, each within its
    window, the moment of the purchase and the far end of the window counted in.
    """
    reach = {CreditedBy.CLICK: rules.click, CreditedBy.OPEN: rules.open}
    counting = [
        one for one in touches if one.by is CreditedBy.COUPON or timedelta() <= placed_at - one.at <= reach[one.by]
    ]
    rank = {by: number for number, by in enumerate(reversed(CreditedBy))}
    return max(counting, key=lambda one: (rank[one.by], one.at, one.message or 0), default=None)
