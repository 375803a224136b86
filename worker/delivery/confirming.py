"""A yes from the address itself: a sign-up confirmed (double opt-in), or a refusal taken back, by a mail's own link.

Whoever reads the mail presses a button. That is a yes said anew, whenever it comes; only a refusal that came after the
mail was written holds against it, so that an old mail undoes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection

from worker.delivery.recipients import Recipient, recipient_of, report
from worker.domain.consents import PENDING, Standing, Word
from worker.domain.customers import ConsentState, Purpose
from worker.domain.work import Work
from worker.storage import consent
from worker.storage.consent import Kept, Told
from worker.storage.database import Database


@dataclass(frozen=True, slots=True)
class Yes:
    """What was said by pressing the button.

    Parameters:
        message: number of the mail whose link was used.
        at: when, by the shop's clock.
        wording: the text on the page; what the sign-up had agreed to is kept before it.
        way: `confirmation` or `preferences`.
    """

    message: int
    at: datetime
    wording: str
    way: str = "confirmation"


class Confirmed(StrEnum):
    """What became of it."""

    DONE = "done"  # it holds; said again, it holds still
    REFUSED = "refused"  # a refusal came after the mail
    NOBODY = "nobody"  # the mail's customer was erased


def standing_of(database: Database, number: int) -> tuple[Confirmed, str | None]:
    """Return what pressing the button would come to, and the language of the mail.

    Raises:
        UnavailableError: the database cannot be reached.
    """
    with database.reading() as connection:
        found = recipient_of(connection, number)
        if found is None:
            return Confirmed.NOBODY, None
        holds = consent.known(connection, found.email, Purpose.MARKETING)
    return (Confirmed.REFUSED if _refused_since(holds, found) else Confirmed.DONE), found.language


def confirm(database: Database, yes: Yes, now: datetime) -> tuple[Confirmed, Work]:
    """Write a yes down in one transaction; said twice, it is one.

    Returns:
        What became of it, and the `subscribed` event, to be processed.

    Raises:
        UnavailableError: the database cannot be reached; nothing was written.
    """
    with database.writing() as connection:
        found = recipient_of(connection, yes.message)
        if found is None:
            return Confirmed.NOBODY, Work()
        holding = consent.hold(connection, found.email)
        if _refused_since(holding[Purpose.MARKETING], found):
            return Confirmed.REFUSED, Work()
        work = agree(connection, found, yes, holding[Purpose.MARKETING], now)
        _also_tracking(connection, found, yes, holding[Purpose.TRACKING], now)
        return Confirmed.DONE, work


def agree(connection: Connection, found: Recipient, yes: Yes, holds: Standing, now: datetime) -> Work:
    """Write a yes to marketing down, in a transaction that holds the address; one that holds already is no news."""
    if holds.state is ConsentState.SUBSCRIBED and holds.anew:
        return Work()
    at = min(yes.at, now)
    told = _told(connection, found, yes, Purpose.MARKETING)
    kept, line = consent.say(connection, found.email, Purpose.MARKETING, Word(True, at, anew=True), told, holds)
    if kept is not Kept.CHANGED:
        return Work()
    data = {"source": yes.way}
    return Work(events=report(connection, found, "subscribed", f"subscribed:{line}", data, at, now))


def _also_tracking(connection: Connection, found: Recipient, yes: Yes, holds: Standing, now: datetime) -> None:
    """Confirm what was agreed to with the same sign-up, and nothing that was not."""
    if not consent.is_pending(connection, found.email, Purpose.TRACKING):
        return
    told = _told(connection, found, yes, Purpose.TRACKING)
    consent.say(connection, found.email, Purpose.TRACKING, Word(True, min(yes.at, now), anew=True), told, holds)


def _told(connection: Connection, found: Recipient, yes: Yes, purpose: Purpose) -> Told:
    last = consent.latest(connection, found.email, purpose)
    if last is None or last.line.state != PENDING:
        return Told(yes.way, yes.wording, {"message": yes.message})
    wording = "\n\n".join(filter(None, (last.told.wording, yes.wording)))
    return Told(f"{yes.way}: {last.told.source}", wording, {"message": yes.message, "line": last.id})


def _refused_since(holds: Standing, found: Recipient) -> bool:
    return holds.state is ConsentState.UNSUBSCRIBED and holds.since is not None and holds.since > found.written_at
