"""A campaign's mail of 7 KB, and customers who are to get it: what one stage of sending costs is told of this mail."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import insert, select

from worker.edges.house import House
from worker.engine.publishing import Source, publish
from worker.language.flow.flows import read_flow
from worker.storage.tables import address, customer, flow_version, journey, message

NAME = "bench-campaign"
PORTION = 1_000
_FLOW = f"flow: {NAME}\ntrigger: signup\nsteps: [{{send: {NAME}}}]\n"
_GOODS = ("Arabica Cầu Đất 250 g, rang vừa", "Robusta Buôn Ma Thuột 500 g, rang đậm", "Phin nhôm truyền thống")
_STORY = (
    "Vụ cà phê mới ở Cầu Đất đã về tới xưởng rang. Năm nay mưa muộn, quả chín đều và vị ngọt hơn mọi năm; chúng tôi "
    "rang vừa để giữ hương cam và mật ong. Mỗi túi ghi ngày rang, và được gửi đi trong vòng hai ngày."
)
_HEAD = """---
subject: "{{ customer.first_name or 'Bạn' }} ơi, cà phê vụ mới đã về"
preheader: "Rang trong tuần này, gửi tới tận nhà."
---
<!doctype html><html lang="vi"><head><meta charset="utf-8"><title>{{ message.subject }}</title>
<style>body{margin:0;background:#f6f1ea}td{font:16px/1.5 sans-serif;color:#3b2a20}h1{font-size:24px;margin:0}
a{color:#8a4b20}.small{font-size:13px}</style></head>
<body><table role="presentation" width="100%"><tr><td>
<h1>Chào {{ customer.first_name or "bạn" }},</h1>
"""
_LINK = """<p>{goods}: {{{{ {price} | money("VND") }}}}.<br>
<a href="{{{{ shop.website }}}}/products/{slug}">Xem thêm</a></p>
"""
_FOOT = """<p class="small">{{ shop.name }} · {{ shop.address }}<br>
<a href="{{ unsubscribe_url }}">Ngừng nhận thư</a> · <a href="{{ preferences_url }}">Chọn thư muốn nhận</a></p>
</td></tr></table></body></html>
"""


def write_template(home: Path) -> None:
    """Put the template into a home: three tracked links, each with a line of its own beside three paragraphs."""
    goods = (
        _LINK.format(goods=name, price=price, slug=slug)
        for name, price, slug in zip(_GOODS, (225_000, 160_000, 85_000), ("arabica", "robusta", "phin"), strict=True)
    )
    body = f"<p>{_STORY}</p>\n" * 3
    (home / "templates" / f"{NAME}.vi.html").write_text(f"{_HEAD}{body}{''.join(goods)}{_FOOT}", encoding="utf-8")


def write_flow(home: Path) -> None:
    """Put the flow into a home, so that whoever publishes its files finds it."""
    (home / "flows" / f"{NAME}.yaml").write_text(_FLOW, encoding="utf-8")


def publish_campaign(into: House) -> int:
    """Publish the flow; returns the number of its version."""
    flow, _ = read_flow(_FLOW, f"{NAME}.yaml", None)
    publish(into.database, {NAME: Source(flow, _FLOW)}, frozenset(), into.clock.now())
    with into.database.reading() as connection:
        return int(connection.execute(select(flow_version.c.id).where(flow_version.c.flow == NAME)).scalar_one())


def fill(into: House, version: int, first: int, count: int) -> None:
    """Queue the mail for so many new customers, who agreed to mail and tracking, each by a journey of the flow."""
    now = into.clock.now()
    for start in range(first, first + count, PORTION):
        numbers = range(start, min(start + PORTION, first + count))
        emails = {n: f"khach{n}@example.com" for n in numbers}
        people = [
            {"id": n, "external_id": f"c{n}", "email": emails[n], "name": f"Nguyễn Thị Lan {n}", "first_name": "Lan"}
            | {"language": "vi", "created_at": now, "updated_at": now}
            for n in numbers
        ]
        agreed = {"marketing": "subscribed", "tracking": "subscribed"}
        travels = [
            {"id": n, "flow": NAME, "version_id": version, "customer_id": n, "once_key": f"bench:{n}"}
            | {"state": "done", "entered_at": now, "ended_at": now}
            for n in numbers
        ]
        mails = [
            {"id": n, "key": f"bench:{n}", "customer_id": n, "journey_id": n, "flow": NAME, "step": f"send-{NAME}"}
            | {"kind": "marketing", "template": NAME, "created_at": now, "not_before": now}
            for n in numbers
        ]
        with into.database.writing() as connection:
            connection.execute(insert(customer), people)
            connection.execute(insert(address), [{"email": email, **agreed} for email in emails.values()])
            connection.execute(insert(journey), travels)
            connection.execute(insert(message), mails)
