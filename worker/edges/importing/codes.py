"""Codes of coupons read from a shop's file: one a line, or the column of a CSV file that holds them."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from worker.domain.coupons import code_fault, normal_code
from worker.domain.errors import PhinError
from worker.edges.importing.encoding import detect
from worker.language.yaml.suggestions import did_you_mean, listed

# Headings under which shops' systems export codes, in small letters.
HEADINGS = (
    "code", "codes", "coupon", "coupon code", "coupon_code", "discount code", "discount_code", "voucher",
    "voucher code", "promo code", "mã", "mã giảm giá", "mã khuyến mãi", "mã coupon", "mã voucher",
)  # fmt: skip
_SEPARATORS = ",;\t|"
LARGEST = 100_000_000  # bytes


@dataclass(frozen=True, slots=True)
class Found:
    """What a file holds.

    Parameters:
        encoding: how its bytes were read, for a person.
        heading: the column that was read; None for a file without columns.
        codes: as they are kept, each once, with the line (from 1) where it stands first.
        faults: lines that hold no code that can be used, with what is wrong with each.
        repeated: lines that repeat a code, with the line of the first.
    """

    encoding: str
    heading: str | None
    codes: dict[str, int]
    faults: list[tuple[int, str]]
    repeated: list[tuple[int, int]]


def read_codes(path: Path, encoding: str | None = None, column: str | None = None) -> Found:
    """Read a file of codes; a line that is faulty harms only itself.

    Parameters:
        encoding: its encoding, where the person says it.
        column: heading of the column, where the person says it.

    Raises:
        PhinError: the file cannot be read, or it cannot be told which column holds the codes.
    """
    if path.is_file() and path.stat().st_size == 0:
        raise PhinError(f"{path} is empty; write one code a line")
    if path.is_file() and path.stat().st_size > LARGEST:
        raise PhinError(f"{path} is larger than {LARGEST // 1_000_000} MB; load it in parts")
    how = detect(path, encoding)
    text = path.read_bytes().decode(how.codec, how.errors).lstrip("\ufeff")
    heading, cells = _cells(path, text, column)
    found = Found(how.title, heading, {}, [], [])
    for line, cell in cells:
        code = normal_code(cell)
        fault = code_fault(code)
        if fault is not None:
            shown = f"'{code[:30]}' " if code and code.isprintable() else "the code "
            found.faults.append((line, f"{shown}{fault}"))
        elif code in found.codes:
            found.repeated.append((line, found.codes[code]))
        else:
            found.codes[code] = line
    return found


def _cells(path: Path, text: str, column: str | None) -> tuple[str | None, Iterator[tuple[int, str]]]:
    """Return the heading of the column that holds the codes, and what stands in each line."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    separator = max(_SEPARATORS, key=first.count)
    if first.count(separator) == 0 and column is None:
        lines = ((number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip())
        plain = first.strip().strip('"')
        if plain.lower() not in HEADINGS:
            return None, ((number, line.strip().strip('"')) for number, line in lines)
        next(lines)
        return plain, ((number, line.strip().strip('"')) for number, line in lines)
    rows = _rows(path, text, separator if first.count(separator) else ",")
    header = next(rows, (0, []))[1]
    at = _column(path, header, column)
    return header[at].strip(), ((line, row[at] if at < len(row) else "") for line, row in rows)


def _rows(path: Path, text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that are not empty, each with the line on which it begins."""
    reader = csv.reader(StringIO(text, newline=""), delimiter=separator)
    begins = 1
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                yield begins, row
            begins = reader.line_num + 1
    except csv.Error as error:
        raise PhinError(f"{path}:{begins}: the line cannot be read as CSV ({error})") from error


def _column(path: Path, header: list[str], column: str | None) -> int:
    names = [name.strip() for name in header]
    small = [name.lower() for name in names]
    if column is not None:
        if column.strip().lower() in small:
            return small.index(column.strip().lower())
        hint = did_you_mean(column, names) or f"there are: {listed(names, 'and')}"
        raise PhinError(f"{path} has no column '{column}'; {hint}")
    known = [at for at, name in enumerate(small) if name in HEADINGS]
    if len(known) != 1:
        raise PhinError(
            f"{path}:1: it cannot be told which column holds the codes; say --column with one of "
            f"{listed([name for name in names if name], 'and')}"
        )
    return known[0]
