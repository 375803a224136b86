"""A turn of a trigger: one of its moments, with what the once-key of those who enter at it is made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time


@dataclass(frozen=True, slots=True)
class Turn:
    """One coming of a trigger.

    Parameters:
        moment: when it comes, in UTC.
        name: what is unique of it within its trigger: `once: per event` goes by it.
        year: that `once: per year` goes by; of an anniversary its own, not that of a day some time before it.
        season: that `once: per season` goes by, `tet:2027`; None where the trigger is none of a season.
        day: the day in the record, or the season's, that it is about; None where there is none.
        local: day and time on the wall there; None where that is not what it goes by.
    """

    moment: datetime
    name: str
    year: int
    season: str | None = None
    day: date | None = None
    local: tuple[date, time] | None = None
