"""Unsubscribing: who got a mail says no to more, at once, once, and with proof (RFC 8058).

The refusal belongs to the address that the mail went to. It is written down, holds from the next sending on, and is
reported as an event, so that flows may end. Where the shop's rules ask for it (Decree 91/2020 of Vietnam, article 15),
one mail without advertising tells that address that it counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from worker.delivery.recipients import Recipient, recipient_of, report
from worker.domain.consents import Word
from worker.domain.customers import Purpose
from worker.domain.work import Work
from worker.storage import consent, refusal_mails
from worker.storage.consent import Kept, Told
from worker.storage.database import Database


@dataclass(frozen=True, slots=True)
class Refusal:
    """What was said, and how.

    Parameters:
        message: number of the mail whose link was used.
        at: when, by the shop's clock.
        way: `one-click` (the mail program's button), `page` (ours) or `preferences`.
        wording: the text that was agreed to by pressing the button, where it was ours.
    """

    message: int
    at: datetime
    way: str
    wording: str | None = None


def unsubscribe(database: Database, refusal: Refusal, now: datetime, *, confirmed: bool = False) -> Work:
    """Write a refusal down in one transaction; said twice, or read back twice, it is one.

    A refusal older than a yes said anew changes nothing; so does one for a mail whose customer has been erased, for
    there is no address left to write to.

    Parameters:
        confirmed: whether a mail confirms it.

    Returns:
        The `unsubscribed` event, to be processed, and the mail, to be sent.

    Raises:
        UnavailableError: the database cannot be reached; nothing was written.
    """
    with database.writing() as connection:
        found = recipient_of(connection, refusal.message)
        return Work() if found is None else refuse(connection, found, refusal, now, confirmed=confirmed)


def refuse(connection: Connection, found: Recipient, refusal: Refusal, now: datetime, *, confirmed: bool) -> Work:
    """Do the same in a transaction that has found whose mail it is."""
    holds = consent.hold(connection, found.email)[Purpose.MARKETING]
    at = min(refusal.at, now)
    told = Told(f"unsubscribe: {refusal.way}", refusal.wording, {"message": refusal.message})
    kept, line = consent.say(connection, found.email, Purpose.MARKETING, Word(False, at), told, holds)
    if kept is not Kept.CHANGED:
        return Work()
    events = report(connection, found, "unsubscribed", f"unsubscribed:{line}", {"way": refusal.way}, at, now)
    if not confirmed or line is None:
        return Work(events=events)
    return Work(events=events, messages=refusal_mails.confirm(connection, found.email, found.customer_id, line, now))


def language_of(database: Database, number: int) -> str | None:
    """Return the language that a mail was written in, or its customer reads, where it is known.

    Raises:
        UnavailableError: the database cannot be reached.
    """
    with database.reading() as connection:
        found = recipient_of(connection, number)
    return None if found is None else found.language
