"""Crediting purchases: what customers did with mails before they bought, and the credit that follows from it.

A credit can be found again at any time from what stands in the database, and is whenever something is learnt that
changes it: the purchase, a hit that was classed, a code that was redeemed. So it does not matter what came first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select

from worker.domain.attribution import CreditedBy, CreditRules, Touch, credited
from worker.domain.coupons import codes_in
from worker.domain.hits import HitClass, HitKind
from worker.domain.messages import Kind
from worker.storage.rows import insert
from worker.storage.tables import coupon, credit, hit, journey, message, orders

_PEOPLE = (HitClass.PERSON.value, HitClass.PROXY.value)
_BY = {HitKind.CLICK: CreditedBy.CLICK, HitKind.OPEN: CreditedBy.OPEN}
_SLICE = 500  # orders that are credited anew in one transaction
_GONE_AT = func.coalesce(message.c.sent_at, message.c.transmitting_at)


def credit_orders(connection: Connection, numbers: Sequence[str], rules: CreditRules) -> dict[str, str]:
    """Credit purchases anew, by all that is known now.

    Parameters:
        numbers: the orders' own; those that nobody placed yet are credited to nothing.

    Returns:
        For each order whose credit is another than before, the flow, or nothing where there is none any more.
    """
    placed = {
        row.number: row
        for row in connection.execute(
            select(orders.c.number, orders.c.customer_id, orders.c.placed_at, orders.c.coupon)
            .where(orders.c.number.in_(list(numbers)), orders.c.placed_at.is_not(None))
            .order_by(orders.c.id)
        )
    }
    before = {
        row.order_number: row
        for row in connection.execute(select(credit).where(credit.c.order_number.in_(list(numbers))))
    }
    by_coupon = _by_coupon(connection, placed)
    changed: dict[str, str] = {}
    for number, order in placed.items():
        touches = by_coupon.get(number) or _touches(connection, order, rules)
        new = _values(connection, number, order, credited(order.placed_at, touches, rules))
        if new is not None and not _same(before.get(number), new):
            changes = {name: value for name, value in new.items() if name != "order_number"}
            added = insert(connection, credit).values(**new)
            connection.execute(added.on_conflict_do_update(index_elements=[credit.c.order_number], set_=changes))
            changed[number] = new["flow"]
        elif new is None and number in before:
            connection.execute(delete(credit).where(credit.c.order_number == number))
            changed[number] = ""
    return changed


def placed_after(connection: Connection, looked: Mapping[int, datetime], rules: CreditRules) -> list[str]:
    """Return the orders that customers placed soon enough after they looked at a mail to be credited to it.

    Parameters:
        looked: by customer, when.
    """
    if not looked:
        return []
    since = select(orders.c.number, orders.c.customer_id, orders.c.placed_at).where(
        orders.c.customer_id.in_(sorted(looked)), orders.c.placed_at >= min(looked.values())
    )
    return [
        row.number
        for row in connection.execute(since)
        if timedelta() <= row.placed_at - looked[row.customer_id] <= rules.longest
    ]


def slices(connection: Connection, since: datetime | None, after: int = 0) -> tuple[list[str], int] | None:
    """Return the numbers of some orders that were placed, and up to where that is; None where there are no more.

    Parameters:
        since: only those placed from then on; None: all.
        after: where the slice before ended.
    """
    rows = connection.execute(
        select(orders.c.id, orders.c.number)
        .where(orders.c.id > after, orders.c.placed_at.is_not(None))
        .where(*(() if since is None else (orders.c.placed_at >= since,)))
        .order_by(orders.c.id)
        .limit(_SLICE)
    ).all()
    return ([row.number for row in rows], rows[-1].id) if rows else None


def _by_coupon(connection: Connection, placed: Mapping[str, Row[*tuple[Any, ...]]]) -> dict[str, list[Touch]]:
    """Return for orders that redeemed a flow's code the last mail of the journey that gave it."""
    codes = {number: codes_in(order.coupon) for number, order in placed.items() if order.coupon}
    if not codes:
        return {}
    wanted = {code for found in codes.values() for code in found}
    rows = connection.execute(
        select(coupon.c.code, coupon.c.journey_id, coupon.c.order_number).where(
            coupon.c.code.in_(wanted), coupon.c.journey_id.is_not(None)
        )
    ).all()
    found: dict[str, list[Touch]] = {}
    for number, its_codes in codes.items():
        at = placed[number].placed_at
        for row in rows:
            if row.code in its_codes and row.order_number == number:
                mail = _last_mail(connection, row.journey_id, at)
                found.setdefault(number, []).append(Touch(CreditedBy.COUPON, at, mail, row.journey_id))
    return found


def _last_mail(connection: Connection, journey_id: int, until: datetime) -> int | None:
    found = connection.execute(
        select(message.c.id)
        .where(message.c.journey_id == journey_id, message.c.staff.is_(None), until >= _GONE_AT)
        .order_by(_GONE_AT.desc(), message.c.id.desc())
        .limit(1)
    )
    return found.scalar()


def _touches(connection: Connection, order: Row[*tuple[Any, ...]], rules: CreditRules) -> Iterator[Touch]:
    """Yield the last click and, where there is none, the last open, of people, before the order."""
    kinds = [kind.value for kind in Kind] if rules.transactional else [Kind.MARKETING.value]
    for kind, back, noted in (
        (HitKind.CLICK, rules.click, message.c.clicked_at),
        (HitKind.OPEN, rules.open, message.c.opened_at),
    ):
        row = connection.execute(
            select(hit.c.at, message.c.id, message.c.journey_id)
            .select_from(hit.join(message, message.c.id == hit.c.message_id))
            .where(
                message.c.customer_id == order.customer_id,
                message.c.kind.in_(kinds),
                message.c.flow.is_not(None),
                noted <= order.placed_at,
                hit.c.kind == kind.value,
                hit.c["class"].in_(_PEOPLE),
                hit.c.at.between(order.placed_at - back, order.placed_at),
            )
            .order_by(hit.c.at.desc(), hit.c.id.desc())
            .limit(1)
        ).first()
        if row is not None:
            yield Touch(_BY[kind], row.at, row.id, row.journey_id)
            return


def _values(
    connection: Connection, number: str, order: Row[*tuple[Any, ...]], touch: Touch | None
) -> dict[str, Any] | None:
    if touch is None:
        return None
    named = select(message.c.flow, message.c.step).where(message.c.id == touch.message)
    if touch.message is None:
        named = select(journey.c.flow, journey.c.step.label("step")).where(journey.c.id == touch.journey)
    flow, step = connection.execute(named).one()
    return {
        "order_number": number,
        "flow": flow,
        "step": step if touch.message is not None else None,
        "message_id": touch.message,
        "journey_id": touch.journey,
        "by": touch.by.value,
        "touched_at": touch.at,
        "placed_at": order.placed_at,
    }


def _same(before: Row[*tuple[Any, ...]] | None, new: Mapping[str, Any]) -> bool:
    return before is not None and all(before._mapping[name] == value for name, value in new.items())
