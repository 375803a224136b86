"""The outbox: a folder that captures mail instead of sending it, and what a page shows of it.

A mail is one file, whole from the moment that it can be seen. The file is named for the message, so a mail that is
captured twice is one file.
"""

from __future__ import annotations

import email
import email.policy
import os
import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from email.parser import BytesHeaderParser
from email.utils import parsedate_to_datetime
from hashlib import sha256
from pathlib import Path

from worker.delivery.enclosures import Enclosed, shown_alone
from worker.delivery.transport import Answer, Journal, LeaseOver, Outcome, Outgoing
from worker.domain.answers import Stage
from worker.domain.errors import PhinError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+=-]{0,200}\.eml")
_HEADERS_WITHIN = 64 * 1024  # bytes; what lies beyond is not read for a list
_LOWEST = datetime.min.replace(tzinfo=UTC)


class NotCapturedError(PhinError):
    """The outbox holds no mail of this name."""


class OutboxTransport:
    """Captures mail in a folder; nothing leaves the machine.

    Parameters:
        folder: made if it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def send(self, mails: Sequence[Outgoing], journal: Journal) -> Iterator[Answer]:
        """Capture the mails; yields one answer for each, temporary where the disk takes none."""
        over: LeaseOver | None = None
        for mail in mails:
            answer = Answer(mail.message, Outcome.ACCEPTED, 250, "captured", Stage.DOT)
            try:
                if over is None:
                    self._capture(mail, journal)
                else:
                    answer = _untaken(mail, str(over))
            except LeaseOver as error:
                over = error
                answer = _untaken(mail, str(error))
            except _UnwrittenError as error:
                answer = _untaken(mail, str(error))
            journal.answered(answer)
            yield answer

    def close(self) -> None:
        """Nothing is open between mails."""

    def _capture(self, mail: Outgoing, journal: Journal) -> None:
        """Write the mail under another name, then put it in its place in one step.

        Raises:
            _UnwrittenError: it is not in the outbox.
        """
        unseen = self._folder / f".{mail.message}-{os.getpid()}-{threading.get_ident()}.part"
        try:
            try:
                with unseen.open("wb") as file:
                    file.write(mail.content)
                    file.flush()
                    os.fsync(file.fileno())
                _date_by_header(unseen, mail.content)
            except OSError as error:
                raise _UnwrittenError(f"cannot write to {self._folder}: {error.strerror}; is the disk full?") from error
            journal.handing(mail.message)
            try:
                unseen.replace(self._folder / file_name(mail))
            except OSError as error:
                raise _UnwrittenError(f"cannot write to {self._folder}: {error.strerror}") from error
        finally:
            unseen.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Captured:
    """What a list shows of a captured mail; texts are decoded.

    Parameters:
        date: of its Date header, or of the file where that cannot be read.
        size: bytes of the whole mail.
    """

    name: str
    date: datetime
    sender: str
    to: str
    subject: str
    size: int


@dataclass(frozen=True, slots=True)
class CapturedMail:
    """A captured mail, taken apart.

    Parameters:
        headers: names and decoded values, in their order.
        html, text: its bodies, or None where it has none of that kind.
    """

    name: str
    headers: tuple[tuple[str, str], ...]
    html: str | None
    text: str | None
    raw: bytes

    def header(self, name: str) -> str:
        """Return the first header of this name, or an empty text."""
        return next((value for given, value in self.headers if given.lower() == name.lower()), "")


def file_name(mail: Outgoing) -> str:
    """Return the name under which a mail is captured."""
    return captured_as(mail.message, mail.message_id)


def captured_as(message: int, message_id: str) -> str:
    """Return the name of a captured mail's file: message number and Message-ID, made fit for a file."""
    known = re.sub(r"[^A-Za-z0-9._@+=-]", "_", message_id)
    if known != message_id or len(known) > 120:
        known = f"{known[:80]}-{sha256(message_id.encode()).hexdigest()[:16]}"
    return f"{message:010d}-{known}.eml"


def captured(folder: Path, *, offset: int = 0, limit: int = 50) -> tuple[list[Captured], int]:
    """Return one page of the captured mails, the latest first, and how many there are in all.

    They are ordered by the file's time, which is that of the mail's Date header, and those of one second by their
    numbers; so only the headers of the page's own mails are read.
    """
    found: list[tuple[int, str]] = []
    if folder.is_dir():
        with os.scandir(folder) as entries:
            for entry in entries:
                if _NAME.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                    found.append((entry.stat(follow_symlinks=False).st_mtime_ns, entry.name))
    found.sort(reverse=True)
    return [_entry(folder, name) for _, name in found[offset : offset + limit]], len(found)


def read(folder: Path, name: str) -> CapturedMail:
    """Return one captured mail.

    Raises:
        NotCapturedError: there is no such mail; also for a name that would lead out of the folder.
    """
    raw = _bytes(folder, name)
    mail = email.message_from_bytes(raw, policy=email.policy.compat32)
    headers = tuple((header, _decoded(str(value))) for header, value in mail.items())
    html = _body(mail, "text/html")
    shown = None if html is None else shown_alone(html, list(_pictures(mail)))
    return CapturedMail(name, headers, shown, _body(mail, "text/plain"), raw)


class _UnwrittenError(PhinError):
    """The mail is not in the outbox."""


def _date_by_header(path: Path, content: bytes) -> None:
    """Give a file the time of its mail's Date header: lists are ordered by what they show, read or not."""
    headers = BytesHeaderParser(policy=email.policy.compat32).parsebytes(content[:_HEADERS_WITHIN])
    at = _date(headers, path.stat().st_mtime).timestamp()
    os.utime(path, (at, at))


def _untaken(mail: Outgoing, text: str) -> Answer:
    return Answer(mail.message, Outcome.TEMPORARY, None, text, Stage.DATA)


def _bytes(folder: Path, name: str, limit: int = -1) -> bytes:
    if not _NAME.fullmatch(name):
        raise NotCapturedError(f"no captured mail can be called '{name[:80]}'")
    try:
        descriptor = os.open(folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise NotCapturedError(f"the outbox holds no '{name}'") from error
    with os.fdopen(descriptor, "rb") as file:
        return file.read(limit)


def _entry(folder: Path, name: str) -> Captured:
    try:
        status = (folder / name).stat()
        headers = BytesHeaderParser(policy=email.policy.compat32).parsebytes(_bytes(folder, name, _HEADERS_WITHIN))
    except (NotCapturedError, FileNotFoundError):  # removed since the folder was read
        return Captured(name, _LOWEST, "", "", "", 0)
    return Captured(
        name,
        _date(headers, status.st_mtime),
        _decoded(str(headers.get("From", ""))),
        _decoded(str(headers.get("To", ""))),
        _decoded(str(headers.get("Subject", ""))),
        status.st_size,
    )


def _date(headers: Message, modified: float) -> datetime:
    try:
        date = parsedate_to_datetime(str(headers.get("Date", "")))
        return date if date.tzinfo is not None else date.replace(tzinfo=UTC)
    except (ValueError, TypeError, IndexError):
        return datetime.fromtimestamp(modified, UTC)


def _decoded(value: str) -> str:
    """Unfold and decode a header; the parser of `policy.default` adds spaces in Vietnamese text."""
    unfolded = re.sub(r"\r?\n(?=[ \t])", "", value)
    try:
        return str(make_header(decode_header(unfolded)))
    except (HeaderParseError, LookupError, ValueError):
        return unfolded


def _pictures(mail: Message) -> Iterator[Enclosed]:
    """Yield the pictures that stand beside the HTML."""
    for part in mail.walk():
        cid, octets = str(part.get("Content-ID", "")).strip("<>"), part.get_payload(decode=True)
        if cid and isinstance(octets, bytes) and part.get_content_maintype() == "image":
            yield Enclosed(part.get_filename(""), part.get_content_type(), cid, octets, b"")


def _body(mail: Message, kind: str) -> str | None:
    for part in mail.walk():
        if part.get_content_type() == kind and part.get_content_disposition() != "attachment":
            content = part.get_payload(decode=True)
            assert isinstance(content, bytes)
            try:
                return content.decode(part.get_content_charset("utf-8"), "replace")
            except LookupError:
                return content.decode("utf-8", "replace")
    return None
