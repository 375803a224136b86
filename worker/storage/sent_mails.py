"""One mail that went out, looked up by its number for who holds a link of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, func, select

from worker.domain.messages import MessageState
from worker.storage.claims import Claimed, claimed_of
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


_SENT = (
    select(message, func.coalesce(message.c.transmitting_at, message.c.sent_at, message.c.created_at).label("at"))
    .where(message.c.id == bindparam("number"), stands(*_HANDED_OVER))
    .where(message.c.customer_id.is_not(None))
)


def sent_mail(connection: Connection, number: int) -> SentMail | None:
    """Return a mail to a customer; None where there is none, or it was never handed over."""
    row = connection.execute(_SENT, {"number": number}).first()
    return None if row is None else SentMail(claimed_of(row), row.at, row.language)
