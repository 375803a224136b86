"""What the reader of an address wishes of advertising beyond yes and no: which topics, how often, and not for a while.

They belong to the address, as its consent does, and are said on the preference page.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta

LONGEST_PAUSE = relativedelta(years=1)


class Frequency(StrEnum):
    """How often advertising may come at most, over all flows."""

    EVERYTHING = "everything"  # as often as the shop's own caps let it
    WEEKLY = "weekly"
    MONTHLY = "monthly"


_APART = {Frequency.WEEKLY: relativedelta(days=7), Frequency.MONTHLY: relativedelta(months=1)}
_WORDS = {Frequency.WEEKLY: "once a week", Frequency.MONTHLY: "once a month"}
_BACK = {Frequency.WEEKLY: timedelta(days=8), Frequency.MONTHLY: timedelta(days=33)}


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is wished of advertising to one address.

    Parameters:
        topics_out: names of the topics that are not wanted; what the shop adds later is wanted until it is left out.
        paused_until: from when on advertising is wanted again; None: it is.
    """

    topics_out: frozenset[str] = frozenset()
    frequency: Frequency = Frequency.EVERYTHING
    paused_until: datetime | None = None

    def paused(self, now: datetime) -> bool:
        """Whether no advertising is wanted now."""
        return self.paused_until is not None and now < self.paused_until

    @property
    def back(self) -> timedelta | None:
        """How far back one has to look for what came; None where nothing is counted."""
        return _BACK.get(self.frequency)

    def too_often(self, went: Iterable[datetime], now: datetime, zone: ZoneInfo) -> str | None:
        """Return the wish that one more mail would go against, in words, or None.

        Days of the customer's wall are counted, not hours: a letter of each Tuesday at nine comes each week, whether
        the last one went a minute later or not.

        Parameters:
            went: when advertising went to the address.
        """
        apart = _APART.get(self.frequency)
        last = max(went, default=None)
        if apart is None or last is None or now.astimezone(zone).date() >= last.astimezone(zone).date() + apart:
            return None
        return _WORDS[self.frequency]


NO_WISHES = Wishes()
"""What nobody wished otherwise."""


def pause_of(word: str, today: date) -> date | None:
    """Read how long a pause is to be: `1` or `3` (months), or the day on which it ends (ISO 8601).

    Raises:
        ValueError: it is nothing of the kind, not in the future, or longer than a year.
    """
    if not word:
        return None
    end = today + relativedelta(months=int(word)) if word in ("1", "3") else date.fromisoformat(word)
    if not today < end <= today + LONGEST_PAUSE:
        raise ValueError(f"'{end}' is not within the year after {today}")
    return end
