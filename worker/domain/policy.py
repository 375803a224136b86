"""May this message go now: yes, not now, or no with the reason. Asked at the moment of sending."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from worker.domain.customers import ConsentState, Customer
from worker.domain.messages import Kind


class SkipReason(StrEnum):
    """Why a message was not sent; kept in the ledger and counted."""

    ERASED = "erased"  # the customer was erased
    NO_ADDRESS = "no address"  # the customer has no e-mail address
    NO_CONSENT = "no consent"  # marketing, and the address never said yes
    UNSUBSCRIBED = "unsubscribed"  # marketing, and the address said no
    SUPPRESSED = "suppressed"  # mail to this address came back, or was called spam
    EXPIRED = "expired"  # later than the step's `expires`
    EXIT = "exit"  # an exit of its journey holds


@dataclass(frozen=True, slots=True)
class Pending:
    """What the rules look at.

    Parameters:
        withdrawn: whether an exit event ended the journey that wrote the message, or came after its end.
        exit_rule: text of an exit condition that holds now, or None.
    """

    kind: Kind
    customer: Customer
    expires_at: datetime | None = None
    withdrawn: bool = False
    exit_rule: str | None = None


def skip(pending: Pending, now: datetime) -> SkipReason | None:
    """Return why the message must not be sent, or None: it may go.

    A suppressed address gets no transactional mail either: the mail server has said that there is nobody there.
    """
    customer, consent = pending.customer, pending.customer.consent
    if customer.erased:
        return SkipReason.ERASED
    if customer.email is None:
        return SkipReason.NO_ADDRESS
    if pending.expires_at is not None and now > pending.expires_at:
        return SkipReason.EXPIRED
    if pending.withdrawn or pending.exit_rule is not None:
        return SkipReason.EXIT
    if consent.suppressed is not None:
        return SkipReason.SUPPRESSED
    if pending.kind is Kind.MARKETING:
        if consent.marketing is ConsentState.UNSUBSCRIBED:
            return SkipReason.UNSUBSCRIBED
        if consent.marketing is ConsentState.UNKNOWN:
            return SkipReason.NO_CONSENT
    return None
