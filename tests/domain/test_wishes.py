"""What a reader wishes of advertising beyond yes and no: how often, and not for a while."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from dateutil.relativedelta import relativedelta
from hypothesis import given
from hypothesis import strategies as st

from worker.domain.wishes import Frequency, Wishes, pause_of

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
TUESDAY = datetime(2027, 3, 2, 2, 0, tzinfo=UTC)  # 09:00 in Vietnam
TODAY = date(2027, 3, 1)


@pytest.mark.parametrize(
    ("frequency", "last", "now", "reason"),
    [
        (Frequency.EVERYTHING, TUESDAY, TUESDAY + timedelta(minutes=1), None),
        (Frequency.WEEKLY, TUESDAY, TUESDAY + timedelta(days=6, hours=14), "once a week"),  # Monday, 23:00
        (Frequency.WEEKLY, TUESDAY + timedelta(minutes=9), TUESDAY + timedelta(days=7), None),  # a letter each Tuesday
        (Frequency.MONTHLY, datetime(2027, 1, 31, 3, tzinfo=UTC), datetime(2027, 2, 27, 3, tzinfo=UTC), "once a month"),
        (Frequency.MONTHLY, datetime(2027, 1, 31, 3, tzinfo=UTC), datetime(2027, 2, 28, 3, tzinfo=UTC), None),
        (Frequency.MONTHLY, datetime(2027, 2, 1, 3, tzinfo=UTC), datetime(2027, 3, 1, 3, tzinfo=UTC), None),
    ],
)
def test_days_of_the_customers_wall_are_counted(
    frequency: Frequency, last: datetime, now: datetime, reason: str | None
) -> None:
    """Given a wish and the last mail, then the next goes on the same day of the next week or month, and not before."""
    assert Wishes(frequency=frequency).too_often([last, last - timedelta(days=40)], now, HANOI) == reason


@given(
    st.sampled_from([Frequency.WEEKLY, Frequency.MONTHLY]),
    st.lists(st.integers(1, 24 * 200).map(lambda hours: TUESDAY + timedelta(hours=hours)), unique=True).map(sorted),
)
def test_whatever_is_written_no_more_goes_than_was_wished(frequency: Frequency, due: list[datetime]) -> None:
    """Given any moments at which mails are due, when each is held to the wish, then those that go lie apart, and as far
    back as the wish looks is enough to know it."""
    wishes = Wishes(frequency=frequency)
    back = wishes.back
    assert back is not None
    apart = {Frequency.WEEKLY: relativedelta(days=7), Frequency.MONTHLY: relativedelta(months=1)}[frequency]
    went: list[datetime] = []
    for now in due:
        seen = [at for at in went if at > now - back]
        if wishes.too_often(seen, now, HANOI) is None:
            assert not went or now.astimezone(HANOI).date() >= went[-1].astimezone(HANOI).date() + apart
            went.append(now)


@pytest.mark.parametrize(
    ("word", "end"),
    [("", None), ("1", date(2027, 4, 1)), ("3", date(2027, 6, 1)), ("2027-03-02", date(2027, 3, 2))],
)
def test_a_pause_is_some_months_or_until_a_day(word: str, end: date | None) -> None:
    """Given what a form says, then it is the day on which advertising comes again."""
    assert pause_of(word, TODAY) == end


@pytest.mark.parametrize("word", ["2027-03-01", "2028-03-02", "12", "tomorrow", "-", "2027-13-01", "9999-12-31"])
def test_a_pause_that_is_none_is_refused(word: str) -> None:
    """Given a day that is past, today, further than a year, or none at all, then it is refused."""
    with pytest.raises(ValueError, match=r".+"):
        pause_of(word, TODAY)
