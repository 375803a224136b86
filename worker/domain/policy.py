"""May this message go now: yes, not now, or no with the reason. Asked at the moment of sending."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from worker.domain.customers import Consent, ConsentState, Customer
from worker.domain.light import light
from worker.domain.messages import Kind
from worker.domain.tasks import Task


class SkipReason(StrEnum):
    """Why a message was not sent; kept in the ledger and counted."""

    ERASED = "erased"  # the customer was erased
    NO_ADDRESS = "no address"  # the customer has no e-mail address
    NO_CONSENT = "no consent"  # marketing, and the address never said yes
    UNSUBSCRIBED = "unsubscribed"  # marketing, and the address said no
    SUPPRESSED = "suppressed"  # mail to this address came back, or was called spam; marketing: or a flow stopped it
    EXPIRED = "expired"  # later than the step's `expires`
    CAP = "cap"  # marketing, and the address has had as many as it gets in that time
    EXIT = "exit"  # an exit of its journey holds
    TOPIC = "topic"  # marketing, and its receiver left the flow's topic out
    PAUSED = "paused by the customer"  # marketing, and its receiver wants none for a while
    FREQUENCY = "frequency"  # marketing, and its receiver wants it less often
    CONDITION = "condition"  # the step's `when` does not hold
    NO_STAFF = "not of the staff"  # to staff, and the person is not in config/staff.yaml any more
    NOTHING_DUE = "nothing due"  # a digest, and all is done meanwhile
    TASK_CLOSED = "task closed"  # to staff, and what it is about is closed
    HANDED_ON = "handed on"  # to staff, and another has the task now


@light
@dataclass(frozen=True, slots=True)
class Pending:
    """What the rules look at.

    Parameters:
        withdrawn: whether an exit event ended the journey that wrote the message, or came after its end.
        exit_rule: text of an exit condition that holds now, or None.
        journey: our number of the journey that wrote the message.
        unmet: text of the step's `when`, where it does not hold now.
        topic: that the flow names.
    """

    kind: Kind
    customer: Customer
    expires_at: datetime | None = None
    withdrawn: bool = False
    exit_rule: str | None = None
    journey: int | None = None
    unmet: str | None = None
    topic: str | None = None


@dataclass(frozen=True, slots=True)
class PendingStaff:
    """What the rules look at before a mail to staff goes out.

    Parameters:
        person: key of the staff member.
        task: that it is about, as it stands now.
        withdrawn, exit_rule, unmet: of the journey and the step that sent it.
    """

    person: str
    task: Task | None = None
    expires_at: datetime | None = None
    withdrawn: bool = False
    exit_rule: str | None = None
    unmet: str | None = None


def may_follow(consent: Consent, *, asks: bool) -> bool:
    """Say whether opens and clicks of an address may be followed: else its mails have no pixel and plain links.

    Parameters:
        asks: `policy.tracking_consent`: only who said yes is followed; else whoever did not say no.
    """
    if asks:
        return consent.tracking is ConsentState.SUBSCRIBED
    return consent.tracking is not ConsentState.UNSUBSCRIBED


def skip(pending: Pending, now: datetime, *, opt_out: bool = False) -> SkipReason | None:
    """Return why the message must not be sent, or None: it may go.

    Parameters:
        opt_out: `policy.marketing_consent`: advertising goes to whoever did not say no; else only to who said yes.

    A suppressed address gets no transactional mail either: the mail server has said that there is nobody there. One
    that a flow's step suppressed gets no marketing, but for what that journey wrote before: a last mail, then silence.
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
    if pending.unmet is not None:
        return SkipReason.CONDITION
    if consent.suppressed is not None:
        return SkipReason.SUPPRESSED
    if pending.kind is Kind.MARKETING:
        stop = consent.marketing_suppressed
        if stop is not None and stop.journey != pending.journey:
            return SkipReason.SUPPRESSED
        if consent.marketing is ConsentState.UNSUBSCRIBED:
            return SkipReason.UNSUBSCRIBED
        if consent.marketing is ConsentState.UNKNOWN and not opt_out:
            return SkipReason.NO_CONSENT
        if pending.topic in consent.wishes.topics_out:
            return SkipReason.TOPIC
        if consent.wishes.paused(now):
            return SkipReason.PAUSED
    return None


def skip_staff(pending: PendingStaff, now: datetime) -> SkipReason | None:
    """Return why a mail to staff must not be sent, or None: it may go. Nobody's consent is asked."""
    if pending.task is not None:
        if not pending.task.is_open:
            return SkipReason.TASK_CLOSED
        if pending.task.assignee != pending.person:
            return SkipReason.HANDED_ON
    if pending.expires_at is not None and now > pending.expires_at:
        return SkipReason.EXPIRED
    if pending.withdrawn or pending.exit_rule is not None:
        return SkipReason.EXIT
    return SkipReason.CONDITION if pending.unmet is not None else None
