"""What follows from an answer: where the message goes in the ledger, and whether its address is suppressed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from worker.delivery.transport import Answer, Outcome
from worker.domain.answers import Blame, Stage, class_answer, retry_after
from worker.domain.messages import MessageState
from worker.storage.ledger import Settlement

# A relay that is down or refuses us says nothing about the message: it is asked again this soon, and at most this late.
_RELAY_AGAIN = timedelta(seconds=30)
_RELAY_AGAIN_AT_MOST = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What to write after an answer.

    Parameters:
        suppress: the reason to suppress the address for, or None.
    """

    settlement: Settlement
    suppress: str | None = None


def aftermath(answer: Answer, *, attempts: int, limit: int, expires_at: datetime | None, now: datetime) -> Aftermath:
    """Return what follows from an answer.

    Parameters:
        attempts: tries so far, this one counted; `limit`: tries after which the message has failed.
        expires_at: when the message is too late to be sent, or None.
    """
    number, code, text = answer.message, answer.code, answer.text
    if answer.outcome is Outcome.ACCEPTED:
        return Aftermath(Settlement(number, MessageState.SENT, now, None, code, text))
    if answer.outcome is Outcome.UNKNOWN:
        return Aftermath(Settlement(number, MessageState.UNKNOWN, now, "no answer known", code, text))
    verdict = class_answer(code, text, answer.stage)
    if answer.outcome is Outcome.REFUSED:
        reason = f"refused: {verdict.enhanced or code}"
        suppress = f"hard bounce: {verdict.enhanced or code}" if verdict.suppress else None
        return Aftermath(Settlement(number, MessageState.FAILED, now, reason, code, text), suppress)
    forgive = answer.stage is Stage.CONNECT or verdict.blame is Blame.OURSELVES
    if attempts >= limit and not forgive:
        return Aftermath(Settlement(number, MessageState.FAILED, now, "tried too often", code, text))
    pause = min(_RELAY_AGAIN * attempts, _RELAY_AGAIN_AT_MOST) if forgive else retry_after(attempts)
    if expires_at is not None and now + pause > expires_at:
        return Aftermath(Settlement(number, MessageState.FAILED, now, "expired between tries", code, text))
    return Aftermath(
        Settlement(number, MessageState.QUEUED, now, "to be tried again", code, text, now + pause, forgive)
    )
