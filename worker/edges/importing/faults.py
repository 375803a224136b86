"""What an import cannot take: faults of cells and lines, told to a person, and written to a file to be mended."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from worker.domain.errors import PhinError
from worker.domain.event_data import shown
from worker.edges.importing.reading import Row

SHOWN = 10  # faulty lines that a person is told of
OWN_COLUMNS = ("phin: line", "phin: problem")  # added to the file of refused lines, left out when that is imported
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # the latter by spreadsheets of the East


class ImportingError(PhinError):
    """A file cannot be imported as it is; the message says what to do."""


class CellError(Exception):
    """A cell cannot be read; the message is a sentence that goes on from the value."""


@dataclass(frozen=True, slots=True)
class Faulty:
    """Why a line is refused.

    Parameters:
        line: number in the file, from 1, of the line on which the row begins.
        column: the column's header; None where the row as a whole is meant.
        value: what stands there, in a form that can be shown.
        problem: a sentence that goes on from the value.
    """

    line: int
    column: str | None
    value: str
    problem: str

    @classmethod
    def of(cls, line: int, column: str | None, value: str, problem: str) -> Faulty:
        """Make one, its value fit for a terminal: no controls, not too long."""
        return cls(line, column, shown(value.strip()), problem)

    def __str__(self) -> str:
        place = f"{self.column}: " if self.column else ""
        return f"{place}{f'{self.value!r} ' if self.value else ''}{self.problem}"


@dataclass(slots=True)
class Refusals:
    """What was refused so far: the first few in words, the rest counted.

    Parameters:
        lines: rows that were refused; a row of a refused order is one of them.
        columns: how many faults were found in each column.
    """

    first: list[Faulty] = field(default_factory=list)
    lines: int = 0
    columns: Counter[str] = field(default_factory=Counter)

    def add(self, rows: Sequence[Row], faults: Sequence[Faulty]) -> None:
        """Count the rows of one customer or order that is refused."""
        self.lines += len(rows)
        self.first += faults[: SHOWN - len(self.first)]
        self.columns.update(fault.column or "the line" for fault in faults)


class RefusedFile:
    """Takes the refused rows as they were, with line and problem beside; a context manager.

    A cell that a spreadsheet would reckon as a formula gets an apostrophe before it; reading takes that off again.

    Parameters:
        path: file to write, in UTF-8 with a BOM, so that spreadsheets read it rightly; None writes nothing. It is
            there only where something was refused.
        header, separator: those of the imported file.
    """

    def __init__(self, path: Path | None, header: Sequence[str], separator: str) -> None:
        self.path = path
        self.written = 0
        self._file = None
        if path is None:
            return
        if path.exists() and not _is_ours(path):
            raise ImportingError(f"--refused {path} is there already, and holds something else; name another file")
        try:
            number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)  # it holds customers' data
        except OSError as error:
            raise ImportingError(f"--refused {path} cannot be written: {error.strerror}") from error
        self._file = open(number, "w", encoding="utf-8-sig", newline="")  # noqa: SIM115, PTH123 # closed at the end
        self._writer = csv.writer(self._file, delimiter=separator)
        self._width = len(header)
        self._writer.writerow([*map(_harmless, header), *OWN_COLUMNS])

    def add(self, rows: Sequence[Row], faults: Sequence[Faulty]) -> None:
        """Write the rows of one customer or order that is refused."""
        if self._file is None:
            return
        problem = "; ".join(f"line {fault.line}: {fault}" for fault in faults)
        for row in rows:
            cells = [_harmless(_whole(cell)) for cell in row.cells]
            cells += [""] * (self._width - len(cells))
            self._writer.writerow([*cells, row.line, _harmless(problem)])
            self.written += 1

    def __enter__(self) -> RefusedFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
        if self.path is not None and not self.written:
            self.path.unlink(missing_ok=True)


def _is_ours(path: Path) -> bool:
    """Whether a file is one of refused lines, which may be written anew."""
    try:
        with path.open("rb") as file:
            return OWN_COLUMNS[-1].encode() in file.readline(1_000_000)
    except OSError:
        return False


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _whole(cell: str) -> str:
    return cell.encode("utf-8", "replace").decode() if not cell.isascii() else cell
