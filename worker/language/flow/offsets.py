"""`offset`: how many days, weeks, months or years before (negative) or after a day."""

from __future__ import annotations

import re

from worker.domain.durations import Duration, duration_meant, parse_duration
from worker.domain.triggers import NO_OFFSET
from worker.language.yaml.nodes import Node
from worker.language.yaml.scalars import scalar
from worker.language.yaml.source import Report

_YEAR, _TEN_YEARS = 366, 3_660  # days
_IN_WORDS = re.compile(r"(?P<length>\S+\s*\S+)\s+(?P<way>before|after|earlier|later|trước|sau)")
_SIGNED = re.compile(r"(?P<sign>[+-]?)\s*(?P<length>.*)")


def offset(report: Report, node: Node | None, *, within_a_year: bool) -> Duration:
    """Read an offset; none where the key is not there or cannot be read.

    Parameters:
        within_a_year: whether it may be a year at most, since what it is counted from returns.
    """
    found = None if node is None else scalar(report, node, "'offset'", "a number of days such as '-3 days'")
    if found is None:
        return NO_OFFSET
    most = _YEAR if within_a_year else _TEN_YEARS
    try:
        read = parse_duration(found.text)
        days = abs(read.span().days)
    except (ValueError, OverflowError):
        message = f"'{found.text[:60]}' is no offset; write a whole number and a unit, with '-' for before"
        report.error(found, message, _meant(found.text) or "for example '-3 days' or '2 weeks'")
        return NO_OFFSET
    if not read.by_calendar:
        message = "'offset' is counted in days, weeks, months or years; the time of day is said by 'at'"
        report.error(found, message, 'for example offset: -1 day and at: "18:00"')
        return NO_OFFSET
    if days > most:
        report.error(found, f"'offset' is at most {'a year' if within_a_year else '10 years'}, not '{found.text[:60]}'")
        return NO_OFFSET
    return read


def _meant(written: str) -> str | None:
    in_words = _IN_WORDS.fullmatch(written.strip())
    if in_words is not None:
        sign, length = ("-" if in_words["way"] in ("before", "earlier", "trước") else ""), in_words["length"]
    else:
        parts = _SIGNED.fullmatch(written.strip())
        sign, length = (parts["sign"].replace("+", ""), parts["length"]) if parts else ("", written)
    meant = duration_meant(length)
    return None if meant is None else f"did you mean '{sign}{meant}'?"
