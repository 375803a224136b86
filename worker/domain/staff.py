"""The staff: people with their working hours and days off, roles with their rotation, and who is next when.

All moments are aware; days and hours are read in the person's own time zone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from worker.domain.calendars.free_days import public_holidays

EVERYONE = "everyone"  # the role of all people, unless the shop has a role of that name
LOOK_AHEAD = 400  # days within which somebody comes back; who does not is taken to work at any time
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, order=True)
class Hours:
    """A range of working hours of a day, from `begins` up to `ends`, wall-clock."""

    begins: time
    ends: time


Week = Mapping[int, tuple[Hours, ...]]  # by weekday, 0 = Monday; ranges in their order; a day without any is free
USUAL_WEEK: Week = {day: (Hours(time(8, 30), time(17, 30)),) for day in range(5)}


@dataclass(frozen=True, slots=True, order=True)
class DaysOff:
    """Days from the first to the last, both counted."""

    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the staff.

    Parameters:
        key: the name in `config/staff.yaml`, by which flows, tables and links call them.
        language: of their mails and pages.
        timezone: IANA name.
        week: when they work.
        days_off: their own and the shop's.
        country: ISO 3166 code of the country whose public holidays they have off, or None.
    """

    key: str
    name: str
    email: str
    language: str = "vi"
    timezone: str = "Asia/Ho_Chi_Minh"
    phone: str | None = None
    week: Week = field(default_factory=lambda: USUAL_WEEK)
    days_off: tuple[DaysOff, ...] = ()
    country: str | None = None

    @property
    def zone(self) -> ZoneInfo:
        """Their time zone."""
        return ZoneInfo(self.timezone)

    def hours_on(self, day: date) -> tuple[Hours, ...]:
        """Return the ranges in which they work on a day; none on a day off."""
        if any(off.first <= day <= off.last for off in self.days_off):
            return ()
        if self.country is not None and day in public_holidays(self.country, day.year):
            return ()
        return self.week.get(day.weekday(), ())


@dataclass(frozen=True, slots=True)
class Staff:
    """All people and roles of the shop.

    Parameters:
        people: by key, in the order of the file.
        roles: by name, the keys of its people in the order of their turns; none is empty.
        digest_at: when on a working day the morning's digest is written, wall-clock of each person.
        lost: whether there is a file that cannot be used, so that it is not known who is of the staff.
    """

    people: Mapping[str, Person] = field(default_factory=dict)
    roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    digest_at: time = time(8, 0)
    lost: bool = False

    def members(self, word: str | None) -> tuple[Person, ...]:
        """Return the people whom a word means: a person, or those of a role in the order of their turns.

        None, and `everyone` where no role is called so, mean all. An unknown word means nobody.
        """
        if word is not None and word in self.roles:
            return tuple(self.people[key] for key in self.roles[word])
        if word is None or word == EVERYONE:
            return tuple(self.people.values())
        return (self.people[word],) if word in self.people else ()

    def is_role(self, word: str | None) -> bool:
        """Say whether a word means people who take turns."""
        return word is None or word == EVERYONE or word in self.roles


def nobody() -> Staff:
    """Return the staff of a shop without `config/staff.yaml`."""
    return Staff()


def next_in_turn(members: tuple[Person, ...], last: str | None, now: datetime) -> Person | None:
    """Return whose turn it is: of those who can take work up on the earliest day, the next after the last one.

    Who has a day off, is on leave or has finished for today is passed over for those who are there earlier. Where all
    are away, it is the first one back. None where there are no members.

    Parameters:
        last: key of the person who had the last turn, or None.
    """
    if not members:
        return None
    keys = [person.key for person in members]
    begin = keys.index(last) + 1 if last in keys else 0
    in_turn = members[begin:] + members[:begin]
    days = {person.key: _back_on(person, now) for person in in_turn}
    return min(in_turn, key=lambda person: days[person.key])  # the first of those that are alike


def _back_on(person: Person, now: datetime) -> date:
    moment = next_working_moment(person, now)
    return date.max if moment is None else moment.astimezone(person.zone).date()


def next_working_moment(person: Person, moment: datetime) -> datetime | None:
    """Return the first moment at or after this one at which the person works, in UTC; None within `LOOK_AHEAD` days."""
    for begins, ends in _ranges(person, moment, 1):
        if moment < ends:
            return max(begins, moment.astimezone(UTC))
    return None


def away_until(person: Person, now: datetime) -> datetime | None:
    """Return when somebody is back who is on leave or has a holiday now, in UTC.

    None for who is there, has finished for today or has the usual free days of their week; and where it is not known.
    """
    back = next_working_moment(person, now)
    if back is None:
        return None
    day, last = now.astimezone(person.zone).date(), back.astimezone(person.zone).date()
    while day < last:
        if person.week.get(day.weekday()) and not works_on(person, day):
            return back
        day += _DAY
    return None


def last_working_moment(person: Person, moment: datetime) -> datetime | None:
    """Return the last moment before this one at which the person still has an hour, in UTC.

    That is an hour before the end of the latest range that has begun, or its beginning where it is shorter.
    """
    for begins, ends in _ranges(person, moment, -1):
        if begins < moment:
            return min(max(ends - timedelta(hours=1), begins), moment.astimezone(UTC))
    return None


def end_of_day(person: Person, now: datetime) -> datetime:
    """Return when the person's today ends, in UTC."""
    return _instant(now.astimezone(person.zone).date() + _DAY, time(0), person.zone)


def works_on(person: Person, day: date) -> bool:
    """Say whether the person works on a day."""
    return bool(person.hours_on(day))


def _ranges(person: Person, moment: datetime, way: int) -> Iterator[tuple[datetime, datetime]]:
    """Yield the ranges in which the person works, from the moment's day on, forward (1) or back (-1)."""
    day = moment.astimezone(person.zone).date() - way * _DAY  # a range may not end at midnight in UTC
    for _ in range(LOOK_AHEAD):
        for hours in person.hours_on(day)[::way]:
            yield _instant(day, hours.begins, person.zone), _instant(day, hours.ends, person.zone)
        day += way * _DAY


def _instant(day: date, clock: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, clock, tzinfo=zone).astimezone(UTC)


StaffOf = Callable[[], Staff]
"""Returns the staff as it is now: its file may change while Phin runs."""
