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
        refunded: what of the total was given back.
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
