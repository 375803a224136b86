"""Why a text is no YAML: what its author most likely meant, each guess to be tried, and the fault in words."""

from __future__ import annotations

import re
from collections.abc import Iterator

from worker.domain.errors import Problem
from worker.language.yaml.composing import SyntaxFault
from worker.language.yaml.mending import Mend, align, close_bracket, close_quote, mend_line, mend_missing_colon
from worker.language.yaml.source import Source, Span

_LOOK_BACK = 200  # lines above the one where reading stopped


def guesses(source: Source, fault: SyntaxFault) -> Iterator[tuple[int, Mend]]:
    """Yield lines (counted from 0) and how each may have been meant, the likeliest first."""
    last = min(fault.line, source.line_at(len(source.text)))
    above = next((n for n in range(last - 1, -1, -1) if source.line(n).strip()), None)
    numbers = dict.fromkeys(n for n in (last, fault.context_line, above) if n is not None)
    for number in numbers:
        for mend in (mend_line(source.line(number)), mend_missing_colon(source.line(number))):
            if mend is not None:
                yield number, mend
    if fault.context_line is not None and "flow" in fault.context:
        mend = close_bracket(source.line(fault.context_line), fault.context_column)
        if mend is not None:
            yield fault.context_line, mend
    for number in range(last, max(last - _LOOK_BACK, -1), -1):
        mend = close_quote(source.line(number))
        if mend is not None:
            yield number, mend
    for mend in _alignments(source, last):
        yield last, mend


def _alignments(source: Source, number: int) -> Iterator[Mend]:
    """Yield the line indented as each of those above, or as what their list items hold; the nearest first."""
    line = source.line(number)
    indent = len(line) - len(line.lstrip())
    wanted: dict[int, int] = {}
    for above in range(number - 1, max(number - _LOOK_BACK, -1), -1):
        lead = re.match(r"( *)((?:- +)*)\S", source.line(above))
        if lead is not None:
            for columns in (len(lead[1]) + len(lead[2]), len(lead[1])):
                wanted.setdefault(columns, above + 1)
    for columns in sorted(wanted, key=lambda columns: abs(columns - indent)):
        mend = align(line, columns, wanted[columns])
        if mend is not None:
            yield mend


def in_words(source: Source, fault: SyntaxFault) -> Problem:
    """Return the problem of a fault that no guess mends."""
    line, column, message = _told(source, fault)
    text = source.line(line)
    length = len(text[column:].split(" ")[0]) if column < len(text) else 1
    start = source.offset(line, min(column, len(text)))
    return source.problem(Span(start, start + length), message)


def _told(source: Source, fault: SyntaxFault) -> tuple[int, int, str]:
    """Return line and column, from 0, and what to say."""
    problem, line = fault.problem, min(fault.line, source.line_at(len(source.text)))
    text = source.line(line)
    indent = len(text) - len(text.lstrip())
    if fault.ours:
        return line, fault.column, problem
    if fault.context_line is not None:
        if "quoted scalar" in fault.context and "end of stream" in problem:
            return fault.context_line, fault.context_column, "the quote that opens here is not closed"
        if "flow" in fault.context:
            mark = source.line(fault.context_line)[fault.context_column : fault.context_column + 1]
            return (
                fault.context_line,
                fault.context_column,
                f"what opens here with '{mark}' is not closed, or holds a text that must be quoted",
            )
    if "mapping values are not allowed" in problem or "sequence entries are not allowed" in problem:
        return line, indent, "a key or a list item cannot begin here; look at the indentation and the colons"
    if "could not find expected ':'" in problem and fault.context_line is not None:
        return fault.context_line, fault.context_column, "this is no 'key: value'"
    if "expected <block end>" in problem:
        return line, indent, "this line's indentation fits none of the lines above; align it with those it belongs to"
    if "escape" in problem or "cannot be read" in problem:
        return line, fault.column, "'\\' begins an escape here that does not exist; use single quotes"
    if "block scalar" in fault.context:
        return line, fault.column, "after '|' or '>' the text begins in the next line, indented"
    return line, min(fault.column, len(text)), f"this is no valid YAML: {problem}"
