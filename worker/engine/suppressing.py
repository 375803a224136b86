"""The step `suppress`: no more marketing to the customer's address, until they subscribe, click or buy."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from worker.domain.consents import SUBSCRIBES_ANEW, lifts
from worker.domain.customers import Customer
from worker.domain.facts import Facts
from worker.domain.journeys import Journey, TraceEntry, TraceKind
from worker.domain.messages import Kind
from worker.domain.steps import Suppress
from worker.storage import ledger, suppression, traces
from worker.storage.ledger import NewMessage
from worker.storage.pending import PendingEvent

_DID = {"subscribed": "subscribed anew", "purchase": "bought"}


def suppress(connection: Connection, journey: Journey, facts: Facts, step: Suppress, now: datetime) -> None:
    """Suppress the customer's address; without one there is nothing to suppress, and the trace says so."""
    email = facts.customer.email
    if email is None:
        entry = TraceEntry(TraceKind.SUPPRESSED, step.name, {"reason": "the customer has no e-mail address"})
        traces.append(connection, journey.id, [entry], now)
        return
    suppression.suppress_marketing(connection, email, step.reason, journey.id, now)


def write_mails(
    connection: Connection, wanted: Sequence[tuple[NewMessage, Facts]], journey: Journey, now: datetime
) -> tuple[int, ...]:
    """Queue the mails of a journey, but for marketing after its own `suppress`: that is skipped at once.

    What was written before it goes: the rules that ask at the moment of sending know the journey, and not when.

    Returns:
        Our numbers of those that may go.
    """
    going = [new for new, facts in wanted if not _stopped(new, facts, journey)]
    left = [new for new, facts in wanted if _stopped(new, facts, journey)]
    if left:
        suppression.skip(connection, ledger.write(connection, left, now), now)
    return tuple(ledger.write_at_end(connection, going, now))


def lift_by_event(connection: Connection, customer: Customer, event: PendingEvent, now: datetime) -> bool:
    """Lift a flow's suppression of the customer's address where the event says that they are back.

    Who subscribes gives the address anew: one that mail came back from gets another chance.
    """
    stop = customer.consent.marketing_suppressed
    at = min(event.at, event.received_at)
    anew = customer.email is not None and event.type in SUBSCRIBES_ANEW and customer.consent.suppressed is not None
    lifted = anew and not event.history and suppression.lift_given_anew(connection, customer.email or "", at)
    if stop is None or not lifts(stop, at, event.type):
        return lifted
    return suppression.lift_marketing(connection, customer.id, f"the customer {_DID[event.type]}", at, now) or lifted


def _stopped(new: NewMessage, facts: Facts, journey: Journey) -> bool:
    stop = facts.customer.consent.marketing_suppressed
    mine = stop is not None and stop.journey == journey.id
    return mine and new.kind is Kind.MARKETING and new.customer_id is not None
