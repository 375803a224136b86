"""The files that a template carries along, pictures shown by its HTML and attachments: found, held in bounds, named."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from mimetypes import MimeTypes
from pathlib import PurePosixPath

from worker.delivery.enclosures import Enclosed, enclosed
from worker.delivery.templates.front_matter import Entry
from worker.delivery.templates.pieces import words
from worker.delivery.templates.sources import Sources
from worker.domain.errors import Problem, Severity

MOST = 3_000_000
"""Bytes of all files of one mail: 4 MB on the wire. Many servers take no mail of 10 MB, and a group of 50 has to lie in
a sender's memory."""
MUCH = 300_000
"""Bytes from which the check says what each mail carries."""
_PICTURES = words("image/png image/jpeg image/gif image/webp image/bmp")
# Gmail and Outlook refuse a mail with one of these whole.
_REFUSED = words("apk app bat chm cmd com cpl dll dmg exe hta iso jar js jse lnk msi ps1 scr vbs wsf")
_ID = "picture.phin"  # what follows the hash in a Content-ID, which has an address's form (RFC 2392)
_TYPES = MimeTypes(filenames=())  # Python's own table, and no machine's: the same mail everywhere


@dataclass(frozen=True, slots=True)
class Attached:
    """A file that goes with each mail of a template.

    Parameters:
        file: within the folder of templates.
        name: as its reader sees it.
        type: media type.
        cid: its Content-ID where the HTML shows it, else empty.
    """

    file: str
    name: str
    type: str
    cid: str = ""


def attachments(entries: Sequence[Entry], sources: Sources) -> tuple[Attached, ...]:
    """Find the files that the front matter names.

    Raises:
        TemplateError: one is not there, lies outside the folder, is too large, is named twice, or no server takes it.
    """
    found: dict[str, Attached] = {}
    for entry in entries:
        file = sources.binary(entry.text, entry.line, MOST)
        if file in found:
            raise sources.error(entry.line, f"'{entry.text}' is attached twice", near=entry.text)
        if (suffix := file.rpartition(".")[2].lower()) in _REFUSED:
            message = f"a mail with a file '.{suffix}' is refused whole by most mailboxes"
            raise sources.error(
                entry.line, message, near=entry.text, hint="put the file on the shop's site, and link it"
            )
        found[file] = Attached(file, PurePosixPath(entry.text).name, type_of(entry.text))
    return tuple(found.values())


def picture(reference: str, line: int, sources: Sources) -> Attached:
    """Find the picture that an `<img>` names.

    Raises:
        TemplateError: it is not there, lies outside the folder, is too large, or is no picture that mails show.
    """
    file = sources.binary(reference, line, MOST)
    type_ = type_of(reference)
    if type_ not in _PICTURES:
        message = f"'{reference}' is no picture that mail programs show"
        raise sources.error(line, message, near=reference, hint="save it as PNG, JPEG, GIF or WebP")
    name = PurePosixPath(reference).name
    digest = hashlib.sha256(file.encode() + b"\0" + sources.octets[file]).hexdigest()[:20]
    return Attached(file, name, type_, f"{digest}@{_ID}")


def encoded(files: Sequence[Attached], sources: Sources) -> tuple[Enclosed, ...]:
    """Encode the files, once for all mails."""
    return tuple(enclosed(one.name, one.type, one.cid, sources.octets[one.file]) for one in files)


def type_of(name: str) -> str:
    """Return the media type that a file's name tells."""
    found, encoding = _TYPES.guess_type(name, strict=False)
    return found if found and not encoding else "application/octet-stream"


def weight_problems(files: Sequence[Attached], line: int, sources: Sources) -> Iterator[Problem]:
    """Tell of files that make each mail a heavy one.

    Parameters:
        line: the global line of the front matter.

    Raises:
        TemplateError: together they are more than a mail may carry.
    """
    size = sum(len(sources.octets[file]) for file in {one.file for one in files})
    if size > MOST:
        message = f"the mail's files have {size / 1e6:.1f} MB together; a mail may carry {MOST / 1e6:.0f} MB"
        raise sources.error(line, message, hint="put the large ones on the shop's site, and link them")
    if size > MUCH:
        message = f"each mail carries {size / 1e6:.1f} MB of files, and a third more on the way"
        hint = "a link to a page of the shop's site brings the same, and counts who looked"
        yield sources.problem(line, message, Severity.WARNING, hint=hint)
