"""Consent: what an address said to each purpose, and every change of it, appended and never altered."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from worker.domain.customers import ConsentState, Purpose
from worker.storage.rows import insert
from worker.storage.tables import address, consent_change


def known(connection: Connection, email: str, purpose: Purpose) -> tuple[ConsentState, datetime | None]:
    """Return what is known of an address's consent and since when; keeps others from changing it meanwhile."""
    state, since = address.c[purpose.value], address.c[f"{purpose.value}_at"]
    row = connection.execute(
        select(state.label("state"), since.label("since")).where(address.c.email == email).with_for_update()
    ).first()
    return (ConsentState(row.state), row.since) if row else (ConsentState.UNKNOWN, None)


def change(
    connection: Connection,
    email: str,
    purpose: Purpose,
    state: ConsentState,
    *,
    at: datetime,
    source: str,
    wording: str | None = None,
    proof: Mapping[str, Any] | None = None,
    event_id: int | None = None,
) -> int:
    """Write a change of consent down and let it hold; returns the number of the change.

    Parameters:
        email: normalised.
        at: when it was said.
        source: where it was said: `checkout`, `unsubscribe page` …
        wording: the text that was agreed to or refused.
        proof: what shows that it was said.
        event_id: the event that told it.
    """
    statement = insert(connection, address)
    now_holds = {purpose.value: state.value, f"{purpose.value}_at": at}
    connection.execute(
        statement.on_conflict_do_update(index_elements=[address.c.email], set_=now_holds),
        {"email": email, **now_holds},
    )
    return int(
        connection.execute(
            insert(connection, consent_change).returning(consent_change.c.id),
            {
                "email": email,
                "purpose": purpose.value,
                "state": state.value,
                "at": at,
                "source": source,
                "wording": wording,
                "proof": None if proof is None else dict(proof),
                "event_id": event_id,
            },
        ).scalar_one()
    )


def hold(connection: Connection, email: str) -> None:
    """Make sure that the address has a row, so that `known` can keep others from changing it."""
    connection.execute(insert(connection, address).on_conflict_do_nothing(), {"email": email})
