"""One file's text, the places in it, and the problems found there, all of them collected."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from worker.domain.errors import Place, Problem, Severity

MOST_PROBLEMS = 100  # told of one file; whoever reads so many mends the first ones first


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a text: offsets of its first character and of the one after its last."""

    start: int
    end: int


class Source:
    """The text of one file, with `\\n` between its lines.

    Parameters:
        file: the name that a person knows it by, `flows/welcome.yaml`.
        text: what is read. A text that was mended so that reading could go on differs from what was
            written only within lines; places are always those of the written text.
        written: what stands in the file; the same as `text` where nothing was mended.
    """

    def __init__(self, file: str, text: str, written: str | None = None) -> None:
        self.file = file
        self.text = text
        self._starts = [0, *(at + 1 for at, letter in enumerate(text) if letter == "\n")]
        self._lines = text.split("\n")
        self._written = self._lines if written is None else written.split("\n")

    def line_at(self, offset: int) -> int:
        """Return the line that the offset stands in, from 0."""
        return bisect_right(self._starts, offset) - 1

    def line(self, number: int) -> str:
        """Return the line as it is read, counted from 0."""
        return self._lines[number]

    def written_line(self, number: int) -> str:
        """Return the line as it stands in the file, counted from 0."""
        return self._written[number]

    def offset(self, line: int, column: int) -> int:
        """Return the offset of a line and column, both from 0."""
        return self._starts[line] + column

    def with_line(self, number: int, line: str) -> Source:
        """Return the same file with one line, counted from 0, read in another way."""
        lines = [*self._lines[:number], line, *self._lines[number + 1 :]]
        return Source(self.file, "\n".join(lines), "\n".join(self._written))

    def place(self, span: Span) -> Place:
        """Return the place of a span in the file as it was written; what goes on in further lines is cut off."""
        line = self.line_at(span.start)
        first = span.start - self._starts[line]
        last = min(span.end - self._starts[line], len(self._lines[line]))
        start, end = self._as_written(line, first), self._as_written(line, last)
        return Place(self.file, line + 1, start + 1, max(1, end - start))

    def problem(
        self, span: Span, message: str, hint: str | None = None, severity: Severity = Severity.ERROR
    ) -> Problem:
        """Return a problem at a span, with its line."""
        place = self.place(span)
        return Problem(place, message, severity, hint, self._written[place.line - 1])

    def _as_written(self, line: int, column: int) -> int:
        """Return the column in the written line, from which a mended one differs in indentation and quotes put in."""
        read, written = self._lines[line], self._written[line]
        if len(read) == len(written):
            return column
        found = len(written) - len(written.lstrip())
        for letter in read[len(read) - len(read.lstrip()) : column]:
            if found < len(written) and letter == written[found]:
                found += 1
        return found


class Report:
    """The problems of one file while it is read; `problems` are those known before."""

    def __init__(self, source: Source, problems: Iterable[Problem] = ()) -> None:
        self.source = source
        self._problems: dict[tuple[Place, str], Problem] = {}
        for problem in problems:
            self.add(problem)

    @property
    def failed(self) -> bool:
        """Whether the file cannot be used."""
        return any(problem.severity is Severity.ERROR for problem in self._problems.values())

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All problems in the order of the file, the first hundred where there are more."""
        found = sorted(self._problems.values(), key=lambda problem: (problem.place.line, problem.place.column))
        if len(found) <= MOST_PROBLEMS:
            return tuple(found)
        rest = f"{len(found) - MOST_PROBLEMS} more problems are not shown; mend these first"
        worst = Severity.ERROR if self.failed else Severity.WARNING
        return (*found[:MOST_PROBLEMS], Problem(found[MOST_PROBLEMS].place, rest, worst))

    def error(self, span: Span, message: str, hint: str | None = None) -> None:
        """Note a fault for which the file cannot be used."""
        self.add(self.source.problem(span, message, hint))

    def warning(self, span: Span, message: str, hint: str | None = None) -> None:
        """Note something that will surprise somebody."""
        self.add(self.source.problem(span, message, hint, Severity.WARNING))

    def add(self, problem: Problem) -> None:
        """Note a problem; one that is known already is not told twice."""
        self._problems.setdefault((problem.place, problem.message), problem)
