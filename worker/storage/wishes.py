"""What the reader of an address wishes of advertising: columns of the address, so that whoever reads it has them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, select, update

from worker.domain.wishes import NO_WISHES, Frequency, Wishes
from worker.storage.tables import address

COLUMNS = (address.c.topics_out, address.c.frequency, address.c.paused_until)
_OF = select(*COLUMNS).where(address.c.email == bindparam("email"))
_SAVE = (
    update(address)
    .where(address.c.email == bindparam("of"))
    .values(topics_out=bindparam("out"), frequency=bindparam("often"), paused_until=bindparam("until"))
)


def wished(topics_out: Sequence[str] | None, frequency: str | None, paused_until: datetime | None) -> Wishes:
    """Return the wishes that `COLUMNS` tell of."""
    if topics_out is None and frequency is None and paused_until is None:
        return NO_WISHES
    return Wishes(frozenset(topics_out or ()), Frequency(frequency or "everything"), paused_until)


def of(connection: Connection, email: str) -> Wishes:
    """Return what is wished of advertising to an address."""
    row = connection.execute(_OF, {"email": email}).first()
    return NO_WISHES if row is None else wished(*row)


def save(connection: Connection, email: str, wishes: Wishes) -> None:
    """Let these wishes hold for an address that this transaction holds."""
    values = {"out": sorted(wishes.topics_out) or None, "often": wishes.frequency.value, "until": wishes.paused_until}
    connection.execute(_SAVE, {"of": email, **values})
