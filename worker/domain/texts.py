"""Texts of flows that hold values of the customer: `Call {{ customer.name }} about order {{ order.number }}`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from worker.domain.conditions.tree import Expression


@dataclass(frozen=True, slots=True)
class Text:
    """A text as written, and its parts: plain strings and expressions in their order."""

    written: str
    parts: tuple[str | Expression, ...]


@dataclass(frozen=True, slots=True)
class LocalText:
    """A text by language; one that was written without languages stands under `""`."""

    by_language: Mapping[str, Text]

    def within(self, language: str, fallback: str) -> Text:
        """Return the text in the language, else in the fallback's, else any there is."""
        for key in (language, fallback, ""):
            if key in self.by_language:
                return self.by_language[key]
        return next(iter(self.by_language.values()))
