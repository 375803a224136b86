"""The times in a test of a flow: days and times of day on the customer's own wall."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from worker.domain.calendars.walls import MIDNIGHT, on_the_wall
from worker.language.yaml.fields import Fields
from worker.language.yaml.nodes import Node
from worker.language.yaml.scalars import scalar
from worker.language.yaml.source import Report

FORM = "2027-03-01 14:00"
_WRITTEN = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[ T](\d{1,2}):(\d{2})(?::(\d{2}))?)?", re.ASCII)


class Times:
    """Reads times as moments in UTC.

    Parameters:
        zone: the customer's.
    """

    def __init__(self, report: Report, zone: ZoneInfo) -> None:
        self._report = report
        self.zone = zone

    def at(self, fields: Fields) -> datetime | None:
        """Read the time of an entry, which each has."""
        node = fields.value("at")
        return None if node is None else self.read(node, "'at'")

    def read(self, node: Node, what: str) -> datetime | None:
        """Read a day with a time of day."""
        return self._read(node, what, None)

    def bound(self, fields: Fields, key: str, *, last: bool) -> datetime | None:
        """Read where a run begins or ends: a time, or a day, which is all of that day.

        Parameters:
            last: whether it is the end, so that a day alone counts to its own end.
        """
        node = fields.value(key)
        return None if node is None else self._read(node, f"'{key}'", last)

    def _read(self, node: Node, what: str, last: bool | None) -> datetime | None:
        found = scalar(self._report, node, what, f"a time such as {FORM}")
        if found is None:
            return None
        parts = _WRITTEN.fullmatch(found.text.strip())
        try:
            if parts is None or (parts[2] is None and last is None):
                raise ValueError
            day = date.fromisoformat(parts[1])
            if parts[2] is not None:
                return on_the_wall(day, time(int(parts[2]), int(parts[3]), int(parts[4] or 0)), self.zone)
            return on_the_wall(day + timedelta(days=1) if last else day, MIDNIGHT, self.zone)
        except (ValueError, OverflowError):
            message = f"'{found.text[:60]}' is no time; write a day and a time of day, as the customer's clock shows it"
            self._report.error(found, message, f"for example {FORM}")
            return None
