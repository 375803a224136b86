"""What a report of a returned mail means, and what follows from it.

The enhanced codes are those of RFC 3463 and its IANA registry. SMTP answers of our own sending are classed by
`worker.domain.answers`; a report quotes such an answer, or only words about it, in many a language.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from worker.domain.answers import Blame, class_answer
from worker.domain.bounce_words import BounceReason, reason_of_words


class BounceClass(StrEnum):
    """What a report is."""

    HARD = "hard"  # there is no such mailbox, or no longer: nothing more goes there
    SOFT = "soft"  # returned for a reason that time may mend, or for one that nobody told
    POLICY = "policy"  # returned for what we are or send: our own fault, the address stays
    COMPLAINT = "complaint"  # its receiver called it spam
    DELAYED = "delayed"  # no final word: the server goes on trying
    DELIVERED = "delivered"  # a report of success
    AUTO_REPLY = "auto-reply"  # somebody is out of the office: the mail arrived
    CHALLENGE = "challenge"  # a filter wants a person to confirm that they wrote
    OTHER = "other"  # a provider's event about something else
    UNREADABLE = "unreadable"


RETURNED = frozenset({BounceClass.HARD, BounceClass.SOFT, BounceClass.POLICY})


CLASS_OF: dict[BounceReason, BounceClass] = {
    BounceReason.NO_MAILBOX: BounceClass.HARD,
    BounceReason.NO_DOMAIN: BounceClass.HARD,
    BounceReason.CLOSED: BounceClass.HARD,
    BounceReason.FULL: BounceClass.SOFT,
    BounceReason.TOO_LARGE: BounceClass.SOFT,
    BounceReason.BUSY: BounceClass.SOFT,
    BounceReason.TOO_LONG: BounceClass.SOFT,
    BounceReason.LOOP: BounceClass.SOFT,
    BounceReason.SPAM: BounceClass.POLICY,
    BounceReason.BLOCKED: BounceClass.POLICY,
    BounceReason.AUTHENTICATION: BounceClass.POLICY,
    BounceReason.POLICY: BounceClass.POLICY,
    BounceReason.COMPLAINED: BounceClass.COMPLAINT,
    BounceReason.UNCLEAR: BounceClass.SOFT,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """What a report says of one recipient.

    Parameters:
        recipient: the address, normalised, where the report names one.
        status: the enhanced code, `5.1.1`.
        diagnostic: the server's words, or the report's.
    """

    kind: BounceClass
    reason: BounceReason = BounceReason.UNCLEAR
    recipient: str | None = None
    status: str | None = None
    diagnostic: str = ""


_CODE = re.compile(r"(?<![\d.])([45]\d\d)(?=[ :-] ?[#<A-Za-z45\[{(])")
_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")

# By enhanced code, where it says more than the words: its subject and detail, whatever its class.
_BY_STATUS: dict[str, BounceReason] = {
    "1.1": BounceReason.NO_MAILBOX,
    "1.2": BounceReason.NO_DOMAIN,
    "1.3": BounceReason.NO_MAILBOX,
    "1.6": BounceReason.NO_MAILBOX,
    "1.10": BounceReason.NO_MAILBOX,
    "1.351": BounceReason.NO_MAILBOX,  # Microsoft
    "2.2": BounceReason.FULL,
    "2.3": BounceReason.TOO_LARGE,
    "3.1": BounceReason.BUSY,
    "3.2": BounceReason.BUSY,
    "3.4": BounceReason.TOO_LARGE,
    "4.1": BounceReason.BUSY,
    "4.2": BounceReason.BUSY,
    "4.3": BounceReason.BUSY,
    "4.5": BounceReason.BUSY,
    "4.6": BounceReason.LOOP,
    "4.7": BounceReason.TOO_LONG,
    "4.9": BounceReason.BUSY,
}

_OF_BLAME = {Blame.ADDRESS: BounceClass.HARD, Blame.OURSELVES: BounceClass.POLICY, Blame.PASSING: BounceClass.SOFT}
_REASON_OF_CLASS = {
    BounceClass.HARD: BounceReason.NO_MAILBOX,
    BounceClass.POLICY: BounceReason.POLICY,
    BounceClass.SOFT: BounceReason.BUSY,
}


def status_in(text: str, classes: str = "45") -> str | None:
    """Return the first enhanced code that stands in a text, of a failure unless other classes are asked for."""
    return next((found for found in _STATUS.findall(text) if found[0] in classes), None)


def class_failure(status: str | None, diagnostic: str) -> tuple[BounceClass, BounceReason]:
    """Say what a failure means that a report calls final.

    An answer that the report quotes is classed like one to our own sending; what that leaves open the enhanced code
    tells, then the words. An address is called dead only by what surely speaks of it, and by nothing that calls
    itself temporary.

    Parameters:
        status: the report's enhanced code, where it has one.
        diagnostic: the server's answer or the report's words.
    """
    text = diagnostic.strip()
    code = _CODE.search(text)
    told = status_in(text) or status if status is None or status.endswith(".0.0") else status
    says = told is not None and not told.endswith(".0.0")
    number = int(code[1]) if code else 450 if told is not None and told[0] == "4" else 550
    blame = Blame.UNCLEAR
    if code or says:
        blame = class_answer(number, text if told is None or told in text else f"{told} {text}").blame
    words = reason_of_words(text)
    by_status = _BY_STATUS.get(told[2:]) if told is not None else None
    if number < 500 or (told is not None and told[0] == "4"):
        kind = BounceClass.POLICY if blame is Blame.OURSELVES else BounceClass.SOFT
    else:
        kind = _OF_BLAME.get(blame) or CLASS_OF[by_status or words]
    return kind, _fitting(kind, words, by_status)


def reason_of_delay(status: str | None, text: str) -> BounceReason:
    """Return why a mail is on its way still, by the words, else by the enhanced code."""
    told = reason_of_words(text)
    if told is BounceReason.TOO_LONG:  # "for two hours now": it goes on
        return BounceReason.BUSY
    return _BY_STATUS.get((status or "")[2:], told) if told is BounceReason.UNCLEAR else told


def _fitting(kind: BounceClass, words: BounceReason, by_status: BounceReason | None) -> BounceReason:
    """Return the reason that goes with a class: the words' where it is of the class, else the code's."""
    for reason in (words, by_status):
        if reason is not None and reason is not BounceReason.UNCLEAR and CLASS_OF[reason] is kind:
            return reason
    if kind is BounceClass.SOFT:
        return BounceReason.UNCLEAR if words is BounceReason.UNCLEAR and by_status is None else BounceReason.BUSY
    return _REASON_OF_CLASS[kind]


# From the mildest: of several recipients that a mail was led on to, one that was reached is enough.
_MILDEST = (
    BounceClass.DELIVERED,
    BounceClass.DELAYED,
    BounceClass.AUTO_REPLY,
    BounceClass.CHALLENGE,
    BounceClass.OTHER,
    BounceClass.SOFT,
    BounceClass.POLICY,
    BounceClass.HARD,
    BounceClass.COMPLAINT,
    BounceClass.UNREADABLE,
)


def of_one_mail(findings: Iterable[Finding], email: str | None) -> Finding:
    """Return what a report says of a mail that had one recipient: what it says of that address, else the mildest.

    An address may lead on to several: it is dead only if all of them are.

    Raises:
        ValueError: there is no finding.
    """
    several = list(findings)
    own = [one for one in several if email is not None and one.recipient == email]
    return min(own or several, key=lambda one: _MILDEST.index(one.kind))


def soft_too_often(count: int, first: datetime | None, now: datetime, limit: int, days: int) -> bool:
    """Say whether an address came back so often, and for so long, that nothing more should go there.

    Parameters:
        count: soft bounces since its receiver was last seen to open or click.
        first: when the first of them was.
        limit: how many it takes.
        days: days that must lie between the first and now.
    """
    return first is not None and count >= limit and now - first >= timedelta(days=days)
