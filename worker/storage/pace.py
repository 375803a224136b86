"""When advertising mails were handed over to an address, and which are coming: what caps are counted by."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, literal_column, or_, select

from worker.domain.messages import MessageState
from worker.storage.ledger import stands
from worker.storage.rows import ADDRESS_LOCKS, lock_keys
from worker.storage.tables import customer, message

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

_WHOSE = select(customer.c.id, customer.c.email).where(customer.c.email.in_(bindparam("emails", expanding=True)))
_COMING = (  # by customers, who have few mails; not by what a flow has in the queue
    select(message.c.customer_id, message.c.id, message.c.flow, message.c.not_before)
    .where(
        message.c.customer_id.in_(bindparam("customers", expanding=True)),
        message.c.kind == literal_column("'marketing'"),
        stands(S.QUEUED, S.CLAIMED),
        message.c.not_before <= bindparam("until"),
        or_(message.c.expires_at.is_(None), message.c.expires_at >= bindparam("now")),
        message.c.flow.in_(bindparam("flows", expanding=True)),
    )
    .order_by(message.c.id)
)


@dataclass(frozen=True, slots=True)
class Coming:
    """An advertising mail that is queued, or in some sender's hand."""

    message: int
    flow: str
    not_before: datetime


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


def coming(
    connection: Connection, emails: Collection[str], flows: Collection[str], now: datetime, until: datetime
) -> dict[str, list[Coming]]:
    """Return the advertising mails of these flows that may go by then and are not handed over, by address."""
    found: dict[str, list[Coming]] = {}
    whose = {row.id: row.email for row in connection.execute(_WHOSE, {"emails": sorted(set(emails))})}
    if whose:
        asked = {"customers": sorted(whose), "flows": sorted(flows), "now": now, "until": until}
        for row in connection.execute(_COMING, asked):
            found.setdefault(whose[row.customer_id], []).append(Coming(row.id, row.flow, row.not_before))
    return found
