"""Triggers of the clock find their customers: on the day, in their zone, once, whatever happens to clock and record."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from tests.support.finding import ClockShop
from worker.domain.calendars.seasons import ListedDays, Season
from worker.engine import enrolling, finding
from worker.storage import flows
from worker.storage.database import Database

BIRTHDAY = "trigger: birthday\nsteps: [{send: wishes}]\n"
TOKYO, SAIGON, APIA = ZoneInfo("Asia/Tokyo"), ZoneInfo("Asia/Ho_Chi_Minh"), ZoneInfo("Pacific/Apia")
PAGO = ZoneInfo("Pacific/Pago_Pago")  # 24 hours behind Apia, across the date line


def test_a_birthday_enters_on_its_day_in_the_customers_own_zone(database: Database) -> None:
    """Given birthdays in three zones, when nine o'clock comes in each, then each enters then, and steps follow."""
    shop = ClockShop(database)
    shop.publish(birthday=BIRTHDAY)
    shop.tell("tokyo", birthday="1990-03-02", timezone="Asia/Tokyo")
    shop.tell("home", birthday="1985-03-02")
    shop.tell("paris", birthday="1985-03-02", timezone="Europe/Paris")
    shop.tell("other", birthday="1985-03-03")

    assert shop.tick("2027-03-02 06:59") == 0
    assert shop.tick("2027-03-02 07:00") == 1
    assert shop.tick("2027-03-02 09:00") == 1
    assert shop.tick("2027-03-02 15:00") == 1
    assert shop.entered() == ["tokyo", "home", "paris"]
    assert shop.keys() == ["year:2027"] * 3
    shop.step()
    assert [step for _, step in shop.mails()] == ["wishes"] * 3
    assert shop.tick("2027-03-02 15:01") == 0


def test_the_journey_says_by_what_it_was_entered(database: Database) -> None:
    """Given an entry by the clock, when its trace is read, then it names the trigger, the day and the zone."""
    shop = ClockShop(database)
    shop.publish(birthday="trigger: birthday\nwhen: customer.consent\nsteps: [{send: wishes}]\n")
    shop.tell("home", birthday="1985-03-02")
    shop.tick("2027-03-02 09:00")
    assert shop.trace(shop.journeys()[0].id) == [
        (
            "entered",
            {
                "trigger": "customer.birthday every year at 09:00",
                "turn": "customer.birthday:2027-03-02",
                "local": "2027-03-02T09:00",
                "zone": "Asia/Ho_Chi_Minh",
                "when": "customer.consent",
            },
        )
    ]


def test_the_29th_of_february_and_days_before_it(database: Database) -> None:
    """Given a birthday on 29 February, when a common year and a leap year pass, then it enters once in each."""
    shop = ClockShop(database)
    shop.publish(
        day=BIRTHDAY, before="trigger: {date: customer.birthday, offset: -3 days, every: year}\nsteps: [{send: soon}]\n"
    )
    shop.tell("leap", birthday="1992-02-29")
    for day in ("2028-02-25", "2028-02-26", "2028-02-27", "2028-02-28", "2028-02-29", "2028-03-01"):
        shop.tick(f"{day} 09:00")
    assert shop.entered("day") == shop.entered("before") == ["leap"]
    assert [row.entered_at.astimezone(SAIGON).strftime("%d %b") for row in shop.journeys()] == ["26 Feb", "29 Feb"]
    for day in ("2029-02-25", "2029-02-28", "2029-03-01"):
        shop.tick(f"{day} 09:00")
    assert shop.keys() == ["year:2028", "year:2028", "year:2029", "year:2029"]


def test_when_decides_and_faults_harm_nobody_else(database: Database) -> None:
    """Given dates of the shop's own that are none for some, when the day comes, then those with a date enter."""
    shop = ClockShop(database, fields={"renewal": "date", "visit": "time"})
    shop.publish(
        renewal="trigger: {date: customer.renewal, offset: -1 day}\nwhen: customer.orders_count == 0\n"
        "steps: [{send: soon}]\n",
        visit="trigger: {date: customer.visit, at: '18:00'}\nsteps: [{send: soon}]\n",
    )
    for number, renewal in enumerate(["2027-03-10", "next spring", "2027-02-30", 20270310, None, ["2027-03-10"]]):
        shop.tell(f"r{number}")
        shop.keep(f"r{number}", renewal=renewal)
    shop.tell("buyer", renewal="2027-03-10")
    shop.buy("A1", customer={"id": "buyer"})
    shop.tell("v1", visit="2027-03-09T16:30:00Z")  # 23:30 here, and the next day in Tokyo
    shop.tell("v2", visit="2027-03-09T16:30:00Z", timezone="Asia/Tokyo")
    shop.tell("v3")
    shop.keep("v3", visit="soon")

    shop.tick("2027-03-09 09:00")
    assert shop.entered("renewal") == ["r0"]
    shop.tick("2027-03-09 18:00")
    assert shop.entered("visit") == ["v1"]
    shop.tick("2027-03-10 16:00")
    assert shop.entered("visit") == ["v1", "v2"]


def test_the_date_of_an_order_brings_the_order_along(database: Database) -> None:
    """Given two orders, when 60 days have passed since the last, then the journey is of that one, once for it."""
    shop = ClockShop(database)
    shop.publish(
        back="trigger: {date: customer.last_order_at, offset: 60 days}\nwhen: order.total > 100_000\n"
        "steps: [{wait: 1 day}, {send: back}]\n"
    )
    shop.buy("A1", customer={"id": "c1"})
    shop.at("2027-03-05 20:00")
    shop.buy("A2", customer={"id": "c1"})
    shop.buy("B1", total=50_000, customer={"id": "c2"})
    for day in ("04-30", "05-01", "05-02", "05-03", "05-04", "05-05"):
        shop.tick(f"2027-{day} 09:00")
    assert shop.entered() == ["c1"]
    assert [(row.once_key, row.order_number) for row in shop.journeys()] == [("order:A2", "A2")]


def test_the_anniversary_of_a_first_order_begins_a_year_later(database: Database) -> None:
    """Given a first order today, when its day returns, then the flow is entered in each later year, not in this one."""
    shop = ClockShop(database)
    shop.publish(thanks="trigger: {date: customer.first_order_at, every: year}\nsteps: [{send: thanks}]\n")
    shop.buy("A1", customer={"id": "c1"})
    assert shop.tick() == 0
    assert shop.tick("2028-03-01 09:00") == 1
    assert shop.tick("2029-03-01 09:00") == 1


def test_seasons_campaigns_and_schedules(database: Database) -> None:
    """Given one flow of each kind, when their moments come, then all for whom `when` holds enter, once each."""
    season = Season("harvest", {}, ListedDays((date(2027, 3, 20), date(2027, 9, 1))))
    shop = ClockShop(database, {"harvest": season})
    shop.publish(
        harvest="trigger: {season: harvest, offset: -10 days, at: '08:30'}\nsteps: [{send: harvest}]\n",
        women="trigger: {date: 2027-03-08, at: '10:00', zone: shop}\nsteps: [{send: women}]\n",
        news="trigger: {schedule: '0 9 * * mon'}\nwhen: customer.language == 'vi'\nsteps: [{send: news}]\n",
    )
    shop.tell("a", language="vi")
    shop.tell("b", language="en", timezone="Asia/Tokyo")
    shop.tell("c", language="vi", timezone="Asia/Tokyo")
    for day in range(2, 16):
        for hour in ("06:30", "07:00", "08:30", "09:00", "10:00"):
            shop.tick(f"2027-03-{day:02} {hour}")
    assert shop.entered("news") == ["c", "a", "c", "a"]  # two Mondays, in Tokyo first
    assert sorted(shop.entered("women")) == ["a", "b", "c"]
    assert sorted(shop.entered("harvest")) == ["a", "b", "c"]
    assert set(shop.keys()) == {
        "season:harvest:2027", "ever", "schedule:2027-03-08T09:00", "schedule:2027-03-15T09:00",
    }  # fmt: skip
    assert shop.tick("2027-08-22 08:30") == 3
    assert shop.keys()[-1] == "season:harvest:2027:2"


def test_what_came_before_publication_enters_nobody(database: Database) -> None:
    """Given a campaign of this morning, when it is published at noon, then nobody enters, now or after a restart."""
    shop = ClockShop(database)
    shop.tell("a")
    shop.at("2027-03-08 12:00")
    shop.publish(women="trigger: {date: 2027-03-08}\nsteps: [{send: women}]\n")
    assert shop.tick() == 0
    shop.clock = shop.another_clock()
    assert shop.tick("2027-03-08 12:01") == 0


def test_a_clock_that_stood_still_goes_on_and_after_two_days_leaves_it(database: Database) -> None:
    """Given a clock that is down over midnight, when it is back, then the last two days enter and no older one."""
    shop = ClockShop(database)
    shop.publish(birthday=BIRTHDAY, news="trigger: {schedule: '0 9 * * *'}\nsteps: [{send: news}]\n")
    for day in range(2, 8):
        shop.tell(f"d{day}", birthday=f"1990-03-{day:02}")
    shop.tick("2027-03-02 08:00")
    shop.clock = shop.another_clock()
    assert shop.tick("2027-03-06 10:00") > 0
    assert shop.entered("birthday") == ["d5", "d6"]
    assert shop.entered("news") == [f"d{day}" for day in range(2, 8)]  # one newsletter, not four
    assert {row.once_key for row in shop.journeys() if row.flow == "news"} == {"schedule:2027-03-06T09:00"}


def test_two_clocks_enter_once(database: Database) -> None:
    """Given two clocks that look in turn, and one that starts anew, when a day passes, then each enters once."""
    shop = ClockShop(database)
    shop.publish(birthday=BIRTHDAY, news="trigger: {schedule: '0 9 * * *'}\nsteps: [{send: news}]\n")
    shop.tell("a", birthday="1990-03-02")
    other = shop.another_clock()
    for local in ("08:59", "09:00", "09:01", "23:59"):
        shop.tick(f"2027-03-02 {local}")
        other.run(shop.now)
    shop.another_clock().run(shop.now)
    assert shop.entered() == ["a", "a"]
    assert [state for _, _, state in shop.occurrences()] == ["done"] * 2


def test_a_clock_killed_within_a_turn_goes_on_where_it_was(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given slices of two and a clock that leaves off after the first, when another looks, then all enter once."""
    monkeypatch.setattr(finding, "SLICE", 2)
    shop = ClockShop(database)
    shop.publish(women="trigger: {date: 2027-03-08}\nsteps: [{send: women}]\n")
    for number in range(7):
        shop.tell(f"c{number}")
    answers = iter([False, True])
    dying = finding.Finding(database, shop.flowbook, shop.settings, stopping=lambda: next(answers))
    shop.at("2027-03-08 09:00")
    assert dying.run(shop.now) == 2
    assert shop.tick("2027-03-08 09:05") == 5
    assert shop.entered() == [f"c{number}" for number in range(7)]


def test_who_moves_to_another_zone_enters_once(database: Database) -> None:
    """Given a birthday and a move before or after nine o'clock, east or west, when all is over, then one entry each."""
    shop = ClockShop(database)
    shop.publish(
        birthday=BIRTHDAY,
        women="trigger: {date: 2027-03-02}\nsteps: [{send: women}]\n",
        news="trigger: {schedule: '0 9 * * tue'}\nsteps: [{send: news}]\n",
    )
    for name, zone in (("east", "Asia/Ho_Chi_Minh"), ("west", "Asia/Tokyo"), ("line", "Pacific/Pago_Pago")):
        shop.tell(name, birthday="1990-03-02", timezone=zone)
    shop.tick("2027-03-02 08:30")  # nine o'clock was in Tokyo, and in Apia
    shop.tell("east", timezone="Asia/Tokyo")  # where it is over
    shop.tell("west", timezone="Asia/Ho_Chi_Minh")  # where it is still to come
    shop.tell("line", timezone="Pacific/Apia")  # over the date line: a day later on the calendar
    for local in ("2027-03-02 08:31", "2027-03-02 09:00", "2027-03-03 04:00", "2027-03-03 09:00"):
        shop.tick(local)
    shop.tell("line", timezone="Pacific/Pago_Pago")  # and back: the same day comes once more
    for local in ("2027-03-03 10:00", "2027-03-04 10:00"):
        shop.tick(local)
    for flow in ("birthday", "women", "news"):
        assert sorted(shop.entered(flow)) == ["east", "line", "west"], flow


def test_a_birthday_corrected_on_the_day_enters_once(database: Database) -> None:
    """Given corrections to and from today, when two days pass, then late ones enter and nobody enters twice."""
    shop = ClockShop(database)
    shop.publish(birthday=BIRTHDAY)
    shop.tell("was", birthday="1990-03-02")
    shop.tell("is", birthday="1990-09-09")
    shop.tell("old", birthday="1990-09-09")
    shop.tick("2027-03-02 09:00")
    shop.at("2027-03-02 15:00")
    shop.tell("was", birthday="1990-03-03")
    shop.tell("is", birthday="1990-03-02")
    shop.tell("old", birthday="1990-02-27")
    assert shop.tick("2027-03-02 15:01") == 1
    shop.tick("2027-03-03 09:00")
    assert shop.entered() == ["was", "is"]
    assert shop.marks() == []


def test_a_new_customer_enters_late_by_a_date_and_by_nothing_else(database: Database) -> None:
    """Given someone who signs up at noon, when the clock looks, then the birthday counts and the campaign does not."""
    shop = ClockShop(database)
    shop.publish(birthday=BIRTHDAY, women="trigger: {date: 2027-03-02}\nsteps: [{send: women}]\n")
    shop.tick("2027-03-02 09:00")
    shop.at("2027-03-02 12:00")
    shop.tell("new", birthday="1990-03-02", timezone="Asia/Tokyo")
    assert shop.tick("2027-03-02 12:01") == 1
    shop.another_clock().run(shop.now)
    assert (shop.entered("birthday"), shop.entered("women")) == (["new"], [])


def test_history_enters_nobody_late(database: Database) -> None:
    """Given a customer loaded as history on the day, when the clock looks, then no moment that was enters them."""
    shop = ClockShop(database)
    shop.publish(birthday=BIRTHDAY)
    shop.at("2027-03-02 12:00")
    shop.tell("seen")
    shop.send("signup", {"id": "seen", "birthday": "1990-03-02"}, history=True)
    shop.send("signup", {"id": "new", "birthday": "1990-03-02"}, history=True)
    assert shop.tick("2027-03-02 12:01") == 0


def test_what_came_in_a_pause_enters_after_it_two_days_back(database: Database) -> None:
    """Given a flow that is paused for a day, when it goes on, then what came meanwhile enters; nothing in between."""
    shop = ClockShop(database)
    shop.publish(birthday=BIRTHDAY)
    shop.tell("a", birthday="1990-03-02")
    shop.tell("b", birthday="1990-03-06")
    shop.tick("2027-03-02 08:00")
    for name, day in (("birthday", "02"), (None, "06")):
        with database.writing() as connection:
            flows.set_paused(connection, name, True, shop.now)
        assert shop.tick(f"2027-03-{day} 10:00") == 0
        with database.writing() as connection:
            flows.set_paused(connection, name, False, shop.now)
        assert shop.tick(f"2027-03-{day} 22:00") == 1
    assert shop.entered() == ["a", "b"]


def test_who_is_erased_or_joined_to_another_does_not_enter(database: Database) -> None:
    """Given a guest who turned out to be a customer, when the day comes, then one of the two enters."""
    shop = ClockShop(database)
    shop.publish(birthday=BIRTHDAY)
    shop.send("cart.updated", {"email": "c1@example.com", "birthday": "1990-03-02"})
    shop.send("cart.updated", {"id": "c1", "email": "elsewhere@example.com"})
    shop.send("cart.updated", {"id": "c1", "email": "c1@example.com"})
    shop.tick("2027-03-02 09:00")
    assert shop.entered() == ["c1"]


def test_a_turn_that_fails_harms_no_other(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a flow whose customers cannot be found, when the clock looks, then the others enter, and it later."""
    shop = ClockShop(database)
    shop.publish(bad=BIRTHDAY, good=BIRTHDAY)
    shop.tell("a", birthday="1990-03-02")
    whose = enrolling.enrol

    def failing(*given: object) -> list[int]:
        if given[2].flow.name == "bad":  # type: ignore[attr-defined]
            raise RuntimeError("no")
        return whose(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(finding, "enrol", failing)
    assert shop.tick("2027-03-02 09:00") == 1
    monkeypatch.undo()
    assert shop.tick("2027-03-02 09:01") == 1
    assert shop.entered() == ["a", "a"]
