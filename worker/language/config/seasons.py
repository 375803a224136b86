"""`config/seasons.yaml` to seasons: for each name a title and the rule of its day."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Mapping as Titles
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from worker.domain.calendars.lunar import lunar_days
from worker.domain.calendars.seasons import (
    FIRST_YEAR,
    LAST_YEAR,
    Easter,
    FixedDay,
    ListedDays,
    LunarDay,
    NthWeekday,
    Rule,
    Season,
)
from worker.domain.errors import FileError, Problem, Severity
from worker.language.yaml.fields import Fields
from worker.language.yaml.files import load_text
from worker.language.yaml.nodes import Entry, Mapping, Node, Scalar, Sequence
from worker.language.yaml.reading import read_nodes
from worker.language.yaml.scalars import WEEKDAYS, is_name, one_line, scalar
from worker.language.yaml.source import Report
from worker.language.yaml.suggestions import did_you_mean, listed

SEASONS_FILE = "seasons.yaml"
RULES = ("day", "nth", "easter", "lunar", "days")
KEYS = ("title", *RULES, "shift")
_LEAP_YEAR = 2000
_NTHS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "last": -1}
_MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_SHIFT = re.compile(r"(-?\d{1,3})\s+days?")
_LONGEST_SHIFT = 180


@dataclass(frozen=True, slots=True)
class SeasonFile:
    """What the file of seasons says; a season with a fault harms only itself.

    Parameters:
        seasons: by name, those that can be used.
        names: of all that stand there, with a fault or not; None where the file cannot be read at all.
    """

    seasons: Titles[str, Season] = field(default_factory=dict)
    names: frozenset[str] | None = frozenset()
    problems: tuple[Problem, ...] = ()


def inspect_seasons(path: Path, shown: str) -> SeasonFile:
    """Read the seasons of a shop, with what is wrong with them; a shop without the file has none.

    Parameters:
        shown: how the file is called in problems.
    """
    try:
        if not path.exists():
            return SeasonFile()
        report, root = read_nodes(load_text(path, shown), shown)
    except FileError as error:
        return SeasonFile({}, None, error.problems)
    if not isinstance(root, Mapping):
        if root is not None:
            example = "for example: tet: {lunar: 1/1}"
            report.error(root, "the seasons are names, each with its title and its day", example)
        return SeasonFile({}, None if report.failed else frozenset(), report.problems)
    found = [(entry, _sound(report, entry)) for entry in root.entries]
    seasons = {season.name: season for _, season in found if season is not None}
    return SeasonFile(seasons, frozenset(entry.key.text for entry, _ in found), report.problems)


def read_seasons(path: Path, shown: str) -> dict[str, Season]:
    """Return the seasons of a shop.

    Raises:
        FileError: the file has errors; all of them.
    """
    found = inspect_seasons(path, shown)
    if any(problem.severity is Severity.ERROR for problem in found.problems):
        raise FileError(found.problems)
    return dict(found.seasons)


def _sound(report: Report, entry: Entry) -> Season | None:
    """Return a season, or None where it has a fault."""
    own = Report(report.source)
    season = _season(own, entry)
    for problem in own.problems:
        report.add(problem)
    return None if own.failed else season


def _season(report: Report, entry: Entry) -> Season | None:
    name = entry.key.text
    if not is_name(report, entry.key, "a season's name"):
        return None
    form = "{title: {vi: Tết, en: Lunar New Year}, lunar: 1/1}"
    fields = Fields(report, entry.value, f"the season '{name}'", KEYS, form=form)
    rules = [rule for rule in RULES if rule in fields]
    if len(rules) != 1:
        if fields.nothing_told:
            message = f"the season '{name}' needs exactly one of {listed(RULES, 'and')}"
            report.error(entry.key, message if not rules else f"{message}; it has {listed(rules, 'and')}")
        return None
    value = fields.value(rules[0])
    rule = None if value is None else _RULE[rules[0]](report, value)
    shift = fields.value("shift")
    days = 0 if shift is None else _days_of(report, shift)
    title = fields.value("title")
    titles = {"": name} if title is None else _titles(report, title)
    return None if rule is None or days is None else Season(name, titles, rule, days)


def _titles(report: Report, node: Node) -> Titles[str, str]:
    if isinstance(node, Scalar):
        text = one_line(report, node, "'title'")
        return {"": text} if text else {}
    fields = Fields(report, node, "'title'", ("vi", "en"), form="{vi: Tết, en: Lunar New Year}")
    found = {language: fields.value(language) for language in fields}
    read = {language: one_line(report, value, "'title'") for language, value in found.items() if value is not None}
    return {language: text for language, text in read.items() if text}


def _fixed(report: Report, node: Node) -> Rule | None:
    form = "a day of the year such as 12-25 (month and day)"
    found = scalar(report, node, "'day'", form)
    if found is None:
        return None
    parts = re.fullmatch(r"(\d{1,2})-(\d{1,2})", found.text.strip(), re.ASCII)
    month, day = (int(parts[1]), int(parts[2])) if parts else (0, 0)
    if not 1 <= month <= 12 or not 1 <= day <= monthrange(_LEAP_YEAR, month)[1]:
        report.error(found, f"'{found.text[:40]}' is no day of the year; write month and day", "for example 12-25")
        return None
    return FixedDay(month, day)


def _nth(report: Report, node: Node) -> Rule | None:
    found = scalar(report, node, "'nth'", "a weekday of a month such as 'fourth thu of november'")
    if found is None:
        return None
    words = found.text.casefold().split()
    example = "for example 'fourth thu of november' or 'last fri of may'"
    if len(words) != 4 or words[2] != "of":
        report.error(found, f"'{found.text[:60]}' names no weekday of a month", example)
        return None
    for word, known in ((words[0], tuple(_NTHS)), (words[1], WEEKDAYS), (words[3], _MONTHS)):
        if word not in known:
            report.error(found, f"'{word[:30]}' is not one of {listed(known)}", did_you_mean(word, known) or example)
            return None
    return NthWeekday(_NTHS[words[0]], WEEKDAYS.index(words[1]), _MONTHS.index(words[3]) + 1)


def _easter(report: Report, node: Node) -> Rule | None:
    found = scalar(report, node, "'easter'", "'sunday'")
    if found is None:
        return None
    if found.text != "sunday":
        hint = "write: easter: sunday, and 'shift: -2 days' for Good Friday"
        report.error(found, f"'easter' is 'sunday', not '{found.text[:40]}'", hint)
        return None
    return Easter()


def _lunar(report: Report, node: Node) -> Rule | None:
    found = scalar(report, node, "'lunar'", "a day of the lunar calendar such as 15/8 (day and month)")
    if found is None:
        return None
    parts = re.fullmatch(r"(\d{1,2})/(\d{1,2})", found.text.strip(), re.ASCII)
    day, month = (int(parts[1]), int(parts[2])) if parts else (0, 0)
    if day == 30 and 1 <= month <= 12:
        first = f"{1}/{month % 12 + 1}"
        hint = f"for the last day of the month write: lunar: {first} and shift: -1 day"
        report.error(found, f"not every lunar month has a day 30; month {month} has one in some years only", hint)
        return None
    if not 1 <= month <= 12 or not 1 <= day <= 29 or not lunar_days(day, month, FIRST_YEAR):
        message = f"'{found.text[:40]}' is no day of the lunar calendar; write day and month"
        report.error(found, message, "for example 15/8, the 15th of the eighth month")
        return None
    return LunarDay(day, month)


def _listed(report: Report, node: Node) -> Rule | None:
    days: list[date] = []
    for item in node.items if isinstance(node, Sequence) else (node,):
        found = scalar(report, item, "'days'", "a list of days such as [2027-03-08, 2028-03-07]")
        if found is None:
            return None
        try:
            day = date.fromisoformat(found.text.strip())
        except ValueError:
            report.error(found, f"'{found.text[:40]}' is no day; write year, month and day", "for example 2027-03-08")
            return None
        if not FIRST_YEAR <= day.year <= LAST_YEAR:
            report.error(found, f"'{found.text}' is not between {FIRST_YEAR} and {LAST_YEAR}")
            return None
        days.append(day)
    return ListedDays(tuple(sorted(days)))


def _days_of(report: Report, node: Node) -> int | None:
    found = scalar(report, node, "'shift'", "a number of days such as '-1 day'")
    parts = None if found is None else _SHIFT.fullmatch(found.text.strip())
    if found is not None and (parts is None or abs(int(parts[1])) > _LONGEST_SHIFT):
        message = f"'shift' is a number of days, at most {_LONGEST_SHIFT}, not '{found.text[:40]}'"
        report.error(found, message, "for example '-1 day' or '2 days'")
        return None
    return int(parts[1]) if parts else None


_RULE = {"day": _fixed, "nth": _nth, "easter": _easter, "lunar": _lunar, "days": _listed}
