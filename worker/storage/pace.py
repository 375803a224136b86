"""When advertising mails were handed over to an address: what caps are counted by."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import Connection, bindparam, literal_column, select

from worker.domain.messages import MessageState
from worker.storage.ledger import stands
from worker.storage.rows import ADDRESS_LOCKS, lock_keys
from worker.storage.tables import message

S = MessageState

_WENT = (
    select(message.c.email, message.c.transmitting_at)
    .where(
        message.c.email.in_(bindparam("emails", expanding=True)),
        message.c.transmitting_at > bindparam("since"),
        message.c.kind == literal_column("'marketing'"),
        message.c.transmitting_at.is_not(None),
        stands(S.TRANSMITTING, S.SENT, S.UNKNOWN, S.BOUNCED, S.COMPLAINED),
    )
    .order_by(message.c.transmitting_at)
)


def hold(connection: Connection, emails: Iterable[str]) -> None:
    """Keep other senders from marking mails to these addresses until the end of the transaction.

    Two that count at the same moment would each find room for the same last mail.
    """
    lock_keys(connection, ADDRESS_LOCKS, sorted(set(emails)))


def handed_over(connection: Connection, emails: Collection[str], since: datetime) -> dict[str, list[datetime]]:
    """Return when advertising mails were handed over since then, by address, the oldest first."""
    found: dict[str, list[datetime]] = {}
    if emails:
        for row in connection.execute(_WENT, {"emails": sorted(set(emails)), "since": since}):
            found.setdefault(row.email, []).append(row.transmitting_at)
    return found
