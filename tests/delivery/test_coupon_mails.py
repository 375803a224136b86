"""Mails show the coupon that their journey gave, else the customer's latest good one."""

from __future__ import annotations

from email import message_from_bytes, policy
from pathlib import Path

import pytest

from tests.delivery.mails import SHOP
from tests.support.post import Office
from tests.support.shop import Shop
from worker.delivery.templates.library import TemplateLibrary
from worker.storage import pools
from worker.storage.coupons import Terms
from worker.storage.database import Database

GIFT = "<p>{{ coupons.gift.code }}: {{ coupons.gift.percent }} % – {{ coupons.gift.expires_at | date }}</p>"


def bodies(office: Office) -> list[str]:
    """Return the mails' text, each without what surrounds it."""
    mails = [message_from_bytes(mail.content, policy=policy.default) for mail in office.post.mails]
    return [body.get_content() for mail in mails if (body := mail.get_body(("plain",))) is not None]


def load(shop: Shop, *codes: str) -> None:
    with shop.database.writing() as connection:
        pools.load(connection, "gift", codes, Terms(), shop.now)


def test_a_mail_shows_its_own_journeys_coupon(database: Database, tmp_path: Path) -> None:
    """Given two journeys of a customer with a coupon each, then each mail shows its own, with its terms."""
    shop = Shop(database)
    load(shop, "GIFT-ONE", "GIFT-TWO")
    shop.publish(
        give="trigger: purchase\nkind: transactional\n"
        "steps: [{coupon: gift, percent: 10%, expires: 7 days}, {send: gift}]"
    )
    office = Office(shop, tmp_path, gift=GIFT)
    shop.buy("A1")
    shop.buy("A2")
    office.send()
    first, second = bodies(office)
    assert "GIFT-ONE: 10 %" in first
    assert "GIFT-TWO: 10 %" in second
    assert "2027" in first


def test_another_flow_s_mail_shows_the_latest_good_one(database: Database, tmp_path: Path) -> None:
    """Given a flow that gives no coupon, then its mail shows the customer's that is good, or says there is none."""
    shop = Shop(database)
    load(shop, "GIFT-ONE")
    shop.publish(
        give="trigger: purchase\nsteps: [{coupon: gift}]",
        remind="trigger: signup\nkind: transactional\nsteps: [{send: remind}]",
    )
    asks = "<p>{% if coupons.gift is defined %}use {{ coupons.gift.code }}{% else %}nothing left{% endif %}</p>"
    office = Office(shop, tmp_path, remind=asks)
    shop.buy("A1")
    shop.send("signup")
    office.send()
    shop.send("purchase", order={"number": "A2", "total": 1, "coupon": "GIFT-ONE"})
    shop.send("signup")
    office.send()
    assert ["use GIFT-ONE" in body for body in bodies(office)] == [True, False]
    assert "nothing left" in bodies(office)[1]


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        ("coupons.gift.cod", "'coupons.gift.cod' is not known; did you mean 'code'?"),
        (
            "coupons.gift.currency",
            "'coupons.gift.currency' is not known; a coupon has code, percent, amount, expires_at",
        ),
        ("coupons.gift.code", None),
    ],
)
def test_the_check_knows_what_a_coupon_has(tmp_path: Path, shown: str, said: str | None) -> None:
    """Given a template that shows a part of a coupon, then one that there is not is told with its line."""
    (tmp_path / "a.vi.html").write_text(f"---\nsubject: Chào\n---\n<p>{{{{ {shown} }}}}</p>")
    (tmp_path / "a.en.html").write_text("---\nsubject: Hi\n---\n<p>Hi</p>")
    problems = [problem for problem in TemplateLibrary(tmp_path, SHOP).check() if "coupon" in problem.message]
    assert [f"{problem.message}; {problem.hint}" for problem in problems] == ([said] if said else [])
    assert all(problem.place.line == 4 for problem in problems)
