"""Typed values out of texts: words, names, durations, times of day, weights, weekdays; each fault with its place.

Every reader returns None where the value cannot be used, having reported why.
"""

from __future__ import annotations

import re
from collections.abc import Sequence as Many
from datetime import time
from decimal import Decimal

from worker.domain.durations import Duration, duration_meant, parse_duration
from worker.language.yaml.mending import quoted
from worker.language.yaml.nodes import Node, Scalar, Sequence, kind_of
from worker.language.yaml.source import Report, Span
from worker.language.yaml.suggestions import did_you_mean, listed

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LONGEST_NAME = 80
LONGEST_LINE = 500  # characters of a text that is one line
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_NUMBER = re.compile(r"\d+(_\d+)*(\.\d+)?", re.ASCII)
_LONGEST_NUMBER = 40
_LONGEST_DAYS = 3_660  # ten years


def scalar(report: Report, node: Node, what: str, form: str) -> Scalar | None:
    """Return the node as a text; `form` says what is wanted, `a duration such as '3 days'`."""
    if isinstance(node, Scalar):
        return node
    hint = None
    start = report.source.line_at(node.start)
    if report.source.line_at(max(node.end - 1, node.start)) == start and isinstance(node, Sequence):
        hint = f"if it is a text, write it in quotes: {quoted(report.source.text[node.start : node.end].strip())}"
    report.error(node, f"{what} is {form}, not {kind_of(node)}", hint)
    return None


def word(report: Report, node: Node, what: str, known: Many[str]) -> str | None:
    """Read one of the known words."""
    found = scalar(report, node, what, f"one of {listed(known)}")
    if found is None or found.text in known:
        return None if found is None else found.text
    report.error(found, f"{what} is {listed(known)}, not '{found.text[:60]}'", did_you_mean(found.text, known))
    return None


def name(report: Report, node: Node, what: str) -> str | None:
    """Read a name: ASCII letters, digits, `-`, `_`, `.`."""
    found = scalar(report, node, what, "a name")
    return found.text if found is not None and is_name(report, found, what) else None


def is_name(report: Report, found: Scalar, what: str) -> bool:
    """Check a text to be a name."""
    if _NAME.fullmatch(found.text) and len(found.text) <= LONGEST_NAME:
        return True
    if len(found.text) > LONGEST_NAME:
        report.error(found, f"{what} is longer than {LONGEST_NAME} characters")
        return False
    message = f"{what} is made of letters (a to z), digits, '-', '_' and '.'; '{found.text}' is not"
    report.error(found, message)
    return False


def free_text(report: Report, found: Scalar, *, expression: bool = False) -> bool:
    """Check that nothing is lost of a text that people read, or an expression: no ` #` follows it unquoted."""
    if found.comment is None:
        return True
    source = report.source
    number = source.line_at(found.comment)
    line = source.line(number).rstrip()
    begins, ends, comment = (max(at - source.offset(number, 0), 0) for at in (found.start, found.end, found.comment))
    whole = quoted(line[begins:]) if not expression else quoted(line[begins:ends]) + line[ends:]
    message = "what follows ' #' would be lost as a comment; quote the text, or put the comment in a line of its own"
    span = Span(found.comment, found.comment + len(line) - comment)
    report.error(span, message, f"write: {line[:begins].lstrip()}{whole}")
    return False


def one_line(report: Report, node: Node, what: str) -> str | None:
    """Read a plain text of one line, such as a reason."""
    found = scalar(report, node, what, "a text")
    if found is None or not free_text(report, found) or not is_one_line(report, found, what):
        return None
    return found.text.strip()


def is_one_line(report: Report, found: Scalar, what: str) -> bool:
    """Check that a text holds something, no line break, and no more than anybody reads."""
    text = found.text.strip()
    if not text:
        report.error(found, f"{what} is empty")
    elif "\n" in text:
        report.error(found, f"{what} is one line; it holds a line break")
    elif len(text) > LONGEST_LINE:
        report.error(found, f"{what} is longer than {LONGEST_LINE} characters")
    else:
        return True
    return False


def duration(report: Report, node: Node, what: str) -> Duration | None:
    """Read a duration that is longer than nothing and no longer than ten years."""
    found = scalar(report, node, what, "a duration such as '3 days'")
    if found is None:
        return None
    try:
        read = parse_duration(found.text)
        if not 0 < read.span().days * 86_400 + read.span().seconds <= _LONGEST_DAYS * 86_400:
            report.error(found, f"{what} is longer than nothing and at most 10 years, not '{found.text[:60]}'")
            return None
    except (ValueError, OverflowError):
        message = f"'{found.text[:60]}' is no duration; write a whole number and a unit"
        meant = duration_meant(found.text)
        report.error(found, message, f"did you mean '{meant}'?" if meant else "for example '3 days' or '2 hours'")
        return None
    return read


def time_of_day(report: Report, node: Node, what: str) -> time | None:
    """Read a time of day, `09:00`."""
    found = scalar(report, node, what, 'a time of day such as "09:00"')
    if found is None:
        return None
    parts = re.fullmatch(r"(\d{1,2}):(\d{2})", found.text.strip(), re.ASCII)
    if parts and int(parts[1]) < 24 and int(parts[2]) < 60:
        return time(int(parts[1]), int(parts[2]))
    report.error(found, f"'{found.text[:60]}' is no time of day; write hours and minutes", 'for example "09:00"')
    return None


def weekdays(report: Report, node: Node, what: str) -> frozenset[int] | None:
    """Read one weekday or a list of them, 0 = Monday."""
    items = node.items if isinstance(node, Sequence) else (node,)
    if not items:
        report.error(node, f"{what} names no day", "for example [mon, fri]")
        return None
    found: set[int] = set()
    for item in items:
        text = scalar(report, item, what, f"a list of weekdays, {listed(WEEKDAYS)}")
        if text is None:
            return None
        day = text.text
        if day not in WEEKDAYS:
            meant = day[:3].casefold()
            hint = f"did you mean '{meant}'?" if meant in WEEKDAYS else did_you_mean(day, WEEKDAYS)
            report.error(text, f"'{day[:60]}' is no weekday; write {listed(WEEKDAYS)}", hint)
            return None
        if WEEKDAYS.index(day) in found:
            report.error(text, f"'{day}' is named twice")
            return None
        found.add(WEEKDAYS.index(day))
    return frozenset(found)


def weight(report: Report, node: Node, what: str) -> tuple[float, bool] | None:
    """Read a weight, and whether it is a percentage: `1`, `2.5`, `30%`."""
    found = scalar(report, node, what, "a number such as 1, or a percentage such as 30%")
    if found is None:
        return None
    text = found.text.strip()
    digits, percent = text.removesuffix("%").rstrip(), text.endswith("%")
    if not _NUMBER.fullmatch(digits) or not 0 < float(digits) <= 1_000_000:
        report.error(found, f"{what} is a number above 0 such as 1, or a percentage such as 30%, not '{text[:60]}'")
        return None
    return float(digits), percent


def number(report: Report, node: Node, what: str, form: str) -> Decimal | None:
    """Read a number, `450_000` or `2.5`; `form` says what is wanted."""
    found = scalar(report, node, what, form)
    if found is None:
        return None
    text = found.text.strip()
    if is_number(text):
        return Decimal(text.replace("_", ""))
    meant = number_meant(text)
    report.error(found, f"{what} is {form}, not '{text[:60]}'", f"write: {meant}" if meant else None)
    return None


def is_number(text: str) -> bool:
    """Say whether a text is a number as flows write one: `450_000`, `-2.5`."""
    return len(text) <= _LONGEST_NUMBER and _NUMBER.fullmatch(text.removeprefix("-")) is not None


def number_meant(text: str) -> str | None:
    """Return how a number that is written as people write it, `50.000`, `50,000 ₫`, `50k`, is to be written."""
    found = re.fullmatch(r"(\d{1,3}(?:[.,]\d{3})+|\d{1,12})\s*(k|₫|đ|đồng|vnd|%)?", text.strip().casefold())
    if found is None or (found[2] is None and found[1].isdigit()):
        return None
    digits = re.sub(r"\D", "", found[1])
    return f"{int(digits) * (1_000 if found[2] == 'k' else 1):_}"


def percentage(report: Report, node: Node, what: str, most: int) -> Decimal | None:
    """Read a percentage from 1 to `most`, `10%` or 10."""
    found = scalar(report, node, what, "a percentage such as 10%")
    if found is None:
        return None
    digits = found.text.strip().removesuffix("%").rstrip()
    share = Decimal(digits.replace("_", "")) if is_number(digits) else None
    if share is not None and 1 <= share <= most:
        return share
    report.error(found, f"{what} is a percentage from 1% to {most}%, not '{found.text[:60]}'")
    return None
