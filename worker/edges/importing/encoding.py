"""In which encoding a file is written: by its byte order mark, by trying UTF-8 on all of it, else by its letters."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from pathlib import Path

from charset_normalizer import from_bytes

from worker.domain.errors import PhinError

HEAD = 65_536  # bytes that a file is known by
CHUNK = 1_000_000
STRAY = 10  # control characters that even a short text may hold by mistake
LETTERS = 60_000  # bytes of lines with more than ASCII by which an encoding is told
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8"),
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),  # before UTF-16, whose mark is the beginning of this one
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
_OTHER_FILES = (
    (b"PK\x03\x04", "an Excel workbook or another packed file"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"\x1f\x8b", "a file packed with gzip"),
    (b"%PDF", "a PDF"),
)
_LOOSE = re.compile("[\udc80-\udcff]")  # a byte that is not of UTF-8, as Python's surrogateescape keeps it
_BEYOND_ASCII = re.compile("[^\x00-\x7f\udc80-\udcff]")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f]")
_SHOP_ENCODINGS = {"cp1258": "Windows-1258", "cp1252": "Windows-1252"}


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a file's bytes become letters.

    Parameters:
        codec: Python's name of it.
        title: what a person is told, with what was assumed.
    """

    codec: str
    title: str

    @property
    def errors(self) -> str:
        """What becomes of bytes that are not of this encoding: marked, so that their cells are refused."""
        return "replace" if self.codec.startswith(("utf-16", "utf-32")) else "surrogateescape"


def detect(path: Path, said: str | None = None) -> Encoding:
    """Find a text file's encoding.

    Parameters:
        said: a name of an encoding that the person gave.

    Raises:
        PhinError: there is no such file, it is empty, or it is no text.
    """
    head = _head(path)
    if said is not None:
        try:
            found = Encoding(codecs.lookup(said).name, said)
        except LookupError:
            raise PhinError(f"--encoding {said} is not known; write utf-8, utf-16, windows-1258 …") from None
    else:
        found = _marked(head) or _without_mark(head) or _utf8(path) or _by_letters(path)
    _check_text(path, head, found)
    return found


def _head(path: Path) -> bytes:
    if path.is_dir():
        raise PhinError(f"{path} is a folder; name a CSV file")
    if path.exists() and not path.is_file():
        raise PhinError(f"{path} is no file that can be read several times; save it to one")
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
    except FileNotFoundError:
        raise PhinError(f"{path} is not there") from None
    except OSError as error:
        raise PhinError(f"{path} cannot be read: {error.strerror}") from error
    for signature, what in _OTHER_FILES:
        if head.startswith(signature):
            raise PhinError(f"{path} is {what}, not a CSV file; save the sheet as 'CSV UTF-8' and import that")
    if not head.strip(b"\x00 \t\r\n\xef\xbb\xbf\xff\xfe"):
        raise PhinError(f"{path} is empty; the first line must name the columns")
    return head


def _marked(head: bytes) -> Encoding | None:
    return next(
        (Encoding(codec, f"{title} (by its mark)") for mark, codec, title in _MARKS if head.startswith(mark)), None
    )


def _without_mark(head: bytes) -> Encoding | None:
    """Know UTF-16 without a mark by its zero bytes: every other one, in any text of a shop."""
    half = max(1, len(head) // 2)
    even, odd = head[::2].count(0) / half, head[1::2].count(0) / half
    if odd > 0.3 and even < 0.05:
        return Encoding("utf-16-le", "UTF-16 (assumed: little-endian, without a mark)")
    if even > 0.3 and odd < 0.05:
        return Encoding("utf-16-be", "UTF-16 (assumed: big-endian, without a mark)")
    return None


def _utf8(path: Path) -> Encoding | None:
    """Read all of it as UTF-8; a few bytes that are not harm their own lines only."""
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    good = bad = 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            text = decoder.decode(chunk)
            if not text.isascii():
                good += len(_BEYOND_ASCII.findall(text))
                bad += len(_LOOSE.findall(text))
    if bad == 0:
        return Encoding("utf-8", "UTF-8")
    if good >= 10 * bad:
        return Encoding("utf-8", f"UTF-8 (assumed: {bad:,} bytes are not of it)")
    return None


def _by_letters(path: Path) -> Encoding:
    sample = bytearray()
    with path.open("rb") as file:
        while len(sample) < LETTERS and (line := file.readline(HEAD)):
            if not line.isascii():
                sample += line
    best = from_bytes(bytes(sample), cp_isolation=list(_SHOP_ENCODINGS)).best()
    if best is None:
        raise PhinError(f"{path} is no text that can be read; save it as 'CSV UTF-8', or say --encoding")
    title = _SHOP_ENCODINGS.get(best.encoding, best.encoding)
    return Encoding(best.encoding, f"{title} (assumed by its letters; --encoding says another)")


def _check_text(path: Path, head: bytes, encoding: Encoding) -> None:
    text = codecs.getincrementaldecoder(encoding.codec)("replace").decode(head)
    if len(_CONTROL.findall(text)) > STRAY + len(text) / 100:
        raise PhinError(f"{path} is no text ({encoding.title} was tried); export it as CSV")
