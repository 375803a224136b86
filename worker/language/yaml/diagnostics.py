"""Problems as people and machines read them: text with the line and a caret, JSON, SARIF, GitHub annotations."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from worker.domain.errors import Problem, Severity

Paint = Callable[[str, str], str]
"""Gives a part of a rendered problem its colour, by its role: place, error, warning, caret, gutter, hint."""

_RULES = {Severity.ERROR: "The file cannot be used", Severity.WARNING: "The file can be used, and surprises somebody"}
_ROOT = "SRCROOT"  # what a file's path is counted from, as code scanning calls it
_WIDEST = 120  # characters of a source line that are shown


def plain(_role: str, text: str) -> str:
    """Return the text without colour."""
    return text


def counts(problems: Iterable[Problem]) -> tuple[int, int]:
    """Return how many errors and how many warnings there are."""
    severities = [problem.severity for problem in problems]
    return severities.count(Severity.ERROR), severities.count(Severity.WARNING)


def in_order(problems: Iterable[Problem]) -> list[Problem]:
    """Return problems by file and place."""
    return sorted(problems, key=lambda p: (p.place.file, p.place.line, p.place.column))


def as_text(problem: Problem, paint: Paint = plain) -> str:
    """Return one problem: `file:line:column: error: message`, the line of the file, a caret beneath, the hint."""
    place = problem.place
    hint = _visible(problem.hint or "")
    beside = not hint.startswith("write: ") and len(str(place)) + len(problem.message) + len(hint) < _WIDEST
    head = (
        paint("place", f"{_visible(str(place))}:")
        + " "
        + paint(problem.severity.value, f"{problem.severity.value}:")
        + " "
        + _visible(problem.message)
        + (f"; {hint}" if hint and beside else "")
    )
    lines = [head]
    if problem.source_line:
        shown, before, width = _cut(problem.source_line, place.column - 1, place.length)
        lines.append(paint("gutter", f"{place.line:>4} |") + f" {shown}")
        lines.append(paint("gutter", "     |") + " " * (before + 1) + paint("caret", "^" * width))
    if hint and not beside:
        lines.append(paint("gutter", "     =") + " " + paint("hint", hint))
    return "\n".join(lines)


def summary(problems: Sequence[Problem], what: str, seconds: float) -> str:
    """Return the last line, `1 error, 1 warning in 12 flows (0.2 s)`.

    Parameters:
        what: what was looked at, `12 flows`.
    """
    errors, warnings = counts(problems)
    found = [counted(errors, "error")] if errors else []
    found += [counted(warnings, "warning")] if warnings else []
    return f"{', '.join(found) or 'no problems'} in {what} ({seconds:.1f} s)"


def counted(number: int, noun: str) -> str:
    """Return `1 flow`, `12 flows`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def as_json(problems: Sequence[Problem], looked_at: Mapping[str, int]) -> str:
    """Return all problems as one JSON object; `looked_at` says how many files of each kind were checked."""
    errors, warnings = counts(problems)
    return json.dumps(
        {
            "errors": errors,
            "warnings": warnings,
            "checked": dict(looked_at),
            "problems": [
                {
                    "file": problem.place.file,
                    "line": problem.place.line,
                    "column": problem.place.column,
                    "length": problem.place.length,
                    "severity": problem.severity.value,
                    "message": problem.message,
                    "hint": problem.hint,
                }
                for problem in problems
            ],
        },
        ensure_ascii=False,
        indent=2,
    )


def as_github(problem: Problem) -> str:
    """Return one problem as a workflow command of GitHub Actions, which puts it beside the line in a pull request."""
    place = problem.place
    where = f"file={_property(place.file)}"
    if place.line:
        where += f",line={place.line},col={place.column},endColumn={place.column + place.length}"
    text = f"{problem.message}; {problem.hint}" if problem.hint else problem.message
    return f"::{problem.severity.value} {where}::{_data(text)}"


def as_sarif(problems: Sequence[Problem], version: str) -> str:
    """Return all problems in SARIF 2.1.0 (OASIS), for code scanning; `version` is Phin's."""
    run = {
        "tool": {
            "driver": {
                "name": "Phin",
                "version": version,
                "rules": [
                    {
                        "id": f"phin-{severity.value}",
                        "shortDescription": {"text": about},
                        "defaultConfiguration": {"level": severity.value},
                    }
                    for severity, about in _RULES.items()
                ],
            }
        },
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The shop's folder"}}},
        "results": [_sarif_result(problem) for problem in problems],
    }
    schema = "https://json.schemastore.org/sarif-2.1.0.json"
    return json.dumps({"$schema": schema, "version": "2.1.0", "runs": [run]}, ensure_ascii=False, indent=2)


def _sarif_result(problem: Problem) -> dict[str, Any]:
    place = problem.place
    uri = quote(place.file)
    artifact = {"uri": f"file://{uri}"} if uri.startswith("/") else {"uri": uri, "uriBaseId": _ROOT}
    physical: dict[str, Any] = {"artifactLocation": artifact}
    if place.line:
        physical["region"] = {
            "startLine": place.line,
            "startColumn": place.column,
            "endColumn": place.column + place.length,
        }
    text = f"{problem.message}; {problem.hint}" if problem.hint else problem.message
    return {
        "ruleId": f"phin-{problem.severity.value}",
        "ruleIndex": list(_RULES).index(problem.severity),
        "level": problem.severity.value,
        "message": {"text": text},
        "locations": [{"physicalLocation": physical}],
        "partialFingerprints": {"message/v1": sha256(f"{place.file}\n{problem.message}".encode()).hexdigest()[:32]},
    }


def _cut(line: str, column: int, length: int) -> tuple[str, int, int]:
    """Return what is shown of a line, and how many cells stand before the caret and how many it takes."""
    start = 0
    if len(line) > _WIDEST and column > _WIDEST // 2:
        start = min(column - _WIDEST // 2, len(line) - _WIDEST)
    end = min(start + _WIDEST, len(line))
    lead = "…" if start else ""
    shown = lead + _visible(line[start:end]) + ("…" if end < len(line) else "")
    before = _cells(lead + _visible(line[start:column]))
    return shown, before, max(1, _cells(_visible(line[column : min(column + length, end)])))


def _visible(text: str) -> str:
    """Return the text without what would move a terminal's cursor or change its colours."""
    return "".join(
        " " if letter.isspace() else letter if letter.isprintable() or _cells(letter) == 0 else "\ufffd"
        for letter in text
    )


def _cells(text: str) -> int:
    """Return how many cells of a terminal a text takes: marks none, wide letters and most emoji two."""
    return sum(
        0
        if unicodedata.combining(letter) or letter in "\u200d\ufe0e\ufe0f"
        else 2
        if unicodedata.east_asian_width(letter) in "WF"
        else 1
        for letter in text
    )


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
