"""How often a customer may enter: spans between turns of the clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from worker.domain.calendars.turns import Turn
from worker.domain.durations import Duration, Unit
from worker.domain.matching import waits_since

_ZONES = st.sampled_from(["Asia/Ho_Chi_Minh", "Europe/Berlin", "Pacific/Apia", "America/St_Johns", "UTC"]).map(ZoneInfo)
_MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - as it asks
_BY_DAYS = st.builds(Duration, st.integers(1, 40), st.sampled_from([Unit.DAYS, Unit.WEEKS, Unit.MONTHS, Unit.YEARS]))


@given(span=_BY_DAYS, moment=_MOMENTS, zone=_ZONES, late=st.timedeltas(timedelta(days=-40), timedelta(days=40)))
def test_a_span_of_days_goes_by_the_calendar(span: Duration, moment: datetime, zone: ZoneInfo, late: timedelta) -> None:
    """Given any span and turn, then an entry waits exactly if its day and the span lie after the turn's day."""
    local = moment.astimezone(zone)
    turn = Turn(moment, "t", moment.year, local=(local.date(), local.time()))
    entered = moment - span.span() + late
    day = entered.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    assert (entered >= waits_since(span, turn, zone)) == (span.after(day).date() > local.date())


@given(hours=st.integers(1, 100), moment=_MOMENTS, zone=_ZONES)
def test_a_span_of_hours_goes_by_the_moment(hours: int, moment: datetime, zone: ZoneInfo) -> None:
    """Given a span in hours, then who came in exactly that long before the turn does not wait, later ones do."""
    since = waits_since(Duration(hours, Unit.HOURS), Turn(moment, "t", moment.year), zone)
    assert moment - timedelta(hours=hours) < since <= moment - timedelta(hours=hours) + timedelta(microseconds=1)
