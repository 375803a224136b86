"""CSV files as spreadsheets and shops really write them: encodings, separators, quotes, and what is broken."""

from __future__ import annotations

import codecs
import csv
import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.domain.errors import PhinError
from worker.edges.importing.reading import MOST_LINES, Row, Sheet, open_sheet

HEADER = ("Mã đơn hàng", "Khách hàng", "Địa chỉ")
LAN = ("A1", "Nguyễn Thị Lan", "12 Lý Tự Trọng, Phường Sài Gòn")
DUC = ("A2", "Trần Văn Đức", "Thành phố Hồ Chí Minh")
TEXT = "\n".join(";".join(cells) for cells in (HEADER, LAN, DUC)) + "\n"
TONES = "\u0300\u0301\u0303\u0309\u0323"  # which Windows-1258 writes after their letter


def windows_1258(text: str) -> bytes:
    """Write Vietnamese as old Windows programs do: each tone after its letter."""
    out = bytearray()
    for letter in text:
        parts = unicodedata.normalize("NFD", letter)
        tone = "".join(part for part in parts if part in TONES)
        base = unicodedata.normalize("NFC", "".join(part for part in parts if part not in TONES))
        out += (base + tone).encode("cp1258")
    return bytes(out)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "orders.csv"


def opened(file: Path, content: bytes | str) -> Sheet:
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return open_sheet(file)


def cells(sheet: Sheet) -> list[tuple[str, ...]]:
    return [row.cells for row in sheet.rows()]


@pytest.mark.parametrize(
    ("content", "title"),
    [
        (TEXT.encode(), "UTF-8"),
        (codecs.BOM_UTF8 + TEXT.encode(), "UTF-8 (by its mark)"),
        (TEXT.encode("utf-16"), "UTF-16 (by its mark)"),
        (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), "UTF-16 (by its mark)"),
        (TEXT.encode("utf-16-le"), "UTF-16 (assumed: little-endian"),
        (TEXT.encode("utf-32"), "UTF-32"),
        (windows_1258(TEXT * 3), "Windows-1258 (assumed"),
        (unicodedata.normalize("NFD", TEXT).encode(), "UTF-8"),
    ],
    ids=["utf-8", "bom", "utf-16", "utf-16-be", "utf-16 unmarked", "utf-32", "windows-1258", "parted marks"],
)
def test_vietnamese_in_any_encoding(file: Path, content: bytes, title: str) -> None:
    """Given the same file in many encodings, then its letters are the same, and what was assumed is said."""
    sheet = opened(file, content)

    assert sheet.encoding.title.startswith(title)
    assert sheet.header == HEADER
    assert cells(sheet)[:2] == [LAN, DUC]


def test_western_windows_files(file: Path) -> None:
    """Given a French file of an old Windows, then it is not taken for Vietnamese."""
    sheet = opened(file, "Numéro;Nom;Ville\nA1;François Müller;Nîmes\nA2;Zoë – “Où”;Orléans\n".encode("cp1252"))

    assert sheet.encoding.title.startswith("Windows-1252 (assumed")
    assert cells(sheet)[0] == ("A1", "François Müller", "Nîmes")


def test_an_encoding_that_is_said_counts(file: Path) -> None:
    """Given --encoding, then it is taken; an unknown one is named."""
    file.write_bytes("Tên\nZoë\n".encode("mac_roman"))

    assert cells(open_sheet(file, "mac_roman")) == [("Zoë",)]
    with pytest.raises(PhinError, match="--encoding klingon"):
        open_sheet(file, "klingon")


def test_a_few_bad_bytes_do_not_change_the_encoding(file: Path) -> None:
    """Given UTF-8 with one byte that is not, then the other lines are read as UTF-8."""
    sheet = opened(file, TEXT.encode() + b"A3;Ho\xe0ng;X\n")

    assert sheet.encoding.title == "UTF-8 (assumed: 1 bytes are not of it)"
    assert cells(sheet)[1] == DUC
    assert cells(sheet)[2][1] == "Ho\udce0ng"


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separators(file: Path, separator: str) -> None:
    """Given each usual separator, with the others inside of texts, then cells are parted rightly."""
    with file.open("w", newline="") as out:
        csv.writer(out, delimiter=separator).writerows([HEADER, LAN, ("A3", "a;b,c\td|e", "")])

    assert cells(open_sheet(file)) == [LAN, ("A3", "a;b,c\td|e", "")]


def test_a_spreadsheets_own_line_about_the_separator(file: Path) -> None:
    """Given `sep=;` in the first line, then it counts and is no header."""
    sheet = opened(file, "sep=;\na,b;c\n1,2;3\n")

    assert sheet.header == ("a,b", "c")
    assert cells(sheet) == [("1,2", "3")]


@given(
    st.lists(
        st.lists(
            st.text(st.characters(exclude_categories=("Cc", "Cs"), include_characters="\n\t"), max_size=8),
            min_size=3,
            max_size=3,
        ),
        max_size=6,
    ),
    st.sampled_from(",;\t"),
)
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], sign: str) -> None:
    """Given any cells, also with quotes, line breaks and separators, then they are read as they were written."""
    path = tmp_path_factory.mktemp("csv") / "any.csv"
    with path.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out, delimiter=sign, quoting=csv.QUOTE_ALL).writerows([HEADER, *rows])

    expected = [tuple(unicodedata.normalize("NFC", cell) for cell in row) for row in rows]
    assert cells(open_sheet(path, separator=sign)) == [row for row in expected if any(cell.strip() for cell in row)]


def test_lines_are_counted_as_an_editor_does(file: Path) -> None:
    """Given quoted line breaks and empty lines, then each row is known by the line on which it begins."""
    rows = list(opened(file, 'a,b\r\n1,"x\r\ny"\r\n\r\n,\r\n2,z\r\n').rows())

    assert [(row.line, row.cells) for row in rows] == [(2, ("1", "x\r\ny")), (6, ("2", "z"))]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("1,2,3", "has 3 cells, and the header 2; a text that holds the separator needs quotes"),
        ("1", "has 1 cells, and the header 2; cells are missing"),
        ('1,"x" y', "has text after a closing quote"),
        ('1,"x', "opens a quote that is not closed"),
    ],
)
def test_a_broken_row_harms_itself_only(file: Path, line: str, problem: str) -> None:
    """Given one broken row among good ones, then its line says what is wrong, and the others are read."""
    rows = list(opened(file, f"a,b\n1,good\n{line}\n3,good\n4,good\n").rows())

    assert [row.line for row in rows if row.problem is None] == [2, 4, 5]
    (broken,) = [row for row in rows if row.problem is not None]
    assert broken.line == 3
    assert (broken.problem or "").startswith(problem)


def test_a_quote_never_closed_does_not_swallow_a_long_file(file: Path) -> None:
    """Given an open quote at the beginning of a long file, then every other row is read, each from its line."""
    count = 3 * MOST_LINES
    rows = list(opened(file, 'a,b\n0,"open\n' + "".join(f"{n},x\n" for n in range(count))).rows())

    assert rows[0].problem is not None
    assert rows[1:] == [Row(n + 3, (str(n), "x")) for n in range(count)]


def test_empty_cells_beyond_the_header_are_nothing(file: Path) -> None:
    """Given rows and a header that end with separators, then they are whole."""
    sheet = opened(file, "a,b,,\n1,2,,,\n")

    assert sheet.header == ("a", "b")
    assert list(sheet.rows()) == [Row(2, ("1", "2"))]


def test_a_cell_of_ten_megabytes_is_read(file: Path) -> None:
    """Given a cell of 10 MB, in quotes and over a line, then its row and the next are read."""
    big = "x" * 5_000_000 + "\n" + "y" * 5_000_000
    rows = cells(opened(file, f'a,b\n1,"{big}"\n2,z\n'))

    assert [(first, len(second)) for first, second in rows] == [("1", 10_000_001), ("2", 1)]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf\r\n\r\n", "is empty"),
        (b"PK\x03\x04rest", "Excel workbook.*save the sheet"),
        (b"\xd0\xcf\x11\xe0rest", "old Excel workbook"),
        (bytes(range(256)) * 20, "no text"),
        (b",,\n1,2,3\n", "names no columns"),
        (b'"a,b\n1,2\n', "names no columns.*quote"),
    ],
    ids=["empty", "only a mark", "xlsx", "xls", "binary", "no names", "broken names"],
)
def test_what_is_no_csv_is_told(file: Path, content: bytes, says: str) -> None:
    """Given a file that is none of columns and rows, then the error says what it is and what to do."""
    with pytest.raises(PhinError, match=says):
        opened(file, content)


def test_a_folder_and_nothing(tmp_path: Path) -> None:
    """Given a folder or no file, then the error says so."""
    with pytest.raises(PhinError, match="is a folder"):
        open_sheet(tmp_path)
    with pytest.raises(PhinError, match="is not there"):
        open_sheet(tmp_path / "none.csv")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(PhinError, match="no file that can be read several times"):
        open_sheet(tmp_path / "pipe")
