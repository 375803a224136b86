"""A mail as it goes over the wire: envelope lines and content (RFC 5321, 1870, 3030, 6152, 6531)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from worker.delivery.transport import Answer, Outcome, Outgoing
from worker.domain.answers import Stage
from worker.domain.light import light

_HEAD_BEYOND = 128 * 1024  # bytes; a shorter content goes out in one piece with its final dot
_UNFIT = re.compile(r"[\x00-\x20\x7f<>]")
_BREAK = re.compile(rb"\r\n|\r|\n")
_NO_BREAK = bytes(set(range(256)) - set(b"\r\n"))
_DOT_LINE = re.compile(rb"\r\n\.")  # searched for more quickly than `in` finds it

FINAL_DOT = b".\r\n"


@light
@dataclass(frozen=True, slots=True)
class Envelope:
    """The command lines that open a transaction; `data` is empty where the content goes by BDAT."""

    mail: bytes
    rcpt: bytes
    data: bytes = b"DATA\r\n"

    @property
    def group(self) -> bytes:
        """All lines, for pipelining."""
        return self.mail + self.rcpt + self.data


@dataclass(frozen=True, slots=True)
class Offers:
    """What a server said that it can do.

    Parameters:
        pipelining: take commands before the answers to those before (RFC 2920).
        smtputf8: take addresses beyond ASCII (RFC 6531).
        size: know the size beforehand (RFC 1870).
        eight_bit: take a content with letters beyond ASCII (8BITMIME, RFC 6152).
        chunking: take a content by its length (CHUNKING, RFC 3030).
    """

    pipelining: bool = False
    smtputf8: bool = False
    size: bool = False
    eight_bit: bool = False
    chunking: bool = False


def envelope(mail: Outgoing, offers: Offers) -> Envelope | Answer:
    """Return the mail's envelope, or a refusal where its addresses or content cannot be written on this connection."""
    for address, stage, code in ((mail.sender, Stage.MAIL, "5.1.7"), (mail.recipient, Stage.RCPT, "5.1.3")):
        if _UNFIT.search(address) or not (address or stage is Stage.MAIL):  # an empty sender is the null path
            return _refusal(mail, stage, f"{code} not sent: the address is empty or holds a space, '<', '>' or control")
    wide = not (mail.sender.isascii() and mail.recipient.isascii())
    if wide and not offers.smtputf8:
        stage = Stage.RCPT if mail.sender.isascii() else Stage.MAIL
        return _refusal(mail, stage, "5.6.7 not sent: the address is not ASCII, and the server does not offer SMTPUTF8")
    eight_bit = not mail.content.isascii()
    if eight_bit and not offers.eight_bit:
        fault = "5.6.3 not sent: the content has letters beyond ASCII as they are, and the server offers no 8BITMIME"
        return _refusal(mail, Stage.DATA, fault, 554)
    told = f" SIZE={len(mail.content)}" if offers.size else ""
    told += " BODY=8BITMIME" if eight_bit else ""
    told += " SMTPUTF8" if wide else ""
    return Envelope(
        f"MAIL FROM:<{mail.sender}>{told}\r\n".encode(),
        f"RCPT TO:<{mail.recipient}>\r\n".encode(),
        b"" if offers.chunking else b"DATA\r\n",
    )


def _refusal(mail: Outgoing, stage: Stage, text: str, code: int = 553) -> Answer:
    """Refuse with the code that a server would have given (RFC 5321: 553, mailbox name not allowed)."""
    return Answer(mail.message, Outcome.REFUSED, code, text, stage, ours=True)


def on_the_wire(content: bytes) -> bytes:
    """Return the content as DATA sends it, without the final dot: every line ends with CRLF, leading dots doubled.

    A lone CR or LF would let a mail end where one server sees the final dot and another does not; each becomes
    CRLF first.
    """
    content = in_lines(content)
    if _DOT_LINE.search(content):
        content = content.replace(b"\r\n.", b"\r\n..")
    return b"." + content if content.startswith(b".") else content


def in_lines(content: bytes) -> bytes:
    """Return the content with CRLF at the end of each line, the last one too; so it goes by BDAT."""
    if len(content.translate(None, delete=_NO_BREAK)) != 2 * content.count(b"\r\n"):  # a CR or LF without the other
        content = _BREAK.sub(b"\r\n", content)
    return content if content.endswith(b"\r\n") else content + b"\r\n"


def before_and_with_end(content: bytes) -> tuple[bytes, bytes]:
    """Split what goes by BDAT: its command and what may be sent beforehand, and the part with the last octet."""
    command = b"BDAT %d LAST\r\n" % len(content)
    if len(content) <= _HEAD_BEYOND:
        return b"", command + content
    return command + content[:-_HEAD_BEYOND], content[-_HEAD_BEYOND:]


def before_and_with_dot(wired: bytes) -> tuple[bytes, bytes]:
    """Split the content: what may be sent beforehand (empty for most mails), and what goes with the final dot.

    The second part begins with a line and holds at least the last one.
    """
    if len(wired) <= _HEAD_BEYOND:
        return b"", wired
    cut = wired.rfind(b"\r\n", 0, len(wired) - 2) + 2 if wired.count(b"\r\n") > 1 else 0
    return wired[:cut], wired[cut:]
