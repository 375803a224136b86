"""A backtest over a stored history says what the whole engine did when that history happened."""

from __future__ import annotations

import textwrap
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.backtesting import BEGIN, Chance, LivedShop
from worker.domain.calendars.seasons import ListedDays, Season
from worker.storage.database import Database

FLOWS = {
    "over": """
        trigger: {event: product.viewed}
        once: per event
        again: restart
        exit: [{event: unsubscribed}]
        steps:
          - send: seen
          - wait: 2 days
            until: sent("seen") and customer.orders_count > 3
          - send: seen-later
        """,
    "aside": """
        trigger: purchase
        holdout: 50%
        goal: {event: purchase, within: 3 days}
        steps:
          - send: bought
          - wait: 1 day
          - exit: enough
        """,
    "thanks": """
        trigger: purchase
        when: order.total >= 300_000 and "arabica" in order.categories
        exit: [{event: refund}]
        goal: {event: purchase, within: 14 days}
        steps:
          - send: thank-you
          - wait: 2 days
            at: "10:30"
          - if: customer.orders_count >= 2
            then:
              - send: again
            else:
              - wait: 3 days
                until: did("product.viewed", within="journey")
              - send: review
        """,
    "views": """
        trigger: {event: product.viewed}
        when: did("product.viewed", within="7 days", at_least=2) and not bought("arabica", within="30 days")
        once: per 10 days
        exit: [{when: ordered()}]
        steps:
          - choose:
              - when: '"vip" in customer.tags'
                then: [{exit: a friend of the house}]
            else: [{send: looked}]
          - wait: 36 hours
          - send: looked-again
        """,
    "ship": """
        trigger: {event: order.shipped}
        kind: transactional
        steps:
          - send: on-its-way
          - split:
              plain: {weight: 1, then: [{send: plain}]}
              bold:
                weight: 2
                then:
                  - wait: 1 day
                    until: order.status == "delivered"
                  - send: bold
          - task: Call {{ customer.name }}
            close_when: {event: order.delivered}
            hold: true
          - send: done
            expires: 1 hour
        """,
    "spent": """
        trigger: [purchase, {event: refund}, {event: subscribed}]
        when: customer.total_spent > 500_000 or customer.average_order > 400_000 or customer.city == "Huế"
        once: per year
        steps:
          - wait: 1 day
            until: customer.consent
          - send: vip
        """,
}
NAMES = (
    "again",
    "review",
    "looked",
    "looked_again",
    "on_its_way",
    "plain",
    "bold",
    "done",
    "vip",
    "seen",
    "seen_later",
    "bought",
)
TEXTS = dict.fromkeys(NAMES, "Chào")
LATE = {"2 hours": timedelta(hours=2), "5 days": timedelta(days=5)}


def live(shop: LivedShop, seed: int, events: int) -> None:
    """Let some customers do what customers do, by chance."""
    made = Chance(seed)
    placed: list[tuple[str, dict[str, Any]]] = []
    people = [{"id": f"c{n}", "email": f"c{n % 9}@example.com"} for n in range(10)]
    people += [{"email": "guest@example.com"}]
    for _ in range(events):
        shop.live_until(shop.now + timedelta(minutes=made.random.choice([7, 90, 600, 3_000])))
        person: dict[str, Any] = dict(made.random.choice(people))
        if made.random.random() < 0.5:
            person["consent"] = {"marketing": made.random.random() < 0.8, "source": "checkout"}
        if made.random.random() < 0.3:
            person["tags"] = made.random.sample(["vip", "club"], made.random.randint(0, 2))
        if made.random.random() < 0.2:
            person["timezone"] = made.random.choice(["Europe/Paris", "Asia/Ho_Chi_Minh"])
        if made.random.random() < 0.3:
            person["city"] = made.random.choice(["Huế", "Hà Nội"])
        late = LATE.get(made.random.choice(["", "", "", *LATE]), timedelta(0))
        at = (shop.now - late).isoformat()
        kind = made.random.choice(
            ["purchase"] * 4 + ["product.viewed"] * 4 + ["unsubscribed", "subscribed", "refund", "order.shipped"] * 2
        )
        kind = "order.delivered" if made.random.random() < 0.15 else kind
        if kind == "purchase":
            number = made.number()
            lines = [
                {"sku": one, "category": one, "quantity": made.random.randint(1, 3), "price": 120_000}
                for one in made.random.sample(["arabica", "robusta", "cup"], made.random.randint(1, 2))
            ]
            placed.append((number, person))
            shop.happen(kind, person, time=at, order={"number": number, "lines": lines})
        elif kind in ("refund", "order.shipped", "order.delivered"):
            if placed:
                number, owner = made.random.choice(placed)
                teller = person if made.random.random() < 0.15 else {"id": owner["id"]} if "id" in owner else owner
                part = {"amount": 100_000} if kind == "refund" and made.random.random() < 0.5 else {}
                shop.happen(kind, dict(teller), time=at, order={"number": number, "total": 360_000}, data=part)
        else:
            shop.happen(kind, person, time=at)
    shop.live_until(shop.now + timedelta(days=3))


@pytest.mark.parametrize("seed", [2, 4])
def test_a_backtest_enters_and_mails_as_the_engine_did(database: Database, tmp_path: Path, seed: int) -> None:
    """Given a history that flows lived through, when it is played through each, then entries, mails, goals agree."""
    shop = LivedShop(database, tmp_path, texts=TEXTS)
    shop.publish(**FLOWS)
    live(shop, seed, 100)
    for name, body in FLOWS.items():
        found, runs = shop.played(name, textwrap.dedent(body))
        assert not found.tally.failed
        assert shop.played_entries(runs) == shop.entries(name), name
        assert shop.played_mails(runs) == shop.outgoing(name), name
        assert found.tally.entered == len(runs) > 0
    assert found.was_live == len(runs)
    assert shop.now > BEGIN


CLOCK_FLOWS = {
    "birthday": """
        trigger: birthday
        steps: [{send: wishes}, {wait: 1 day}, {send: after}]
        """,
    "back": """
        trigger: {date: customer.last_order_at, offset: 10 days, at: "09:00"}
        when: order.total >= 240_000
        exit: [{event: purchase}]
        steps: [{send: back}, {wait: 3 days}, {send: back-again}]
        """,
    "first": """
        trigger: {date: customer.first_order_at, every: year, offset: -360 days, at: "16:00"}
        steps: [{send: first}]
        """,
    "monday": """
        trigger: {schedule: "0 9 * * mon"}
        when: customer.orders_count >= 1 and "vip" not in customer.tags
        once: per 10 days
        steps: [{send: monday}]
        """,
    "feast": """
        trigger: [{season: feast, offset: -2 days, at: "09:00"}, {date: 2027-03-30, at: "16:00", zone: shop}]
        when: did("product.viewed", within="20 days") or customer.total_spent > 300_000
        steps: [{send: feast}]
        """,
    "member": """
        trigger: {segment: regulars}
        once: per 5 days
        steps: [{send: member}]
        """,
}
CLOCK_TEXTS = dict.fromkeys(
    ("wishes", "after", "back", "back_again", "first", "monday", "feast", "member", "quiet"), "Chào"
)
SEGMENTS = 'regulars: customer.orders_count >= 2 and "vip" not in customer.tags and not in_segment("nobody")\n'
SEGMENTS += "nobody: customer.orders_count < 0\n"
FEAST = {"feast": Season("feast", {}, ListedDays((date(2027, 3, 20), date(2027, 4, 5))))}
NINE_AND_FOUR = (2, 8, 9, 15)  # UTC: nine and four o'clock in Ho Chi Minh City and in Paris (winter: 8 and 15)


def test_triggers_of_the_clock_come_as_they_did(database: Database, tmp_path: Path) -> None:
    """Given customers whose dates, zones and segments move, when they are played, then each entered at its turn."""
    ticks = (*NINE_AND_FOUR, 7, 14)
    shop = LivedShop(database, tmp_path, FEAST, ticks, SEGMENTS, texts=CLOCK_TEXTS)
    shop.publish(**CLOCK_FLOWS)
    made = Chance(1)
    for n in range(10):
        born = date(1980, 3, 1) + timedelta(days=made.random.randint(0, 60))
        shop.happen("signup", {"id": f"c{n}", "email": f"c{n}@example.com", "birthday": born.isoformat()})
    shop.clock.run(shop.now)
    live(shop, 1, 30)
    for name, body in CLOCK_FLOWS.items():
        found, runs = shop.played(name, textwrap.dedent(body))
        assert not found.tally.failed
        assert shop.played_entries(runs) == shop.entries(name), name
        assert shop.played_mails(runs) == shop.outgoing(name), name
    assert len({row.flow for row in shop.journeys()}) == len(CLOCK_FLOWS)
