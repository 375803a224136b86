"""What an event says about consent, taken into the ledger; with double opt-in a yes only asks for a confirmation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from worker.domain.consents import word
from worker.domain.customers import ConsentState, Purpose
from worker.storage import consent, customers
from worker.storage.consent import Kept, Told
from worker.storage.events import OWN_SOURCE
from worker.storage.pending import PendingEvent

# House events that are themselves a word about consent to marketing.
_WORDS = {"subscribed": True, "unsubscribed": False}


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of an event's words about consent.

    Parameters:
        note: why one of them changed nothing, for the event's row.
        asked: number of the ledger's line of a yes to marketing that waits for its confirmation.
    """

    note: str | None = None
    asked: int | None = None


def take_consent(connection: Connection, event: PendingEvent, customer_id: int, *, double_opt_in: bool) -> Taken:
    """Take the event's words about consent.

    With double opt-in a yes counts at once only where the shop tells of the past, says that it was confirmed, or
    where the event is our own report of a confirmation.
    """
    said: dict[str, Any] = dict(event.customer.get("consent") or {})
    if event.type in _WORDS:
        said["marketing"] = _WORDS[event.type]
    words = [(purpose, bool(said[purpose.value])) for purpose in Purpose if said.get(purpose.value) is not None]
    if not words:
        return Taken()
    email = event.customer.get("email") or customers.by_id(connection, [customer_id])[customer_id].email
    if email is None:
        return Taken("consent not kept: the customer has no e-mail address, and consent belongs to one")
    at = datetime.fromisoformat(said["at"]) if said.get("at") else event.at
    confirmed = not double_opt_in or event.history or bool(said.get("confirmed")) or event.source == OWN_SOURCE
    source = said.get("source") or f"{event.source}:{event.type}"
    told = Told(source, said.get("wording"), {"event": event.id}, event.id, event.history)
    ignored, asked = [], None
    holding = consent.hold(connection, email)
    for purpose, yes in words:
        holds, heard = holding[purpose], word(yes, at, event.received_at, event.type)
        kept, line = consent.say(connection, email, purpose, heard, told, holds, confirmed=confirmed)
        if kept is Kept.PENDING and purpose is Purpose.MARKETING:
            asked = line
        elif (
            kept is Kept.NOTHING
            and yes != (holds.state is ConsentState.SUBSCRIBED)
            and not consent.is_pending(connection, email, purpose)
        ):
            ignored.append(purpose.value)
    note = f"consent to {', '.join(ignored)} unchanged: another word stands against it" if ignored else None
    return Taken(note, asked)
