"""Customers for Hypothesis: rows of the tables that conditions look at, at moments and with values that are odd."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from tests.support.condition_trees import COUPONS, DATES, EVENT_TYPES, FLOWS, STEPS, TIMES, broken, texts, whole
from worker.domain.rfm import RfmLimits

CUSTOMERS = (1, 2)
EMAILS = ("a@example.com", "b@example.com")
NUMBERS = ("A1", "A2", "A3")
REQUESTS = ("R1", "R2")

# Moments at which it is one day here and another there, and days that not every year has.
MOMENTS = [
    datetime(2027, 3, 1, 7, 0, tzinfo=UTC),
    datetime(2027, 2, 28, 17, 0, tzinfo=UTC),
    datetime(2028, 2, 29, 10, 30, 0, 1, tzinfo=UTC),
    datetime(2027, 3, 28, 1, 0, tzinfo=UTC),
]
ZONES = [None, "Asia/Ho_Chi_Minh", "America/Los_Angeles", "Pacific/Kiritimati", "Pacific/Niue", "Nowhere/Land"]
amounts = st.decimals(0, 10**9, places=4) | st.sampled_from([Decimal(0), Decimal(1), Decimal(450_000), Decimal("0.1")])
scalars = st.one_of(
    texts,
    whole,
    broken,
    st.booleans(),
    st.none(),
    st.sampled_from([10**18, 10**18 + 1, 10**19, 10**30, 2**53 + 1, 1e-18, 9e-19, 1e300, 5e-324]),
)
anything = st.one_of(scalars, st.lists(scalars, max_size=3), st.fixed_dictionaries({"deep": scalars}))


def _moments(now: datetime) -> st.SearchStrategy[datetime]:
    day, tick = timedelta(days=1), timedelta(microseconds=1)
    offsets = [timedelta(0), tick, -tick, day, -day, day + tick, tick - day, day - tick, -day - tick, -7 * day]
    offsets += [-7 * day - tick, -90 * day, timedelta(hours=-30), timedelta(hours=5)]
    return st.sampled_from([now + offset for offset in offsets])


def _bought(now: datetime) -> st.SearchStrategy[datetime]:
    """Times beside the limits of RFM, which count whole days: the last of a day, and the first of the next."""
    tick = timedelta(microseconds=1)
    ends = [now - timedelta(days=limit + 1) for limit in RfmLimits().recency]
    return st.sampled_from([*ends, *(end + tick for end in ends), now - timedelta(days=400)])


def _days(now: datetime) -> st.SearchStrategy[date]:
    return st.sampled_from([now.date() + timedelta(days=n) for n in (-60, -2, -1, 0, 1, 2)] + [date(1992, 2, 29)])


def _optional(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


@st.composite
def worlds(draw: st.DrawFn) -> tuple[datetime, dict[str, list[dict[str, Any]]]]:
    """Return a moment, and rows by table."""
    now = draw(st.sampled_from(MOMENTS))
    moments, days = _moments(now), _days(now)
    own_dates = days.map(date.isoformat) | st.sampled_from(DATES)
    own_times = moments.map(lambda moment: moment.isoformat().replace("+00:00", "Z")) | st.sampled_from(TIMES)
    rows: dict[str, list[dict[str, Any]]] = {}
    consents = st.sampled_from(["unknown", "subscribed", "unsubscribed"])
    rows["address"] = [
        {"email": email, "marketing": draw(consents), "tracking": draw(consents)}
        for email in EMAILS
        if draw(st.integers(0, 4))
    ]
    fields = st.fixed_dictionaries(
        {},
        optional={
            "points": whole | broken | anything,
            "tier": texts | anything,
            "vip": st.booleans() | anything,
            "wedding": own_dates | anything,
            "seen": own_times | anything,
            "likes": st.lists(texts, max_size=3) | anything,
            "extra": anything | own_times | own_dates,
            "khách": anything,
        },
    )
    rows["customer"] = [
        {
            "id": number,
            "external_id": draw(_optional(st.just(f"c{number}"))),
            "email": draw(_optional(st.sampled_from(EMAILS))),
            "name": draw(_optional(texts)),
            "birthday": draw(_optional(days)),
            "timezone": draw(st.sampled_from(ZONES)),
            "address": draw(st.fixed_dictionaries({}, optional={"city": texts})),
            "fields": draw(fields),
            "tags": draw(st.lists(texts, max_size=3)),
            "created_at": draw(moments),
            "updated_at": now,
            "orders_count": draw(st.integers(0, 9)),
            "total_spent": draw(amounts | st.sampled_from([Decimal(2_500_000), Decimal(4_000_000)])),
            "last_order_at": draw(_optional(moments | _bought(now))),
            "alive": draw(_optional(st.sampled_from([0.0, 0.25, 0.5, 1.0]))),
            "predicted_next_order_at": draw(_optional(moments)),
        }
        for number in CUSTOMERS
    ]
    rows["orders"], rows["order_line"] = [], []
    for at, number in enumerate(NUMBERS[: draw(st.integers(0, 3))], start=1):
        order = {
            "id": at,
            "number": number,
            "customer_id": draw(st.sampled_from(CUSTOMERS)),
            "total": draw(amounts),
            "refunded": draw(amounts),
            "currency": "VND",
            "status": draw(st.sampled_from(["placed", "shipped"])),
            "coupon": draw(_optional(texts)),
            "placed_at": draw(_optional(moments)),
            "counted": draw(st.booleans()),
        }
        rows["orders"].append(order)
        rows["order_line"] += [
            {
                "order_id": at,
                "position": position,
                "sku": draw(st.sampled_from(["AR-1", "RO-1", "arabica"])),
                "name": "Coffee",
                "category": draw(st.sampled_from([None, "", "arabica", "Hà Nội"])),
                "quantity": 1,
                "price": Decimal(1),
            }
            for position in range(draw(st.integers(0, 2)))
        ]
    data = st.fixed_dictionaries(
        {},
        optional={
            "n": whole | broken | anything,
            "word": texts | anything,
            "when": own_times | anything,
            "things": st.lists(texts, max_size=3) | anything,
            "extra": anything | own_times | own_dates,
        },
    )
    rows["event"] = [
        {
            "id": number,
            "source": "shop",
            "external_id": str(number),
            "type": draw(st.sampled_from(EVENT_TYPES)),
            "occurred_at": draw(moments),
            "received_at": now,
            "content_hash": "",
            "payload": draw(st.just({}) | data.map(lambda found: {"data": found})),
            "state": draw(st.sampled_from(["processed", "processed", "received", "refused"])),
            "customer_id": draw(_optional(st.sampled_from(CUSTOMERS))),
            "order_number": draw(_optional(st.sampled_from(NUMBERS))),
            "request": draw(_optional(st.sampled_from(REQUESTS))),
        }
        for number in range(1, draw(st.integers(1, 5)))
    ]
    rows["flow_version"] = [{"id": 1, "flow": "welcome", "number": 1, "meaning": "", "source": "", "published_at": now}]
    rows["journey"] = [
        {
            "id": number,
            "flow": draw(st.sampled_from(FLOWS)),
            "version_id": 1,
            "customer_id": draw(st.sampled_from(CUSTOMERS)),
            "once_key": str(number),
            "state": draw(st.sampled_from(["waiting", "waiting", "control", "done"])),
            "entered_at": draw(moments),
            "day": draw(_optional(days)),
            "event_id": draw(_optional(st.sampled_from([row["id"] for row in rows["event"]])))
            if rows["event"]
            else None,
            "order_number": draw(_optional(st.sampled_from(NUMBERS))),
            "request": draw(_optional(st.sampled_from(REQUESTS))),
        }
        for number in range(1, draw(st.integers(2, 5)))
    ]
    rows["task"] = [
        {
            "key": str(number),
            "type": "call",
            "priority": "normal",
            "title": {},
            "customer_id": of["customer_id"],
            "journey_id": of["id"],
            "step": draw(st.sampled_from(STEPS)),
            "turn": draw(st.sampled_from([0, 0, 1])),
            "state": draw(st.sampled_from(["open", "in progress", "done", "cancelled"])),
            "created_at": now,
        }
        for number in range(draw(st.integers(0, 3)))
        for of in [draw(st.sampled_from(rows["journey"]))]
    ]
    rows["coupon"] = [
        {
            "name": draw(st.sampled_from(COUPONS)),
            "code": f"LAN-{number}",
            "made_at": now,
            "customer_id": draw(_optional(st.sampled_from(CUSTOMERS))),
            "given_at": draw(_optional(moments)),
            "redeemed_at": draw(_optional(moments)),
            "order_number": draw(_optional(st.sampled_from(NUMBERS))),
        }
        for number in range(draw(st.integers(0, 4)))
    ]
    rows["request"] = [
        {
            "number": number,
            "customer_id": draw(st.sampled_from(CUSTOMERS)),
            "opened_at": draw(moments),
            "due_at": now,
            "closed_at": draw(_optional(moments)),
        }
        for number in REQUESTS[: draw(st.integers(0, 2))]
    ]
    articles = draw(st.lists(texts | st.sampled_from(["AR-1", "RO-1"]), max_size=4, unique=True))
    rows["stock"] = [{"sku": sku, "available": draw(st.booleans()), "told_at": now} for sku in articles]
    states = st.sampled_from(["sent", "unknown", "queued", "bounced", "failed"])
    rows["message"] = [
        {
            "key": str(number),
            "customer_id": of["customer_id"],
            "journey_id": of["id"],
            "step": draw(st.sampled_from(STEPS)),
            "kind": "marketing",
            "template": "hello",
            "state": draw(states),
            "created_at": now,
            "not_before": now,
            "transmitting_at": draw(_optional(moments)),
            "sent_at": draw(_optional(moments)),
            "opened_at": draw(_optional(moments)),
            "clicked_at": draw(_optional(moments)),
        }
        for number in range(draw(st.integers(0, 4)))
        for of in [draw(st.sampled_from(rows["journey"]))]
    ]
    return now, rows
