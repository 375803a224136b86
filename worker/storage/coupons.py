"""Coupons: given to customers, one a journey's step and turn, out of a pool or made; redeemed by orders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Update, bindparam, literal_column, or_, select, update

from worker.domain.coupons import earlier
from worker.domain.facts import CouponFact
from worker.domain.journeys import Journey
from worker.storage.rows import Insertion
from worker.storage.tables import coupon

# As the index over pools has it, so that both databases see that it will do.
WAITS = (coupon.c.customer_id.is_(None), coupon.c.redeemed_at.is_(None))
LOADED: ColumnElement[bool] = literal_column("coupon.loaded")
GOOD = or_(coupon.c.expires_at.is_(None), coupon.c.expires_at > bindparam("now"))

_OF_STEP = select(coupon).where(
    coupon.c.journey_id == bindparam("journey"), coupon.c.step == bindparam("step"), coupon.c.turn == bindparam("turn")
)
_OF_CUSTOMERS = (
    select(coupon)
    .where(coupon.c.customer_id.in_(bindparam("customers", expanding=True)))
    .order_by(coupon.c.given_at, coupon.c.id)
)
# By an order that only the index over pools has: by numbers alone PostgreSQL might read all that was given before.
_WAITING = (
    select(coupon.c.id)
    .where(coupon.c.name == bindparam("named"), *WAITS, GOOD)
    .order_by(coupon.c.made_at, coupon.c.id)
    .limit(1)
)


def _draws() -> Update:
    first = _WAITING.with_for_update(skip_locked=True).scalar_subquery()
    given: dict[str, Any] = {
        name: bindparam(f"for_{name}") for name in ("customer_id", "journey_id", "step", "turn", "given_at")
    }
    return update(coupon).where(coupon.c.id == first, *WAITS).values(**given).returning(coupon)


_DRAW = _draws()
_SET_TERMS = update(coupon).where(coupon.c.id == bindparam("of"))
_WAS_LOADED = select(coupon.c.id).where(coupon.c.name == bindparam("named"), LOADED).limit(1)
_MAKE = Insertion(coupon, lambda new: new.on_conflict_do_nothing().returning(coupon))
_BY_CODE = select(coupon).where(coupon.c.code.in_(bindparam("codes", expanding=True)))
_REDEEM = (
    update(coupon)
    .where(coupon.c.id == bindparam("of"), coupon.c.redeemed_at.is_(None))
    .values(redeemed_at=bindparam("at"), order_number=bindparam("order"))
)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a coupon takes off, and the last second at which it is good; what is not known is None."""

    percent: Decimal | None = None
    amount: Decimal | None = None
    currency: str | None = None
    expires_at: datetime | None = None

    def under(self, others: Terms) -> Terms:
        """Return these terms where they say something, else the others'; good no longer than either says."""
        ends = earlier(self.expires_at, others.expires_at)
        if self.percent is None and self.amount is None:
            return replace(others, expires_at=ends)
        return replace(self, currency=self.currency or others.currency, expires_at=ends)


@dataclass(frozen=True, slots=True)
class CouponRow:
    """A coupon as its row tells it; one without a customer waits in the pool of its name."""

    id: int
    name: str
    code: str
    loaded: bool
    terms: Terms
    made_at: datetime
    customer_id: int | None = None
    journey_id: int | None = None
    step: str | None = None
    given_at: datetime | None = None
    redeemed_at: datetime | None = None
    order_number: str | None = None

    def expired(self, now: datetime) -> bool:
        """Whether its time was over at that moment."""
        return self.terms.expires_at is not None and self.terms.expires_at <= now

    def fact(self, *, own: bool) -> CouponFact:
        """Return it as conditions and texts see it; `own`: whether the journey that asks gave it."""
        terms, redeemed, order = self.terms, self.redeemed_at, self.order_number
        money = (terms.percent, terms.amount, terms.currency)
        return CouponFact(self.name, self.code, *money, terms.expires_at, redeemed, order, own)


def of_step(connection: Connection, journey: Journey, step: str) -> CouponRow | None:
    """Return the coupon that a journey's step has given in this turn, or None."""
    row = connection.execute(_OF_STEP, {"journey": journey.id, "step": step, "turn": journey.turn}).first()
    return None if row is None else coupon_row(row)


def draw(
    connection: Connection, name: str, journey: Journey, step: str, terms: Terms, now: datetime
) -> CouponRow | None:
    """Take the first good code out of a pool, for a journey's step; None where the pool is empty or there is none.

    Of many who draw at once each takes another code; codes that others have in hand are passed over (`in_hand`).

    Parameters:
        terms: of the step; what the shop said of the codes when it loaded them goes before them.
    """
    whose = {
        "for_customer_id": journey.customer_id,
        "for_journey_id": journey.id,
        "for_step": step,
        "for_turn": journey.turn,
        "for_given_at": now,
    }
    row = connection.execute(_DRAW, {"named": name, "now": now, **whose}).first()
    if row is None:
        return None
    drawn = coupon_row(row)
    own = drawn.terms.under(terms)
    if own != drawn.terms:
        values = {"percent": own.percent, "amount": own.amount, "currency": own.currency, "expires_at": own.expires_at}
        connection.execute(_SET_TERMS, {"of": drawn.id, **values})
    return replace(drawn, terms=own)


def in_hand(connection: Connection, name: str, now: datetime) -> bool:
    """Say whether a pool, of which none could be drawn, has codes: others are drawing them, and may yet leave them.

    Nobody waits here for those others: two who hold codes of one pool would wait for each other.
    """
    return connection.execute(_WAITING, {"named": name, "now": now}).first() is not None


def was_loaded(connection: Connection, name: str) -> bool:
    """Say whether a pool was ever loaded for this name."""
    return connection.execute(_WAS_LOADED, {"named": name}).first() is not None


def make(
    connection: Connection, name: str, code: str, journey: Journey, step: str, terms: Terms, now: datetime
) -> CouponRow | None:
    """Write a new code down, for a journey's step; None where the code, or the step's coupon, is there already."""
    values = {
        "name": name,
        "code": code,
        "percent": terms.percent,
        "amount": terms.amount,
        "currency": terms.currency,
        "expires_at": terms.expires_at,
        "made_at": now,
        "customer_id": journey.customer_id,
        "journey_id": journey.id,
        "step": step,
        "turn": journey.turn,
        "given_at": now,
    }
    row = connection.execute(_MAKE.on(connection), values).first()
    return None if row is None else coupon_row(row)


def of_customers(connection: Connection, customer_ids: Sequence[int]) -> dict[int, tuple[CouponRow, ...]]:
    """Return the coupons that each customer was given, the one given first first."""
    found: dict[int, tuple[CouponRow, ...]] = {}
    if customer_ids:
        for row in connection.execute(_OF_CUSTOMERS, {"customers": list(customer_ids)}):
            found[row.customer_id] = (*found.get(row.customer_id, ()), coupon_row(row))
    return found


def by_code(connection: Connection, codes: Sequence[str]) -> dict[str, CouponRow]:
    """Return the coupons of these codes (see `worker.domain.coupons.normal_code`); unknown ones are left out."""
    if not codes:
        return {}
    return {row.code: coupon_row(row) for row in connection.execute(_BY_CODE, {"codes": list(codes)})}


def redeem(connection: Connection, coupon_id: int, order_number: str, at: datetime) -> bool:
    """Note that an order carried a coupon; says whether it is the first that did."""
    return connection.execute(_REDEEM, {"of": coupon_id, "order": order_number, "at": at}).rowcount == 1


def join(connection: Connection, guest_id: int, into: int) -> None:
    """Give a guest's coupons to the customer that the guest turned out to be."""
    connection.execute(update(coupon).where(coupon.c.customer_id == guest_id).values(customer_id=into))


def coupon_row(row: Row[Any]) -> CouponRow:
    """Return a row of the table as it is handed about."""
    return CouponRow(
        id=row.id,
        name=row.name,
        code=row.code,
        loaded=row.loaded,
        terms=Terms(row.percent, row.amount, row.currency, row.expires_at),
        made_at=row.made_at,
        customer_id=row.customer_id,
        journey_id=row.journey_id,
        step=row.step,
        given_at=row.given_at,
        redeemed_at=row.redeemed_at,
        order_number=row.order_number,
    )
