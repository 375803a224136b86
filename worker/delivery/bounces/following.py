"""What follows from a bounce or a complaint, in the transaction that writes it down."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from worker.delivery.recipients import Recipient, recipient_of, report
from worker.delivery.unsubscribing import Refusal, refuse
from worker.domain.addresses import masked
from worker.domain.bounce_words import BounceReason
from worker.domain.bounces import RETURNED, BounceClass, Finding, class_failure, soft_too_often, status_in
from worker.domain.messages import MessageState
from worker.domain.setting_mail import Bounces as BounceSettings
from worker.domain.work import Work
from worker.storage import bounces, suppression
from worker.storage.ledger import Settlement

BOUNCED, COMPLAINED = "mail.bounced", "mail.complained"  # events of the house
_GIVEN_UP = (MessageState.FAILED, MessageState.SKIPPED)  # after an answer; skipped: it expired before another try
_ARRIVED = (BounceClass.DELAYED, BounceClass.DELIVERED, BounceClass.AUTO_REPLY, BounceClass.CHALLENGE)


@dataclass(frozen=True, slots=True)
class Returned:
    """A mail that something is told of.

    Parameters:
        email: where it was sent to.
        staff: whether it was for somebody of the staff: then there is nothing to refuse and nobody to suppress.
    """

    message: int
    email: str
    staff: bool


def follow(
    connection: Connection, mail: Returned, found: Finding, settings: BounceSettings, at: datetime, now: datetime
) -> Work:
    """Do what follows; done again it changes nothing. The row of what is followed has been written.

    Returns:
        Our own events about it, to be processed.
    """
    if found.kind in RETURNED:
        return _returned(connection, mail, found, settings, now)
    if found.kind is BounceClass.COMPLAINT:
        return _complained(connection, mail, found, at, now)
    if found.kind in _ARRIVED:
        bounces.move(connection, mail.message, MessageState.SENT, f"known by a report: {found.kind.value}", now)
    return Work()


def _returned(connection: Connection, mail: Returned, found: Finding, settings: BounceSettings, now: datetime) -> Work:
    told = found.status or found.reason.value
    moved = bounces.move(connection, mail.message, MessageState.BOUNCED, f"{found.kind.value} bounce: {told}", now)
    if mail.staff:
        return Work()
    if found.kind is BounceClass.HARD:
        suppression.suppress(connection, mail.email, f"hard bounce: {told}", now)
    elif found.kind is BounceClass.SOFT:
        suppress_if_too_often(connection, mail.email, settings, now)
    about = recipient_of(connection, mail.message) if moved else None
    if about is None:
        return Work()
    data = {"kind": found.kind.value, "reason": found.reason.value, "status": found.status}
    return Work(events=report(connection, about, BOUNCED, f"bounced:{mail.message}", data, now, now))


def suppress_if_too_often(connection: Connection, email: str, settings: BounceSettings, now: datetime) -> None:
    """Suppress an address that came back for a while too often, and for too long, with nobody seen there meanwhile."""
    count, first = bounces.soft_since_seen(connection, email)
    if soft_too_often(count, first, now, settings.soft_limit, settings.soft_days):
        suppression.suppress(connection, email, f"soft bounces: {count} since {first:%Y-%m-%d}", now)


def note_answer(connection: Connection, settled: Settlement, suppressed: str | None, settings: BounceSettings) -> Work:
    """Enter into the same books what a server's answer to our own sending says of an address, once a mail is given up.

    Parameters:
        suppressed: the reason for which the answer had the address suppressed, or None.
    """
    if settled.code is None or settled.code < 400 or settled.state not in _GIVEN_UP:
        return Work()
    mail = next(iter(bounces.mails(connection, [settled.message])), None)
    if mail is None or mail.customer is None:
        return Work()
    answer = f"{settled.code} {settled.answer or ''}".strip()
    kind, reason = class_failure(status_in(answer), answer)
    if suppressed is not None and kind is not BounceClass.HARD:
        kind, reason = BounceClass.HARD, BounceReason.NO_MAILBOX
    elif suppressed is None and kind is BounceClass.HARD:
        kind, reason = BounceClass.SOFT, BounceReason.UNCLEAR  # an answer to sending speaks surely, or not at all
    row = bounces.NewBounce(
        key=f"smtp:{mail.id}",
        source="smtp",
        received_at=settled.at,
        state="counted",
        kind=kind,
        reason=reason,
        status=status_in(answer),
        diagnostic=masked(answer),
        email=mail.email,
        message=mail.id,
        matched="answer",
    )
    if bounces.add(connection, row) is None:
        return Work()
    if kind is BounceClass.SOFT:
        suppress_if_too_often(connection, mail.email, settings, settled.at)
    about = recipient_of(connection, mail.id)
    if about is None:
        return Work()
    data = {"kind": kind.value, "reason": reason.value, "status": row.status}
    return Work(events=report(connection, about, BOUNCED, f"bounced:{mail.id}", data, settled.at, settled.at))


def _complained(connection: Connection, mail: Returned, found: Finding, at: datetime, now: datetime) -> Work:
    moved = bounces.move(connection, mail.message, MessageState.COMPLAINED, found.reason.value, now)
    about: Recipient | None = None if mail.staff else recipient_of(connection, mail.message)
    if about is None:
        return Work()
    # who called a mail spam gets no further one that confirms anything
    work = refuse(connection, about, Refusal(mail.message, at, "complaint"), now, confirmed=False)
    if moved:
        data = {"reason": found.diagnostic[:200] or None}
        work += Work(events=report(connection, about, COMPLAINED, f"complained:{mail.message}", data, now, now))
    return work
