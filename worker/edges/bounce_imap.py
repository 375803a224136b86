"""The IMAP mailbox that receives reports: each mail is kept as a row before it is marked as read.

A server may hang at any stage, or send a byte now and then for ever. So each look has a thread of its own and a time
after which its connection is cut, and the clock never waits for it.
"""

from __future__ import annotations

import imaplib
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

import structlog
from imapclient import SEEN, IMAPClient, SocketTimeout
from imapclient.exceptions import IMAPClientError, LoginError
from sqlalchemy.exc import SQLAlchemyError

from worker.delivery.bounces.parcel import KEPT, Parcel
from worker.delivery.bounces.recording import Bounces
from worker.domain.errors import PhinError
from worker.domain.server_urls import Security
from worker.domain.work import Work
from worker.edges.imap_address import MailboxAddress
from worker.storage import bounce_mailboxes
from worker.storage.bounce_mailboxes import Mailbox
from worker.storage.database import Database, told

SILENCE = 30.0  # seconds that the server may say nothing
AT_ONCE = 500  # mails that one look reads
LITERAL = KEPT + 64_000  # bytes of one piece that the server may send

_log = structlog.get_logger(__name__)


class TooLongError(PhinError):
    """The server sends more than was asked for."""


class Line:
    """A connection that is cut at a time, whatever it is waiting for.

    Parameters:
        seconds: from now on.
    """

    def __init__(self, seconds: float) -> None:
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self.was_cut = False
        self._timer = threading.Timer(seconds, self.cut)
        self._timer.daemon = True
        self._timer.start()

    def hold(self, connected: socket.socket) -> socket.socket:
        """Take a connection in charge."""
        with self._lock:
            self._socket = connected
            if self.was_cut:
                self._shut(connected)
        return connected

    def cut(self) -> None:
        """Cut the connection: whoever reads from it gets an error."""
        with self._lock:
            self.was_cut = True
            if self._socket is not None:
                self._shut(self._socket)

    def close(self) -> None:
        """Be in charge no more."""
        self._timer.cancel()

    @staticmethod
    def _shut(connected: socket.socket) -> None:
        with suppress(OSError):
            socket.socket.shutdown(connected, socket.SHUT_RDWR)  # beneath TLS, which would wait for an answer


class _Conversation(imaplib.IMAP4):
    """IMAP on a line that can be cut, in pieces that are no longer than asked for."""

    def __init__(self, address: MailboxAddress, line: Line, timeout: float) -> None:
        self._address = address
        self._line = line
        super().__init__(address.host, address.port, timeout)

    def read(self, size: int) -> bytes:
        """Read a piece of so many bytes.

        Raises:
            TooLongError: it is longer than anything that was asked for.
        """
        if size > LITERAL:
            raise TooLongError(f"the server sends a piece of {size:,} bytes, which was not asked for")
        return super().read(size)

    def _create_socket(self, timeout: float | None) -> socket.socket:
        plain = self._line.hold(socket.create_connection((self._address.host, self._address.port), timeout))
        if self._address.security is not Security.IMPLICIT:
            return plain
        wrapped = context_of(self._address).wrap_socket(plain, server_hostname=self._address.host)
        return self._line.hold(wrapped)


class _Client(IMAPClient):  # type: ignore[misc]  # the library has no types
    """The library's client, on our own conversation."""

    def __init__(self, address: MailboxAddress, line: Line, timeout: float) -> None:
        self._of = address, line, timeout
        super().__init__(address.host, address.port, ssl=False, timeout=SocketTimeout(timeout, timeout))

    def _create_IMAP4(self) -> _Conversation:
        return _Conversation(*self._of)


def context_of(address: MailboxAddress) -> ssl.SSLContext:
    """Return how the server's certificate is checked."""
    context = ssl.create_default_context()
    if not address.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class BounceMailbox:
    """Reads the mailbox.

    Parameters:
        done: folder that mails go to once they have their rows; None: they stay, marked as seen.
        within: seconds that a look may take.
        enqueue: told of what follows.
    """

    def __init__(
        self,
        address: MailboxAddress,
        database: Database,
        bounces: Bounces,
        now: Callable[[], datetime],
        enqueue: Callable[[Work], object],
        *,
        done: str | None = None,
        within: float = 120.0,
    ) -> None:
        self._address = address
        self._database = database
        self._bounces = bounces
        self._now = now
        self._enqueue = enqueue
        self._done = done
        self._within = within
        self._looking: threading.Thread | None = None
        self._line: Line | None = None
        self._failing = False

    def begin(self) -> bool:
        """Begin a look, in a thread of its own, unless one is under way; returns at once, and says whether it began."""
        if self._looking is not None and self._looking.is_alive():
            return False
        self._looking = threading.Thread(target=self.look, name="bounces", daemon=True)
        self._looking.start()
        return True

    def stop(self, seconds: float) -> None:
        """Cut what is under way; a mail that has no row yet is read again."""
        if self._line is not None:
            self._line.cut()
        self.join(seconds)

    def join(self, seconds: float) -> None:
        """Wait for the look that is under way, at most so long."""
        if self._looking is not None:
            self._looking.join(seconds)

    def look(self) -> int:
        """Read what is new; returns how many mails. What goes wrong is written down and said once, never raised."""
        self._line = line = Line(self._within)
        try:
            read = self._read(line)
        except Exception as error:  # a server may answer anything, and the library stumble over it
            self._failed(self._why(error, line))
            return 0
        finally:
            line.close()
        if self._failing:
            _log.info("the mailbox of reports is read again", mailbox=self._address.place)
        self._failing = False
        return read

    def _read(self, line: Line) -> int:
        client = _Client(self._address, line, min(SILENCE, self._within))
        try:
            if self._address.security is Security.REQUIRED:
                client.starttls(context_of(self._address))
                line.hold(client.socket())
            client.login(self._address.user, self._address.password)
            validity = int(client.select_folder(self._address.folder)[b"UIDVALIDITY"])
            with self._database.reading() as connection:
                known = bounce_mailboxes.known(connection, self._address.name)
            if (
                known.validity != validity
            ):  # its numbers mean other mails now; those that have rows are known by content
                known = Mailbox(self._address.name, validity)
            self._put_away(client, self._left_over(client, known.uid))
            new = sorted(uid for uid in client.search(["UID", f"{known.uid + 1}:*"]) if uid > known.uid)[:AT_ONCE]
            self._note(validity, known.uid)
            for uid in new:
                self._keep(client, uid)
                self._note(validity, uid)
                self._put_away(client, [uid])
            with suppress(OSError, IMAPClientError, imaplib.IMAP4.error):
                client.logout()
            return len(new)
        finally:
            with suppress(OSError, IMAPClientError, imaplib.IMAP4.error):
                client.shutdown()

    def _keep(self, client: IMAPClient, uid: int) -> None:
        asked = f"BODY.PEEK[]<0.{KEPT}>"
        answer = client.fetch([uid], [asked, "RFC822.SIZE"]).get(uid)
        if answer is None:
            return  # somebody took it away meanwhile
        raw = next((value for name, value in answer.items() if name.startswith(b"BODY[]")), b"") or b""
        taken = self._bounces.take(Parcel(raw[:KEPT], int(answer.get(b"RFC822.SIZE", len(raw)))), "imap", self._now())
        self._enqueue(taken.work)

    def _left_over(self, client: IMAPClient, uid: int) -> list[int]:
        """Return the mails that have rows and were not put away: somebody died in between."""
        if uid == 0:
            return []
        asked = ["UID", f"1:{uid}"] if self._done is not None else ["UID", f"1:{uid}", "UNSEEN"]
        return [found for found in client.search(asked) if found <= uid]

    def _put_away(self, client: IMAPClient, uids: list[int]) -> None:
        if not uids:
            return
        if self._done is None:
            client.add_flags(uids, [SEEN], silent=True)
            return
        if not client.folder_exists(self._done):
            client.create_folder(self._done)
        if client.has_capability("MOVE"):
            client.move(uids, self._done)
            return
        client.copy(uids, self._done)
        client.delete_messages(uids, silent=True)
        client.expunge(uids if client.has_capability("UIDPLUS") else None)

    def _note(self, validity: int, uid: int) -> None:
        with self._database.writing() as connection:
            bounce_mailboxes.read(connection, self._address.name, validity, uid, self._now())

    def _why(self, error: Exception, line: Line) -> str:
        if line.was_cut:
            return f"the server did not come to an end within {_seconds(self._within)}"
        if isinstance(error, LoginError):
            return "the server refuses user and password"
        if isinstance(error, TimeoutError):
            return f"the server said nothing for {_seconds(min(SILENCE, self._within))}"
        return told(error)

    def _failed(self, why: str) -> None:
        log = _log.debug if self._failing else _log.warning
        log("the mailbox of reports cannot be read", mailbox=self._address.place, why=why)
        self._failing = True
        with suppress(PhinError, SQLAlchemyError), self._database.writing() as connection:
            bounce_mailboxes.failed(connection, self._address.name, why, self._now())


def _seconds(count: float) -> str:
    return "1 second" if count == 1 else f"{count:g} seconds"
