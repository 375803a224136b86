"""Crontab lines of five fields, read on the clock of a wall; 0 and 7 are Sunday, days and months have their names.

Read by `cronsim`, as Debian's cron reads them: where both day fields are given, either suffices. APScheduler is not
asked: its weekday 1 is Tuesday.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from worker.domain.calendars.walls import on_the_wall

MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 9 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 9 * * mon",
    "@monthly": "0 9 1 * *",
    "@yearly": "0 9 1 1 *",
    "@annually": "0 9 1 1 *",
}
FIELDS = ("minute", "hour", "day of the month", "month", "weekday")
_FAULTS = {"day-of-month": "day of the month", "day-of-week": "weekday"}
_SOME_DAY = datetime(2000, 1, 1, tzinfo=UTC)
_NOTHING = timedelta(0)
_CHANGE = timedelta(hours=26)  # more than any change of a zone's clocks, that of the date line included


@lru_cache(256)
def fault_in(line: str) -> str | None:
    """Return what is wrong with a crontab line, or None."""
    count = len(line.split())
    if count != len(FIELDS):
        return f"it has {count} fields, not five ({', '.join(FIELDS)})"
    try:
        next(CronSim(line, _SOME_DAY))
    except CronSimError as error:
        named = str(error).removeprefix("Bad ")
        return f"its {_FAULTS.get(named, named)} cannot be read"
    except StopIteration:
        return "it never comes"
    return None


def often(line: str) -> bool:
    """Say whether the line comes more than 24 times within some day of a leap year."""
    latest: list[datetime] = []
    for turn in CronSim(line, _SOME_DAY):
        if turn >= _SOME_DAY + timedelta(days=366):
            return False
        latest = [*latest[-24:], turn]
        if len(latest) == 25 and latest[-1] - latest[0] < timedelta(days=1):
            return True
    return False


def last_turn(line: str, zone: ZoneInfo, after: datetime, until: datetime) -> tuple[datetime, date, time] | None:
    """Return the latest turn in (after, until]: its moment, and day and time on the wall; None where none came."""
    put_on = _offset(zone, until) - _offset(zone, after - _CHANGE)  # by what the wall's clock was put forward meanwhile
    forward, back = max(put_on, _NOTHING), max(-put_on, _NOTHING)
    found: tuple[datetime, date, time] | None = None
    lowest = _wall(zone, after) - forward
    for local in CronSim(line, _wall(zone, until) + back + timedelta(minutes=1), reverse=True):
        if local < lowest:
            break
        moment = on_the_wall(local.date(), local.time(), zone)
        if after < moment <= until and (found is None or moment > found[0]):
            found, lowest = (moment, local.date(), local.time()), max(lowest, local - forward)
    return found


def next_turn(line: str, zone: ZoneInfo, after: datetime) -> tuple[datetime, date, time] | None:
    """Return the first turn after a moment, or None where none comes any more."""
    found: tuple[datetime, date, time] | None = None
    for local in CronSim(line, _wall(zone, after) - _CHANGE):
        moment = on_the_wall(local.date(), local.time(), zone)
        if moment > after and (found is None or moment < found[0]):
            found = (moment, local.date(), local.time())
        if found is not None and local > _wall(zone, found[0]) + _CHANGE:
            break
    return found


def _wall(zone: ZoneInfo, moment: datetime) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None)


def _offset(zone: ZoneInfo, moment: datetime) -> timedelta:
    return moment.astimezone(zone).utcoffset() or _NOTHING
