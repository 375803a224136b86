"""An audience counted beforehand: how many would enter at a turn, and how many of their mails would be skipped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, case, exists, false, func, literal, literal_column, or_, select
from sqlalchemy import Text as SqlText

from worker.storage.conditions.quantities import Condition
from worker.storage.enrolment import Entrance, audience, once_key
from worker.storage.tables import address, customer, journey, orders


@dataclass(frozen=True, slots=True)
class Counts:
    """How many customers an audience has.

    Parameters:
        entered: of them those who have entered under the same key, and do not again.
        no_address, suppressed, no_consent: of the others those whose mail would be skipped, each counted once.
    """

    customers: int = 0
    entered: int = 0
    no_address: int = 0
    suppressed: int = 0
    no_consent: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.customers + other.customers,
            self.entered + other.entered,
            self.no_address + other.no_address,
            self.suppressed + other.suppressed,
            self.no_consent + other.no_consent,
        )


def count_audience(
    connection: Connection, entrance: Entrance, among: Sequence[Condition], *, marketing: bool, asks: bool
) -> Counts:
    """Count the customers who would enter at a turn, and those whose mail would be skipped as things stand.

    Parameters:
        marketing: whether its mails are advertising, which a no keeps away.
        asks: whether they need a yes, too.
    """
    which = _keyed(connection, entrance, among).subquery()
    entered = (
        exists(literal_column("1"))
        .where(
            journey.c.flow == literal(entrance.flow.name, SqlText()),
            journey.c.customer_id == which.c.id,
            journey.c.once_key == which.c.once_key,
        )
        .correlate(which)
    )
    mailed = which.outerjoin(address, address.c.email == which.c.email)
    reason = case(
        (entered, literal("entered")),
        (which.c.email.is_(None), literal("no_address")),
        (_suppressed(marketing), literal("suppressed")),
        (_refused(marketing, asks), literal("no_consent")),
        else_=literal("goes"),
    )
    rows = select(reason.label("reason"), func.count()).select_from(mailed).group_by(literal_column("1"))
    found: dict[str, int] = {row[0]: row[1] for row in connection.execute(rows)}
    parts = {name: number for name, number in found.items() if name != "goes"}
    return Counts(customers=sum(found.values()), **parts)


def some_of_audience(connection: Connection, entrance: Entrance, among: Sequence[Condition], most: int) -> list[int]:
    """Return our numbers of some customers who would enter at a turn, those with the lowest."""
    which = audience(connection, entrance, among, [customer.c.id])
    return list(connection.execute(which.order_by(customer.c.id).limit(most)).scalars())


def _refused(marketing: bool, asks: bool) -> Condition:
    """Whether what an address said of advertising keeps a mail away."""
    known = func.coalesce(address.c.marketing, "unknown")
    if not marketing:
        return false()
    return known != "subscribed" if asks else known == "unsubscribed"


def _suppressed(marketing: bool) -> Condition:
    """Whether an address gets nothing at all, or no marketing for a flow's word."""
    dead = address.c.suppressed.is_not(None)
    return or_(dead, address.c.marketing_suppressed.is_not(None)) if marketing else dead


def _keyed(connection: Connection, entrance: Entrance, among: Sequence[Condition]) -> Select[Any]:
    order = orders.alias("its_order") if entrance.of_order else None
    columns = [customer.c.id, customer.c.email, once_key(entrance, order).label("once_key")]
    return audience(connection, entrance, among, columns, order)
