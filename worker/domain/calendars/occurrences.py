"""When triggers of the clock come: the turns of a trigger in a zone, within a window of time.

Windows are open at their beginning and closed at their end, so that windows which follow each other find each turn
once, however they are cut.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from worker.domain.calendars.crontab import last_turn, next_turn
from worker.domain.calendars.seasons import FIRST_YEAR, LAST_YEAR, Season
from worker.domain.calendars.turns import Turn
from worker.domain.calendars.walls import on_the_wall
from worker.domain.calendars.yearly import days_before, moved
from worker.domain.triggers import CampaignTrigger, DateTrigger, ScheduleTrigger, SeasonTrigger, Timed

LATEST = timedelta(days=2)  # how late a turn may be entered by: after a stop, a pause, or a date that moved
_DAY = timedelta(days=1)
_AHEAD = timedelta(days=1_100)  # in which the next turn of a season or campaign is looked for

Seasons = Mapping[str, Season]
OfADay = DateTrigger | CampaignTrigger | SeasonTrigger


@dataclass(frozen=True, slots=True)
class _Coming:
    """A day on which a trigger comes, and what is known of its turn on every wall (see `Turn`)."""

    on: date
    name: str
    year: int
    about: date
    season: str | None = None


def turns(trigger: Timed, zone: ZoneInfo, after: datetime, until: datetime, seasons: Seasons) -> list[Turn]:
    """Return the turns with their moment in (after, until], in order.

    Of a schedule only the last: whoever missed several gets one.

    Parameters:
        zone: of the wall that the trigger goes by.
        seasons: those that are known; one that is not never comes.
    """
    if isinstance(trigger, ScheduleTrigger):
        last = last_turn(trigger.crontab, zone, after, until)
        return [] if last is None else [_scheduled(last)]
    first, end = after.astimezone(zone).date() - _DAY, until.astimezone(zone).date() + _DAY
    found = [_turn(trigger, coming, zone) for coming in _days(trigger, first, end, seasons)]
    return sorted((turn for turn in found if after < turn.moment <= until), key=lambda turn: (turn.moment, turn.name))


def next_of(trigger: Timed, zone: ZoneInfo, after: datetime, seasons: Seasons) -> Turn | None:
    """Return the first turn after a moment, or None where none comes (a campaign that was, a season unknown)."""
    if isinstance(trigger, ScheduleTrigger):
        coming = next_turn(trigger.crontab, zone, after)
        return None if coming is None else _scheduled(coming)
    ahead = timedelta(days=70) if isinstance(trigger, DateTrigger) else _AHEAD
    found = turns(trigger, zone, after, after + ahead, seasons)
    return found[0] if found else None


def turn_on(trigger: Timed, zone: ZoneInfo, day: date, seasons: Seasons) -> Turn | None:
    """Return the (first) turn of a day on the wall, or None where the trigger does not come on it."""
    if isinstance(trigger, ScheduleTrigger):
        midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
        coming = next_turn(trigger.crontab, zone, midnight - timedelta(microseconds=1))
        return _scheduled(coming) if coming is not None and coming[1] == day else None
    return next((_turn(trigger, coming, zone) for coming in _days(trigger, day, day, seasons)), None)


def own_turn(trigger: DateTrigger, day: date, zone: ZoneInfo, after: datetime) -> Turn | None:
    """Return the first turn after a moment by one customer's date, or None where none comes any more."""
    days = [day]
    if trigger.yearly:
        years = range(max(day.year, after.year - 2), after.year + 4)
        days = [date(year, day.month, min(day.day, monthrange(year, day.month)[1])) for year in years]
    found = (turn_on(trigger, zone, moved(one, trigger.offset), {}) for one in days)
    return next((turn for turn in found if turn is not None and turn.moment > after), None)


def anniversaries(trigger: DateTrigger, turn: Turn) -> tuple[date, ...]:
    """Return the days of the calendar of which those in the record come at this turn."""
    assert turn.local is not None
    return days_before(turn.local[0], trigger.offset)


def _days(trigger: OfADay, first: date, last: date, seasons: Seasons) -> Iterator[_Coming]:
    """Yield the days from first to last on which the trigger comes."""
    match trigger:
        case CampaignTrigger(day=day):
            if first <= day <= last:
                yield _Coming(day, f"day:{day}", day.year, day)
        case SeasonTrigger(season=name) if name in seasons:
            for year in range(max(first.year - 1, FIRST_YEAR), min(last.year + 1, LAST_YEAR) + 1):
                for number, falls in enumerate(seasons[name].days(year)):
                    day = moved(falls, trigger.offset)
                    if first <= day <= last:
                        key = f"{name}:{year}" + (f":{number + 1}" if number else "")
                        yield _Coming(day, f"season:{key}", year, falls, key)
        case DateTrigger():
            for number in range((last - first).days + 1):
                day = first + number * _DAY
                sources = days_before(day, trigger.offset)
                if sources:
                    yield _Coming(day, f"{trigger.field}:{day}", sources[-1].year, sources[-1])


def _turn(trigger: OfADay, coming: _Coming, zone: ZoneInfo) -> Turn:
    moment = on_the_wall(coming.on, trigger.at, zone)
    return Turn(moment, coming.name, coming.year, coming.season, coming.about, (coming.on, trigger.at))


def _scheduled(coming: tuple[datetime, date, time]) -> Turn:
    moment, day, at = coming
    return Turn(moment, f"schedule:{day}T{at:%H:%M}", day.year, local=(day, at))
