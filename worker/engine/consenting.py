"""What an event says about consent, taken into the ledger; with double opt-in a yes only asks for a confirmation.

A refusal of advertising is confirmed by mail where the shop's rules ask for it, whether the shop reports it or staff
took it (`worker.storage.refusal_mails`). An ordinary event that carries a no of an address to which no advertising may
go, and which was not asked to confirm a yes, ends nothing: the box of a form was left unticked.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from worker.domain.consents import Standing, Word, word
from worker.domain.customers import ConsentState, Purpose
from worker.domain.setting_law import Policy
from worker.storage import consent, customers, refusal_mails
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
        mails: numbers of the mails that confirm a refusal.
    """

    note: str | None = None
    asked: int | None = None
    mails: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ConsentRules:
    """What the shop's rules have follow from a word.

    Parameters:
        double_opt_in: whether a yes waits until the address's own reader confirms it.
        refusals_confirmed: whether one mail confirms a refusal.
        opt_out: whether advertising goes to whoever did not say no.
    """

    double_opt_in: bool = False
    refusals_confirmed: bool = False
    opt_out: bool = False

    @classmethod
    def of(cls, policy: Policy) -> ConsentRules:
        """Return the rules of the settings."""
        return cls(policy.double_opt_in, policy.refusal_confirmed, policy.opt_out)


def take_consent(
    connection: Connection, event: PendingEvent, customer_id: int, rules: ConsentRules, now: datetime
) -> Taken:
    """Take the event's words about consent.

    With double opt-in a yes to marketing counts at once only where the shop tells of the past, says that it was
    confirmed, or where the event is our own report of a confirmation. A yes to tracking waits only beside one to
    marketing that waits, so that one page asks for both: without it nobody would ever be asked.
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
    confirmed = not rules.double_opt_in or event.history or bool(said.get("confirmed")) or event.source == OWN_SOURCE
    source = said.get("source") or f"{event.source}:{event.type}"
    told = Told(source, said.get("wording"), {"event": event.id}, event.id, event.history)
    ignored, asked, mails = [], None, tuple[int, ...]()
    holding = consent.hold(connection, email)
    for purpose, yes in words:
        holds, heard = holding[purpose], word(yes, at, event.received_at, event.type)
        refuses = (
            rules.refusals_confirmed
            and not event.history
            and purpose is Purpose.MARKETING
            and not yes
            and _is_refusal(connection, event, email, holds, rules)
        )
        counts = confirmed or (purpose is Purpose.TRACKING and not _waits_too(connection, email, heard))
        kept, line = consent.say(connection, email, purpose, heard, told, holds, confirmed=counts)
        if refuses and kept is Kept.CHANGED and line is not None:
            mails = refusal_mails.confirm(connection, email, customer_id, line, now)
        elif kept is Kept.PENDING and purpose is Purpose.MARKETING:
            asked = line
        elif (
            kept is Kept.NOTHING
            and yes != (holds.state is ConsentState.SUBSCRIBED)
            and not consent.is_pending(connection, email, purpose)
        ):
            ignored.append(purpose.value)
    note = f"consent to {', '.join(ignored)} unchanged: another word stands against it" if ignored else None
    return Taken(note, asked, mails)


def _is_refusal(connection: Connection, event: PendingEvent, email: str, holds: Standing, rules: ConsentRules) -> bool:
    """Say whether a no ends something: in an ordinary event it does where advertising may go, or a yes waits."""
    if event.type in _WORDS or rules.opt_out or holds.state is ConsentState.SUBSCRIBED:
        return True
    return consent.is_pending(connection, email, Purpose.MARKETING)


def _waits_too(connection: Connection, email: str, said: Word) -> bool:
    """Say whether a yes to tracking waits: beside one to marketing that does, or as the one that the reader left open.

    Only what a record says again stays open then; a yes said anew counts.
    """
    if consent.is_pending(connection, email, Purpose.MARKETING):
        return True
    return not said.anew and consent.is_pending(connection, email, Purpose.TRACKING)
