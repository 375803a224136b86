"""A CSV file read row by row: separator, header, quotes; a broken row harms itself, and its line is known."""

from __future__ import annotations

import csv
import unicodedata
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TextIO

from worker.domain.errors import PhinError
from worker.edges.importing.encoding import Encoding, detect

SEPARATORS = (",", ";", "\t", "|")
NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
LONGEST = 32_000_000  # characters of one line, and of one cell
MOST_LINES = 1_000  # lines that one quoted cell may go over; beyond it a quote was not closed
LOOKED_AT = 50  # rows by which the separator is told


@dataclass(frozen=True, slots=True)
class Row:
    """One row.

    Parameters:
        line: the line of the file on which it begins, from 1.
        problem: why it cannot be used; None for a whole row, which has as many cells as the header.
    """

    line: int
    cells: tuple[str, ...]
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Sheet:
    """A CSV file that can be read as often as is wanted."""

    path: Path
    encoding: Encoding
    separator: str
    header: tuple[str, ...]

    def rows(self) -> Iterator[Row]:
        """Read the rows after the header; empty ones are left out."""
        with _text(self.path, self.encoding) as file:
            found = _rows(file, self.separator)
            next(found, None)
            for row in found:
                if row.problem is None:
                    row = _fitted(row, len(self.header))
                yield row


def open_sheet(path: Path, encoding: str | None = None, separator: str | None = None) -> Sheet:
    """Find out how a file is written, and read its header.

    Parameters:
        encoding, separator: what the person said of it.

    Raises:
        PhinError: it is not there, empty, no text, or its first line names no columns.
    """
    found = detect(path, encoding)
    separator = separator or _separator(path, found)
    with _text(path, found) as file:
        header = next(_rows(file, separator), None)
    if header is None or header.problem is not None or not any(cell.strip() for cell in header.cells):
        raise PhinError(
            f"{path} names no columns: {header.problem if header and header.problem else 'its first line is empty'}"
        )
    cells = list(header.cells)
    while cells and not cells[-1].strip():
        cells.pop()
    return Sheet(path, found, separator, tuple(cell.strip() for cell in cells))


def _text(path: Path, encoding: Encoding) -> TextIO:
    return path.open("r", encoding=encoding.codec, errors=encoding.errors, newline="")


def _separator(path: Path, encoding: Encoding) -> str:
    """Tell the separator: `sep=;` in the first line, else the one by which rows have as many cells each, and most."""
    with _text(path, encoding) as file:
        first = file.readline(LONGEST).strip().lower()
    if first.startswith("sep=") and len(first) == 5:
        return first[4]

    def fits(separator: str) -> tuple[bool, float, int]:
        with _text(path, encoding) as file:
            widths = [len(row.cells) for row in islice(_rows(file, separator), LOOKED_AT) if row.problem is None]
        width = widths[0] if widths else 0
        return width > 1, widths.count(width) / max(1, len(widths)), width

    return max(SEPARATORS, key=fits)


def _fitted(row: Row, width: int) -> Row:
    """Hold a row against the header's width; empty cells beyond it are nothing."""
    cells = row.cells
    if len(cells) > width and not any(cell.strip() for cell in cells[width:]):
        return Row(row.line, cells[:width])
    if len(cells) != width:
        said = f"has {len(cells)} cells, and the header {width}"
        mend = "a text that holds the separator needs quotes round it" if len(cells) > width else "cells are missing"
        return Row(row.line, cells, f"{said}; {mend}")
    return row


class _Feed:
    """Gives lines to the reader of CSV, and remembers those of the row in hand, so that they can be given again."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._again: deque[str] = deque()
        self.row: list[str] = []
        self.line = 1  # where the row in hand begins

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        if len(self.row) == MOST_LINES:
            raise StopIteration
        line = self._again.popleft() if self._again else self._file.readline(LONGEST)
        if not line:
            raise StopIteration
        self.row.append(line)
        return line

    def done(self) -> None:
        """Go on to the next row."""
        self.line += len(self.row)
        self.row = []

    def give_again(self) -> None:
        """Take only the first line of the row in hand as read."""
        self._again.extendleft(reversed(self.row[1:]))
        del self.row[1:]
        self.done()


def _rows(file: TextIO, separator: str) -> Iterator[Row]:
    csv.field_size_limit(LONGEST)  # Python's own limit, one for the process, is less than a long cell
    feed = _Feed(file)
    reader = csv.reader(feed, delimiter=separator, strict=True)
    first = True
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            at, taken, text = feed.line, len(feed.row), feed.row[0] if feed.row else ""
            feed.give_again()
            reader = csv.reader(feed, delimiter=separator, strict=True)
            yield Row(at, tuple(text.rstrip("\r\n").split(separator)), _broken(str(error), at, taken))
            continue
        line = feed.line
        feed.done()
        if first and len(cells) <= 2 and "".join(cells).lower().startswith("sep="):
            continue
        if any(cell.strip() for cell in cells) or (first and cells):  # a header without a name is told, not passed over
            first = False
            yield Row(line, tuple(_composed(cell) for cell in cells))


def _composed(cell: str) -> str:
    """Return the text with marks and letters as one, however the file has them: Windows-1258 and macOS part them."""
    return cell if cell.isascii() else unicodedata.normalize("NFC", cell)


def _broken(error: str, line: int, taken: int) -> str:
    if "unexpected end" in error:
        return f"opens a quote that is not closed until line {line + taken - 1}; write a quote inside a text twice"
    if "limit" in error:
        return f"has a cell of more than {LONGEST:,} characters"
    return "has text after a closing quote; write a quote inside a text twice"
