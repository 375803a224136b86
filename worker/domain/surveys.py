"""Surveys that mails ask: their scales, and what many answers come to.

NPS (F. Reichheld, "The One Number You Need to Grow", Harvard Business Review, December 2003): of marks from 0 to 10,
9 and 10 are promoters, 0 to 6 detractors; the score is the share of the first less that of the second, −100 to 100.
CSAT: of marks from 1 to 5, the share of 4 and 5.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Scale(StrEnum):
    """The marks that a survey takes."""

    NPS = "nps"  # 0 to 10: would you recommend us
    CSAT = "csat"  # 1 to 5: how satisfied are you

    @property
    def marks(self) -> range:
        """Every mark, the lowest first."""
        return range(11) if self is Scale.NPS else range(1, 6)

    @property
    def good(self) -> int:
        """The lowest mark of those who are content."""
        return 9 if self is Scale.NPS else 4

    @property
    def bad(self) -> int:
        """The highest mark of those who are not: detractors; of CSAT, 1 and 2."""
        return 6 if self is Scale.NPS else 2


@dataclass(frozen=True, slots=True)
class Tally:
    """The answers to one survey.

    Parameters:
        counts: how many gave each mark; those that nobody gave may be left out.
    """

    scale: Scale
    counts: Mapping[int, int] = field(default_factory=dict)

    @property
    def answers(self) -> int:
        """How many answered."""
        return sum(self.counts.values())

    @property
    def good(self) -> int:
        """How many are content."""
        return sum(count for mark, count in self.counts.items() if mark >= self.scale.good)

    @property
    def bad(self) -> int:
        """How many are not."""
        return sum(count for mark, count in self.counts.items() if mark <= self.scale.bad)

    @property
    def mean(self) -> float | None:
        """The mean mark; None where nobody answered."""
        return sum(mark * count for mark, count in self.counts.items()) / self.answers if self.answers else None

    @property
    def score(self) -> float | None:
        """NPS, −100 to 100, or CSAT, 0 to 100; None where nobody answered."""
        if not self.answers:
            return None
        lost = self.bad if self.scale is Scale.NPS else 0
        return 100 * (self.good - lost) / self.answers
