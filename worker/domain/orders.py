"""An order of the shop: its lines, its money, its status and the history of that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One line of an order; price is for one piece, in the order's currency."""

    sku: str
    name: str
    category: str | None = None
    quantity: int = 1
    price: Decimal = Decimal(0)

    @property
    def amount(self) -> Decimal:
        """Price times quantity, in the order's currency."""
        return self.price * self.quantity


@dataclass(frozen=True, slots=True)
class Order:
    """One order as it stands now.

    Parameters:
        id: our own number of the row.
        number: the shop's order number, unique in the shop.
        placed_at: when it was bought; None while only a status is known of it.
        status: `placed`, `packing`, `shipped`, `delivered`, `incident`, `cancelled`, `refunded` or the shop's own.
            `cancelled` and `refunded` are final.
        refunded: what of the total was given back, never more than it.
        counted: whether its amount is in its customer's facts (not once cancelled or refunded).
    """

    id: int
    number: str
    customer_id: int
    total: Decimal
    currency: str
    status: str
    lines: tuple[OrderLine, ...] = ()
    coupon: str | None = None
    placed_at: datetime | None = None
    status_at: datetime | None = None
    refunded: Decimal = Decimal(0)
    counted: bool = True

    @property
    def categories(self) -> tuple[str, ...]:
        """Categories of its lines, each once, in order of appearance."""
        return tuple(dict.fromkeys(line.category for line in self.lines if line.category))

    @property
    def skus(self) -> tuple[str, ...]:
        """SKUs of its lines, each once, in order of appearance."""
        return tuple(dict.fromkeys(line.sku for line in self.lines))


@dataclass(frozen=True, slots=True)
class Told:
    """What events have told of one order so far, so that one that comes late can be judged; the order follows from it.

    Parameters:
        status: the newest status that is not final, and `status_at` when it was reported.
        total: the newest that an event named; without one the lines' sum counts.
        lines_at: time of the event that told the lines; so for `currency_at` and `coupon_at`.
        cancelled_at: when it was cancelled, lately.
        refunds: all amounts that were given back, even beyond the total.
        refunded_at: time of the newest refund.
        all_refunded: whether one gave all back, whatever that is.
    """

    status: str | None = None
    status_at: datetime | None = None
    total: Decimal | None = None
    total_at: datetime | None = None
    lines_at: datetime | None = None
    currency_at: datetime | None = None
    coupon_at: datetime | None = None
    cancelled_at: datetime | None = None
    refunds: Decimal = Decimal(0)
    refunded_at: datetime | None = None
    all_refunded: bool = False
