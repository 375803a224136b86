"""The files that one template is made of: found, read once, and a numbering of all their lines together.

Every piece of a template carries a *global line*: the files' lines counted on from one file to the next in the
order of reading. A single number so tells file and line, through inheritance and inclusion, up to the line
numbers that Jinja keeps in its compiled code.
"""

from __future__ import annotations

import hashlib
import re
import stat
from bisect import bisect_right
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath

from worker.delivery.templates.errors import TemplateError
from worker.domain.errors import Place, Problem, Severity
from worker.language.yaml.suggestions import did_you_mean

Stamp = tuple[int, int] | None  # a file's time and size, None where there is none
LONGEST = 500_000  # characters of one file; a mail of a quarter of that is cut off by Gmail already
_LISTED = 2_000  # files that a wrong name is compared with
_MOST = 4 * LONGEST  # bytes: a letter has four at most


@dataclass(frozen=True, slots=True)
class Source:
    """One file: its name, its lines, and the global line of the line before its first."""

    name: str
    text: str
    start: int


class Sources:
    """The files read for one template in one language.

    Parameters:
        folder: the folder of templates.
        language: which of a layout's languages is taken (`layouts/footer.vi.html` before `layouts/footer.html`).
    """

    def __init__(self, folder: Path, language: str) -> None:
        self.folder = folder
        self._language = language
        self._sources: list[Source] = []
        self._starts: list[int] = []
        self._lines = 0
        self._split: dict[str, list[str]] = {}  # the lines of files of which something is told
        self.octets: dict[str, bytes] = {}  # pictures and attachments, by file
        self.stamps: dict[Path, Stamp] = {}  # of all files looked for, also those not there: one may come

    def read(self, name: str) -> Source:
        """Return the file of that very name.

        Raises:
            TemplateError: it is not there, or not UTF-8 text, or too long.
        """
        for source in self._sources:
            if source.name == name:
                return source
        path = self.folder / name
        self.look(path)
        try:
            with path.open("rb") as file:
                content = file.read(_MOST + 1)
        except OSError as error:
            raise TemplateError(name, 0, f"cannot be read: {error.strerror or 'no such file'}") from error
        text = "" if len(content) > _MOST else _decoded(content, name)
        if len(content) > _MOST or len(text) > LONGEST:
            raise TemplateError(name, 0, f"is longer than {LONGEST:,} characters")
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        source = Source(name, text, self._lines)
        self._sources.append(source)
        self._starts.append(source.start)
        self._lines += text.count("\n") + 1
        return source

    def find(self, reference: str, line: int) -> Source:
        """Return the file that `{% extends %}`, `{% include %}` or `{% import %}` names, in the language first.

        Raises:
            TemplateError: the name leaves the folder, or no such file is there.
        """
        return self.read(self._found(reference, line))

    def binary(self, reference: str, line: int, most: int) -> str:
        """Read a picture or an attachment, that of the language first, and return the file's name.

        Parameters:
            reference: `files/guide.pdf`; `files/guide.vi.pdf` is taken before it.
            line: the global line that names it.
            most: bytes that it may have.

        Raises:
            TemplateError: it is not there, or lies outside the folder, is no plain file, or too large.
        """
        name = self._found(reference, line)
        try:
            self.octets[name] = _octets(self.folder, name, most)
        except OSError as error:
            reason = error.strerror or "no such file"
            raise self.error(line, f"'{reference}' cannot be read: {reason}", near=reference) from error
        except ValueError as error:
            raise self.error(line, f"'{reference}' {error}", near=reference) from error
        return name

    def again(self, name: str, most: int) -> None:
        """Read a picture or an attachment of that very name, as `binary` found it before.

        Raises:
            OSError, ValueError: it is no longer so.
        """
        self.look(self.folder / name)
        self.octets[name] = _octets(self.folder, name, most)

    def _found(self, reference: str, line: int) -> str:
        """Return the name of the file that a reference means, in the language first."""
        path = PurePosixPath(reference)
        if path.is_absolute() or ".." in path.parts or "\\" in reference or "\0" in reference or not path.suffix:
            raise self.error(line, f"'{reference}' is no file of the folder of templates", near=reference)
        ours = str(path.with_suffix(f".{self._language}{path.suffix}"))
        for name in (ours, str(path)):
            if self.look(self.folder / name):
                return name
        hint = did_you_mean(reference, self._alike(path.suffix))
        raise self.error(line, f"there is no '{reference}' in the folder of templates", near=reference, hint=hint)

    def _alike(self, suffix: str) -> list[str]:
        """Return the files of the folder that end so, as a template names them: without the language too."""
        found: set[str] = set()
        for path in islice(self.folder.rglob(f"*{suffix}"), _LISTED):
            name = path.relative_to(self.folder).as_posix()
            found |= {name, re.sub(r"\.[a-z]{2,3}(?=\.[^./]+\Z)", "", name)}
        return sorted(found, key=lambda name: (name.count("."), name))

    def look(self, path: Path) -> bool:
        """Say whether the file is there, and keep its stamp from before it is read."""
        if path not in self.stamps:
            self.stamps[path] = stamp(path)
        return self.stamps[path] is not None

    @property
    def files(self) -> tuple[str, ...]:
        """The names of the files read, in the order of reading."""
        return tuple(source.name for source in self._sources)

    @property
    def missing(self) -> tuple[str, ...]:
        """The names of the files that were looked for and are not there."""
        return tuple(path.relative_to(self.folder).as_posix() for path, stamp in self.stamps.items() if stamp is None)

    @property
    def hash(self) -> str:
        """A hash over the names and contents of all files read, the same on every machine."""
        digest = hashlib.sha256()
        for source in sorted(self._sources, key=lambda source: source.name):
            digest.update(f"{source.name}\0{len(source.text)}\0{source.text}\0".encode())
        for name, octets in sorted(self.octets.items()):
            digest.update(f"{name}\0{hashlib.sha256(octets).hexdigest()}\0".encode())
        return digest.hexdigest()[:32]

    def place(self, line: int, near: str = "") -> tuple[Place, str]:
        """Return file, line and column of a global line, and that line's text.

        Parameters:
            line: the global line.
            near: text on that line, or shortly after it, that the caret is to stand under.
        """
        source = self._sources[max(0, bisect_right(self._starts, line - 1) - 1)]
        lines = self._split.get(source.name) or self._split.setdefault(source.name, source.text.split("\n"))
        index = min(max(line - source.start - 1, 0), len(lines) - 1)
        if near:
            after = r"(?!\w)" if near[-1].isalnum() else ""
            word = re.compile(rf"(?<![\w.]){re.escape(near)}{after}" if near[0].isalpha() else re.escape(near))
            for later in range(index, min(index + 12, len(lines))):
                if found := word.search(lines[later]):
                    column, length = found.start() + 1, len(near)
                    return Place(source.name, later + 1, column, length), lines[later]
        text = lines[index]
        return Place(source.name, index + 1, len(text) - len(text.lstrip()) + 1), text

    def error(self, line: int, message: str, *, near: str = "", hint: str | None = None) -> TemplateError:
        """Return an error at a global line."""
        place, text = self.place(line, near)
        return TemplateError(place.file, place.line, message, text, column=place.column, length=place.length, hint=hint)

    def problem(
        self,
        line: int,
        message: str,
        severity: Severity = Severity.ERROR,
        *,
        near: str = "",
        hint: str | None = None,
    ) -> Problem:
        """Return a problem at a global line."""
        place, text = self.place(line, near)
        return Problem(place, message, severity, hint, text)


def stamp(path: Path) -> Stamp:
    """Return what tells whether a file has changed."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def _octets(folder: Path, name: str, most: int) -> bytes:
    """Return a file's bytes.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no plain file beneath the folder (a link may lead to one), or too large; says which.
    """
    path = (folder / name).resolve(strict=True)
    if not path.is_relative_to(folder.resolve()):
        raise ValueError("is a link that leads out of the folder of templates")
    if not stat.S_ISREG(path.stat().st_mode):
        raise ValueError("is no file")
    with path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"is larger than {most:,} bytes, and a mail may carry no more")
    if not content:
        raise ValueError("is empty")
    return content


def _decoded(content: bytes, name: str) -> str:
    """Return a file's text.

    Raises:
        TemplateError: it is not UTF-8; the line where that shows is told.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))
        what = "UTF-16" if wide else f"not UTF-8 (the byte 0x{content[error.start]:02X})"
        raise TemplateError(name, line, f"is {what}; save it as UTF-8") from error
