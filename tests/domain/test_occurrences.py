"""When triggers of the clock come: once each, however a clock cuts the time into windows."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.domain.calendars.crontab import fault_in, last_turn, next_turn, often
from worker.domain.calendars.occurrences import anniversaries, next_of, turn_on, turns
from worker.domain.calendars.seasons import FixedDay, LunarDay, Season
from worker.domain.calendars.turns import Turn
from worker.domain.calendars.yearly import days_before, moved, returning
from worker.domain.durations import Duration, parse_duration
from worker.domain.triggers import CampaignTrigger, DateTrigger, ScheduleTrigger, SeasonTrigger, Timed

SAIGON = ZoneInfo("Asia/Ho_Chi_Minh")
BERLIN = ZoneInfo("Europe/Berlin")  # forward on 28 March 2027 at 2:00, back on 31 October at 3:00
APIA = ZoneInfo("Pacific/Apia")  # has no 30 December 2011
ZONES = [SAIGON, BERLIN, APIA, ZoneInfo("America/St_Johns"), ZoneInfo("Australia/Lord_Howe"), ZoneInfo("UTC")]
SEASONS = {"tet": Season("tet", {}, LunarDay(1, 1)), "leap": Season("leap", {}, FixedDay(2, 29))}
BIRTHDAY = DateTrigger("customer.birthday", yearly=True)

zones = st.sampled_from(ZONES)
times = st.times().map(lambda at: at.replace(second=0, microsecond=0))
offsets = st.builds(
    lambda count, unit: parse_duration(f"{count} {unit}"),
    st.integers(-40, 40),
    st.sampled_from(["days", "weeks"]),
) | st.builds(lambda count: parse_duration(f"{count} months"), st.integers(-12, 12))
triggers: st.SearchStrategy[Timed] = st.one_of(
    st.builds(DateTrigger, st.just("customer.birthday"), offsets, st.booleans(), times),
    st.builds(SeasonTrigger, st.sampled_from(["tet", "leap", "unknown"]), offsets, times),
    st.builds(CampaignTrigger, st.dates(date(2011, 12, 20), date(2012, 1, 10)), times),
)
beginnings = st.sampled_from(
    [datetime(2011, 12, 28, tzinfo=UTC), datetime(2027, 3, 26, tzinfo=UTC), datetime(2027, 10, 29, tzinfo=UTC)]
) | st.integers(950_000_000, 3_780_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
steps = st.lists(st.timedeltas(timedelta(seconds=1), timedelta(hours=30)), min_size=1, max_size=12)


def days_of(found: list[Turn]) -> list[date]:
    return [turn.local[0] for turn in found if turn.local is not None]


@given(triggers, zones, beginnings, steps)
def test_each_turn_comes_once_however_the_windows_are_cut(
    trigger: Timed, zone: ZoneInfo, beginning: datetime, lengths: list[timedelta]
) -> None:
    """Given any cuts, when a clock looks at each window, then it finds what one look at the whole finds."""
    cuts = [beginning]
    for length in lengths:
        cuts.append(cuts[-1] + length)
    pieces = [turn for after, until in pairwise(cuts) for turn in turns(trigger, zone, after, until, SEASONS)]
    assert pieces == turns(trigger, zone, cuts[0], cuts[-1], SEASONS)
    assert len({turn.name for turn in pieces}) == len(pieces)


@given(zones, times, beginnings)
def test_each_local_day_has_its_moment_once(zone: ZoneInfo, at: time, beginning: datetime) -> None:
    """Given a time of day, when five days are looked at, then no day of the wall's calendar is missing or doubled."""
    trigger = DateTrigger("customer.birthday", yearly=True, at=at)
    until = beginning + timedelta(days=5)
    days = days_of(turns(trigger, zone, beginning, until, {}))
    assert days == [days[0] + timedelta(days=number) for number in range(len(days))]
    assert 4 <= len(days) <= 6


@given(
    zones, beginnings, steps, st.sampled_from(["0 9 * * *", "30 2 * * *", "15 2,3 * * *", "0 9 1 * mon", "7 * * * *"])
)
def test_the_last_turn_of_a_schedule_is_the_one_that_cron_would_have_come_to(
    zone: ZoneInfo, beginning: datetime, lengths: list[timedelta], line: str
) -> None:
    """Given a crontab line, when its last turn is asked for, then walking from turn to turn comes to the same one."""
    until = beginning + sum(lengths, timedelta())
    walked = None
    coming = next_turn(line, zone, beginning)
    while coming is not None and coming[0] <= until:
        walked = coming[0]
        coming = next_turn(line, zone, coming[0])
    last = last_turn(line, zone, beginning, until)
    assert (last[0] if last else None) == walked


@pytest.mark.parametrize(
    ("line", "after", "expected"),
    [
        ("0 9 * * mon", "2027-03-02T00:00", "2027-03-08T09:00"),
        ("0 9 * * 1", "2027-03-02T00:00", "2027-03-08T09:00"),  # Monday, and not APScheduler's Tuesday
        ("0 9 * * 7", "2027-03-02T00:00", "2027-03-07T09:00"),
        ("30 2 * * *", "2027-03-27T12:00", "2027-03-28T03:30"),  # 2:30 is left out: an hour later
        ("30 2 * * *", "2027-10-30T12:00", "2027-10-31T02:30"),
        ("0 0 29 2 *", "2027-03-02T00:00", "2028-02-29T00:00"),
    ],
)
def test_schedules_keep_to_the_clock_on_the_wall(line: str, after: str, expected: str) -> None:
    """Given a line, when its next turn in Berlin is asked for, then it is the one a person would name."""
    coming = next_turn(line, BERLIN, datetime.fromisoformat(after).replace(tzinfo=BERLIN))
    assert coming is not None
    assert coming[0].astimezone(BERLIN).replace(tzinfo=None) == datetime.fromisoformat(expected)


def test_a_time_that_comes_twice_is_a_turn_once() -> None:
    """Given 2:30 on the day on which it comes twice, when both are over, then the schedule came at the first."""
    day = datetime(2027, 10, 31, 0, 0, tzinfo=BERLIN)
    first = last_turn("30 2 * * *", BERLIN, day, day + timedelta(hours=12))
    assert first is not None and first[0] == datetime(2027, 10, 31, 0, 30, tzinfo=UTC)
    assert last_turn("30 2 * * *", BERLIN, first[0], day + timedelta(hours=12)) is None


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("0 9 * *", "it has 4 fields"),
        ("0 9 * * mon *", "it has 6 fields"),
        ("0 25 * * *", "its hour"),
        ("0 9 32 * *", "its day of the month"),
        ("0 9 * 13 *", "its month"),
        ("0 9 * * montag", "its weekday"),
        ("0 9 30 2 *", "its day of the month"),
        ("", "it has 0 fields"),
    ],
)
def test_a_line_that_cannot_be_read_says_where(line: str, fault: str) -> None:
    """Given a line with a fault, when it is looked at, then the fault names the field."""
    said = fault_in(line)
    assert said is not None and said.startswith(fault)


def test_often_is_more_than_hourly() -> None:
    """Given lines, when they are asked, then hourly is not often and every half hour is."""
    assert not often("0 * * * *") and often("*/30 * * * *") and not often("0 9 29 2 *")


@given(st.dates(date(1901, 1, 1), date(2099, 12, 1)), offsets)
def test_days_before_are_exactly_those_that_the_offset_leads_from(day: date, offset: Duration) -> None:
    """Given a day and an offset, when the days before are asked for, then each leads there and none else near does."""
    found = days_before(day, offset)
    assert all(moved(one, offset) == day for one in found)
    assert day in [moved(one, offset) for one in found] or (offset.unit.value == "months" and day.day > 28)
    assert moved(day, offset) not in found or not offset.count or moved(moved(day, offset), offset) == day


def test_the_29th_of_february_is_kept_on_the_28th_in_common_years() -> None:
    """Given 28 February, when asked whose day it is, then those of the 29th are among them in common years only."""
    assert returning(date(2027, 2, 28)) == ((2, 28), (2, 29))
    assert returning(date(2028, 2, 28)) == ((2, 28),)
    assert returning(date(2028, 2, 29)) == ((2, 29),)


def test_an_anniversary_has_its_own_year() -> None:
    """Given a birthday on 2 January and three days before, when it comes in December, then it is next year's."""
    trigger = DateTrigger("customer.birthday", parse_duration("-3 days"), yearly=True)
    turn = turn_on(trigger, SAIGON, date(2026, 12, 30), {})
    assert turn is not None and turn.year == 2027
    assert anniversaries(trigger, turn) == (date(2027, 1, 2),)


def test_a_season_comes_around_its_own_day() -> None:
    """Given three weeks before Tết, when it is looked for, then it comes on that day, once for that Tết."""
    trigger = SeasonTrigger("tet", parse_duration("-21 days"), time(8, 30))
    turn = next_of(trigger, SAIGON, datetime(2026, 12, 1, tzinfo=UTC), SEASONS)
    assert turn is not None and turn.local == (date(2027, 1, 16), time(8, 30))
    assert (turn.season, turn.day) == ("tet:2027", date(2027, 2, 6))
    assert turn.moment == datetime(2027, 1, 16, 1, 30, tzinfo=UTC)


def test_a_campaign_comes_once_and_an_unknown_season_never() -> None:
    """Given a day that was, when the next turn is asked for, then there is none; of an unknown season neither."""
    campaign = CampaignTrigger(date(2027, 3, 8))
    assert next_of(campaign, SAIGON, datetime(2027, 3, 8, 2, 0, tzinfo=UTC), {}) is None
    assert next_of(campaign, SAIGON, datetime(2027, 3, 8, 1, 59, tzinfo=UTC), {}) is not None
    assert next_of(SeasonTrigger("unknown"), SAIGON, datetime(2027, 3, 8, tzinfo=UTC), SEASONS) is None


def test_of_missed_turns_of_a_schedule_only_the_last_comes() -> None:
    """Given a clock that stood still for two days, when it looks, then the daily newsletter comes once."""
    until = datetime(2027, 3, 4, 12, 0, tzinfo=UTC)
    found = turns(ScheduleTrigger("0 9 * * *"), SAIGON, until - timedelta(days=2), until, {})
    assert [turn.name for turn in found] == ["schedule:2027-03-04T09:00"]
