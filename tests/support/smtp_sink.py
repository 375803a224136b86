"""An SMTP server that takes every mail in a real conversation (aiosmtpd) and remembers it.

As a process of its own (`python -m tests.support.smtp_sink --port 0 --log FILE`) it prints its port and survives
the death of whoever sends: the log has one JSON line for each mail, written before the sender gets its 250.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import signal
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

_MESSAGE_ID = re.compile(rb"^Message-ID:\s*<([^>]*)>", re.I | re.M)


@dataclass(frozen=True, slots=True)
class Received:
    """One accepted mail.

    Parameters:
        message_id: without angle brackets; empty where the mail had none.
        content: its bytes as they were before dot-stuffing; empty when read from a log.
        size: bytes of the content.
        time: seconds since 1970 when the final dot was read.
    """

    message_id: str
    sender: str
    recipients: tuple[str, ...]
    content: bytes
    size: int
    time: float


def message_id_of(content: bytes) -> str:
    """Return the Message-ID of a mail without angle brackets, or an empty text."""
    found = _MESSAGE_ID.search(content.partition(b"\r\n\r\n")[0])
    return found.group(1).decode() if found else ""


def read_log(path: Path) -> list[Received]:
    """Return the mails that a sink logged, in the order of their acceptance."""
    mails = []
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        mails.append(
            Received(row["message_id"], row["sender"], tuple(row["recipients"]), b"", row["size"], row["time"])
        )
    return mails


class _Handler:
    """Takes every mail; offers PIPELINING, which aiosmtpd keeps without saying so."""

    def __init__(self, log: Path | None, keep: bool) -> None:
        self.mails: list[Received] = []
        self._keep = keep
        self._log = None if log is None else os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [*responses[:-1], "250-PIPELINING", responses[-1]]

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.original_content or b""
        sender, recipients = envelope.mail_from or "", tuple(envelope.rcpt_tos)
        mail = Received(message_id_of(content), sender, recipients, content, len(content), time.time())
        if self._log is not None:
            row = {
                "time": mail.time,
                "message_id": mail.message_id,
                "sender": sender,
                "recipients": recipients,
                "size": mail.size,
            }
            os.write(self._log, json.dumps(row).encode() + b"\n")
        if self._keep:
            self.mails.append(mail)
        return "250 2.0.0 taken"

    def close(self) -> None:
        if self._log is not None:
            os.close(self._log)


class _Controller(Controller):
    """A controller that may take any free port."""

    def _trigger_server(self) -> None:
        assert isinstance(self.server, asyncio.Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call] # aiosmtpd has types for a part of it


class SmtpSink:
    """A sink in a thread of this process; a context manager.

    Parameters:
        log: file to append one JSON line to for each mail.
        keep: whether to hold the mails in memory.
        port: 0 takes a free one.
    """

    def __init__(self, log: Path | None = None, *, keep: bool = True, port: int = 0) -> None:
        self._handler = _Handler(log, keep)
        loop = asyncio.new_event_loop()
        limits: dict[str, Any] = {"command_call_limit": None, "data_size_limit": 50_000_000, "enable_SMTPUTF8": True}
        self._controller = _Controller(self._handler, hostname="127.0.0.1", port=port, loop=loop, **limits)

    @property
    def mails(self) -> Sequence[Received]:
        """The accepted mails in order."""
        return tuple(self._handler.mails)

    @property
    def message_ids(self) -> list[str]:
        """The Message-IDs of the accepted mails in order."""
        return [mail.message_id for mail in self._handler.mails]

    @property
    def port(self) -> int:
        """The port on 127.0.0.1."""
        return int(self._controller.port)

    @property
    def url(self) -> str:
        """The value for `smtp_url`."""
        return f"smtp://127.0.0.1:{self.port}"

    def __enter__(self) -> SmtpSink:
        self._controller.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._controller.stop()
        self._handler.close()


def main() -> None:
    """Run a sink until SIGTERM or SIGINT; the first line of output is its port."""
    parser = argparse.ArgumentParser(description="Take every mail and log it.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log", type=Path, required=True)
    options = parser.parse_args()
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with SmtpSink(options.log, keep=False, port=options.port) as sink:
        print(sink.port, flush=True)
        ended.wait()


if __name__ == "__main__":
    main()
