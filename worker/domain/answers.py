"""What an SMTP answer means: was the mail taken, may it be tried again, whose fault was it, and for whom it holds.

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


class Reach(StrEnum):
    """For which other mails a refusal holds as well."""

    MAIL = "mail"  # for none: it is about this mail or its recipient
    DOMAIN = "domain"  # for what goes to the same domain
    RELAY = "relay"  # for all that goes by the same relay


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an answer means.

    Parameters:
        suppress: whether the address is dead, so that nothing more may go to it.
        enhanced: the enhanced code (`5.1.1`), or None where the answer had none.
        certain: whether the reach is sure after one answer; else only several in a row tell.
    """

    taken: Taken
    blame: Blame
    suppress: bool = False
    enhanced: str | None = None
    reach: Reach = Reach.MAIL
    certain: bool = False


_LEADING = re.compile(r"\s*#?([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_ANYWHERE = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")

_NO_SUCH_MAILBOX = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.1.351"})
_OUR_SENDER = frozenset({"5.1.7", "5.1.8", "4.1.7", "4.1.8"})  # the envelope sender's address or domain
_FULL_OR_TOO_BIG = frozenset({"5.2.2", "5.3.4"})
_LOGIN = frozenset({530, 534, 535, 538})  # RFC 4954: the relay wants a log-in, another one, or TLS before it
# Gmail slows a sender down: unauthenticated, SPF, rate, no TLS, DKIM, DMARC. Other 4.7.x (greylisting) pass.
_OUR_RATE = frozenset({"4.7.26", "4.7.27", "4.7.28", "4.7.29", "4.7.30", "4.7.31", "4.7.32", "4.7.40"})
_SLOWED = re.compile(
    r"unsolicited|complaint|reputation|unusual (sending )?(rate|activity)|blocked|rate[ -]limit|throttl"
    r"|exceeded the (\w+ )?(rate|limit)|too many (messages|connections|recipients)"
    r"|reverse (hostname|dns)|\bptr\b|authenticat|\bspf\b|\bdkim\b|\bdmarc\b|server busy.*from \[",
    re.I,
)
_GREYLISTED = re.compile(r"gr[ea]y-?list|postgrey", re.I)

# 5.7.x that hold for all our mail to that domain: authentication (RFC 7372, RFC 8616), reverse DNS, floods; Gmail's
# 5.7.25 to 5.7.40, Microsoft's 5.7.5xx (authentication, DMARC), 5.7.6xx (banned address), 5.7.7xx (reputation).
_SURELY_US = re.compile(r"5\.7\.(3|8|9|11|2[0-9]|3[0-2]|40|5\d\d?|[67]\d\d)")
_SURELY_US_WORDS = re.compile(
    r"block ?list|black ?list|\bdnsbl|\brbl\b|spamhaus|barracuda|\bbanned\b|\bS3(140|150)\b"
    r"|client host .* (blocked|rejected)"
    r"|unauthenticated|authentication (is )?required|\bspf\b|\bdkim\b|\bdmarc\b|reverse (hostname|dns)|\bptr\b"
    r"|\bTSS\d|unusual (sending )?(rate|activity)|(permanently|temporarily) deferred",
    re.I,
)
_NO_RELAY = re.compile(r"relay(ing)? (access )?(is )?(denied|not (permitted|allowed))|not permitted to relay", re.I)
# Microsoft: this mailbox or group takes mail from some senders only.
_RESTRICTED = frozenset({"5.7.124", "5.7.129", "5.7.133", "5.7.134", "5.7.136", "5.7.193"})

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
_DEAD_MAILBOX = re.compile(r"\b(mailbox|account|user) (is |has been )?(disabled|deactivated|discontinued)", re.I)
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
        return Verdict(Taken.TEMPORARY, Blame.PASSING, reach=_reach_of_silence(stage), certain=stage is Stage.CONNECT)
    enhanced = _enhanced(code, text)
    if 200 <= code < 300:
        return Verdict(Taken.ACCEPTED, Blame.NOBODY, enhanced=enhanced)
    if code in _LOGIN:
        return Verdict(Taken.TEMPORARY, Blame.OURSELVES, enhanced=enhanced, reach=Reach.RELAY, certain=True)
    passing = code < 500 or (enhanced or "5").startswith("4")
    blame = _blame_for_delay(enhanced, text) if passing else _blame_for_refusal(enhanced, text)
    if stage in (Stage.CONNECT, Stage.MAIL) and blame is Blame.ADDRESS:
        blame = Blame.OURSELVES
    reach, certain = _reach(enhanced, text, stage, blame, passing=passing)
    systemic = certain and blame is Blame.OURSELVES
    if passing or systemic or blame is Blame.PASSING or stage is Stage.CONNECT:
        return Verdict(Taken.TEMPORARY, blame, enhanced=enhanced, reach=reach, certain=certain)
    suppress = blame is Blame.ADDRESS
    return Verdict(Taken.REFUSED, blame, suppress=suppress, enhanced=enhanced, reach=reach, certain=certain)


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


def _reach_of_silence(stage: Stage | None) -> Reach:
    """Say what a connection that broke, or never came about, says of others; after the dot it says nothing."""
    return Reach.MAIL if stage in (None, Stage.DOT) else Reach.RELAY


def _reach(enhanced: str | None, text: str, stage: Stage | None, blame: Blame, *, passing: bool) -> tuple[Reach, bool]:
    """Say for which other mails an answer holds, and whether that is sure."""
    ours = blame is Blame.OURSELVES
    if stage is Stage.CONNECT:
        return Reach.RELAY, True
    if stage is Stage.MAIL:
        return Reach.RELAY, ours
    if ours and _NO_RELAY.search(text):
        return Reach.RELAY, True
    if ours:
        if enhanced in _RESTRICTED:
            return Reach.MAIL, False
        surely = passing or enhanced in _OUR_SENDER or bool(_SURELY_US.fullmatch(enhanced or ""))
        return Reach.DOMAIN, surely or bool(_SURELY_US_WORDS.search(text))
    if passing and blame is Blame.PASSING and not _of_a_mailbox(enhanced, text):
        return Reach.DOMAIN, False
    return Reach.MAIL, False


def _of_a_mailbox(enhanced: str | None, text: str) -> bool:
    """Say whether a delay is about a recipient (4.1.x, 4.2.x), one sender and recipient (greylisting) or one size."""
    if enhanced is not None and (enhanced[1:4] in (".1.", ".2.") or enhanced.endswith(".3.4")):
        return True
    return bool(_GREYLISTED.search(text) or _FULL.search(text))


def _blame_for_delay(enhanced: str | None, text: str) -> Blame:
    """Say whose fault a 4xx is."""
    if enhanced in _OUR_RATE or enhanced in _OUR_SENDER:
        return Blame.OURSELVES
    if _GREYLISTED.search(text) or not (enhanced is None or enhanced[1:4] in (".7.", ".3.")):
        return Blame.PASSING
    return Blame.OURSELVES if _SLOWED.search(text) else Blame.PASSING


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
    if (enhanced is not None and enhanced.startswith("5.7.")) or enhanced in _OUR_SENDER:
        return Blame.OURSELVES
    if enhanced == "5.4.6" and _SLOWED.search(text):  # Zoho's; elsewhere a loop
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
    return Blame.ADDRESS if _UNKNOWN_MAILBOX.search(text) or _DEAD_MAILBOX.search(text) else Blame.UNCLEAR
