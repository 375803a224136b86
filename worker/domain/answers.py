"""What an SMTP answer means: was the mail taken, may it be tried again, and whose fault was it.

Codes: RFC 5321 section 4.2 (replies), RFC 3463 and its IANA registry (enhanced codes). Where a large receiver
uses a code in a way of its own, the receiver stands beside it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Stage(StrEnum):
    """Which part of the conversation an answer belongs to."""

    CONNECT = "connect"  # connection, greeting, TLS, log-in: before any mail
    MAIL = "mail"  # the envelope sender
    RCPT = "rcpt"  # the envelope recipient
    DATA = "data"  # the request to send the content, and the content up to its last line
    DOT = "dot"  # after the final dot


class Taken(StrEnum):
    """Whether the mail was taken."""

    ACCEPTED = "accepted"
    TEMPORARY = "temporary"  # not now: try again later
    REFUSED = "refused"  # not ever


class Blame(StrEnum):
    """Whose fault it is that a mail was not taken."""

    NOBODY = "nobody"  # it was taken
    ADDRESS = "address"  # there is no such mailbox, or no longer
    OURSELVES = "ourselves"  # our reputation, rate, authentication or log-in: holds for other mails as well
    PASSING = "passing"  # a full mailbox, a busy server: time may mend it
    UNCLEAR = "unclear"  # refused for a reason that the answer does not tell


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an answer means.

    Parameters:
        suppress: whether the address is dead, so that nothing more may go to it.
        enhanced: the enhanced code (`5.1.1`), or None where the answer had none.
    """

    taken: Taken
    blame: Blame
    suppress: bool = False
    enhanced: str | None = None


_LEADING = re.compile(r"\s*#?([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_ANYWHERE = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")

_NO_SUCH_MAILBOX = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.1.351"})
_FULL_OR_TOO_BIG = frozenset({"5.2.2", "5.3.4"})
_LOGIN = frozenset({530, 534, 535, 538})  # RFC 4954: the relay wants a log-in, another one, or TLS before it
# Gmail slows a sender down: unauthenticated, SPF, rate, no TLS, DKIM, DMARC. Other 4.7.x (greylisting) pass.
_OUR_RATE = frozenset({"4.7.26", "4.7.27", "4.7.28", "4.7.29", "4.7.30", "4.7.31", "4.7.32"})
_SLOWED = re.compile(r"unsolicited|complaint|reputation|unusual rate|blocked", re.I)

_FULL = re.compile(r"quota|mailbox (is )?full|insufficient (disk )?(space|storage)|exceeded storage", re.I)
_TOO_FAST = re.compile(r"too (quickly|fast|many)|\brate\b|prevents additional messages", re.I)
_DISABLED = re.compile(r"disabled|deactivated|inactive|not active|suspended|closed|discontinued|terminated", re.I)
_MICROSOFT_UNKNOWN = re.compile(r"recipient address rejected|access denied", re.I)
_UNKNOWN_MAILBOX = re.compile(
    r"(user|recipient|mailbox|account|address)( \S+)? (is )?(unknown|not found|does(n't| not) exist|not exist)"
    r"|(unknown|no such|invalid|non-?existent) (local )?(user|recipient|mailbox|account|address|person)"
    r"|user doesn't have an? (\S+ )?account",  # Yahoo
    re.I,
)
_ABOUT_US = re.compile(
    r"\bspam|blocked|black ?list|blocklist|block list|\bdnsbl|\brbl\b|reputation|policy|authenticat|\bspf\b|dkim"
    r"|dmarc|relay(ing)? (access )?(denied|not)|not permitted to relay|\bsender\b|reverse dns|\bptr\b",
    re.I,
)


def class_answer(code: int | None, text: str, stage: Stage | None = None) -> Verdict:
    """Say what an answer means.

    An address is suppressed only by an answer that surely speaks of it: a doubtful one never costs a customer
    their mail. What either the reply code or the enhanced code calls temporary is tried again.

    Parameters:
        code: reply code, or None where no server answered (no connection): that passes.
        text: the server's words, lines joined, which may begin with an enhanced code.
        stage: what was answered; an answer to anything but recipient and content never blames the address.
    """
    if code is None:
        return Verdict(Taken.TEMPORARY, Blame.PASSING)
    enhanced = _enhanced(code, text)
    if 200 <= code < 300:
        return Verdict(Taken.ACCEPTED, Blame.NOBODY, enhanced=enhanced)
    if code in _LOGIN:
        return Verdict(Taken.TEMPORARY, Blame.OURSELVES, enhanced=enhanced)
    if code < 500 or (enhanced or "5").startswith("4"):
        slowed = enhanced in _OUR_RATE or (enhanced is not None and enhanced[1:4] == ".7." and _SLOWED.search(text))
        return Verdict(Taken.TEMPORARY, Blame.OURSELVES if slowed else Blame.PASSING, enhanced=enhanced)
    blame = _blame_for_refusal(enhanced, text)
    if blame is Blame.ADDRESS and stage in (Stage.CONNECT, Stage.MAIL):
        blame = Blame.OURSELVES
    if blame is Blame.PASSING or stage is Stage.CONNECT:
        return Verdict(Taken.TEMPORARY, blame, enhanced=enhanced)
    return Verdict(Taken.REFUSED, blame, suppress=blame is Blame.ADDRESS, enhanced=enhanced)


def retry_after(attempt: int) -> timedelta:
    """Return how long to wait after the given number of failed attempts (1 after the first).

    Raises:
        ValueError: no attempt was made.
    """
    if attempt < 1:
        raise ValueError(f"attempts count from 1, not {attempt}")
    return _RETRIES[min(attempt, len(_RETRIES)) - 1]


_RETRIES = tuple(timedelta(minutes=minutes) for minutes in (5, 15, 30, 60, 120, 240))


def _enhanced(code: int, text: str) -> str | None:
    """Find the enhanced code: first in the text, or further in if it is of the reply code's own class."""
    if leading := _LEADING.match(text):
        return leading.group(1)
    for found in _ANYWHERE.finditer(text):
        if found.group(1)[0] == str(code)[0]:
            return found.group(1)
    return None


def _blame_for_refusal(enhanced: str | None, text: str) -> Blame:
    """Say whose fault a 5xx is."""
    if enhanced in _NO_SUCH_MAILBOX:
        return Blame.ADDRESS
    if enhanced == "5.4.1" and _MICROSOFT_UNKNOWN.search(text):  # elsewhere it means "no answer from host"
        return Blame.ADDRESS
    if enhanced in _FULL_OR_TOO_BIG:
        return Blame.PASSING
    if enhanced == "5.2.1":
        return _blame_for_closed_mailbox(text)
    if enhanced is not None and enhanced.startswith("5.7."):
        return Blame.OURSELVES
    if enhanced is None or enhanced in ("5.0.0", "5.1.0", "5.5.0"):  # codes that say nothing: read the words
        return _blame_by_words(text)
    return Blame.UNCLEAR


def _blame_for_closed_mailbox(text: str) -> Blame:
    """Tell a dead mailbox from one that takes too much mail just now; Gmail uses 5.2.1 for both."""
    if _TOO_FAST.search(text):
        return Blame.PASSING
    return Blame.ADDRESS if _DISABLED.search(text) else Blame.UNCLEAR


def _blame_by_words(text: str) -> Blame:
    """Read an answer without a telling code; words about us come first, since they quote addresses too."""
    if _ABOUT_US.search(text):
        return Blame.OURSELVES
    if _FULL.search(text):
        return Blame.PASSING
    return Blame.ADDRESS if _UNKNOWN_MAILBOX.search(text) else Blame.UNCLEAR
