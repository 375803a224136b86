"""Working hours and days off as the staff's file writes them: `mon-fri: 08:30-17:30`, `2027-02-04 to 2027-02-10`."""

from __future__ import annotations

import re
from datetime import date, time

from worker.domain.staff import DaysOff, Hours, Week
from worker.language.yaml.nodes import Mapping, Node, Scalar, Sequence
from worker.language.yaml.scalars import WEEKDAYS, scalar
from worker.language.yaml.source import Report
from worker.language.yaml.suggestions import did_you_mean, listed

_HOURS = re.compile(r"(\d{1,2}):(\d{2})\s*[-–]\s*(\d{1,2}):(\d{2})", re.ASCII)
_DAYS = re.compile(r"(\d{4}-\d{2}-\d{2})(?:\s+(?:to|–|-)\s+(\d{4}-\d{2}-\d{2}))?", re.ASCII)
_HOURS_EXAMPLE = 'for example mon-fri: "08:30-17:30", or sat: ["08:30-12:00", "13:30-16:00"]'
_LONGEST_LEAVE = 366  # days of one entry; a longer one is a slip of the year


class WorkingTimeReader:
    """Reads hours and days off."""

    def __init__(self, report: Report) -> None:
        self._report = report

    def week(self, node: Node) -> Week | None:
        """Read the working hours of a week; None where nothing can be used. Days that are not named are free."""
        if not isinstance(node, Mapping) or not node.entries:
            self._report.error(node, "'hours' are days with the hours worked on them", _HOURS_EXAMPLE)
            return None
        found: dict[int, tuple[Hours, ...]] = {}
        for entry in node.entries:
            ranges = self._ranges(entry.value)
            for day in self._days(entry.key):
                if day in found:
                    self._report.error(entry.key, f"the hours of '{WEEKDAYS[day]}' are given twice")
                elif ranges:
                    found[day] = ranges
        return found or None

    def days_off(self, node: Node) -> tuple[DaysOff, ...]:
        """Read a day, days from one to another, or a list of them."""
        found: list[DaysOff] = []
        for item in node.items if isinstance(node, Sequence) else (node,):
            text = scalar(self._report, item, "'days_off'", "a list of days such as [2027-02-04 to 2027-02-10]")
            off = None if text is None else self._off(text)
            if off is not None:
                found.append(off)
        return tuple(sorted(found))

    def _days(self, key: Scalar) -> tuple[int, ...]:
        """Return the weekdays of `mon` or `mon-fri`."""
        first, _, last = (part.strip() for part in key.text.casefold().replace("–", "-").partition("-"))
        for day in (first, last or first):
            if day not in WEEKDAYS:
                hint = did_you_mean(day[:3], WEEKDAYS) or f"write {listed(WEEKDAYS)}, or mon-fri"
                self._report.error(key, f"'{day[:30]}' is no weekday", hint)
                return ()
        begin, end = WEEKDAYS.index(first), WEEKDAYS.index(last or first)
        if begin > end:
            self._report.error(key, f"'{key.text}' ends before it begins", "a week begins on mon")
            return ()
        return tuple(range(begin, end + 1))

    def _ranges(self, node: Node) -> tuple[Hours, ...]:
        found: list[Hours] = []
        for item in node.items if isinstance(node, Sequence) else (node,):
            text = scalar(self._report, item, "the hours of a day", 'a range such as "08:30-17:30"')
            hours = None if text is None else self._hours(text)
            if text is None or hours is None:
                continue
            if any(hours.begins < other.ends and other.begins < hours.ends for other in found):
                self._report.error(text, f"'{text.text}' overlaps with other hours of the same day")
            else:
                found.append(hours)
        return tuple(sorted(found))

    def _hours(self, text: Scalar) -> Hours | None:
        parts = _HOURS.fullmatch(text.text.strip())
        numbers = [int(part) for part in parts.groups()] if parts else []
        if not numbers or max(numbers[0], numbers[2]) > 23 or max(numbers[1], numbers[3]) > 59:
            self._report.error(text, f"'{text.text[:60]}' is no range of hours", 'for example "08:30-17:30"')
            return None
        hours = Hours(time(numbers[0], numbers[1]), time(numbers[2], numbers[3]))
        if hours.begins >= hours.ends:
            hint = "work over midnight is two ranges, on two days"
            self._report.error(text, f"'{text.text}' ends before it begins", hint)
            return None
        return hours

    def _off(self, text: Scalar) -> DaysOff | None:
        parts = _DAYS.fullmatch(text.text.strip())
        try:
            if parts is None:
                raise ValueError
            first = date.fromisoformat(parts[1])
            last = date.fromisoformat(parts[2]) if parts[2] else first
        except ValueError:
            hint = "for example 2027-09-02, or 2027-02-04 to 2027-02-10"
            self._report.error(text, f"'{text.text[:60]}' is no day and no days off", hint)
            return None
        if last < first:
            self._report.error(text, f"'{text.text}' ends before it begins")
            return None
        if (last - first).days > _LONGEST_LEAVE:
            self._report.error(text, f"'{text.text}' is longer than a year")
            return None
        return DaysOff(first, last)
