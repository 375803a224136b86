"""One connection to a relay: opened, greeted and logged in by smtplib; from then on its bytes are ours.

smtplib cannot tell a connection that broke in the body (nothing was taken) from one that broke after the final
dot (nobody knows), so commands, content and replies pass through here, where what was written is counted.
"""

from __future__ import annotations

import contextlib
import smtplib
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from worker.delivery.smtp_mail import Offers
from worker.delivery.smtp_relay import Relay
from worker.domain.errors import PhinError
from worker.domain.light import light
from worker.domain.server_urls import Security

_IDLE_LIMIT = 60.0  # seconds; beyond it something on the way may have forgotten the connection
_REPLY_LIMIT = 64 * 1024  # bytes of one reply, all its lines
_TEXT_LIMIT = 500  # characters of a reply that are kept
_FAREWELL = 1.0  # seconds that QUIT may take


@light
@dataclass(frozen=True, slots=True)
class Reply:
    """What the server said: its code, and its words with lines joined."""

    code: int
    text: str


class NotOpenedError(PhinError):
    """No connection that takes mail could be made; `code` is the server's where it answered."""

    def __init__(self, text: str, code: int | None = None) -> None:
        self.code = code
        super().__init__(text)


class LostError(PhinError):
    """The connection broke, or nothing came in time.

    Parameters:
        written: bytes of the failed write that the machine's network layer had taken.
    """

    def __init__(self, text: str, *, timed_out: bool = False, written: int = 0) -> None:
        self.timed_out = timed_out
        self.written = written
        super().__init__(text)


class GarbledError(PhinError):
    """The server said something that is no SMTP reply, or none that belongs here."""


class Session:
    """An open connection; not for use by several threads.

    Parameters:
        smtp: connected, greeted and, where needed, logged in.
        timeout: seconds for a whole reply, and for each piece of a write.
        monotonic: seconds of a clock that never goes back.
    """

    def __init__(self, smtp: smtplib.SMTP, timeout: float, monotonic: Callable[[], float]) -> None:
        assert smtp.sock is not None
        self._smtp = smtp
        self._socket = smtp.sock
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._timeout = timeout
        self._monotonic = monotonic
        self._buffer = bytearray()
        self._used_at = monotonic()
        self.local_hostname = smtp.local_hostname
        self.offers = Offers(
            pipelining=smtp.has_extn("pipelining"),
            smtputf8=smtp.has_extn("smtputf8"),
            size=smtp.has_extn("size"),
            eight_bit=smtp.has_extn("8bitmime"),
            chunking=smtp.has_extn("chunking"),
        )
        self.served = 0  # mails answered on this connection
        self.idle = True  # no transaction is open and no reply is owed
        self.needs_reset = False  # a refused transaction has to be cleared before the next

    def write(self, data: bytes) -> None:
        """Write all of it.

        Raises:
            LostError: not all of it went; `written` tells how much did.
        """
        written = 0
        try:
            self._socket.settimeout(self._timeout)
            with memoryview(data) as view:
                while written < len(data):
                    written += self._socket.send(view[written:])
        except OSError as error:
            timed_out = isinstance(error, TimeoutError)
            raise LostError(_lost(error, self._timeout), timed_out=timed_out, written=written) from error

    def reply(self, within: float | None = None) -> Reply:
        """Read one reply, of one line or many.

        Parameters:
            within: seconds that the whole of it may take; 0 takes only what is already there.

        Raises:
            LostError: the connection ended, or the reply was not there in time.
            GarbledError: what came is no SMTP reply.
        """
        deadline = self._monotonic() + (self._timeout if within is None else within)
        line = self._line(deadline)
        return _whole(line) or self._joined(line, deadline)

    def last_words(self) -> Reply | None:
        """Return the reply that a server left before it hung up, if there is one."""
        try:
            return self.reply(within=0)
        except (LostError, GarbledError):
            return None

    def certificate(self) -> Mapping[str, Any] | None:
        """Return what the server's certificate says (`ssl.SSLSocket.getpeercert`); None where nothing is encrypted.

        It is empty where the certificate is not to be checked.
        """
        return self._socket.getpeercert() or {} if isinstance(self._socket, ssl.SSLSocket) else None

    def usable(self) -> bool:
        """Say whether an idle connection may take another mail: still open, in step, and used not long ago."""
        if not self.idle or self._buffer or self._monotonic() - self._used_at > _IDLE_LIMIT:
            return False
        try:
            self._socket.settimeout(0)
            self._socket.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            return False
        return False  # closed, or the server says something unasked: 421 before it hangs up

    def quit(self) -> None:
        """Take leave politely and close; what the server says to it changes nothing any more."""
        with contextlib.suppress(LostError, GarbledError):
            self.write(b"QUIT\r\n")
            self.reply(within=_FAREWELL)
        self.drop()

    def drop(self) -> None:
        """Close at once: a server that has not seen the final dot forgets the mail."""
        with contextlib.suppress(OSError):
            self._smtp.close()

    def _joined(self, line: bytes, deadline: float) -> Reply:
        """Read a reply of several lines, of which this is the first."""
        code, texts = 0, []
        while True:
            said = int(line[:3]) if line[:3].isdigit() else 0
            if not 200 <= said <= 599 or line[3:4] not in (b"", b" ", b"-") or code not in (0, said):
                raise GarbledError(f"the server's answer is no SMTP reply: {_printable(line)}")
            code = said
            texts.append(line[4:])
            if line[3:4] != b"-":
                return Reply(code, _printable(b" ".join(texts)))
            if sum(map(len, texts)) > _REPLY_LIMIT:
                raise GarbledError("the server's answer does not end")
            line = self._line(deadline)

    def _line(self, deadline: float) -> bytes:
        """Return one line without its break."""
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > _REPLY_LIMIT:
                raise GarbledError("the server's answer has no end of line")
            try:
                self._socket.settimeout(max(0.0, deadline - self._monotonic()))
                received = self._socket.recv(65536)
            except OSError as error:
                timed_out = isinstance(error, TimeoutError | BlockingIOError | ssl.SSLWantReadError)
                raise LostError(_lost(error, self._timeout), timed_out=timed_out) from error
            if not received:
                raise LostError("the server closed the connection")
            self._buffer += received
            self._used_at = self._monotonic()
        line = bytes(self._buffer[:end]).rstrip(b"\r")
        del self._buffer[: end + 1]
        return line


def open_session(
    relay: Relay,
    context: ssl.SSLContext,
    timeout: float,
    local_hostname: str | None,
    monotonic: Callable[[], float],
    within: float | None = None,
) -> Session:
    """Connect, greet, encrypt and log in.

    Parameters:
        within: seconds that each step of this may take, where not `timeout`.

    Raises:
        NotOpenedError: no mail can be handed over to this relay now.
    """
    smtp: smtplib.SMTP | None = None
    patience = timeout if within is None else within
    try:
        if relay.security is Security.IMPLICIT:
            smtp = smtplib.SMTP_SSL(relay.host, relay.port, local_hostname, timeout=patience, context=context)
        else:
            smtp = smtplib.SMTP(relay.host, relay.port, local_hostname, timeout=patience)
        smtp.ehlo_or_helo_if_needed()
        if relay.security is Security.REQUIRED or (relay.security is Security.OFFERED and smtp.has_extn("starttls")):
            smtp.starttls(context=context)
            smtp.ehlo_or_helo_if_needed()
        if relay.user is not None:
            smtp.login(relay.user, relay.password)
        return Session(smtp, timeout, monotonic)
    except (OSError, ValueError) as error:  # smtplib's own errors are OSErrors; ValueError: a reply without a code
        if smtp is not None:
            smtp.close()
        raise _not_opened(relay, error, patience) from error


def _not_opened(relay: Relay, error: Exception, timeout: float) -> NotOpenedError:
    """Say what was wrong and what to do; never with the credentials."""
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error if isinstance(error.smtp_error, bytes) else str(error.smtp_error).encode()
        code = error.smtp_code if error.smtp_code > 0 else None
        return NotOpenedError(f"{_printable(said)} ({relay} takes no mail from us now)", code)
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return NotOpenedError(f"{relay} does not offer what smtp_url asks for: {error}")
    if isinstance(error, ssl.SSLCertVerificationError):
        remedy = "add '?verify=no' to smtp_url if that certificate is meant"
        return NotOpenedError(f"the certificate of {relay} is not trusted: {error.verify_message}; {remedy}")
    if isinstance(error, ssl.SSLError):
        return NotOpenedError(f"TLS with {relay} failed: {error.reason or error}; is smtp_url's scheme the right one?")
    if isinstance(error, socket.gaierror):
        return NotOpenedError(f"the host of {relay} is not known: {error.strerror}; check smtp_url")
    return NotOpenedError(f"cannot reach {relay}: {_lost(error, timeout)}; check smtp_url and that the relay runs")


def _lost(error: Exception, timeout: float) -> str:
    if isinstance(error, TimeoutError | BlockingIOError | ssl.SSLWantReadError):
        return f"no answer within {timeout:g} s"
    return str(getattr(error, "strerror", None) or error)


@lru_cache(maxsize=256)  # most of what a server says it said before
def _whole(line: bytes) -> Reply | None:
    """Return the reply that is this line alone; None for a line of a longer one, and for what is no reply."""
    code = int(line[:3]) if line[:3].isdigit() else 0
    return Reply(code, _printable(line[4:])) if 200 <= code <= 599 and line[3:4] in (b"", b" ") else None


@lru_cache(maxsize=256)
def _printable(said: bytes) -> str:
    """Return the server's words on one line without control characters, cut to what a person reads."""
    text = " ".join(said.decode("utf-8", "replace").split())
    if not text.isprintable():
        text = "".join(c if c.isprintable() else "�" for c in text)
    return text[:_TEXT_LIMIT]
