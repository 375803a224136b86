"""Consent: what an address said to each purpose, and every change of it, appended and never altered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from worker.domain.consents import Standing
from worker.domain.customers import ConsentState, Purpose
from worker.storage import membership
from worker.storage.rows import Insertion
from worker.storage.tables import address, consent_change

_KNOWN = select(address).where(address.c.email == bindparam("email"))
_HELD = _KNOWN.with_for_update()
_ADD = Insertion(address, lambda new: new.on_conflict_do_nothing())
_CHANGE = Insertion(consent_change, lambda new: new.returning(consent_change.c.id))


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


def renew(connection: Connection, email: str, purpose: Purpose, standing: Standing) -> None:
    """Note that what is known was said again, later: what an older word would change, it changes no more."""
    now_holds = {
        purpose.value: standing.state.value,
        f"{purpose.value}_at": standing.since,
        f"{purpose.value}_anew": standing.anew,
    }
    connection.execute(_RENEW[purpose].on(connection), {"email": email, **now_holds})


def change(
    connection: Connection,
    email: str,
    purpose: Purpose,
    standing: Standing,
    *,
    source: str,
    wording: str | None = None,
    proof: Mapping[str, Any] | None = None,
    event_id: int | None = None,
    quiet: bool = False,
) -> int:
    """Write a change of consent down and let it hold; returns the number of the change.

    Parameters:
        email: normalised.
        source: where it was said: `checkout`, `unsubscribe page` …
        wording: the text that was agreed to or refused.
        proof: what shows that it was said.
        event_id: the event that told it.
        quiet: whether it is history, which starts no flow.
    """
    renew(connection, email, purpose, standing)
    membership.mark_of_address(connection, email, quiet=quiet)
    return int(
        connection.execute(
            _CHANGE.on(connection),
            {
                "email": email,
                "purpose": purpose.value,
                "state": standing.state.value,
                "at": standing.since,
                "source": source,
                "wording": wording,
                "proof": None if proof is None else dict(proof),
                "event_id": event_id,
            },
        ).scalar_one()
    )


def _standings(row: Row[Any] | None) -> dict[Purpose, Standing]:
    if row is None:
        return {purpose: Standing() for purpose in Purpose}
    told = row._mapping
    return {
        one: Standing(ConsentState(told[one.value]), told[f"{one.value}_at"], told[f"{one.value}_anew"])
        for one in Purpose
    }
