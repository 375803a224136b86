"""Redeeming: an order that carries a code of ours has redeemed the coupon, whoever bought."""

from __future__ import annotations

from datetime import datetime

import structlog
from sqlalchemy import Connection

from worker.domain.coupons import codes_in
from worker.domain.customers import Customer
from worker.domain.event_check import EventRules
from worker.domain.orders import Order
from worker.domain.work import Work
from worker.engine.reporting import report
from worker.storage import coupons, customers, journeys
from worker.storage.coupons import CouponRow

_log = structlog.get_logger(__name__)


def redeem(connection: Connection, rules: EventRules, order: Order, now: datetime, *, history: bool) -> Work:
    """Note which coupons an order has redeemed; each the first time, and `coupon.redeemed` is reported then.

    The shop has accepted the code, so an expired one counts, and another customer's too. A code that is not ours is
    none of our business, and neither is what becomes of the order afterwards.

    Parameters:
        history: whether the order is of the past that was loaded: then nothing starts from it.

    Returns:
        The events to process, and the journeys of other customers that are to look again.
    """
    if not order.coupon or order.placed_at is None:
        return Work()
    work = Work()
    named = coupons.by_code(connection, codes_in(order.coupon))
    for coupon in sorted(named.values(), key=lambda one: one.id):  # always in the same order, as rows are held
        if not coupons.redeem(connection, coupon.id, order.number, order.placed_at):
            if coupon.order_number != order.number:
                _log.info("a coupon was redeemed again", coupon=coupon.id, name=coupon.name, order=order.number)
            continue
        buyer = customers.by_id(connection, [order.customer_id])[order.customer_id]
        _remark(coupon, order, buyer)
        if coupon.customer_id is not None and coupon.customer_id != buyer.id:
            work += Work(journeys=tuple(journeys.wake_of(connection, [coupon.customer_id])))
        if not history:
            work += Work(events=_report(connection, rules, coupon, order, buyer, now))
    return work


def _report(
    connection: Connection, rules: EventRules, coupon: CouponRow, order: Order, buyer: Customer, now: datetime
) -> tuple[int, ...]:
    amount = coupon.terms.amount
    data = {"coupon": coupon.name, "code": coupon.code, "amount": None if amount is None else float(amount)}
    return report(connection, rules, f"coupon:{coupon.id}:redeemed", "coupon.redeemed", buyer, data, now, order.number)


def _remark(coupon: CouponRow, order: Order, buyer: Customer) -> None:
    assert order.placed_at is not None, "only what was bought has redeemed a coupon"
    if coupon.customer_id is None:
        _log.warning("a code of a pool was redeemed that nobody was given", coupon=coupon.id, name=coupon.name)
    elif coupon.customer_id != buyer.id:
        _log.info("a coupon was redeemed by another customer", coupon=coupon.id, name=coupon.name, customer=buyer.id)
    if coupon.expired(order.placed_at):
        _log.info("a coupon was redeemed after its time", coupon=coupon.id, name=coupon.name)
