"""The pace of advertising: hours and days on which none is sent, how many mails one address may get, which go first.

Delivery and backtests ask `paced`, so that what is foretold is what happens.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from worker.domain.calendars.free_days import FreeDays
from worker.domain.calendars.walls import MIDNIGHT, on_the_wall
from worker.domain.light import light
from worker.domain.policy import SkipReason
from worker.domain.wishes import NO_WISHES, Wishes

DAY, WEEK = timedelta(days=1), timedelta(days=7)
REACH = DAY  # within which a mail of higher priority must be due to have a place kept
_LOOK_AGAIN = timedelta(minutes=5)  # at the earliest, where a mail waits for those of higher priority
_MOST_SPANS = 800  # of quiet hours and holidays in a row: more than a year of nothing else
_INSTANT = timedelta(seconds=1)
_FORM = re.compile(r"\s*(\d{1,2}):(\d{2})\s*[-–]\s*(\d{1,2}):(\d{2})\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Hours of the customer's wall clock in which no advertising is sent; from evening over midnight to morning too."""

    begin: time
    end: time

    def __str__(self) -> str:
        return f"{self.begin:%H:%M}-{self.end:%H:%M}"

    def until(self, now: datetime, zone: ZoneInfo) -> datetime | None:
        """Return when they end, or None where it is none of them; on a day without that time, it is a little later."""
        local = now.astimezone(zone)
        at = local.time()
        over_midnight = self.begin > self.end
        quiet = (at >= self.begin or at < self.end) if over_midnight else self.begin <= at < self.end
        if not quiet:
            return None
        day = local.date() + DAY if over_midnight and at >= self.begin else local.date()
        return max(now + _INSTANT, on_the_wall(day, self.end, zone))


def parse_quiet_hours(text: str) -> QuietHours:
    """Read `22:00-07:00`.

    Raises:
        ValueError: it is nothing of the kind, or no time at all lies between.
    """
    found = _FORM.fullmatch(text)
    if found is None or int(found[1]) > 23 or int(found[2]) > 59 or int(found[3]) > 23 or int(found[4]) > 59:
        raise ValueError(f"'{text[:40]}' is no span of hours; write one like \"22:00-07:00\"")
    begin, end = time(int(found[1]), int(found[2])), time(int(found[3]), int(found[4]))
    if begin == end:
        raise ValueError('it begins and ends at the same time; write one like "22:00-07:00"')
    return QuietHours(begin, end)


@dataclass(frozen=True, slots=True)
class Waits:
    """An advertising mail that does not go yet.

    Parameters:
        why: `quiet hours`, `holiday`, or `priority`: mails of higher priority take what room there is.
    """

    until: datetime
    why: str


@dataclass(frozen=True, slots=True)
class ClosedTimes:
    """When no advertising is sent: hours of each day, and whole days, on the customer's wall."""

    quiet: QuietHours | None = None
    holidays: FreeDays | None = None

    def until(self, now: datetime, zone: ZoneInfo) -> Waits | None:
        """Return when advertising is sent again and what keeps it now, or None: it is sent now."""
        at, why = now, ""
        for _ in range(_MOST_SPANS):
            if self.holidays is not None and (day := at.astimezone(zone).date()) in self.holidays:
                over, keeps = max(at + _INSTANT, on_the_wall(day + DAY, MIDNIGHT, zone)), "holiday"
            elif self.quiet is not None and (ends := self.quiet.until(at, zone)) is not None:
                over, keeps = ends, "quiet hours"
            else:
                break
            at, why = over, why or keeps
        return Waits(at, why) if why else None


@dataclass(frozen=True, slots=True)
class Caps:
    """How many advertising mails an address gets at most, over all flows; None: as many as there are."""

    per_day: int | None = None  # in any 24 hours
    per_week: int | None = None  # in any 7 days

    @property
    def back(self) -> timedelta | None:
        """How far back one has to look; None where nothing is capped."""
        if self.per_week is not None:
            return WEEK
        return DAY if self.per_day is not None else None

    def reached(self, went: Iterable[datetime], now: datetime) -> str | None:
        """Return the cap that one more mail would go over, in words, or None.

        Parameters:
            went: when the advertising mails to the address were handed over.
        """
        moments = list(went)
        for cap, span, words in ((self.per_day, DAY, "24 hours"), (self.per_week, WEEK, "7 days")):
            if cap is not None and sum(at > now - span for at in moments) >= cap:
                return f"{cap} in {words}"
        return None

    def kept(self, went: Sequence[datetime], ahead: Sequence[datetime], now: datetime) -> datetime | None:
        """Return until when a mail waits so that none of those ahead loses its place to it; None: none would.

        Parameters:
            ahead: from when on those of higher priority may go that are queued for the address.
        """
        coming = sorted(max(at, now) for at in ahead)
        if self._room((*went, now), coming) >= self._room(went, coming):
            return None
        return max(coming[-1], now + _LOOK_AGAIN)

    def _room(self, went: Sequence[datetime], coming: Iterable[datetime]) -> int:
        """Return how many of those that come find room, each at its own moment."""
        moments = list(went)
        for at in coming:
            if self.reached(moments, at) is None:
                moments.append(at)
        return len(moments) - len(went)


@light
@dataclass(frozen=True, slots=True)
class Advertising:
    """One advertising mail that would go now.

    Parameters:
        zone: the customer's, or the shop's.
        went: when the advertising mails to the address were handed over, as far back as the caps look.
        ahead: from when on those of higher priority may go that are queued for the address and due within `REACH`.
        wishes: how often the address wants any.
    """

    expires_at: datetime | None
    zone: ZoneInfo
    went: Iterable[datetime]
    ahead: Sequence[datetime] = ()
    wishes: Wishes = NO_WISHES


def paced(mail: Advertising, closed: ClosedTimes, caps: Caps, now: datetime) -> Waits | str | None:
    """Return until when an advertising mail waits, or the reason for which it is left out, or None: it goes.

    Quiet hours and holidays come first: a mail that waits for their end is held against the caps of that time. One
    that would be over by then is left out at once.
    """
    shut = closed.until(now, mail.zone)
    if shut is not None:
        late = mail.expires_at is not None and shut.until > mail.expires_at
        where = "on a holiday" if shut.why == "holiday" else f"in the {shut.why}"
        return f"{SkipReason.EXPIRED.value}: {where}" if late else shut
    went = list(mail.went)
    reached = caps.reached(went, now)
    if reached is not None:
        return f"{SkipReason.CAP.value}: {reached}"
    wish = mail.wishes.too_often(went, now, mail.zone)
    if wish is not None:
        return f"{SkipReason.FREQUENCY.value}: {wish}"
    until = caps.kept(went, mail.ahead, now) if mail.ahead else None
    if until is None:
        return None
    late = mail.expires_at is not None and until > mail.expires_at
    return f"{SkipReason.CAP.value}: kept for a mail of higher priority" if late else Waits(until, "priority")
