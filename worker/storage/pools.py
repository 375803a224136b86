"""Pools of codes that the shop loaded, and how the coupons of each name stand."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Connection, and_, bindparam, case, func, select

from worker.storage.coupons import GOOD, LOADED, WAITS, Terms, by_code
from worker.storage.rows import Insertion
from worker.storage.tables import coupon, orders

ASKED_AT_ONCE = 500  # codes in one statement

_LOAD = Insertion(coupon, lambda new: new.on_conflict_do_nothing(index_elements=["code"]))
_LEFT = select(coupon.c.id).where(coupon.c.name == bindparam("named"), *WAITS, GOOD).limit(bindparam("most"))
_LOADED = select(coupon.c.name).where(coupon.c.name == bindparam("named"), LOADED).limit(1)


@dataclass(frozen=True, slots=True)
class Figures:
    """How the coupons of one name stand.

    Parameters:
        made: codes that were made here; `loaded`: codes of the shop's pool, of which `left` can still be drawn.
        given: coupons that customers got; `redeemed`: codes that an order carried.
        revenue: what those orders that count came to, by currency.
    """

    name: str
    made: int = 0
    loaded: int = 0
    left: int = 0
    given: int = 0
    redeemed: int = 0
    revenue: Mapping[str, Decimal] = field(default_factory=dict)


def load(connection: Connection, name: str, codes: Sequence[str], terms: Terms, now: datetime) -> dict[str, str]:
    """Put codes into a pool, each once; one that is there already stays what it is.

    Returns:
        The codes that were there already, each with the name that it has.
    """
    there: dict[str, str] = {}
    for start in range(0, len(codes), ASKED_AT_ONCE):
        some = codes[start : start + ASKED_AT_ONCE]
        known = by_code(connection, some)
        there |= {code: row.name for code, row in known.items()}
        values = {
            "name": name,
            "loaded": True,
            "percent": terms.percent,
            "amount": terms.amount,
            "currency": terms.currency,
            "expires_at": terms.expires_at,
            "made_at": now,
        }
        new = [{"code": code, **values} for code in some if code not in known]
        if new:
            connection.execute(_LOAD.on(connection), new)
    return there


def settle(connection: Connection) -> None:
    """Have PostgreSQL count anew after codes were loaded; by older counts it sorts a whole pool for each code drawn."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("ANALYZE coupon")


def left(connection: Connection, name: str, now: datetime, most: int) -> int | None:
    """Return how many codes can still be drawn from a pool, counted up to `most`; None where none was ever loaded."""
    found = len(connection.execute(_LEFT, {"named": name, "now": now, "most": most}).all())
    return found if found or connection.execute(_LOADED, {"named": name}).first() else None


def short(connection: Connection, names: Collection[str], now: datetime, fewer_than: int) -> dict[str, int]:
    """Return the pools of these names with fewer codes left than that, each with how many."""
    counted = {name: left(connection, name, now, fewer_than) for name in sorted(names)}
    return {name: count for name, count in counted.items() if count is not None and count < fewer_than}


def figures(connection: Connection, now: datetime) -> list[Figures]:
    """Return how the coupons of each name stand, by name; reads all of them."""
    count = func.count()
    counted = select(
        coupon.c.name,
        count.label("all"),
        func.sum(case((coupon.c.loaded, 1), else_=0)).label("loaded"),
        func.sum(case((and_(*WAITS, GOOD), 1), else_=0)).label("left"),
        func.count(coupon.c.given_at).label("given"),
        func.count(coupon.c.redeemed_at).label("redeemed"),
    ).group_by(coupon.c.name)
    found = {
        row.name: Figures(row.name, row.all - row.loaded, row.loaded, row.left, row.given, row.redeemed)
        for row in connection.execute(counted, {"now": now})
    }
    earned = (
        select(coupon.c.name, orders.c.currency, func.sum(orders.c.total - orders.c.refunded).label("total"))
        .join(orders, orders.c.number == coupon.c.order_number)
        .where(orders.c.counted)
        .group_by(coupon.c.name, orders.c.currency)
    )
    for row in connection.execute(earned):
        one = found[row.name]
        found[row.name] = replace(one, revenue={**one.revenue, row.currency: row.total})
    return [found[name] for name in sorted(found)]
