"""How quickly mail goes out: rates, and how many a day while a relay is new (warm-up)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import ceil, log

_SPANS = {
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
}
_FORM = re.compile(r"(\d[\d_]*)\s*/\s*(second|minute|hour|day)", re.ASCII)
_BURST = 30  # a thirtieth of a span's mails may go at once
_GOLDEN = 0.6180339887498949  # multiples of it spread evenly over 0 to 1
FURTHEST = timedelta(hours=1)  # that a place in the line lies ahead: so soon a changed rate is felt


@dataclass(frozen=True, slots=True)
class Rate:
    """So many mails in any span of this length."""

    mails: int
    span: timedelta

    def __str__(self) -> str:
        word = next(word for word, span in _SPANS.items() if span == self.span)
        return f"{self.mails}/{word}"

    @property
    def burst(self) -> int:
        """How many may go at once, after a pause."""
        return max(1, self.mails // _BURST)

    @property
    def apart(self) -> timedelta:
        """How far apart they go then, so that no span holds more than the rate, the burst counted."""
        return self.span / (self.mails - self.burst + 1)


def parse_rate(text: str) -> Rate:
    """Read `60/minute`; spans are second, minute, hour and day.

    Raises:
        ValueError: it is nothing of the kind, or no mail at all.
    """
    found = _FORM.fullmatch(text.strip().lower())
    if found is None or not found[1].replace("_", "").strip("0"):
        raise ValueError(f"'{text[:40]}' is no rate; write one like 60/minute (or /second, /hour, /day)")
    return Rate(int(found[1].replace("_", "")), _SPANS[found[2]])


@dataclass(frozen=True, slots=True)
class Progress:
    """How far what goes at a rate has come; the same for all processes, in the database.

    Parameters:
        free_at: from when on the next mail has its turn; it runs ahead of the clock by the burst.
        line_at: the last place that was given to a mail that has to wait.
    """

    free_at: datetime
    line_at: datetime


class Turnstile:
    """What goes at a rate, counted out mail by mail.

    Nobody overtakes the line: who is new joins its end. Places further off than `FURTHEST` are not given out; those
    mails ask again after that, so that a changed rate is felt within the hour.

    Parameters:
        progress: how far it had come, or None: nothing went yet.
    """

    def __init__(self, progress: Progress | None, rate: Rate, now: datetime) -> None:
        self._rate = rate
        self._now = now
        self._free = max(now, progress.free_at) if progress else now
        self._line = max(now, progress.line_at) if progress else now

    def has_room(self, *, queued: bool) -> bool:
        """Say whether a mail may go now.

        Parameters:
            queued: whether it has waited for a place in the line, and that has come.
        """
        ahead = self._rate.apart * (self._rate.burst - 1)
        return self._free <= self._now + ahead and (queued or self._line <= self._now)

    def take(self) -> None:
        """Count a mail that goes, also one that waits for nothing: others give way to it."""
        self._free += self._rate.apart

    def place(self, message: int) -> datetime:
        """Give a mail that cannot go a place in the line; returns when it should be taken again."""
        last = self._now + FURTHEST
        self._line = max(self._line + self._rate.apart if self._line > self._now else self._free, self._now)
        if self._line > last:
            self._line = last
            return last + spread(message, FURTHEST)
        return self._line

    @property
    def progress(self) -> Progress:
        """How far it has come now."""
        return Progress(self._free, self._line)


def is_long(progress: Progress, now: datetime) -> bool:
    """Say whether a mail that joined the line now would hardly get a place within `FURTHEST`."""
    return progress.line_at > now + FURTHEST * 0.9


def spread(message: int, span: timedelta) -> timedelta:
    """Return a part of the span, another one for each message, so that not all come at once."""
    return span * (message * _GOLDEN % 1)


@dataclass(frozen=True, slots=True)
class WarmUp:
    """So many mails on the first day, and more each day by a factor, until it is enough.

    Parameters:
        enough: a day's figure from which on nothing is counted any more.
    """

    start: date
    first_day: int
    growth: float
    enough: int

    def on(self, day: date) -> int | None:
        """Return how many mails may go that day; None: as many as there are."""
        number = (day - self.start).days
        if number < 0:
            return None
        if number * log(self.growth) >= log(self.enough / self.first_day):  # the power itself may be out of range
            return None
        return ceil(self.first_day * self.growth**number)
