"""A YAML file's text to nodes, with every problem: what cannot be read is mended in mind, and the reading goes on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from worker.domain.errors import FileError, Place, Problem
from worker.language.composing import NotYaml, SyntaxFault, compose
from worker.language.mending import Mend, align, close_bracket, close_quote, mend_line, mend_missing_colon
from worker.language.nodes import Node
from worker.language.source import Report, Source, Span

LARGEST = 1_000_000  # bytes of a file
_MENDS_UP_TO = 100_000  # characters; a longer file is not read again and again
_MOST_MENDS = 50
_ODD = re.compile("[^\t\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


def load_text(path: Path, file: str) -> str:
    """Return the text of a file.

    Raises:
        FileError: it cannot be read, is too large, or is not UTF-8.
    """
    try:
        if path.exists() and not path.is_file():
            raise _unreadable(file, "this is not a file")
        with path.open("rb") as opened:
            content = opened.read(LARGEST + 1)
    except OSError as error:
        raise _unreadable(file, f"the file cannot be read: {error.strerror or error}") from error
    if len(content) > LARGEST:
        raise _unreadable(file, _too_large())
    return _decoded(content, file)


def read_nodes(text: str, file: str) -> tuple[Report, Node | None]:
    """Read a file's text to nodes.

    Returns:
        The report, with all problems so far, and the file's content, None where nothing could be read.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if len(text) > LARGEST:
        report = Report(Source(file, text[:200].split("\n", 1)[0]))
        report.error(Span(0, 1), _too_large())
        return report, None
    report = Report(Source(file, text))
    readable = _refuse_odd_characters(report)
    if readable is None:
        return report, None
    report, root = _read_mending(Source(file, readable, text), report.problems)
    if root is None and not report.failed:
        report.error(Span(0, 1), "the file is empty")
    return report, root


def _read_mending(source: Source, problems: tuple[Problem, ...]) -> tuple[Report, Node | None]:
    """Read the text; where YAML stops, report why, mend the line and read on."""
    found = list(problems)
    for _ in range(_MOST_MENDS):
        report = Report(source, found)
        try:
            return report, compose(report)
        except NotYaml as error:
            number, mend = _explain(source, error.fault)
        start = source.offset(number, mend.column)
        known = mend.line != source.line(number)
        found.append(source.problem(Span(start, start + mend.length), mend.message, mend.hint if known else None))
        if not known:
            break
        source = source.with_line(number, mend.line)
    return Report(source, found), None


def _explain(source: Source, fault: SyntaxFault) -> tuple[int, Mend]:
    """Return the line at fault and what to make of it: mended where that lets the reader come further."""
    if len(source.text) <= _MENDS_UP_TO:
        for number, mend in _guesses(source, fault):
            if mend.line != source.line(number) and _gets_further(source, fault, number, mend.line):
                return number, mend
    number, column, message = _in_words(source, fault)
    return number, Mend(message, column, 1, source.line(number))


def _guesses(source: Source, fault: SyntaxFault) -> Iterator[tuple[int, Mend]]:
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
    for number in range(last, max(last - 200, -1), -1):
        mend = close_quote(source.line(number))
        if mend is not None:
            yield number, mend
    indents: set[int] = set()
    for number in range(last - 1, max(last - 200, -1), -1):
        line = source.line(number)
        indent = len(line) - len(line.lstrip())
        if line.strip() and indent not in indents:
            indents.add(indent)
            mend = align(source.line(last), line, number + 1)
            if mend is not None:
                yield last, mend


def _gets_further(source: Source, fault: SyntaxFault, number: int, line: str) -> bool:
    try:
        compose(Report(source.with_line(number, line)))
    except NotYaml as error:
        return error.fault.line > max(fault.line, number)
    return True


def _in_words(source: Source, fault: SyntaxFault) -> tuple[int, int, str]:
    """Return the place of a fault that no guess mends, from 0, and what to say of it."""
    problem, line = fault.problem, fault.line
    text = source.line(line) if line <= source.line_at(len(source.text)) else ""
    indent = len(text) - len(text.lstrip())
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


def _refuse_odd_characters(report: Report) -> str | None:
    """Report tabs and characters that nobody can see; return the text to read on with, None where it is uncertain."""
    text = report.source.text
    for match in _ODD.finditer(text):
        message = f"an invisible character, U+{ord(match[0]):04X}, that cannot stand in a file; delete it"
        report.error(Span(match.start(), match.end()), message)
    readable = None if report.failed else text.replace("\t", " ")
    tab = text.find("\t")
    if tab >= 0:
        lines = [line for line in text.split("\n") if "\t" in line]
        more = {1: "", 2: " (1 more line holds one)"}.get(len(lines), f" ({len(lines) - 1} more lines hold one)")
        report.error(Span(tab, tab + 1), f"the line holds a tab; write spaces{more}")
        if any("\t" in line[: len(line) - len(line.lstrip())] for line in lines):
            return None  # how far those lines are indented, only the author knows
    return readable


def _decoded(content: bytes, file: str) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _unreadable(file, "the file is UTF-16; save it as UTF-8")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8")
        line, column = before.count("\n"), len(before) - before.rfind("\n") - 1
        written = content.split(b"\n")[line].decode("utf-8", "replace").rstrip("\r")
        message = f"the byte 0x{content[error.start]:02X} is not UTF-8; save the file as UTF-8"
        place = Place(file, line + 1, column + 1)
        raise FileError((Problem(place, message, source_line=written),)) from error


def _too_large() -> str:
    return f"the file is larger than {LARGEST // 1_000_000} MB"


def _unreadable(file: str, message: str) -> FileError:
    return FileError((Problem(Place(file, 1, 1), message),))
