"""What an SMTP sink says in one conversation, its faults among it; written for speed, not for the whole of RFC 5321."""

from __future__ import annotations

import asyncio
import json
import os
import re
import time
from dataclasses import dataclass, field
from email.header import decode_header, make_header
from enum import StrEnum
from pathlib import Path

_END = b"\r\n.\r\n"
_ADDRESS = re.compile(rb"<([^>]*)>")
_MESSAGE_ID = re.compile(rb"^Message-ID:\s*<([^>]*)>", re.I | re.M)
_SUBJECT = re.compile(rb"^Subject:[ \t]*((?:[^\r\n]|\r\n[ \t])*)", re.I | re.M)
_OFFERS = (b"PIPELINING", b"8BITMIME", b"SMTPUTF8")
_ANSWERS = {
    b"MAIL": b"250 2.1.0 sender ok\r\n",
    b"RCPT": b"250 2.1.5 recipient ok\r\n",
    b"RSET": b"250 2.0.0 forgotten\r\n",
    b"NOOP": b"250 2.0.0 ok\r\n",
    b"HELO": b"250 sink\r\n",
    b"EHLO": b"250-sink\r\n" + b"".join(b"250-%s\r\n" % one for one in _OFFERS[:-1]) + b"250 %s\r\n" % _OFFERS[-1],
}
_TAKEN = b"250 2.0.0 taken\r\n"
_UNAVAILABLE = b"421 4.3.2 not now\r\n"


class Fault(StrEnum):
    """What a server does wrong while it is switched on."""

    BUSY = "busy"  # 421 at connect, and at the next MAIL of who is connected already
    DATA_LATER = "data-later"  # 451 to the command DATA
    LATER = "later"  # 451 to the final dot
    HANG = "hang"  # takes a connection and never says a word
    MUTE = "mute"  # takes a content and never answers to its final dot
    DROP_BEFORE = "drop-before"  # does not take the mail, and closes in place of a 250
    DROP_TAKEN = "drop-taken"  # takes the mail, and closes in place of a 250
    DROP_AFTER = "drop-after"  # takes the mail, says 250, and closes
    HALF_CLOSE = "half-close"  # ends its own half at the final dot and goes on to read
    REFUSE = "refuse"  # does not listen


class What(StrEnum):
    """What a line of the log tells of a mail whose content came."""

    ACCEPTED = "accepted"  # it is the server's now; written before its 250 was
    UNANSWERED = "unanswered"  # no 250 followed, by a fault; was it accepted, a line of its own says so
    REFUSED = "refused"  # it was told to come again
    CUT_OFF = "cut off"  # the connection ended in the midst of a transaction, before the final dot


@dataclass
class Counts:
    """What came so far: connections, those open now, transactions open now, and mails by what became of them."""

    connections: int = 0
    open: int = 0
    in_transaction: int = 0
    mails: dict[str, int] = field(default_factory=lambda: dict.fromkeys(What, 0))


class Ledger:
    """The sink's log, and which fault is switched on; shared by all conversations of one process.

    Parameters:
        log: one JSON line for each mail is appended to it, by a write of its own and before the answer goes out.
        letters: folder for the whole content of every so manieth accepted mail, or None.
        latency: seconds from a mail's acceptance to its 250, as a server has that writes mails to a disk.
    """

    def __init__(self, log: Path, letters: Path | None = None, every: int = 1, latency: float = 0.0) -> None:
        self.latency = latency
        self.counts = Counts()
        self.fault: Fault | None = None
        self.times: int | None = None  # how often it still strikes; None: until it is switched off
        self.struck = 0
        self.closing: set[Conversation] = set()
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._letters = letters
        self._every = every

    def strikes(self, *faults: Fault) -> Fault | None:
        """Return the fault, if one of these is switched on, and count it."""
        fault = self.fault
        if fault is None or fault not in faults:
            return None
        self.struck += 1
        if self.times is not None:
            self.times -= 1
            if self.times <= 0:
                self.fault = None
        return fault

    def write(self, what: What, recipient: bytes, content: bytes = b"", fault: Fault | None = None) -> None:
        """Append a line, and keep the mail if it is its turn."""
        header = content.partition(b"\r\n\r\n")[0]
        found, subject = _MESSAGE_ID.search(header), _SUBJECT.search(header)
        row = {
            "time": time.time(),
            "what": what.value,
            "message_id": found[1].decode() if found else "",
            "recipient": recipient.decode("utf-8", "replace"),
            "subject": readable(subject[1]) if subject else "",
            "size": len(content),
            "fault": fault.value if fault else None,
        }
        os.write(self._log, json.dumps(row).encode() + b"\n")
        self.counts.mails[what.value] += 1
        if what is What.ACCEPTED and self._letters is not None and not self.counts.mails[what.value] % self._every:
            path = self._letters / f"{self.counts.mails[what.value]:08d}.eml"
            path.with_suffix(".new").write_bytes(content)
            path.with_suffix(".new").rename(path)

    def close(self) -> None:
        """Close the log."""
        os.close(self._log)


class Conversation(asyncio.Protocol):
    """One connection."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._searched = 0
        self._in_content = False
        self._in_transaction = False
        self._silent = False  # says nothing any more, whatever comes
        self._later: asyncio.TimerHandle | None = None  # the 250 that is to come; what came behind its mail waits
        self._recipient = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet, or do otherwise."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        counts = self._ledger.counts
        counts.connections += 1
        counts.open += 1
        self._ledger.closing.add(self)
        match self._ledger.strikes(Fault.BUSY, Fault.HANG):
            case Fault.BUSY:
                self._say(_UNAVAILABLE)
                self.end()
            case Fault.HANG:
                self._silent = True
            case _:
                self._say(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        """Answer all that is whole in what came."""
        if self._silent:
            return
        self._buffer += data
        self._go_on()

    def eof_received(self) -> bool:
        """Close when the other side has ended its half."""
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """Note a transaction that was cut off."""
        if self._later is not None:
            self._later.cancel()
        if self._in_content and not self._silent:
            self._ledger.write(What.CUT_OFF, self._recipient, bytes(self._buffer))
        self._enter(False)
        self._ledger.counts.open -= 1
        self._ledger.closing.discard(self)

    def end(self) -> None:
        """Close once all that was said has gone."""
        self._silent = True
        if self._transport is not None:
            self._transport.close()

    def _go_on(self) -> None:
        while not self._silent and self._later is None and (self._content() if self._in_content else self._command()):
            continue

    def _command(self) -> bool:
        end = self._buffer.find(b"\r\n")
        if end < 0:
            return False
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        verb = line[:4].upper()
        if verb == b"MAIL":
            if self._ledger.strikes(Fault.BUSY):
                self._say(_UNAVAILABLE)
                self.end()
                return False
            self._enter(True)
        elif verb == b"RCPT" and (address := _ADDRESS.search(line)):
            self._recipient = address[1]
        elif verb == b"DATA":
            if self._ledger.strikes(Fault.DATA_LATER):
                self._say(b"451 4.3.0 the content later, please\r\n")
                return True
            self._in_content, self._searched = True, 0
            self._say(b"354 go on\r\n")
            return True
        elif verb == b"RSET":
            self._enter(False)
        elif verb == b"QUIT":
            self._say(b"221 2.0.0 bye\r\n")
            self.end()
            return False
        self._say(_ANSWERS.get(verb, b"502 5.5.1 not known here\r\n"))
        return True

    def _content(self) -> bool:
        end = self._buffer.find(_END, self._searched)
        if end < 0:
            self._searched = max(0, len(self._buffer) - len(_END))
            return False
        content = bytes(self._buffer[: end + 2])
        del self._buffer[: end + len(_END)]
        self._in_content = False
        self._enter(False)
        self._judge(content)
        return True

    def _judge(self, content: bytes) -> None:
        """Take the mail whose final dot came, or do otherwise."""
        ledger, recipient = self._ledger, self._recipient
        fault = ledger.strikes(
            Fault.LATER, Fault.MUTE, Fault.DROP_BEFORE, Fault.DROP_TAKEN, Fault.DROP_AFTER, Fault.HALF_CLOSE
        )
        if fault is Fault.LATER:
            ledger.write(What.REFUSED, recipient, content, fault)
            self._say(b"451 4.3.0 later, please\r\n")
            return
        if fault in (None, Fault.DROP_TAKEN, Fault.DROP_AFTER):
            ledger.write(What.ACCEPTED, recipient, content, fault)
        if fault in (Fault.MUTE, Fault.DROP_BEFORE, Fault.DROP_TAKEN, Fault.HALF_CLOSE):
            ledger.write(What.UNANSWERED, recipient, content, fault)
            self._silent = True
        elif ledger.latency and fault is None:
            self._later = asyncio.get_running_loop().call_later(ledger.latency, self._taken)
        else:
            self._say(_TAKEN)
        if fault in (Fault.DROP_BEFORE, Fault.DROP_TAKEN, Fault.DROP_AFTER):
            self.end()
        elif fault is Fault.HALF_CLOSE and self._transport is not None:
            self._transport.write_eof()

    def _taken(self) -> None:
        self._later = None
        self._say(_TAKEN)
        self._go_on()

    def _enter(self, transaction: bool) -> None:
        self._ledger.counts.in_transaction += int(transaction) - int(self._in_transaction)
        self._in_transaction = transaction

    def _say(self, words: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(words)


def readable(raw: bytes) -> str:
    """Return a header's value as a person reads it."""
    unfolded = b" ".join(raw.split()).decode("ascii", "replace")
    return str(make_header(decode_header(unfolded))) if "=?" in unfolded else unfolded
