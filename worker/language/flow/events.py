"""Names of events, wherever a flow names one: `event:` of a trigger, an exit, a goal; `emit:` of a step."""

from __future__ import annotations

import re

from worker.domain.conditions.vocabulary import Vocabulary
from worker.language.yaml.fields import Fields
from worker.language.yaml.scalars import scalar
from worker.language.yaml.source import Report
from worker.language.yaml.suggestions import did_you_mean

_EVENT = re.compile(r"[a-z0-9._-]{1,100}")  # as intake takes them


class EventNames:
    """Reads names of events.

    Parameters:
        vocabulary: knows which there are; None where that is not checked.
    """

    def __init__(self, report: Report, vocabulary: Vocabulary | None) -> None:
        self._report = report
        self._names = None if vocabulary is None else frozenset(vocabulary.events)

    def known(self, name: str) -> bool:
        """Say whether there surely is such an event."""
        return name in (self._names or ())

    def read(self, fields: Fields, key: str = "event") -> str | None:
        """Read the name of an event that stands at a key."""
        node = fields.value(key)
        found = None if node is None else scalar(self._report, node, f"'{key}'", "an event's name")
        if found is None:
            return None
        well_formed = _EVENT.fullmatch(found.text) is not None
        if self.known(found.text) or (self._names is None and well_formed):
            return found.text
        hint = did_you_mean(found.text, sorted(self._names or ()))
        if well_formed:
            hint = hint or f"an event of your own is declared in config/phin.yaml: events: {{{found.text}: {{}}}}"
            self._report.error(found, f"there is no event '{found.text}'", hint)
        else:
            message = f"an event's name is made of small letters, digits, '.', '_' and '-'; '{found.text[:60]}' is not"
            self._report.error(found, message, hint)
        return None
