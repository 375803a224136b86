"""Who was entered by the clock before: when the same flow may take them again, and what is kept of its turns."""

from __future__ import annotations

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.support.finding import ClockShop
from worker.domain.calendars.seasons import ListedDays, Season
from worker.engine import finding
from worker.storage.database import Database

BIRTHDAY = "trigger: birthday\nsteps: [{send: wishes}]\n"
SAIGON = ZoneInfo("Asia/Ho_Chi_Minh")


def test_a_journey_knows_the_day_that_it_is_about(database: Database) -> None:
    """Given an entry three days before the birthday, when its steps ask for the day, then it is the birthday."""
    shop = ClockShop(database)
    shop.publish(
        before="trigger: {date: customer.birthday, offset: -3 days, every: year}\nsteps:\n"
        "  - if: days_until(journey.day) == 3\n    then: [{send: soon}]\n"
        "  - wait: 3 days\n"
        "  - if: journey.day == today\n    then: [{send: wishes}]\n",
        cart="trigger: {event: cart.updated}\nsteps:\n  - if: journey.day is defined\n    then: [{send: never}]\n",
    )
    shop.tell("a", birthday="1990-01-01")
    shop.tick("2027-12-29 09:00")
    shop.step()
    assert [step for _, step in shop.mails()] == ["soon"]
    shop.tick("2028-01-01 09:00")
    shop.step()
    assert [step for _, step in shop.mails()] == ["soon", "wishes"]
    assert [row.day for row in shop.journeys() if row.flow == "before"] == [date(2028, 1, 1)]


def test_once_counts_for_entries_of_every_kind(database: Database) -> None:
    """Given `per 30 days` and triggers of two kinds, when they come in turn, then each waits for the other."""
    shop = ClockShop(database)
    shop.publish(
        hello="trigger: [{event: cart.updated}, {schedule: '0 9 * * mon'}]\nonce: per 30 days\nsteps: [{send: hi}]\n"
    )
    shop.tell("a")
    assert shop.tick("2027-03-08 09:00") == 0
    assert shop.tick("2027-03-29 09:00") == 0
    assert shop.tick("2027-04-05 09:00") == 1
    shop.tell("a")
    assert shop.entered() == ["a", "a"]


def test_a_span_is_counted_from_turn_to_turn(database: Database) -> None:
    """Given a clock that is late by seconds or a day, when exactly the span is over, then the turn enters."""
    shop = ClockShop(database)
    shop.at("2027-01-01 10:00")
    flow = "trigger: {{schedule: '{}'}}\nonce: per {}\nsteps: [{{send: offer}}]\n"
    spans = {"days": "90 days", "more": "91 days", "months": "3 months"}
    shop.publish(
        **{name: flow.format("0 9 5 * *", span) for name, span in spans.items()},
        hours=flow.format("0 */2 5 1 *", "6 hours"),
    )
    shop.tell("prompt")
    shop.tick("2027-01-05 09:00:40")
    shop.tell("tokyo", timezone="Asia/Tokyo")  # where nine o'clock was two hours ago: the next is in a month
    for local in ("01-05 14:00:05", "01-05 16:00:01", "02-06 19:00", "03-05 09:00", "04-05 09:00:01", "05-05 09:00"):
        shop.tick(f"2027-{local}")

    came = {(row.flow, shop_id, row.entered_at.astimezone(SAIGON).strftime("%d %b %H:%M"))
            for row, shop_id in zip(shop.journeys(), shop.entered(), strict=True)}  # fmt: skip
    assert {(who, at) for name, who, at in came if name == "days"} == {
        ("prompt", "05 Jan 09:00"), ("prompt", "05 Apr 09:00"), ("tokyo", "06 Feb 19:00"),
    }  # fmt: skip
    assert ("more", "prompt", "05 May 09:00") in came
    assert ("more", "prompt", "05 Apr 09:00") not in came
    assert {at for name, who, at in came if (name, who) == ("months", "prompt")} == {"05 Jan 09:00", "05 Apr 09:00"}
    assert ("months", "tokyo", "05 May 09:00") in came  # three months after the turn of 5 February, 89 days
    assert [at for name, who, at in sorted(came) if (name, who) == ("hours", "prompt")] == [
        "05 Jan 09:00", "05 Jan 14:00",
    ]  # fmt: skip


def test_a_birthday_corrected_across_new_year_is_wished_once(database: Database) -> None:
    """Given a wish on 31 December, when the birthday turns out to be 1 January, then the next is a year later."""
    shop = ClockShop(database)
    shop.at("2026-12-30 10:00")
    shop.publish(birthday=BIRTHDAY)
    shop.tell("slip", birthday="1990-12-31")
    shop.tell("other", birthday="1990-01-01")
    shop.tick("2026-12-31 09:00")
    shop.tell("slip", birthday="1991-01-01")
    for day in ("2027-01-01", "2027-12-31", "2028-01-01"):
        shop.tick(f"{day} 09:00")
    assert shop.entered() == ["slip", "other", "slip", "other"]
    assert shop.keys() == ["year:2026", "year:2027", "year:2028", "year:2028"]


def test_who_enters_by_the_year_otherwise_may_do_so_in_january(database: Database) -> None:
    """Given a season in December, a birthday in January, `per year`, when both come, then each enters in its year."""
    shop = ClockShop(database, {"xmas": Season("xmas", {}, ListedDays((date(2026, 12, 24),)))})
    shop.at("2026-12-01 10:00")
    shop.publish(gift="trigger: [{season: xmas}, birthday]\nonce: per year\nsteps: [{send: gift}]\n")
    shop.tell("a", birthday="1990-01-05")
    assert shop.tick("2026-12-24 09:00") == 1
    assert shop.tick("2027-01-05 09:00") == 1


def test_several_triggers_keep_each_its_own_rule(database: Database) -> None:
    """Given a purchase, a birthday and a season, when each comes, then each enters under its own key."""
    shop = ClockShop(database, {"spring": Season("spring", {}, ListedDays((date(2027, 3, 2),)))})
    shop.publish(gift="trigger: [purchase, birthday, {season: spring}]\nsteps: [{send: gift}]\n")
    shop.tell("a", birthday="1990-03-02")
    shop.buy("A1", customer={"id": "a"})
    shop.tick("2027-03-02 09:00")
    shop.tick("2027-03-02 09:30")
    assert sorted(shop.keys()) == ["order:A1", "season:spring:2027", "year:2027"]


def test_a_season_that_is_moved_enters_once(database: Database) -> None:
    """Given a season whose day is corrected after its mails, when the new day comes, then nobody enters again."""
    shop = ClockShop(database, {"spring": Season("spring", {}, ListedDays((date(2027, 3, 2),)))})
    shop.publish(gift="trigger: {season: spring}\nsteps: [{send: gift}]\n")
    shop.tell("a")
    assert shop.tick("2027-03-02 09:00") == 1
    shop.seasons = {"spring": Season("spring", {}, ListedDays((date(2027, 3, 3),)))}
    assert shop.tick("2027-03-03 09:00") == 0
    shop.seasons = {}
    assert shop.tick("2027-03-03 09:01") == 0


def test_turns_of_long_ago_are_forgotten_and_enter_nobody_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given turns of three months, when the clock goes on, and another begins, then the last 60 days are kept."""
    monkeypatch.setattr(finding, "PRUNED", 3)
    shop = ClockShop(database)
    shop.publish(
        news="trigger: {schedule: '0 9 * * mon'}\nsteps: [{send: news}]\n",
        women="trigger: {date: 2027-03-08, zone: shop}\nonce: per event\nsteps: [{send: women}]\n",
        birthday=BIRTHDAY,
    )
    shop.tell("a", birthday="1990-03-02")
    for week in range(13):
        shop.at("2027-03-01 12:00")
        shop.now += timedelta(days=7 * week)
        shop.tick()
        shop.another_clock().run(shop.now)
    for _ in range(9):
        shop.another_clock().run(shop.now)
    assert {turn for _, turn, _ in shop.occurrences() if turn.startswith("schedule")} == {
        f"schedule:2027-{day}T09:00"
        for day in ("03-29", "04-05", "04-12", "04-19", "04-26", "05-03", "05-10", "05-17", "05-24")
    }
    assert len(shop.entered("news")) == len(set(shop.keys()) - {"year:2027", "day:2027-03-08"}) == 12
    assert "day:2027-03-08" not in {turn for _, turn, _ in shop.occurrences()}
