"""The first page shows what runs, as it is in the rows, and what to do about what went wrong."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import insert, select, update

from tests.edges.test_web_signin import sign_in
from tests.support.ledger import add_customer
from tests.support.shop import LAN, START, Shop
from tests.support.web import WebHouse, client, web_house
from worker.domain.attribution import USUAL
from worker.domain.errors import UnavailableError
from worker.domain.staff import Person, Staff
from worker.edges.web import overview
from worker.storage import circles, flows
from worker.storage.attribution import credit_orders
from worker.storage.database import Database
from worker.storage.tables import circle, event, hit, journey, message, request, task

pytestmark = pytest.mark.anyio

FLOW = """
title: {vi: Cảm ơn khách, en: Thank them}
trigger: purchase
once: per order
exit: [{event: refund}]
goal: {event: purchase, within: 14 days}
steps:
  - send: thank-you
  - wait: 7 days
    until: clicked("thank-you")
  - if: customer.orders_count >= 2
    then:
      - send: thank-you
        name: second
    else:
      - exit: one order
  - split:
      plain: {weight: 1, then: [{send: thank-you, name: third}]}
      none: {weight: 1, then: [{wait: 1 day}]}
"""


@pytest.fixture
def house(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WebHouse:
    """A shop with one person, whose pages look anew each time."""
    monkeypatch.setattr(overview, "KEPT_FOR", -1.0)
    house = web_house(database, tmp_path, flows=tmp_path / "flows", templates=tmp_path / "templates")
    staff = Staff(people={"hoa": Person("hoa", "Hoa", "hoa@thecoffee.example", "en")})
    house.staff = lambda: staff
    return house


async def page(house: WebHouse, path: str = "/", language: str = "en") -> httpx.Response:
    """Return a page as somebody sees who is signed in."""
    async with client(house) as web:
        await sign_in(web, house)
        return await web.get(f"{path}?lang={language}")


def words(answer: httpx.Response) -> str:
    """Return what a page says, without its markup."""
    body = re.sub(r"<style>.*?</style>|<title>.*?</title>", " ", answer.text, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def sent(
    shop: Shop, number: int = 1, *, opened: bool = False, clicked: bool = False, hours: int = 0, tracked: bool = True
) -> None:
    """Let a mail have been sent."""
    at = shop.now + timedelta(hours=hours)
    values: dict[str, Any] = {"state": "sent", "sent_at": at, "settled_at": at, "message_id": f"{number}@x.vn"}
    values["tracked"] = tracked
    values |= {"opened_at": at} if opened or clicked else {}
    values |= {"clicked_at": at} if clicked else {}
    with shop.database.writing() as connection:
        connection.execute(update(message).where(message.c.id == number).values(**values))


def earned(shop: Shop, mail: int, order: str) -> None:
    """Have the customer have clicked in a mail right before the order."""
    values = {"key": order, "message_id": mail, "kind": "click", "at": shop.now, "class": "person"}
    with shop.database.writing() as connection:
        connection.execute(insert(hit).values(**values))
        connection.execute(update(message).where(message.c.id == mail).values(clicked_at=shop.now))
        assert credit_orders(connection, [order], USUAL)


async def test_a_flow_is_counted(house: WebHouse) -> None:
    """Given customers who bought, then the page has how many entered, are under way, were sent to, opened, clicked."""
    shop = Shop(house.database)
    shop.publish(thanks=FLOW)
    for number in range(1, 5):
        shop.buy(f"A{number}", customer=LAN | {"id": f"c{number}", "email": f"c{number}@example.com"})
    sent(shop, 1, opened=True)
    sent(shop, 2, clicked=True)
    sent(shop, 3, hours=-1)
    shop.buy("A9", customer=LAN | {"id": "c1", "email": "c1@example.com"})  # the goal of the first
    earned(shop, 2, "A2")
    found = words(await page(house))
    row = found[found.index("Thank them") :]
    assert row.startswith(
        "Thank them live thanks Entered 5 Under way 5 Sent 3 Opened 2 66.7 % Clicked 1 33.3 % Goals 1 Revenue ₫450,000"
    )


async def test_rates_are_of_the_mails_that_may_be_followed(house: WebHouse) -> None:
    """Given mails to customers who did not agree to tracking, then opens and clicks are told of the others, which the
    page says; where nobody agreed there is a dash and why. The flow's graph has what its mails earned."""
    shop = Shop(house.database)
    shop.publish(thanks=FLOW)
    for number in range(1, 4):
        shop.buy(f"A{number}", customer=LAN | {"id": f"c{number}", "email": f"c{number}@example.com"})
        sent(shop, number, tracked=False)
    found = words(await page(house))
    assert "Mails today 3 sent – opened – clicked none may be followed: nobody agreed to it" in found
    assert "Sent 3 Opened – none may be followed: nobody agreed to it Clicked – Goals" in found
    picture = words(await page(house, "/flows/thanks"))
    assert "send thank-you 3 sent · – opened · – clicked · none may be followed: nobody agreed to it" in picture
    assert "none may be followed" in picture[picture.index("send thank-you 3 sent") + 100 :]
    sent(shop, 1)
    sent(shop, 2, clicked=True)
    earned(shop, 2, "A2")
    found = words(await page(house))
    assert "Mails today 3 sent 1 opened 50 % 1 clicked 50 % of 2 that may be followed" in found
    assert "Sent 3 Opened 1 50 % of 2 that may be followed Clicked 1 50 %" in found
    answer = await page(house, "/flows/thanks")
    assert "send thank-you 3 sent · 1 opened · 1 clicked · of 2 that may be followed" in words(answer)
    drawing = html.unescape(answer.text[answer.text.index("<svg") : answer.text.rindex("</svg>")])
    assert "₫450,000" in drawing and "of 2 that may be followed" in drawing
    assert "trong 2 thư được theo dõi" in words(await page(house, language="vi"))


async def test_mails_to_staff_are_told_apart(house: WebHouse) -> None:
    """Given a mail to the customer and one to staff, then the flow's row and the day count each by itself."""
    shop = Shop(house.database)
    shop.publish(thanks=FLOW)
    shop.buy("A1")
    sent(shop, 1)
    with house.database.writing() as connection:
        row = dict(connection.execute(select(message)).one()._mapping)
        to_staff = {"id": 2, "key": "m2", "customer_id": None, "staff": "hoa", "step": "to-staff", "tracked": False}
        connection.execute(insert(message).values(**row | to_staff))
    found = words(await page(house))
    assert "Sent 1 +1 to staff Opened" in found
    assert "1 to staff" in found[: found.index("Thank them")]
    assert "Gửi 1 +1 gửi nhân viên" in words(await page(house, language="vi"))


async def test_a_circle_of_flows_that_was_stopped_is_told(house: WebHouse) -> None:
    """Given flows that were stopped as they start each other, then the page says so and what to do, for seven days."""
    shop = Shop(house.database)
    shop.publish(thanks=FLOW)
    for number in (1, 2):
        shop.buy(f"A{number}")
        with house.database.writing() as connection:
            circles.keep(connection, number, "a", "a → b → a", shop.now)
    found = words(await page(house))
    assert "Flows start each other in a circle" in found and "a → b → a" in found
    assert "2 times" in found and "phin check" in found
    assert "Các kịch bản gọi nhau thành vòng" in words(await page(house, language="vi"))
    with house.database.writing() as connection:
        connection.execute(update(circle).values(at=shop.now - timedelta(days=8)))
    assert "in a circle" not in words(await page(house))


async def test_the_day_s_mails_are_counted(house: WebHouse) -> None:
    """Given mails of today and of yesterday, then the page counts today's, in the shop's zone, each in its hour."""
    shop = Shop(house.database)
    shop.publish(thanks=FLOW)
    for number in range(1, 6):
        shop.buy(f"A{number}", customer=LAN | {"id": f"c{number}", "email": f"c{number}@example.com"})
    sent(shop, 1, opened=True)
    sent(shop, 2)
    sent(shop, 3, hours=-13, clicked=True)  # one in the morning
    sent(shop, 4, hours=-15)  # yesterday, eleven in the evening
    answer = await page(house)
    found = words(answer)
    assert "Mails today 3 sent 2 opened 66.7 % 1 clicked 33.3 %" in found
    assert 'aria-label="Mails sent, by hour: 01:00 – 1, 14:00 – 2"' in answer.text
    assert "1 waiting" in found
    assert answer.text.count("<rect") == 2


async def test_tasks_and_requests_are_counted(house: WebHouse) -> None:
    """Given open tasks and support requests, then the page counts them and leads to each task."""
    now = house.clock.now()
    with house.database.writing() as connection:
        customer = add_customer(connection, external_id="c1")
        made = {"type": "call", "priority": "normal", "note": {}, "created_at": now, "customer_id": customer}
        for key, state, hours in (("a", "open", -2), ("b", "in progress", 3), ("c", "open", 30), ("d", "done", -5)):
            title = {"vi": f"Gọi {key}", "en": f"Call {key}"}
            due = now + timedelta(hours=hours)
            connection.execute(
                insert(task).values(key=key, state=state, title=title, due_at=due, assignee="hoa", **made)
            )
        for number, opened, closed in (("1", 60, None), ("2", 5, None), ("3", 90, 60), ("4", 90, 10)):
            begun = now - timedelta(hours=opened)
            connection.execute(
                insert(request).values(
                    number=number,
                    customer_id=customer,
                    opened_at=begun,
                    due_at=begun + timedelta(hours=48),
                    closed_at=None if closed is None else now - timedelta(hours=closed),
                )
            )
    answer = await page(house)
    found = words(answer)
    assert "Tasks 3 open 1 due today 1 late Call a" in found
    assert "Call d" not in found
    assert "Support requests 2 open 1 late 1 solved within 48 h of 4 in the last 30 days" in found
    (first, *_) = re.findall(r'href="[^"]*/t/([^"]+)"', answer.text)
    opened_task = house.tokens.read_task(first)
    assert opened_task is not None
    assert opened_task.person == "hoa"
    assert "Gọi a" in words(await page(house, language="vi"))


async def test_what_went_wrong_is_told_with_its_remedy(house: WebHouse) -> None:
    """Given failures of every kind, then each is told once, with how often, why, what to do, and no address."""
    shop = Shop(house.database)
    shop.publish(thanks=FLOW)
    for number in range(1, 5):
        shop.buy(f"A{number}", customer=LAN | {"id": f"c{number}", "email": f"c{number}@example.com"})
    with house.database.writing() as connection:

        def settle(number: int, **values: Any) -> None:
            connection.execute(update(message).where(message.c.id == number).values(settled_at=shop.now, **values))

        settle(1, state="failed", reason="refused", code=550, answer="550 no such user <c1@example.com>")
        settle(2, state="failed", reason="refused", code=550, answer="550 no such user <c2@example.com>")
        settle(3, state="failed", reason="UndefinedError: 'order' is undefined")
        settle(4, state="unknown", reason="no answer known")
        failed = {"state": "failed", "reason": "KeyError: 'x'", "ended_at": shop.now, "look_at": None}
        connection.execute(update(journey).where(journey.c.id == 4).values(**failed))
        refused = {"state": "refused", "reason": "ValueError: odd"}
        connection.execute(update(event).where(event.c.id == 3).values(**refused))
    found = words(await page(house))
    for told in (
        "Mails with unknown outcome 1 mail",
        "phin unknown",
        "Mail failed thank-you thanks · customer c2 2 times",
        "550 no such user",
        "Mail failed thank-you thanks · customer c3",
        "phin check",
        "Journey failed wait-1 thanks · customer c4",
        "phin why c4",
        "Event set aside purchase customer c3",
        "phin why c3",
    ):
        assert told in found
    assert "5 to look at" in found
    assert "@example.com" not in found
    house.clock.move(timedelta(days=8))
    later = words(await page(house))
    assert "Mail failed" not in later
    assert "Mails with unknown outcome" in later


async def test_a_broken_file_is_told_until_it_is_mended(house: WebHouse) -> None:
    """Given a flow's file with a fault, then its place and the fault are told; once mended, they are gone."""
    folder = house.settings.flows
    folder.mkdir()
    (folder / "hello.yaml").write_text("flow: hello\ntrigger: signup\nsteps:\n  - wait: 3 dayz\n")
    found = words(await page(house))
    assert "Flow file with an error" in found
    assert "hello.yaml:4" in found
    (folder / "hello.yaml").write_text("flow: hello\ntrigger: signup\nsteps:\n  - wait: 3 days\n")
    assert "Flow file with an error" not in words(await page(house))


async def test_a_new_shop_says_what_comes_next(house: WebHouse) -> None:
    """Given nothing at all, then each part of the page says so in words, in both languages."""
    english = words(await page(house))
    for said in (
        "No mail has been sent today.",
        "No task is waiting.",
        "There are no flows yet.",
        "Nothing went wrong",
    ):
        assert said in english
    vietnamese = words(await page(house, language="vi"))
    for said in ("Hôm nay chưa có thư nào được gửi.", "Không có việc nào đang chờ.", "Chưa có kịch bản nào."):
        assert said in vietnamese


async def test_everything_paused_is_said_loudly(house: WebHouse) -> None:
    """Given that everything is paused, then the page says so first, and each flow says by whom it is held."""
    shop = Shop(house.database)
    shop.publish(thanks=FLOW, calm="status: paused\ntrigger: signup\nsteps: [{send: thank-you}]\n")
    with house.database.writing() as connection:
        flows.set_paused(connection, None, True, START)
    found = words(await page(house))
    assert "Everything is paused: nobody enters, nothing is sent. phin resume --all" in found
    assert "Thank them paused with all" in found
    assert "calm paused" in found


async def test_without_a_database_the_page_says_so(house: WebHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a database that cannot be reached, then both pages say so instead of failing."""

    def away(_database: Database) -> Any:
        raise UnavailableError("away")

    monkeypatch.setattr(Database, "reading", away)
    for path in ("/", "/flows/thanks"):
        answer = await page(house, path)
        assert answer.status_code == 503
        assert "The database does not answer" in answer.text


async def test_a_flow_s_page_counts_each_step(house: WebHouse) -> None:
    """Given a flow, then its page has its steps as written, how many stand at each, and who entered last."""
    shop = Shop(house.database)
    shop.publish(thanks=FLOW)
    for number in range(1, 25):
        shop.buy(f"A{number}", customer=LAN | {"id": f"c{number}", "email": f"c{number}@example.com"})
    sent(shop, 1, clicked=True)
    sent(shop, 2)
    answer = await page(house, "/flows/thanks")
    found = words(answer)
    assert "Thank them live" in found
    assert "Version 1, since Mar 1, 2027" in found
    assert "exit event: refund" in found
    assert "send thank-you 2 sent · 1 opened · 1 clicked" in found
    assert 'wait 7 days · until: clicked("thank-you") 24 here now' in found
    assert "if customer.orders_count >= 2 send thank-you" in found
    assert "else exit one order split plain · weight: 1 send thank-you" in found
    assert found.index("Lan c24") < found.index("Lan c5")
    assert "Lan c4 " not in found  # twenty are shown
    assert "at wait-1, until 8 Mar 2:00 PM" in found
    assert (await page(house, "/flows/nothing")).status_code == 404
    picture = answer.text.partition('class="graph"')[2].partition("</svg>")[0]
    assert 'class="box send"' in picture
    assert "style" not in picture, "the page's policy lets no other style through than its own"


async def test_a_flow_s_mails_are_in_the_outbox(house: WebHouse) -> None:
    """Given captured mail, then the flow's page leads to each; with a relay there is nothing to lead to."""
    shop = Shop(house.database)
    shop.publish(thanks=FLOW)
    shop.buy("A1")
    sent(shop, 1)
    assert 'href="/outbox/0000000001-1@x.vn.eml?lang=en"' in (await page(house, "/flows/thanks")).text
    house.captures_mail = False
    assert "/outbox" not in (await page(house, "/flows/thanks")).text


async def test_journeys_tell_how_they_ended(house: WebHouse) -> None:
    """Given journeys that ended, were set aside, or stand at a step that is no more, then the page says so of each."""
    shop = Shop(house.database)
    shop.publish(thanks=FLOW)
    for number in range(1, 6):
        shop.buy(f"A{number}", customer=LAN | {"id": f"c{number}", "email": f"c{number}@example.com"})
    ended = {"ended_at": shop.now, "step": None, "due_at": None, "look_at": None}
    states: list[dict[str, Any]] = [
        ended | {"state": "done"},
        ended | {"state": "exited", "reason": "refund"},
        ended | {"state": "failed", "reason": "KeyError"},
        ended | {"state": "control"},
        {"step": "an-old-step"},
    ]
    with house.database.writing() as connection:
        for number, values in enumerate(states, 1):
            connection.execute(update(journey).where(journey.c.id == number).values(**values))
    found = words(await page(house, "/flows/thanks"))
    for told in (
        "went to its end, 2:00 PM",
        "left early 2:00 PM: refund",
        "failed 2:00 PM: KeyError",
        "control group, receives nothing",
        "At steps that this version no longer has: an-old-step 1",
    ):
        assert told in found


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("en", ["Against the control group", "entered the flow", "set aside, got nothing", "it may be chance so far"]),
        ("vi", ["So với nhóm đối chứng", "để riêng, không nhận gì", "vẫn có thể là ngẫu nhiên"]),
    ],
)
async def test_a_holdout_is_compared(house: WebHouse, language: str, told: list[str]) -> None:
    """Given a flow with a holdout that customers of both arms entered, then its page compares them, no other."""
    shop = Shop(house.database)
    shop.publish(
        thanks=FLOW,
        held="holdout: 50%\ngoal: {event: purchase, within: 7 days}\ntrigger: signup\nsteps: [{send: welcome}]",
    )
    for number in range(12):
        shop.send("signup", LAN | {"id": f"c{number}", "email": f"c{number}@example.com"})
    found = words(await page(house, "/flows/held", language))
    assert [one for one in told if one not in found] == []
    assert told[0] not in words(await page(house, "/flows/thanks", language))


async def test_mails_tell_why_they_were_not_sent(house: WebHouse) -> None:
    """Given mails that a rule kept back, that were taken back, and that are in hand, then the flow's page says so in
    the reader's language, with the reason."""
    shop = Shop(house.database)
    shop.publish(thanks=FLOW)
    for number in range(1, 5):
        shop.buy(f"A{number}", customer=LAN | {"id": f"c{number}", "email": f"c{number}@example.com"})
    stands: list[tuple[str, str | None]] = [
        ("skipped", "no consent"), ("cancelled", "exit: refund"), ("transmitting", None), ("failed", "refused: 5.1.1"),
    ]  # fmt: skip
    with house.database.writing() as connection:
        for number, (state, reason) in enumerate(stands, 1):
            connection.execute(update(message).where(message.c.id == number).values(state=state, reason=reason))
    vietnamese, english = [words(await page(house, "/flows/thanks", language)) for language in ("vi", "en")]
    for told in (
        "không gửi theo quy tắc: khách chưa đồng ý nhận quảng cáo",
        "đã rút lại: khách đã ra khỏi kịch bản: refund",
        "thank-you đang gửi",
        "không gửi được: refused: 5.1.1",
    ):
        assert told in vietnamese
    assert "skipped" not in vietnamese
    assert "not sent, by the rules: the customer never agreed to advertising" in english


async def test_a_phone_shows_four_figures_of_a_flow(house: WebHouse) -> None:
    """Given a flow, before it reached its goal and after, then a phone's card has what was entered, sent, opened and,
    where there is any, what it earned, and neither a share of nothing nor a dash stands anywhere."""
    shop = Shop(house.database)
    shop.publish(thanks=FLOW)
    shop.buy("A1")
    sent(shop, 1)

    def shown(answer: httpx.Response) -> list[str]:
        row = answer.text[answer.text.index("<tbody") : answer.text.index("</tbody>")]
        return re.findall(r'<td role="cell"><span class="label" aria-hidden="true">([^<]+)', row)

    before = await page(house)
    assert shown(before) == ["Entered", "Sent", "Opened"]
    assert "0 %" not in words(before) and "–" not in words(before)
    shop.buy("A2")
    assert shown(await page(house)) == ["Entered", "Sent", "Opened", "Goals"]
    earned(shop, 1, "A2")
    assert shown(await page(house)) == ["Entered", "Sent", "Opened", "Revenue"]
