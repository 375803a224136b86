"""What was made of the templates, kept on disk: one process inlines a stylesheet, and all others read what came of it.

There is one file for each template in each language. It begins with a checksum over itself and over all that the
result depends on beside the template's files: this code, the libraries, the shop. The files are named in it, and
hashed. So a file of another version, a broken one and one that is out of date are all the same: not there. It holds
text and no code, and what Jinja makes of that text stays in its sandbox.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Iterable
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

from lxml import etree
from pydantic import TypeAdapter

from worker.delivery.templates.attached import MOST
from worker.delivery.templates.errors import TemplateError
from worker.delivery.templates.made import Made
from worker.delivery.templates.sources import Sources

_LIBRARIES = ("phin", "premailer", "cssutils", "cssselect", "jinja2", "lxml")
_LARGEST = 20_000_000  # bytes of one file


class Cache:
    """The results of one folder of templates. Any number of processes may use it; none waits for another.

    Parameters:
        folder: where they are kept; it is made where the folder above it is there. What cannot be written is not
            kept, and nothing else comes of it.
        beside: all that the results depend on beside the templates' files, as text.
    """

    def __init__(self, folder: Path, beside: str) -> None:
        self._folder = folder
        self._beside = beside
        self._results: TypeAdapter[Made] = TypeAdapter(Made)

    def read(self, name: str, language: str, sources: Sources) -> Made | None:
        """Return what was made of the files as they are now, or None.

        Parameters:
            sources: reads the files; where there is a result they are those that it was made of, in the same order.
        """
        path = self._path(name, language)
        try:
            if path.stat().st_size > _LARGEST:
                return None
            checksum, _, body = path.read_bytes().partition(b"\n")
            if checksum != self._checksum(body):
                return None
            made = self._results.validate_json(body)
            for file in made.files:
                sources.read(file)
            for one in made.attached:
                sources.again(one.file, MOST)
        except (OSError, ValueError, TemplateError):  # pydantic's error is a ValueError
            return None
        there = any(sources.look(sources.folder / file) for file in made.missing)
        same = (made.name, made.language, made.hash) == (name, language, sources.hash)
        return made if same and not there else None

    def write(self, made: Made) -> None:
        """Keep a result; whoever reads meanwhile finds the one before or this one, whole."""
        body = self._results.dump_json(made)
        path = self._path(made.name, made.language)
        try:
            self._make_folder()
            handle, draft = tempfile.mkstemp(dir=self._folder, prefix=path.name)
        except OSError:
            return
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(self._checksum(body) + b"\n" + body)
            Path(draft).replace(path)
        except OSError:
            Path(draft).unlink(missing_ok=True)

    def prune(self, known: Iterable[tuple[str, str]]) -> None:
        """Remove what belongs to none of the templates (name, language), drafts of processes that died among it."""
        kept = {self._path(name, language) for name, language in known}
        try:
            for path in self._folder.iterdir():
                if path not in kept:  # whoever writes this very draft goes on without it
                    path.unlink(missing_ok=True)
        except OSError:
            pass

    def _make_folder(self) -> None:
        """Make the folder and the one above, `var/cache/templates`, but no `var`: that is for who knows its rights."""
        if not self._folder.is_dir():
            self._folder.parent.mkdir(exist_ok=True, mode=0o700)
            self._folder.mkdir(exist_ok=True, mode=0o700)

    def _path(self, name: str, language: str) -> Path:
        return self._folder / f"{name.replace('/', '+')}.{language}.json"

    def _checksum(self, body: bytes) -> bytes:
        return hashlib.sha256(self._made_with + body).hexdigest().encode()

    @cached_property
    def _made_with(self) -> bytes:
        """Return a hash of what makes the results: the libraries, and this code, edited or not."""
        libraries = [f"{name} {version(name)}" for name in _LIBRARIES]
        own = [path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py"))]
        digest = hashlib.sha256()
        for part in (*libraries, str(etree.LIBXML_VERSION), str(sys.version_info[:2]), self._beside):
            digest.update(f"{len(part)} {part}".encode())
        for code in own:
            digest.update(hashlib.sha256(code).digest())
        return digest.digest()
