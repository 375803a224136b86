"""Consent: what an address said to each purpose, and the ledger of every word that counted, appended and never altered.

The database itself refuses to alter or delete a line (`migrations/versions/0018_consent.py`); erasing a person puts a
keyed hash in the address's place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from worker.domain.consents import PENDING, Line, Standing, Word, consent_change, waits
from worker.domain.customers import ConsentState, Purpose
from worker.storage import membership
from worker.storage.rows import Insertion
from worker.storage.tables import address
from worker.storage.tables import consent_change as ledger

_KNOWN = select(address).where(address.c.email == bindparam("email"))
_HELD = _KNOWN.with_for_update()
_ADD = Insertion(address, lambda new: new.on_conflict_do_nothing())
_APPEND = Insertion(ledger, lambda new: new.returning(ledger.c.id))
_OF_ADDRESS = select(ledger).where(ledger.c.email == bindparam("email")).order_by(ledger.c.id)
_LATEST = (
    select(ledger)
    .where(ledger.c.email == bindparam("email"), ledger.c.purpose == bindparam("purpose"))
    .order_by(ledger.c.id.desc())
    .limit(1)
)


class Kept(StrEnum):
    """What a word came to."""

    CHANGED = "changed"  # something else holds now
    RENEWED = "renewed"  # the same, said later
    PENDING = "pending"  # a yes that waits for its confirmation
    NOTHING = "nothing"  # another word stands against it, or it was known


@dataclass(frozen=True, slots=True)
class Told:
    """How a word was said.

    Parameters:
        source: where: `checkout`, `unsubscribe: page` …
        wording: the text that was agreed to or refused.
        proof: what shows that it was said: our numbers of the event or the message.
        event_id: the event that told it.
        quiet: whether it is history, which starts no flow.
    """

    source: str
    wording: str | None = None
    proof: Mapping[str, Any] | None = None
    event_id: int | None = None
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """One line of the ledger: who is not in it, for it is asked by address."""

    id: int
    purpose: str
    line: Line
    told: Told


def _renewal(purpose: Purpose) -> Insertion:
    told = (purpose.value, f"{purpose.value}_at", f"{purpose.value}_anew")
    return Insertion(
        address,
        lambda new: new.on_conflict_do_update(
            index_elements=[address.c.email], set_={name: new.excluded[name] for name in told}
        ),
    )


_RENEW = {purpose: _renewal(purpose) for purpose in Purpose}


def known(connection: Connection, email: str, purpose: Purpose) -> Standing:
    """Return what is known of an address's consent."""
    return _standings(connection.execute(_KNOWN, {"email": email}).first())[purpose]


def hold(connection: Connection, email: str) -> dict[Purpose, Standing]:
    """Return what is known of an address's consent, and keep others from changing it; an address unheard of too."""
    row = connection.execute(_HELD, {"email": email}).first()
    if row is None:
        # somebody else may be about to write the address's first word: this waits for them
        connection.execute(_ADD.on(connection), {"email": email})
        row = connection.execute(_HELD, {"email": email}).first()
    return _standings(row)


def say(
    connection: Connection,
    email: str,
    purpose: Purpose,
    said: Word,
    told: Told,
    holds: Standing,
    *,
    confirmed: bool = True,
) -> tuple[Kept, int | None]:
    """Take a word about consent: the one way in which any comes into the ledger.

    Parameters:
        email: normalised; held by this transaction.
        holds: what is known of it, as `hold` returned it.
        confirmed: whether a yes counts at once; with double opt-in only that of the address's own reader does.

    Returns:
        What it came to, and the number of its line; none where it came to nothing.
    """
    if not confirmed and waits(holds, said):
        if not said.anew and is_pending(connection, email, purpose):
            return Kept.NOTHING, None  # the shop's record says it once more
        return Kept.PENDING, append(connection, email, purpose.value, Line(PENDING, said.at, said.anew), told)
    new = consent_change(holds, said)
    if new is None:
        return Kept.NOTHING, None
    renewed = new.renews(holds)
    if not renewed:
        membership.mark_of_address(connection, email, quiet=told.quiet)
    return (Kept.RENEWED if renewed else Kept.CHANGED), _write(connection, email, purpose, new, said.at, told)


def _write(connection: Connection, email: str, purpose: Purpose, standing: Standing, at: datetime, told: Told) -> int:
    now_holds = {
        purpose.value: standing.state.value,
        f"{purpose.value}_at": standing.since,
        f"{purpose.value}_anew": standing.anew,
    }
    connection.execute(_RENEW[purpose].on(connection), {"email": email, **now_holds})
    return append(connection, email, purpose.value, Line(standing.state.value, at, standing.anew), told)


def append(connection: Connection, email: str, purpose: str, line: Line, told: Told) -> int:
    """Append a line to the ledger, and do nothing else; returns its number.

    Parameters:
        purpose: `marketing`, `tracking`, or a topic of marketing, `topic:offers`.
    """
    return int(
        connection.execute(
            _APPEND.on(connection),
            {
                "email": email,
                "purpose": purpose,
                "state": line.state,
                "at": line.at,
                "anew": line.anew,
                "source": told.source,
                "wording": told.wording,
                "proof": None if told.proof is None else dict(told.proof),
                "event_id": told.event_id,
            },
        ).scalar_one()
    )


def latest(connection: Connection, email: str, purpose: Purpose) -> LedgerLine | None:
    """Return the last line about an address and a purpose."""
    row = connection.execute(_LATEST, {"email": email, "purpose": purpose.value}).first()
    return None if row is None else _line(row)


def lines(connection: Connection, email: str) -> Sequence[LedgerLine]:
    """Return the ledger of an address, in the order in which it was written."""
    return [_line(row) for row in connection.execute(_OF_ADDRESS, {"email": email})]


def is_pending(connection: Connection, email: str, purpose: Purpose) -> bool:
    """Say whether the last that is known of an address is a yes that waits for its confirmation."""
    last = latest(connection, email, purpose)
    return last is not None and last.line.state == PENDING


def _line(row: Row[Any]) -> LedgerLine:
    told = Told(row.source, row.wording, row.proof, row.event_id)
    return LedgerLine(row.id, row.purpose, Line(row.state, row.at, row.anew), told)


def _standings(row: Row[Any] | None) -> dict[Purpose, Standing]:
    if row is None:
        return {purpose: Standing() for purpose in Purpose}
    told = row._mapping
    return {
        one: Standing(ConsentState(told[one.value]), told[f"{one.value}_at"], told[f"{one.value}_anew"])
        for one in Purpose
    }
