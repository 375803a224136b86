"""A mail as it goes over the wire: envelope lines and content (RFC 5321, RFC 1870, RFC 6531)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from worker.delivery.transport import Answer, Outcome, Outgoing
from worker.domain.answers import Stage

_HEAD_BEYOND = 128 * 1024  # bytes; a shorter content goes out in one piece with its final dot
_UNFIT = re.compile(r"[\x00-\x20\x7f<>]")
_BREAK = re.compile(rb"\r\n|\r|\n")
_NO_BREAK = bytes(set(range(256)) - set(b"\r\n"))
_DOT_LINE = re.compile(rb"\r\n\.")  # searched for more quickly than `in` finds it

FINAL_DOT = b".\r\n"


@dataclass(frozen=True, slots=True)
class Envelope:
    """The command lines that open a transaction."""

    mail: bytes
    rcpt: bytes
    data: bytes = b"DATA\r\n"

    @property
    def group(self) -> bytes:
        """All three lines, for pipelining."""
        return self.mail + self.rcpt + self.data


def envelope(mail: Outgoing, *, smtputf8: bool, size: bool) -> Envelope | Answer:
    """Return the mail's envelope, or a refusal where its addresses cannot be written on this connection.

    Parameters:
        smtputf8: whether the server takes addresses beyond ASCII (RFC 6531).
        size: whether the server wants to know the size beforehand (RFC 1870).
    """
    for address, stage, code in ((mail.sender, Stage.MAIL, "5.1.7"), (mail.recipient, Stage.RCPT, "5.1.3")):
        if _UNFIT.search(address) or not (address or stage is Stage.MAIL):  # an empty sender is the null path
            return _refusal(mail, stage, f"{code} not sent: the address is empty or holds a space, '<', '>' or control")
    wide = not (mail.sender.isascii() and mail.recipient.isascii())
    if wide and not smtputf8:
        stage = Stage.RCPT if mail.sender.isascii() else Stage.MAIL
        return _refusal(mail, stage, "5.6.7 not sent: the address is not ASCII, and the server does not offer SMTPUTF8")
    told = f" SIZE={len(mail.content)}" if size else ""
    told += " SMTPUTF8" if wide else ""
    return Envelope(f"MAIL FROM:<{mail.sender}>{told}\r\n".encode(), f"RCPT TO:<{mail.recipient}>\r\n".encode())


def _refusal(mail: Outgoing, stage: Stage, text: str) -> Answer:
    """Refuse with the code that a server would have given (RFC 5321: 553, mailbox name not allowed)."""
    return Answer(mail.message, Outcome.REFUSED, 553, text, stage, ours=True)


def on_the_wire(content: bytes) -> bytes:
    """Return the content as DATA sends it, without the final dot: every line ends with CRLF, leading dots doubled.

    A lone CR or LF would let a mail end where one server sees the final dot and another does not; each becomes
    CRLF first.
    """
    if len(content.translate(None, delete=_NO_BREAK)) != 2 * content.count(b"\r\n"):  # a CR or LF without the other
        content = _BREAK.sub(b"\r\n", content)
    if _DOT_LINE.search(content):
        content = content.replace(b"\r\n.", b"\r\n..")
    if content.startswith(b"."):
        content = b"." + content
    return content if content.endswith(b"\r\n") else content + b"\r\n"


def before_and_with_dot(wired: bytes) -> tuple[bytes, bytes]:
    """Split the content: what may be sent beforehand (empty for most mails), and what goes with the final dot.

    The second part begins with a line and holds at least the last one.
    """
    if len(wired) <= _HEAD_BEYOND:
        return b"", wired
    cut = wired.rfind(b"\r\n", 0, len(wired) - 2) + 2 if wired.count(b"\r\n") > 1 else 0
    return wired[:cut], wired[cut:]
