"""What follows from an answer, or from a sender's death: where the message goes, and whether its address is closed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from worker.delivery.transport import Answer, Outcome
from worker.domain.answers import Blame, Reach, Stage, class_answer, retry_after
from worker.domain.breakers import NOT_TAKEN
from worker.domain.light import light
from worker.domain.messages import MessageState
from worker.domain.policy import SkipReason
from worker.storage.claims import SUSPECT_FROM
from worker.storage.ledger import Settlement

# A relay that is down or refuses us says nothing about the message. It is asked again after as long as the message
# has been waiting already, so later and later, and within these bounds.
_RELAY_AGAIN = timedelta(seconds=30)
_RELAY_AGAIN_AT_MOST = timedelta(minutes=5)


class Tried(Protocol):
    """A message that was tried."""

    @property
    def id(self) -> int:
        """Our own number of it."""

    @property
    def attempts(self) -> int:
        """Tries so far, this one counted."""

    @property
    def created_at(self) -> datetime:
        """When it was written."""

    @property
    def expires_at(self) -> datetime | None:
        """When it is too late to be sent, or None."""


@light
@dataclass(frozen=True, slots=True)
class Aftermath:
    """What to write after an answer.

    Parameters:
        suppress: the reason to suppress the address for, or None.
        again: whether the message may be taken again at once, so that somebody should be told.
    """

    settlement: Settlement
    suppress: str | None = None
    again: bool = False


def after_answer(message: Tried, answer: Answer, limit: int, now: datetime) -> Aftermath:
    """Return what follows from an answer.

    Parameters:
        limit: tries after which the message has failed.
    """
    code, text = answer.code, answer.text
    if answer.outcome is Outcome.ACCEPTED:
        return Aftermath(Settlement(message.id, MessageState.SENT, now, None, code, text))
    if answer.outcome is Outcome.UNKNOWN:
        return Aftermath(Settlement(message.id, MessageState.UNKNOWN, now, "no answer known", code, text))
    verdict = class_answer(code, text, answer.stage)
    if answer.outcome is Outcome.REFUSED:
        reason = f"refused: {verdict.enhanced or code}"
        suppress = f"hard bounce: {verdict.enhanced or code}" if verdict.suppress else None
        return Aftermath(Settlement(message.id, MessageState.FAILED, now, reason, code, text), suppress)
    # A 5xx for our own fault may yet be this mail's alone, so it counts as a try; what holds for all mails does not.
    lasting = code is not None and code >= 500 and verdict.reach is not Reach.RELAY
    forgive = answer.stage is Stage.CONNECT or (verdict.blame is Blame.OURSELVES and not lasting)
    if message.attempts >= limit and not forgive:
        return Aftermath(Settlement(message.id, MessageState.FAILED, now, "tried too often", code, text))
    again = now + (_relay_again(now - message.created_at) if forgive else retry_after(message.attempts))
    of_relay = answer.stage is Stage.CONNECT or (verdict.reach is Reach.RELAY and verdict.certain)
    reason = NOT_TAKEN if of_relay else "to be tried again"
    if message.expires_at is not None and again > message.expires_at:
        return Aftermath(Settlement(message.id, MessageState.SKIPPED, now, SkipReason.EXPIRED.value, code, text))
    return Aftermath(Settlement(message.id, MessageState.QUEUED, now, reason, code, text, again, forgive=forgive))


def put_back(message: int, reason: str, now: datetime, *, crashed: bool = False, crashes: int = 0) -> Aftermath:
    """Let a message that surely was not handed over be taken again; the try does not count.

    At once, unless it is a suspect: then later and later. What ends one sender after the other may be no message's
    fault, such as a release that went wrong, and is mended in a while; until then nobody should be set aside for it.

    Parameters:
        crashed: whether its sender may have died of it.
        crashes: how often that was so before.
    """
    suspected = crashes + 1 - SUSPECT_FROM if crashed else -1
    later = now + retry_after(suspected + 1) if suspected >= 0 else None
    back = Settlement(message, MessageState.QUEUED, now, reason, not_before=later, forgive=True, crashed=crashed)
    return Aftermath(back, again=later is None)


def lost(message: int, now: datetime) -> Aftermath:
    """Call a message unknown that its sender was handing over when it died."""
    return Aftermath(Settlement(message, MessageState.UNKNOWN, now, "no answer known: its sender died"))


def _relay_again(waiting: timedelta) -> timedelta:
    return min(max(waiting, _RELAY_AGAIN), _RELAY_AGAIN_AT_MOST)
