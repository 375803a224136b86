"""Who got a mail: the very address that it went to, the customer whose it is by now, and our events about them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from worker.storage import events
from worker.storage.events import OWN_SOURCE, NewEvent
from worker.storage.tables import customer, message

_INTO = customer.alias()
_FOUND = (
    select(
        message.c.id,
        func.coalesce(message.c.email, customer.c.email).label("email"),
        message.c.flow,
        message.c.step,
        message.c.template,
        message.c.created_at,
        message.c.language,
        customer.c.id.label("own_id"),
        customer.c.language.label("reads"),
        customer.c.email.label("own_email"),
        customer.c.external_id,
        _INTO.c.id.label("into_id"),
        _INTO.c.external_id.label("into_external_id"),
        _INTO.c.email.label("into_email"),
        _INTO.c.language.label("into_reads"),
    )
    .join(customer, customer.c.id == message.c.customer_id)
    .outerjoin(_INTO, _INTO.c.id == customer.c.merged_into)
)


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who got a mail.

    Parameters:
        message: our number of the mail.
        email: that it went to, or would have gone to.
        customer_id: whose it is: of a guest who was joined, the customer of the shop.
        whom: how our events name the customer; None for one who is known by nothing any more.
        written_at: when the mail was written.
        language: that the mail was written in, or that the customer reads.
        reads: the language of the customer's record.
    """

    message: int
    email: str
    customer_id: int
    whom: Mapping[str, str] | None
    written_at: datetime
    language: str | None
    reads: str | None
    flow: str | None
    step: str | None
    template: str


def recipient_of(connection: Connection, number: int) -> Recipient | None:
    """Return who got a mail; None where it is not there, or its customer was erased."""
    row = connection.execute(_FOUND.where(message.c.id == number)).first()
    if row is None or row.email is None:
        return None
    external_id, email = row.into_external_id or row.external_id, row.into_email or row.own_email
    # the shop's id is enough; with it, an address would be taken for the customer's newest one
    whom = {"id": external_id} if external_id is not None else {"email": email} if email is not None else None
    reads = row.into_reads or row.reads
    return Recipient(
        row.id,
        row.email,
        row.into_id or row.own_id,
        whom,
        row.created_at,
        row.language or reads,
        reads,
        row.flow,
        row.step,
        row.template,
    )


def report(
    connection: Connection, about: Recipient, kind: str, id_: str, data: Mapping[str, Any], at: datetime, now: datetime
) -> tuple[int, ...]:
    """Report in this transaction what a recipient said; returns the event's number where it is new.

    Parameters:
        id_: what makes it one.
        data: values that are None are left out.
    """
    if about.whom is None:
        return ()
    told = {"message": about.message, "flow": about.flow, "step": about.step, **data}
    payload = {"customer": dict(about.whom), "data": {key: one for key, one in told.items() if one is not None}}
    external_id, email = about.whom.get("id"), about.whom.get("email")
    new = NewEvent(
        source=OWN_SOURCE,
        external_id=id_,
        type=kind,
        occurred_at=at,
        received_at=now,
        content_hash=hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest(),
        customer_key=None if external_id is None else f"id:{external_id}",
        email_key=None if email is None else f"email:{email}",
        payload=payload,
    )
    return tuple(stored.id for stored in events.add(connection, [new]) if stored.id is not None)
