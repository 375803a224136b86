"""The pace of advertising: hours in which none is sent, how many mails one address may get, and what follows for one.

Delivery and backtests ask `paced`, so that what is foretold is what happens.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from worker.domain.calendars.walls import on_the_wall
from worker.domain.policy import SkipReason

DAY, WEEK = timedelta(days=1), timedelta(days=7)
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
        return max(now + timedelta(seconds=1), on_the_wall(day, self.end, zone))


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


@dataclass(frozen=True, slots=True)
class Advertising:
    """One advertising mail that would go now.

    Parameters:
        zone: the customer's, or the shop's.
        went: when the advertising mails to the address were handed over, as far back as the caps look.
    """

    expires_at: datetime | None
    zone: ZoneInfo
    went: Iterable[datetime]


def paced(mail: Advertising, quiet: QuietHours | None, caps: Caps, now: datetime) -> datetime | str | None:
    """Return until when an advertising mail waits, or the reason for which it is left out, or None: it goes.

    Quiet hours come first: a mail that waits for their end is held against the caps of that time. One that would be
    over by their end is left out at once.
    """
    over = None if quiet is None else quiet.until(now, mail.zone)
    if over is not None:
        late = mail.expires_at is not None and over > mail.expires_at
        return f"{SkipReason.EXPIRED.value}: in the quiet hours" if late else over
    reached = caps.reached(mail.went, now)
    return None if reached is None else f"{SkipReason.CAP.value}: {reached}"
