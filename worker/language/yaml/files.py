"""A file's text: what can be read at all, before it is read as YAML."""

from __future__ import annotations

import re
from pathlib import Path

from worker.domain.errors import FileError, Place, Problem
from worker.language.yaml.source import Report, Span

LARGEST = 1_000_000  # bytes of a file
TOO_LARGE = f"the file is larger than {LARGEST // 1_000_000} MB"
# All but what YAML 1.2 calls printable, without the line breaks and marks that no editor shows.
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
        raise _unreadable(file, TOO_LARGE)
    return _decoded(content, file)


def one_form(text: str) -> str:
    """Return the text with `\\n` between its lines and without the mark that some editors put before it."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def readable(report: Report) -> str | None:
    """Report tabs and characters that nobody can see; return the text to read on with, None where it is uncertain."""
    text = report.source.text
    odd = [match.start() for match in _ODD.finditer(text)]
    if odd:
        more = f" (and {len(odd) - 1} more)" if len(odd) > 1 else ""
        message = f"an invisible character, U+{ord(text[odd[0]]):04X}, that cannot stand in a file{more}; delete it"
        report.error(Span(odd[0], odd[0] + 1), message)
        return None
    tab = text.find("\t")
    if tab < 0:
        return text
    lines = [line for line in text.split("\n") if "\t" in line]
    more = {1: "", 2: " (1 more line holds one)"}.get(len(lines), f" ({len(lines) - 1} more lines hold one)")
    report.error(Span(tab, tab + 1), f"the line holds a tab; write spaces{more}")
    if any("\t" in line[: len(line) - len(line.lstrip())] for line in lines):
        return None  # how far those lines are indented, only the author knows
    return text.replace("\t", " ")


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


def _unreadable(file: str, message: str) -> FileError:
    return FileError((Problem(Place(file, 1, 1), message),))
