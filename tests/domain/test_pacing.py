"""Quiet hours and caps of advertising, decided by values alone."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from worker.domain.pacing import Advertising, Caps, QuietHours, paced, parse_quiet_hours
from worker.domain.settings import Settings

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = QuietHours(time(22), time(7))
times = st.times().map(lambda at: at.replace(second=0, microsecond=0))
moments = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2027-03-01 21:59", None),
        ("2027-03-01 22:00", "2027-03-02 07:00"),
        ("2027-03-02 00:30", "2027-03-02 07:00"),
        ("2027-03-02 06:59", "2027-03-02 07:00"),
        ("2027-03-02 07:00", None),
    ],
)
def test_the_night_ends_in_the_morning(now: str, until: str | None) -> None:
    """Given quiet hours over midnight, when a moment is asked for, then they end the same or the next morning."""
    found = NIGHT.until(datetime.fromisoformat(now).replace(tzinfo=HANOI), HANOI)
    expected = None if until is None else datetime.fromisoformat(until).replace(tzinfo=HANOI)
    assert found == expected


@given(times, times, moments, st.sampled_from([HANOI, BERLIN, ZoneInfo("America/New_York"), ZoneInfo("Pacific/Apia")]))
def test_they_end_within_a_day_and_it_is_not_quiet_then(begin: time, end: time, now: datetime, zone: ZoneInfo) -> None:
    """Given any hours, moment and zone, when it is quiet, then it ends later, within a day and what a change of clocks
    adds, and then it is not quiet."""
    if begin == end:
        return
    hours = QuietHours(begin, end)
    over = hours.until(now, zone)
    if over is None:
        return
    assert now < over <= now + timedelta(hours=50)
    again = hours.until(over, zone)
    assert again is None or again - over <= timedelta(hours=1)  # an end that the clocks leave out


@given(times, times)
def test_what_is_written_is_read(begin: time, end: time) -> None:
    """Given hours as they are written, when they are read, then they are the same."""
    if begin != end:
        assert parse_quiet_hours(str(QuietHours(begin, end))) == QuietHours(begin, end)


@pytest.mark.parametrize("text", ["22-7", "25:00-07:00", "22:00", "22:61-07:00", "07:00-07:00", "nights"])
def test_what_is_no_span_is_told(text: str) -> None:
    """Given a text that is no span of hours, when the settings are read, then it is told."""
    with pytest.raises(ValidationError, match="22:00-07:00"):
        Settings.model_validate({"policy": {"quiet_hours": text}})


def test_none_is_none() -> None:
    """Given `none` or nothing, when the settings are read, then there are no quiet hours and no caps."""
    assert Settings.model_validate({"policy": {"quiet_hours": "none"}}).policy.quiet is None
    assert Settings().policy.quiet is None and Settings().policy.caps.back is None


@given(st.lists(st.integers(0, 10 * 24 * 60)), st.integers(1, 5), st.integers(1, 9))
def test_a_cap_is_reached_when_that_many_went(ago: list[int], per_day: int, per_week: int) -> None:
    """Given any moments at which mails went, when a cap is asked for, then it is reached exactly where so many lie in
    its span."""
    now = datetime(2027, 3, 1, tzinfo=UTC)
    went = [now - timedelta(minutes=minutes) for minutes in ago]
    reached = Caps(per_day, per_week).reached(went, now)
    in_day, in_week = sum(m < 24 * 60 for m in ago), sum(m < 7 * 24 * 60 for m in ago)
    if in_day >= per_day:
        assert reached == f"{per_day} in 24 hours"
    elif in_week >= per_week:
        assert reached == f"{per_week} in 7 days"
    else:
        assert reached is None


NOON, LATE = datetime(2027, 3, 1, 12, tzinfo=HANOI), datetime(2027, 3, 1, 23, tzinfo=HANOI)
MORNING = datetime(2027, 3, 2, 7, tzinfo=HANOI)


@pytest.mark.parametrize(
    ("now", "expires_at", "went", "said"),
    [
        (NOON, None, 0, None),
        (NOON, None, 1, "cap: 1 in 24 hours"),
        (LATE, None, 0, MORNING),
        (LATE, None, 1, MORNING),
        (LATE, MORNING, 0, MORNING),
        (LATE, MORNING - timedelta(seconds=1), 1, "expired: in the quiet hours"),
    ],
)
def test_quiet_hours_come_before_caps(
    now: datetime, expires_at: datetime | None, went: int, said: datetime | str | None
) -> None:
    """Given a mail and those that went, when it would go, then it waits for the morning first, and then is counted."""
    mail = Advertising(expires_at, HANOI, [now - timedelta(hours=1)] * went)
    assert paced(mail, NIGHT, Caps(per_day=1), now) == said


def test_without_a_rule_everything_goes() -> None:
    """Given neither quiet hours nor caps, then an advertising mail goes in the night too."""
    assert paced(Advertising(None, HANOI, [LATE] * 9), None, Caps(), LATE) is None
