"""One mail that went out, looked up by its number for who holds a link of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, func, select

from worker.domain.messages import MessageState
from worker.storage.claims import COLUMNS, Claimed, claimed_of
from worker.storage.ledger import stands
from worker.storage.tables import message

S = MessageState

# what its receiver may have: a link may be used between the server's answer and our writing it down
_HANDED_OVER = (S.TRANSMITTING, S.SENT, S.UNKNOWN, S.BOUNCED, S.COMPLAINED)


@dataclass(frozen=True, slots=True)
class SentMail:
    """A mail as it was handed over.

    Parameters:
        at: when it was made, by the shop's clock.
        language: that it was written in; None for one of before that was kept.
    """

    message: Claimed
    at: datetime
    language: str | None


_WENT_AT = func.coalesce(message.c.transmitting_at, message.c.sent_at, message.c.created_at)
_SENT = (
    select(*COLUMNS, message.c.language, _WENT_AT)
    .where(message.c.id == bindparam("number"), stands(*_HANDED_OVER))
    .where(message.c.customer_id.is_not(None))
)


def sent_mail(connection: Connection, number: int) -> SentMail | None:
    """Return a mail to a customer; None where there is none, or it was never handed over."""
    row = connection.execute(_SENT, {"number": number}).first()
    if row is None:
        return None
    *claimed, language, at = row
    return SentMail(claimed_of(claimed), at, language)
