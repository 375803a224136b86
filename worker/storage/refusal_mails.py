"""The mail that confirms a refusal: one for each, to the very address that refused, whichever way the refusal came."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select, update

from worker.domain.messages import REFUSAL_CONFIRMED, Kind
from worker.storage import ledger
from worker.storage.claims import PINNED
from worker.storage.ledger import NewMessage
from worker.storage.tables import address, message


def confirm(connection: Connection, email: str, customer_id: int, line: int, now: datetime) -> tuple[int, ...]:
    """Queue the mail in the transaction that wrote the refusal down; to an address mail comes back from goes none.

    Parameters:
        email: that refused, normalised; held by this transaction.
        line: number of the refusal's line in the consent ledger, which makes the mail one.

    Returns:
        The number of the mail where it is new.
    """
    suppressed = connection.execute(select(address.c.suppressed).where(address.c.email == email)).scalar()
    if suppressed is not None:
        return ()
    new = NewMessage(f"refusal:{line}", customer_id, Kind.TRANSACTIONAL, REFUSAL_CONFIRMED, now, values={PINNED: True})
    written = ledger.write(connection, [new], now)
    for number in written:
        connection.execute(update(message).where(message.c.id == number).values(email=email))
    return tuple(written)
