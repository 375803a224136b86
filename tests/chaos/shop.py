"""The shop of the chaos: a campaign to all its customers, and orders that are confirmed and thanked for."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import insert

from worker.storage.database import Database
from worker.storage.tables import address, customer

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
CAMPAIGN, ORDER, THANKS = "chaos-campaign", "chaos-order", "chaos-thanks"
LINKS = 3
PORTION = 1_000
_SETTINGS = """\
shop:
  name: The Coffee
  address: 12 Lý Tự Trọng, Phường Sài Gòn
  website: {website}
  language: vi
  languages: [vi]
  timezone: {zone}
  sender: {{name: The Coffee, email: xin-chao@the-coffee.example}}
"""
_FLOWS = {
    CAMPAIGN: """\
kind: marketing
trigger: {date: DAY, at: "09:00"}
when: customer.consent
steps:
  - send: chaos-campaign
""",
    ORDER: """\
kind: transactional
trigger: purchase
once: per order
steps:
  - send: chaos-order
  - wait: 2 hours
  - send: chaos-thanks
""",
}
_SUBJECTS = {
    CAMPAIGN: "{{ customer.first_name }} ơi, cà phê vụ mới đã về",
    ORDER: "Đã nhận đơn hàng {{ order.number }}",
    THANKS: "Cảm ơn bạn về đơn hàng {{ order.number }}",
}
_LETTER = """\
---
subject: "{subject}"
---
<!doctype html><html lang="vi"><head><meta charset="utf-8"><title>{{{{ message.subject }}}}</title></head><body>
<p>Chào {{{{ customer.first_name or "bạn" }}}},</p><p>{story}</p>
{links}
<p>{{{{ shop.name }}}} · {{{{ shop.address }}}}<br>{foot}</p></body></html>
"""
_LINK = '<p><a href="{{{{ shop.website }}}}/products/{number}">Xem loại {number}</a></p>'
_FOOT = '<a href="{{ unsubscribe_url }}">Ngừng nhận thư</a> · <a href="{{ preferences_url }}">Chọn thư muốn nhận</a>'
_STORY = "Vụ cà phê mới ở Cầu Đất đã về tới xưởng rang; chúng tôi rang vừa để giữ hương cam và mật ong. " * 4


def campaign_day(now: datetime) -> date:
    """Return a day on which the campaign has not begun: the day after tomorrow."""
    return (now.astimezone(ZONE) + timedelta(days=2)).date()


def campaign_moment(day: date) -> datetime:
    """Return when it begins."""
    return datetime.combine(day, time(9), ZONE)


def make_home(folder: Path, website: str, day: date) -> Path:
    """Write the shop's settings, flows and templates."""
    for name in ("config", "flows", "templates", "var"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "config" / "phin.yaml").write_text(_SETTINGS.format(website=website, zone=ZONE.key), encoding="utf-8")
    for name, text in _FLOWS.items():
        (folder / "flows" / f"{name}.yaml").write_text(f"flow: {name}\n{text.replace('DAY', str(day))}", "utf-8")
    for name, subject in _SUBJECTS.items():
        links = "\n".join(_LINK.format(number=number) for number in range(LINKS))
        foot = _FOOT if name == CAMPAIGN else ""
        letter = _LETTER.format(subject=subject, story=_STORY, links=links, foot=foot)
        (folder / "templates" / f"{name}.vi.html").write_text(letter, encoding="utf-8")
    return folder


def add_customers(database: Database, count: int, now: datetime) -> None:
    """Write customers who agreed to mail and tracking: whom the campaign is for."""
    for start in range(1, count + 1, PORTION):
        numbers = range(start, min(start + PORTION, count + 1))
        people = [
            {"external_id": f"c{n}", "email": f"khach{n}@example.com", "first_name": f"Lan {n}", "language": "vi"}
            | {"created_at": now, "updated_at": now}
            for n in numbers
        ]
        agreed = {"marketing": "subscribed", "tracking": "subscribed"}
        with database.writing() as connection:
            connection.execute(insert(customer), people)
            connection.execute(insert(address), [{"email": one["email"], **agreed} for one in people])


def purchase(number: int) -> dict[str, Any]:
    """Return a purchase of a customer whom the campaign does not know."""
    who = {"id": f"o{number}", "email": f"mua{number}@example.com", "first_name": f"Minh {number}", "language": "vi"}
    consent = {"tracking": True, "source": "checkout"}
    return {
        "id": f"p{number}",
        "type": "purchase",
        "customer": {**who, "consent": consent},
        "order": {"number": f"A{number}", "total": 450_000},
    }


def expected(customers: int, orders: int) -> dict[str, int]:
    """Return how many messages of each template there should be in the end."""
    return {CAMPAIGN: customers, ORDER: orders, THANKS: orders}
