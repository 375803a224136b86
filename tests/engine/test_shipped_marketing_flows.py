"""The marketing flows that Phin ships, lived through: who gets which mail on which day, and what ends it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.effects import person
from tests.support.marketing import MarketingShop
from tests.support.shop import YES
from worker.storage.database import Database

TET = ("tet-early-access", "tet", "tet-last-orders", "tet-wish")
NO = {"marketing": False, "tracking": False, "source": "checkout"}


def test_a_welcome_is_three_mails_over_a_week_and_a_reminder(database: Database) -> None:
    """Given somebody who signs up and buys nothing, then hello comes at once, the phin on day 3, the code on day 7.

    Three days before the code ends, it is reminded of.
    """
    shop = MarketingShop(database, "2027-03-01 14:00", "welcome")
    shop.send("signup", {"id": "an", "email": "an@example.com", "consent": YES})
    shop.live("2027-03-10 12:00")
    shop.live("2027-03-20 12:00")
    assert shop.sent() == [
        ("01 Mar 14:00", "welcome"),
        ("04 Mar 09:30", "welcome-phin"),
        ("08 Mar 09:30", "welcome-offer"),
        ("19 Mar 09:30", "welcome-reminder"),
    ]


def test_a_purchase_ends_the_welcome(database: Database) -> None:
    """Given a purchase on the second day, then no more of the welcome comes, and the purchase is its success."""
    shop = MarketingShop(database, "2027-03-01 14:00", "welcome")
    shop.send("signup", {"id": "an", "email": "an@example.com", "consent": YES})
    shop.order("an", when="2027-03-02 15:00")
    shop.live("2027-03-20 12:00")
    assert shop.sent() == [("01 Mar 14:00", "welcome")]
    assert [row.flow for row in shop.successes()] == ["welcome"]


def test_no_first_purchase_is_offered_to_a_buyer(database: Database) -> None:
    """Given a guest who bought and then signs up, then the welcome has no code for a first order."""
    shop = MarketingShop(database, "2027-02-20 14:00", "welcome")
    shop.order("an")
    shop.live("2027-03-01 14:00")
    shop.send("signup", {"id": "an", "email": "an@example.com", "consent": YES})
    shop.live("2027-03-20 12:00")
    assert [step for _, step in shop.sent()] == ["welcome", "welcome-phin"]


def test_a_birthday_has_a_wish_before_and_a_reminder_after(database: Database) -> None:
    """Given a birthday on 29 February, then both mails come once in a common year and once in a leap year."""
    shop = MarketingShop(database, "2027-02-01 08:00", "birthday")
    shop.tell("leap", birthday="1996-02-29")
    shop.tell("refuses", birthday="1996-02-29", consent=NO)
    shop.live("2027-04-01 08:00")
    shop.at("2028-02-01 08:00")
    shop.live("2028-04-01 08:00")
    assert shop.sent() == [
        ("25 Feb 09:00", "birthday"),
        ("02 Mar 09:00", "birthday-reminder"),
        ("26 Feb 09:00", "birthday"),
        ("02 Mar 09:00", "birthday-reminder"),
    ]
    assert shop.entered() == ["leap", "leap"]


def test_a_treat_that_was_used_is_not_reminded_of(database: Database) -> None:
    """Given an order between wish and reminder, then no reminder comes."""
    shop = MarketingShop(database, "2027-03-01 08:00", "birthday")
    shop.tell("an", birthday="1990-03-10")
    shop.order("an", when="2027-03-09 20:00")
    shop.live("2027-03-20 08:00")
    assert shop.sent() == [("07 Mar 09:00", "birthday")]
    assert [row.flow for row in shop.successes()] == ["birthday"]


def test_tet_comes_to_the_loyal_first_and_to_buyers_no_more(database: Database) -> None:
    """Given Tết on 6 February 2027, then each hears of it in their turn, and who has ordered only gets the wish."""
    shop = MarketingShop(database, "2026-12-20 10:00", *TET)
    shop.regular("keen")
    shop.regular("calm")
    for who in ("new", "busy"):
        shop.tell(who)
    shop.tell("refuses", consent=NO)
    shop.order("keen", when="2027-01-12 20:00")
    shop.order("busy", when="2027-01-20 20:00")
    shop.live("2027-02-20 08:00")
    wish = ("05 Feb 16:00", "tet-wish")
    assert shop.sent("keen") == [("09 Jan 08:30", "tet-early"), wish]
    assert shop.sent("calm") == [
        ("09 Jan 08:30", "tet-early"),
        ("16 Jan 08:30", "tet"),
        ("28 Jan 09:00", "tet-last-orders"),
        wish,
    ]
    assert shop.sent("new") == [("16 Jan 08:30", "tet"), ("28 Jan 09:00", "tet-last-orders"), wish]
    assert shop.sent("busy") == [("16 Jan 08:30", "tet"), wish]
    assert shop.sent("refuses") == []
    assert {row.flow for row in shop.successes()} == {"tet-early-access", "tet"}


def test_tet_comes_again_with_the_next(database: Database) -> None:
    """Given Tết on 26 January 2028, then gifts, the eve of the last day and the wish come on the days of that year."""
    shop = MarketingShop(database, "2027-12-20 10:00", *TET)
    shop.tell("new")
    shop.live("2028-02-01 08:00")
    assert shop.sent() == [
        ("05 Jan 08:30", "tet"),
        ("17 Jan 09:00", "tet-last-orders"),  # day 21 of the last lunar month; the Kitchen Gods leave on the 19th
        ("25 Jan 16:00", "tet-wish"),
    ]
    assert [row.once_key.rpartition(":")[2] for row in shop.journeys()] == ["2028"] * 3


def test_mid_autumn_reminds_who_has_not_ordered(database: Database) -> None:
    """Given the full moon on 15 September 2027, then gifts come on 25 August, on 7 September a reminder."""
    shop = MarketingShop(database, "2027-08-20 10:00", "mid-autumn")
    for who in ("new", "buyer"):
        shop.tell(who)
    shop.order("buyer", when="2027-09-01 20:00")
    shop.live("2027-09-20 08:00")
    assert shop.sent("new") == [("25 Aug 09:00", "mid-autumn"), ("07 Sep 09:00", "mid-autumn-reminder")]
    assert shop.sent("buyer") == [("25 Aug 09:00", "mid-autumn")]


def test_womens_days_are_two_in_a_year(database: Database) -> None:
    """Given 8 March and 20 October, then the mail comes five days before each."""
    shop = MarketingShop(database, "2027-02-01 10:00", "womens-day")
    shop.tell("new")
    shop.live("2027-12-31 10:00")
    assert shop.sent() == [("03 Mar 09:00", "womens-day"), ("15 Oct 09:00", "womens-day")]


def test_the_lapsed_are_asked_back_three_times_and_then_left(database: Database) -> None:
    """Given customers 121 days after their order, then each way through the win-back ends as its reason says."""
    shop = MarketingShop(database, "2027-01-01 07:00", "win-back")
    for who in ("silent", "stays", "buys", "unseen"):
        shop.order(who)
    shop.tell("unseen", consent=YES | {"tracking": False})
    shop.keeper.keep()
    shop.at("2027-04-30 20:00")
    shop.live("2027-05-20 10:00")
    shop.order("buys")
    shop.live("2027-05-29 12:00")
    shop.click("stays", "win-back-goodbye")
    shop.live("2027-06-30 12:00")
    first, second = ("02 May 10:00", "win-back"), ("12 May 10:00", "win-back-offer")
    third = ("26 May 10:00", "win-back-goodbye")
    assert shop.sent("silent") == shop.sent("stays") == [first, second, third]
    assert shop.sent("unseen") == [first, second, ("26 May 10:00", "win-back-question")]
    assert shop.sent("buys") == [first, second]
    ends = shop.ends("win-back")
    assert ends["silent"] == ("done", None)
    assert ends["stays"] == ("exited", "wants to stay")
    assert ends["unseen"] == ("exited", "answer not known, as clicks may not be followed")
    assert ends["buys"][0] == "exited"
    assert [row.flow for row in shop.successes()] == ["win-back"]
    assert [who for who in ends if "gone-quiet" in person(shop, who).tags] == ["silent"]
    assert [who for who in ends if person(shop, who).consent.marketing_suppressed] == ["silent"]


@pytest.mark.parametrize(("again", "mails"), [("2027-06-01 10:00", 1), ("2028-03-01 10:00", 2)])
def test_who_lapses_again_is_asked_once_a_year(database: Database, again: str, mails: int) -> None:
    """Given a customer who came back and lapses anew, then the win-back begins again only after 365 days."""
    shop = MarketingShop(database, "2027-01-01 07:00", "win-back")
    shop.order("an")
    shop.keeper.keep()
    shop.at("2027-05-01 20:00")
    shop.live("2027-05-05 10:00")
    shop.at(again)
    shop.order("an")
    shop.keeper.keep()
    shop.now += timedelta(days=120)
    shop.live((shop.now + timedelta(days=3)).strftime("%Y-%m-%d %H:%M"))
    assert [step for _, step in shop.sent()] == ["win-back"] * mails


def test_arabica_is_offered_monthly_to_those_who_like_it(database: Database) -> None:
    """Given the 5th of each month, then buyers and lovers of Arabica get the offer, each every third month."""
    shop = MarketingShop(database, "2027-01-02 10:00", "arabica-offer")
    shop.order("buyer")
    shop.order("robusta", "robusta")
    shop.tell("lover", favourite="arabica")
    shop.tell("other", favourite="robusta")
    shop.tell("refuses", favourite="arabica", consent=NO)
    shop.live("2027-01-31 10:00")
    shop.tell("later", favourite="arabica")
    shop.live("2027-05-10 10:00")
    twice = [("05 Jan 09:00", "arabica-offer"), ("05 Apr 09:00", "arabica-offer")]
    assert shop.sent("buyer") == shop.sent("lover") == twice
    assert shop.sent("later") == [("05 Feb 09:00", "arabica-offer"), ("05 May 09:00", "arabica-offer")]
    assert set(shop.entered()) == {"buyer", "lover", "later"}


def test_only_arabica_within_a_week_is_a_success_of_its_offer(database: Database) -> None:
    """Given orders after the offer, then Arabica within 7 days counts, and neither Robusta nor a later one."""
    shop = MarketingShop(database, "2027-01-02 10:00", "arabica-offer")
    for who in ("arabica", "robusta", "late"):
        shop.tell(who, favourite="arabica")
    shop.order("robusta", "robusta", when="2027-01-07 10:00")
    shop.order("arabica")
    shop.order("late", when="2027-01-12 10:00")
    assert [row.flow for row in shop.successes()] == ["arabica-offer"]


def test_summer_is_announced_to_those_who_bought_last_summer(database: Database) -> None:
    """Given cold brew bought in several months, then those of last summer hear on 15 April, who buy on do not."""
    shop = MarketingShop(database, "2026-03-20 10:00", "pre-summer")
    for who, when in (
        ("spring", "2026-04-01 10:00"),
        ("first-day", "2026-05-06 10:00"),
        ("always", "2026-06-15 10:00"),
        ("last-day", "2026-08-07 10:00"),
        ("autumn", "2026-09-15 10:00"),
    ):
        shop.at(when)
        shop.order(who, "cold-brew")
    shop.order("always", "cold-brew")
    shop.order("coffee", "arabica")
    shop.at("2027-04-14 10:00")
    shop.live("2027-05-10 10:00")
    assert shop.entered() == ["first-day", "last-day"]
    assert shop.sent("first-day") == [("15 Apr 09:00", "pre-summer")]


def test_an_issue_goes_out_in_its_own_week_only(database: Database) -> None:
    """Given an issue of 24 November 2026 that nobody renews, then it goes out on that Tuesday, and never again."""
    shop = MarketingShop(database, "2026-11-16 10:00", "newsletter")
    shop.tell("reader")
    shop.tell("refuses", consent=NO)
    shop.live("2026-12-16 10:00")
    assert shop.sent() == [("24 Nov 09:00", "newsletter")]
    (mail,) = shop.messages()
    assert mail.values["with"]["story_vi"].count("\n") >= 2
