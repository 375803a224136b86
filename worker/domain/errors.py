"""The errors that Phin raises, under one root, and the problems that it collects from files."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class PhinError(Exception):
    """Something is wrong; the message says what, where, and what to do."""


class SettingError(PhinError):
    """A setting has a value that cannot be used; the message names the setting, the value and the fault."""


class NaiveDatetimeError(PhinError):
    """A datetime without a time zone was given where an instant is needed."""


class UnavailableError(PhinError):
    """A part that is needed (database, queue, relay) cannot be reached now; the message names it."""


class Severity(StrEnum):
    """How bad a problem in a file is."""

    ERROR = "error"  # the file cannot be used
    WARNING = "warning"  # the file can be used, and surprises somebody


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a file something stands; line and column count from 1, columns in characters.

    Line 0 is for what stands in no line: the file as a whole, or the environment.
    """

    file: str
    line: int
    column: int
    length: int = 1  # characters that the caret underlines

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault in one file, told to the person who wrote it.

    Parameters:
        place: where it stands.
        message: one sentence without a full stop, lower case, the wrong text in single quotes.
        severity: error or warning.
        hint: what to write instead (`did you mean …`, or the corrected line), or None.
        source_line: the line of the file, without its line break, for the caret; None where there is none.
    """

    place: Place
    message: str
    severity: Severity = Severity.ERROR
    hint: str | None = None
    source_line: str | None = None


class FileError(PhinError):
    """A file has problems; `problems` holds all of them."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__("; ".join(f"{problem.place}: {problem.message}" for problem in problems))
