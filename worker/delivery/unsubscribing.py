"""Unsubscribing: who got a mail says no to more, at once, once, and with proof (RFC 8058).

The refusal belongs to the address that the mail went to. It is written down, holds from the next sending on, and is
reported as an event, so that flows may end.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select

from worker.domain.consents import Word, consent_change
from worker.domain.customers import Purpose
from worker.domain.work import Work
from worker.storage import consent, events
from worker.storage.database import Database
from worker.storage.events import OWN_SOURCE, NewEvent
from worker.storage.tables import customer, message


@dataclass(frozen=True, slots=True)
class Refusal:
    """What was said, and how.

    Parameters:
        message: number of the mail whose link was used.
        at: when, by the shop's clock.
        way: `one-click` (the mail program's button) or `page` (ours).
        wording: the text that was agreed to by pressing the button, where it was ours.
    """

    message: int
    at: datetime
    way: str
    wording: str | None = None


def unsubscribe(database: Database, refusal: Refusal, now: datetime) -> Work:
    """Write a refusal down in one transaction; said twice, or read back twice, it is one.

    A refusal older than a yes said anew changes nothing; so does one for a mail whose customer has been erased, for
    there is no address left to write to.

    Returns:
        The `unsubscribed` event, to be processed.

    Raises:
        UnavailableError: the database cannot be reached; nothing was written.
    """
    with database.writing() as connection:
        found = _addressed(connection, refusal.message)
        if found is None or found.email is None:
            return Work()
        known = consent.hold(connection, found.email)[Purpose.MARKETING]
        at = min(refusal.at, now)
        new = consent_change(known, Word(False, at))
        if new is None:
            return Work()
        if new.renews(known):
            consent.renew(connection, found.email, Purpose.MARKETING, new)
            return Work()
        change = consent.change(
            connection,
            found.email,
            Purpose.MARKETING,
            new,
            source=f"unsubscribe: {refusal.way}",
            wording=refusal.wording,
            proof={"message": refusal.message},
        )
        event = _event(found, refusal, change, at, now)
        stored = events.add(connection, [event]) if event is not None else []
        return Work(events=tuple(one.id for one in stored if one.id is not None))


def language_of(database: Database, number: int) -> str | None:
    """Return the language that a mail was written in, or its customer reads, where it is known.

    Raises:
        UnavailableError: the database cannot be reached.
    """
    asked = select(message.c.language, customer.c.language.label("reads")).join(customer)
    with database.reading() as connection:
        row = connection.execute(asked.where(message.c.id == number)).first()
    return None if row is None else row.language or row.reads


def _addressed(connection: Connection, number: int) -> Row[*tuple[Any, ...]] | None:
    """Return the mail's address and flow, and whom it was for."""
    into = customer.alias()
    return connection.execute(
        select(
            func.coalesce(message.c.email, customer.c.email).label("email"),
            message.c.flow,
            message.c.step,
            customer.c.email.label("own_email"),
            customer.c.external_id,
            into.c.external_id.label("into_external_id"),
            into.c.email.label("into_email"),
        )
        .join(customer, customer.c.id == message.c.customer_id)
        .outerjoin(into, into.c.id == customer.c.merged_into)
        .where(message.c.id == number)
    ).first()


def _event(found: Row[*tuple[Any, ...]], refusal: Refusal, change: int, at: datetime, now: datetime) -> NewEvent | None:
    """Return the event that tells of it; the change's number makes it one."""
    external_id = found.into_external_id or found.external_id
    email = found.into_email or found.own_email
    if external_id is None and email is None:
        return None
    # the shop's id is enough; with it, an address would be taken for the customer's newest one
    whom = {"id": external_id} if external_id is not None else {"email": email}
    data = {"message": refusal.message, "flow": found.flow, "step": found.step, "way": refusal.way}
    payload = {"customer": whom, "data": {key: value for key, value in data.items() if value is not None}}
    return NewEvent(
        source=OWN_SOURCE,
        external_id=f"unsubscribed:{change}",
        type="unsubscribed",
        occurred_at=at,
        received_at=now,
        content_hash=hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest(),
        customer_key=None if external_id is None else f"id:{external_id}",
        email_key=None if external_id is not None else f"email:{email}",
        payload=payload,
    )
