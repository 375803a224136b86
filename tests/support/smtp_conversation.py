"""One conversation of an SMTP server that does what a script says at each step, good manners where it says nothing."""

from __future__ import annotations

import base64
import contextlib
import socket
import ssl
import struct
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from tests.support.smtp_sink import message_id_of

Step = Literal["connect", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "body", "dot", "rset", "quit"]


@dataclass(frozen=True, slots=True)
class Say:
    """Answer with these lines; `close` hangs up after them."""

    lines: tuple[str, ...]
    close: bool = False
    take: bool = False  # at the final dot: take the mail whatever is said


@dataclass(frozen=True, slots=True)
class Hang:
    """Never answer again."""

    take: bool = False


@dataclass(frozen=True, slots=True)
class Drop:
    """Hang up without a word; `how` is an orderly close, a reset, or closing our direction only."""

    how: Literal["close", "reset", "half"] = "close"
    take: bool = False


Action = Say | Hang | Drop
Script = Mapping[Step, Action | Sequence[Action | None]]


def say(*lines: str, close: bool = False, take: bool = False) -> Say:
    """Write `Say` shortly."""
    return Say(lines, close, take)


class _EndError(Exception):
    """This connection is over."""


@dataclass
class Manners:
    """What a server does, and what it took: the oracle for what a sender believes.

    Parameters:
        script: for each step what to do; one action: always; a sequence: at its first, second … time, counted over
            all connections, None and what comes after the sequence being good manners.
        extensions: lines of the EHLO answer.
        starttls: `offered` or `required` (by 530).
        login: user and password that it wants before MAIL.
        drips: writes its replies byte by byte.
        forgets_behind_dot: throws away what was sent behind a final dot, as some middleboxes do.
    """

    script: Script = field(default_factory=dict)
    extensions: Sequence[str] = ("PIPELINING", "SIZE 10000000")
    starttls: Literal["offered", "required"] | None = None
    tls: ssl.SSLContext | None = None
    implicit_tls: bool = False
    login: tuple[str, str] | None = None
    forgets_behind_dot: bool = False
    drips: bool = False

    accepted: list[str] = field(default_factory=list)  # Message-IDs, whether or not the sender was told
    contents: list[bytes] = field(default_factory=list)  # of the accepted, dots unstuffed
    torn: list[bytes] = field(default_factory=list)  # contents whose final dot never came
    commands: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    sockets: list[socket.socket] = field(default_factory=list)
    _counts: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def action(self, step: Step) -> Action | None:
        """Return what to do at this step now."""
        with self._lock:
            turn = self._counts[step]
            self._counts[step] += 1
        planned = self.script.get(step)
        if planned is None or isinstance(planned, Say | Hang | Drop):
            return planned
        return planned[turn] if turn < len(planned) else None


class Conversation:
    """One connection."""

    def __init__(self, manners: Manners, connection: socket.socket) -> None:
        self._manners = manners
        self._socket = connection
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""
        self._encrypted = self._logged_in = False
        self._sender_ok = False
        self._recipients = 0

    def run(self) -> None:
        with contextlib.suppress(_EndError, OSError):
            if self._manners.implicit_tls:
                self._encrypt()
            if not self._did("connect"):
                self._tell("220 misbehaving.example ESMTP")
            while True:
                self._command(self._line().decode("utf-8", "replace").strip())
        with contextlib.suppress(OSError):
            self._socket.close()

    def _command(self, line: str) -> None:
        self._manners.commands.append(line)
        verb = line.split(" ")[0].split(":")[0].lower()
        match verb:
            case "ehlo" | "helo":
                self._greet()
            case "starttls":
                if not self._did("starttls"):
                    self._tell("220 go ahead")
                    self._encrypt()
            case "auth":
                self._log_in(line)
            case "mail":
                self._mail()
            case "rcpt":
                if not self._sender_ok:
                    self._tell("503 5.5.1 MAIL first")
                elif not self._did("rcpt"):
                    self._recipients += 1
                    self._tell("250 2.1.5 recipient ok")
            case "data":
                self._data()
            case "bdat":
                self._bdat(line)
            case "rset":
                self._recipients = 0
                if not self._did("rset"):
                    self._tell("250 2.0.0 reset")
            case "quit":
                if not self._did("quit"):
                    self._tell("221 2.0.0 bye")
                raise _EndError
            case _:
                self._tell("500 5.5.1 what?")

    def _greet(self) -> None:
        if self._did("ehlo"):
            return
        lines = ["misbehaving.example", *self._manners.extensions]
        if self._manners.starttls and not self._encrypted:
            lines.append("STARTTLS")
        if self._manners.login:
            lines.append("AUTH PLAIN")
        self._tell(*(f"250-{line}" for line in lines[:-1]), f"250 {lines[-1]}")

    def _log_in(self, line: str) -> None:
        if self._did("auth"):
            return
        given = base64.b64decode(line.split(" ")[2]).decode().split("\0")[1:]
        self._logged_in = given == list(self._manners.login or ())
        self._tell("235 2.7.0 welcome" if self._logged_in else "535 5.7.8 wrong user or password")

    def _mail(self) -> None:
        self._recipients, self._sender_ok = 0, False
        if self._manners.starttls == "required" and not self._encrypted:
            self._tell("530 5.7.0 Must issue a STARTTLS command first")
        elif self._manners.login and not self._logged_in:
            self._tell("530 5.7.0 Authentication required")
        elif not self._did("mail"):
            self._sender_ok = True
            self._tell("250 2.1.0 sender ok")

    def _data(self) -> None:
        said = self._did("data")
        if said is None and not self._recipients:
            self._tell("554 5.5.1 no valid recipients")
            return
        if said is None:
            self._tell("354 go on")
        elif not said.lines[0].startswith("354"):
            return
        lines: list[bytes] = []
        early: Say | None = None
        try:
            while (line := self._line()) != b".\r\n":
                lines.append(line[1:] if line.startswith(b".") else line)
                if len(lines) == 1:
                    early = self._did("body")
        except (_EndError, OSError):
            self._manners.torn.append(b"".join(lines) + self._buffer)
            raise
        if self._manners.forgets_behind_dot:
            self._buffer = b""
        if early is not None:  # that was the answer: none follows after the dot
            if early.lines[0].startswith("250"):
                self._take(b"".join(lines))
        elif self._recipients:
            self._end_of_mail(b"".join(lines))
        else:
            self._tell("554 5.5.1 nobody to send it to")

    def _bdat(self, line: str) -> None:
        """Take one chunk; the steps are `data` at the command, `body` in the midst of it, and `dot` at its end."""
        size = int(line.split(" ")[1])
        said = self._did("body")
        try:
            while len(self._buffer) < size:
                received = self._socket.recv(65536)
                if not received:
                    raise _EndError
                self._buffer += received
        except (_EndError, OSError):
            self._manners.torn.append(self._buffer)
            raise
        content, self._buffer = self._buffer[:size], self._buffer[size:]
        if said is None:
            action = self._manners.action("data")
            if isinstance(action, Say) and action.lines[0].startswith("250"):
                self._take(content)  # before it says so: it may hang up with these words
            said = None if action is None else self._do(action)
        elif said.lines[0].startswith("250"):
            self._take(content)
        if said is not None:
            return
        if not self._recipients:
            self._tell("503 5.5.1 no valid recipients")
        elif not line.upper().endswith(" LAST"):
            self._tell("554 5.6.0 only whole mails here")
        else:
            self._end_of_mail(content)

    def _end_of_mail(self, content: bytes) -> None:
        action = self._manners.action("dot")
        if action is None or action.take:
            self._take(content)
        if action is None:
            self._tell("250 2.0.0 taken")
        else:
            self._do(action)

    def _take(self, content: bytes) -> None:
        self._manners.accepted.append(message_id_of(content))
        self._manners.contents.append(content)

    def _did(self, step: Step) -> Say | None:
        """Do what the script plans for this step; returns what was said, if the conversation goes on."""
        action = self._manners.action(step)
        return None if action is None else self._do(action)

    def _do(self, action: Action) -> Say:
        if isinstance(action, Hang):
            self._manners.over.wait(30)
            raise _EndError
        if isinstance(action, Say):
            self._tell(*action.lines)
            if action.close:
                raise _EndError
            return action
        if action.how == "reset":
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif action.how == "half":
            self._socket.shutdown(socket.SHUT_WR)
            while self._socket.recv(65536):
                pass
        raise _EndError

    def _encrypt(self) -> None:
        assert self._manners.tls is not None
        self._buffer = b""
        self._socket = self._manners.tls.wrap_socket(self._socket, server_side=True)
        self._manners.sockets.append(self._socket)
        self._encrypted = True

    def _tell(self, *lines: str) -> None:
        data = "".join(line + "\r\n" for line in lines).encode()
        for piece in (data[i : i + 1] for i in range(len(data))) if self._manners.drips else (data,):
            self._socket.sendall(piece)

    def _line(self) -> bytes:
        while b"\n" not in self._buffer:
            received = self._socket.recv(65536)
            if not received:
                raise _EndError
            self._buffer += received
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line + b"\n"
