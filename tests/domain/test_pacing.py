"""Quiet hours and caps of advertising, decided by values alone."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from worker.domain.calendars.free_days import FreeDays, read_free_days
from worker.domain.pacing import REACH, Advertising, Caps, ClosedTimes, QuietHours, Waits, paced, parse_quiet_hours
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
        (LATE, None, 0, Waits(MORNING, "quiet hours")),
        (LATE, None, 1, Waits(MORNING, "quiet hours")),
        (LATE, MORNING, 0, Waits(MORNING, "quiet hours")),
        (LATE, MORNING - timedelta(seconds=1), 1, "expired: in the quiet hours"),
    ],
)
def test_quiet_hours_come_before_caps(
    now: datetime, expires_at: datetime | None, went: int, said: Waits | str | None
) -> None:
    """Given a mail and those that went, when it would go, then it waits for the morning first, and then is counted."""
    mail = Advertising(expires_at, HANOI, [now - timedelta(hours=1)] * went)
    assert paced(mail, ClosedTimes(NIGHT), Caps(per_day=1), now) == said


def test_without_a_rule_everything_goes() -> None:
    """Given neither quiet hours nor caps, then an advertising mail goes in the night too."""
    assert paced(Advertising(None, HANOI, [LATE] * 9), ClosedTimes(), Caps(), LATE) is None


TET = FreeDays(((date(2027, 2, 4), date(2027, 2, 10)),))
KEPT = "cap: kept for a mail of higher priority"


@pytest.mark.parametrize(
    ("now", "waits"),
    [
        ("2027-02-03 21:59", None),
        ("2027-02-03 22:30", ("2027-02-11 07:00", "quiet hours")),
        ("2027-02-04 12:00", ("2027-02-11 07:00", "holiday")),
        ("2027-02-10 23:59", ("2027-02-11 07:00", "holiday")),
        ("2027-02-11 07:00", None),
    ],
)
def test_holidays_and_the_nights_around_them_are_one(now: str, waits: tuple[str, str] | None) -> None:
    """Given seven days off and quiet nights, then a mail waits for the first morning after both."""
    found = ClosedTimes(NIGHT, TET).until(datetime.fromisoformat(now).replace(tzinfo=HANOI), HANOI)
    expected = waits and Waits(datetime.fromisoformat(waits[0]).replace(tzinfo=HANOI), waits[1])
    assert found == expected


def test_public_holidays_are_those_of_the_country() -> None:
    """Given the shop's country, when 2 September comes, Vietnam's national day, then no advertising goes on it, by the
    customer's own calendar; in Berlin it may be the day before still."""
    free = read_free_days(["public"], "VN")
    noon = datetime(2027, 9, 2, 12, tzinfo=HANOI)
    assert date(2027, 9, 2) in free and date(2027, 9, 6) not in free
    assert ClosedTimes(None, free).until(noon, HANOI) is not None
    early = datetime(2027, 9, 1, 23, 30, tzinfo=ZoneInfo("UTC"))  # the 2nd in Hanoi, the 1st in New York
    assert ClosedTimes(None, TET).until(early, HANOI) is None
    assert ClosedTimes(None, FreeDays(((date(2027, 9, 2),) * 2,))).until(early, ZoneInfo("America/New_York")) is None


@pytest.mark.parametrize(
    ("now", "until"),
    [
        # the clocks go forward at 02:00 on 28 March 2027 and back at 03:00 on 31 October 2027
        ("2027-03-27T22:30+01:00", "2027-03-28T07:00+02:00"),
        ("2027-10-30T22:30+02:00", "2027-10-31T07:00+01:00"),
    ],
)
def test_a_night_in_which_the_clocks_change_ends_in_the_morning(now: str, until: str) -> None:
    """Given a night an hour shorter or longer, then it ends at seven by the wall; one that expires before is late."""
    at, over = datetime.fromisoformat(now), datetime.fromisoformat(until)
    closed = ClosedTimes(NIGHT)
    assert paced(Advertising(None, BERLIN, []), closed, Caps(), at) == Waits(over, "quiet hours")
    late = Advertising(over - timedelta(minutes=1), BERLIN, [])
    assert paced(late, closed, Caps(), at) == "expired: in the quiet hours"


@pytest.mark.parametrize(
    ("went", "ahead", "expires", "said"),
    [
        (1, [], None, None),
        (1, [0], None, None),  # room for both
        (2, [0], None, Waits(NOON + timedelta(minutes=5), "priority")),
        (2, [18], None, Waits(NOON + timedelta(hours=18), "priority")),
        (1, [0, 18], None, Waits(NOON + timedelta(hours=18), "priority")),
        (2, [18], 6, KEPT),
        (2, [23.5], None, None),  # by then those that went count no more
        (3, [0], None, "cap: 3 in 24 hours"),
    ],
)
def test_the_last_place_is_kept_for_a_mail_of_higher_priority(
    went: int, ahead: list[float], expires: float | None, said: Waits | str | None
) -> None:
    """Given three places, mails that went an hour ago and those ahead, when a mail would cost one of them its place,
    then it waits until they have gone, or is left out where it would be over by then."""
    coming = [NOON + timedelta(hours=hours) for hours in ahead]
    over = None if expires is None else NOON + timedelta(hours=expires)
    mail = Advertising(over, HANOI, [NOON - timedelta(hours=1)] * went, coming)
    assert paced(mail, ClosedTimes(), Caps(per_day=3), NOON) == said


_mails = st.lists(
    st.tuples(st.integers(0, 3 * 24 * 60), st.integers(-1, 1), st.none() | st.integers(1, 30)), max_size=25
)


@given(_mails, st.integers(1, 4), st.none() | st.integers(2, 6), st.booleans())
def test_nobody_ever_gets_more_than_the_cap(
    mails: list[tuple[int, int, int | None]], per_day: int, per_week: int | None, nights: bool
) -> None:
    """Given any mix of mails to one address, each with its minute, priority and expiry, when each is asked for at its
    time and again whenever it waited, then no 24 hours and no 7 days hold more than the cap, and each is decided."""
    caps, closed = Caps(per_day, per_week), ClosedTimes(NIGHT if nights else None)
    begin = datetime(2027, 3, 1, tzinfo=HANOI)
    queue = [
        (
            begin + timedelta(minutes=at),
            number,
            rank,
            None if hours is None else begin + timedelta(minutes=at, hours=hours),
        )
        for number, (at, rank, hours) in enumerate(mails)
    ]
    came = {number: at for at, number, _, _ in queue}
    sent: list[tuple[datetime, int]] = []
    for _ in range(1_000):
        if not queue:
            break
        queue.sort(key=lambda one: (one[0], -one[2]))
        now, number, rank, expires = queue.pop(0)
        if expires is not None and now > expires:
            continue
        ahead = [at for at, other, of, _ in queue if of > rank and came[other] <= now and at <= now + REACH]
        held = paced(Advertising(expires, HANOI, [at for at, _ in sent], ahead), closed, caps, now)
        if isinstance(held, Waits):
            assert held.until > now
            queue.append((held.until, number, rank, expires))
        elif held is None:
            sent.append((now, rank))
    assert not queue
    times = sorted(at for at, _ in sent)
    for cap, span in ((per_day, timedelta(days=1)), (per_week, timedelta(days=7))):
        if cap is not None:
            assert all(later - first >= span for first, later in zip(times, times[cap:], strict=False))
