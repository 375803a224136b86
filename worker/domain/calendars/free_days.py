"""Free days: written down one by one, as spans, or the public holidays of a country."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import holidays

PUBLIC = "public"
_SPAN = re.compile(r"(\d{4}-\d{2}-\d{2})(?:\s+(?:to|–|-)\s+(\d{4}-\d{2}-\d{2}))?", re.ASCII)
_LONGEST = 366  # days of one span; a longer one is a slip of the year


@dataclass(frozen=True, slots=True)
class FreeDays:
    """Days on which something rests.

    Parameters:
        spans: from the first to the last day, both counted.
        country: ISO 3166 code of the country whose public holidays are free too, or None.
    """

    spans: tuple[tuple[date, date], ...] = ()
    country: str | None = None

    def __contains__(self, day: date) -> bool:
        if any(first <= day <= last for first, last in self.spans):
            return True
        return self.country is not None and day in public_holidays(self.country, day.year)


def read_free_days(words: Iterable[str], country: str | None) -> FreeDays:
    """Read `public`, `2027-05-12`, `2027-02-04 to 2027-02-10`.

    Parameters:
        country: whose public holidays `public` means.

    Raises:
        ValueError: a word is none of these, or `public` and no country are named.
    """
    spans: list[tuple[date, date]] = []
    public = False
    for word in words:
        if word.strip().lower() == PUBLIC:
            public = True
        else:
            spans.append(_span(word.strip()))
    if public and country is None:
        raise ValueError("it does not say whose public holidays; write the country, such as country: VN, or a profile")
    return FreeDays(tuple(sorted(spans)), country if public else None)


@lru_cache(maxsize=256)  # making a country's calendar takes a millisecond, and a rotation asks for many days
def public_holidays(country: str, year: int) -> frozenset[date]:
    """Return the public holidays of a country in a year (source: the `holidays` library)."""
    return frozenset(holidays.country_holidays(country, years=year))


def known_countries() -> frozenset[str]:
    """Return the codes of the countries whose public holidays are known."""
    return frozenset(holidays.list_supported_countries())


def _span(word: str) -> tuple[date, date]:
    parts = _SPAN.fullmatch(word)
    try:
        if parts is None:
            raise ValueError
        first = date.fromisoformat(parts[1])
        last = date.fromisoformat(parts[2]) if parts[2] else first
    except ValueError:
        example = "write 2027-05-12, 2027-02-04 to 2027-02-10, or public"
        raise ValueError(f"'{word[:40]}' is no day and no days; {example}") from None
    if last < first:
        raise ValueError(f"'{word}' ends before it begins")
    if (last - first).days > _LONGEST:
        raise ValueError(f"'{word}' is longer than a year")
    return first, last
