"""When a wait ends, by the calendar and by the clock of the customer's zone."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.domain.durations import Duration, Unit, parse_duration
from worker.domain.steps import Wait
from worker.domain.waiting import wait_ends

SAIGON = ZoneInfo("Asia/Ho_Chi_Minh")
BERLIN = ZoneInfo("Europe/Berlin")


def _ends(
    span: str, start: str, zone: ZoneInfo = SAIGON, at: time | None = None, on: frozenset[int] = frozenset()
) -> str:
    wait = Wait("wait-1", 1, parse_duration(span), at, on)
    begun = datetime.fromisoformat(start).replace(tzinfo=zone)
    return wait_ends(wait, begun, zone).astimezone(zone).strftime("%a %Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("span", "start", "at", "on", "ends"),
    [
        ("3 days", "2027-03-01 14:00", None, (), "Thu 2027-03-04 14:00"),
        ("7 days", "2027-03-01 14:00", time(10, 30), (), "Mon 2027-03-08 10:30"),
        ("1 day", "2027-03-01 23:30", time(9), (), "Tue 2027-03-02 09:00"),
        ("1 month", "2027-01-31 08:00", None, (), "Sun 2027-02-28 08:00"),
        ("2 weeks", "2027-03-01 08:00", None, (0, 4), "Mon 2027-03-15 08:00"),
        ("1 day", "2027-03-01 08:00", time(9), (4,), "Fri 2027-03-05 09:00"),
        ("2 hours", "2027-03-01 08:00", None, (), "Mon 2027-03-01 10:00"),
        ("2 hours", "2027-03-01 08:00", time(9), (), "Tue 2027-03-02 09:00"),
        ("2 hours", "2027-03-01 08:00", time(10), (), "Mon 2027-03-01 10:00"),
        ("30 minutes", "2027-03-06 23:45", None, (0,), "Mon 2027-03-08 00:15"),
    ],
)
def test_a_wait_ends_where_the_calendar_says(
    span: str, start: str, at: time | None, on: tuple[int, ...], ends: str
) -> None:
    """Given a wait with its options, when it begins, then it ends at that day and time of the customer's zone."""
    assert _ends(span, start, SAIGON, at, frozenset(on)) == ends


def test_a_night_without_half_past_two_waits_until_the_clock_has_moved_on() -> None:
    """Given the spring night that leaves 02:30 out, when a wait ends then, then it ends once, an hour later."""
    assert _ends("1 day", "2027-03-27 12:00", BERLIN, time(2, 30)) == "Sun 2027-03-28 03:30"


def test_a_night_with_two_half_past_twos_ends_at_the_first() -> None:
    """Given the autumn night that has 02:30 twice, when a wait ends then, then it is the first of the two."""
    wait = Wait("w", 1, Duration(1, Unit.DAYS), time(2, 30))
    ends = wait_ends(wait, datetime(2027, 10, 30, 12, tzinfo=BERLIN), BERLIN)
    assert ends == datetime(2027, 10, 31, 0, 30, tzinfo=UTC)


@given(
    minutes=st.integers(0, 60 * 24 * 400),
    start=st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - bounds
    at=st.none() | st.times(),
    on=st.frozensets(st.integers(0, 6)),
    zone=st.sampled_from([SAIGON, BERLIN, ZoneInfo("America/St_Johns"), UTC]),
)
def test_an_exact_wait_never_ends_early_nor_more_than_eight_days_late(
    minutes: int, start: datetime, at: time | None, on: frozenset[int], zone: ZoneInfo
) -> None:
    """Given any wait of minutes, when it ends, then not before it is over, on an allowed day, within eight days."""
    clock = at.replace(tzinfo=None, fold=0) if at else None
    ends = wait_ends(Wait("w", 1, Duration(minutes, Unit.MINUTES), clock, on), start, zone)
    over = start + timedelta(minutes=minutes)
    assert ends >= over - timedelta(hours=2 if on and clock is None else 0)  # a day moved to may be an hour shorter
    assert ends - over <= timedelta(days=8, hours=3)
    if on:
        assert ends.astimezone(zone).weekday() in on


def test_a_duration_that_is_none_says_what_one_looks_like() -> None:
    """Given text that is no duration, when it is read, then the error shows one."""
    with pytest.raises(ValueError, match="'3 days' or '2 hours'"):
        parse_duration("3 dayz")
    assert str(parse_duration(" -3  days".replace("  ", " "))) == "-3 days"
    assert str(parse_duration("1 hour")) == "1 hour"
