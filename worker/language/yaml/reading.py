"""A YAML file's text to nodes, with every problem: what cannot be read is mended in mind, and the reading goes on."""

from __future__ import annotations

from worker.domain.errors import Problem
from worker.language.yaml.composing import NotYaml, SyntaxFault, compose
from worker.language.yaml.files import LARGEST, TOO_LARGE, one_form, readable
from worker.language.yaml.guessing import guesses, in_words
from worker.language.yaml.mending import Mend
from worker.language.yaml.nodes import Node
from worker.language.yaml.source import Report, Source, Span

_READ_AGAIN = 400_000  # characters, all tries at mending a file together: less than half a second
_MOST_MENDS = 50


def read_nodes(text: str, file: str) -> tuple[Report, Node | None]:
    """Read a file's text to nodes.

    Returns:
        The report, with all problems so far, and the file's content, None where nothing could be read.
    """
    text = one_form(text)
    if len(text) > LARGEST:
        report = Report(Source(file, text[:200].split("\n", 1)[0]))
        report.error(Span(0, 1), TOO_LARGE)
        return report, None
    report = Report(Source(file, text))
    clean = readable(report)
    if clean is None:
        return report, None
    report, root = _Mender(Source(file, clean, text), report.problems).read()
    if root is None and not report.failed:
        report.error(Span(0, 1), "the file is empty")
    return report, root


class _Mender:
    """Reads a text; where YAML stops, it notes why, mends the line, and reads on."""

    def __init__(self, source: Source, problems: tuple[Problem, ...]) -> None:
        self._source = source
        self._problems = list(problems)
        self._tries = _READ_AGAIN // max(len(source.text), 1)

    def read(self) -> tuple[Report, Node | None]:
        for _ in range(_MOST_MENDS):
            report = Report(self._source, self._problems)
            try:
                return report, compose(report)
            except NotYaml as error:
                if not self._mend(error.fault):
                    self._problems.append(in_words(self._source, error.fault))
                    break
        return Report(self._source, self._problems), None

    def _mend(self, fault: SyntaxFault) -> bool:
        """Put the first guess that lets the reading come further into the text."""
        source = self._source
        for number, mend in guesses(source, fault):
            if self._tries <= 0:
                break
            self._tries -= 1
            if self._gets_further(fault, number, mend):
                start = source.offset(number, mend.column)
                self._problems.append(source.problem(Span(start, start + mend.length), mend.message, mend.hint))
                self._source = source.with_line(number, mend.line)
                return True
        return False

    def _gets_further(self, fault: SyntaxFault, number: int, mend: Mend) -> bool:
        if mend.line == self._source.line(number):
            return False
        try:
            compose(Report(self._source.with_line(number, mend.line)))
        except NotYaml as error:
            return error.fault.line > max(fault.line, number)
        return True
