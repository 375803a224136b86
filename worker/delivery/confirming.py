"""A yes from the address itself: a sign-up confirmed (double opt-in), or a refusal taken back, by a mail's own link.

Whoever reads the mail presses a button. That is a yes to advertising said anew, whenever it comes; only a refusal that
came after the mail was written holds against it, so that an old mail undoes nothing. A yes to tracking that waits
beside it is asked for by a box of its own on the same page, and is written where that box was ticked.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection

from worker.delivery.recipients import Recipient, recipient_of, report
from worker.domain.consents import PENDING, Standing, Word
from worker.domain.customers import ConsentState, Purpose
from worker.domain.messages import REFUSAL_CONFIRMED
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
        tracking: the text beside the ticked box about tracking; None where none was ticked.
    """

    message: int
    at: datetime
    wording: str
    way: str = "confirmation"
    tracking: str | None = None


class Confirmed(StrEnum):
    """What became of it."""

    DONE = "done"  # it holds; said again, it holds still
    REFUSED = "refused"  # a refusal came after the mail
    NOBODY = "nobody"  # the mail's customer was erased


@dataclass(frozen=True, slots=True)
class Asking:
    """What the page of a mail asks.

    Parameters:
        becomes: what pressing the button would come to.
        language: of the mail; None where it is not known.
        takes_back: whether it takes a refusal back, and confirms no sign-up.
        tracking: whether a yes to tracking waits beside, for which the page has a box.
    """

    becomes: Confirmed
    language: str | None = None
    takes_back: bool = False
    tracking: bool = False


def asking_of(database: Database, number: int) -> Asking:
    """Return what the page of a mail asks.

    Raises:
        UnavailableError: the database cannot be reached.
    """
    with database.reading() as connection:
        found = recipient_of(connection, number)
        if found is None:
            return Asking(Confirmed.NOBODY)
        becomes = Confirmed.DONE
        if _refused_since(consent.known(connection, found.email, Purpose.MARKETING), found):
            becomes = Confirmed.REFUSED
        return Asking(becomes, found.language, _takes_back(found), _asks_to_track(connection, found))


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
        if yes.tracking is not None and _asks_to_track(connection, found):
            said, told = Word(True, min(yes.at, now), anew=True), _told(connection, found, yes, Purpose.TRACKING)
            consent.say(connection, found.email, Purpose.TRACKING, said, told, holding[Purpose.TRACKING])
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


def _takes_back(found: Recipient) -> bool:
    return found.template == REFUSAL_CONFIRMED


def _asks_to_track(connection: Connection, found: Recipient) -> bool:
    """Say whether the page has a box about tracking: where a yes waits; taking a refusal back is about advertising."""
    return not _takes_back(found) and consent.is_pending(connection, found.email, Purpose.TRACKING)


def _told(connection: Connection, found: Recipient, yes: Yes, purpose: Purpose) -> Told:
    said = yes.wording if purpose is Purpose.MARKETING else yes.tracking
    last = consent.latest(connection, found.email, purpose)
    if last is None or last.line.state != PENDING:
        return Told(yes.way, said, {"message": yes.message})
    wording = "\n\n".join(filter(None, (last.told.wording, said)))
    return Told(f"{yes.way}: {last.told.source}", wording, {"message": yes.message, "line": last.id})


def _refused_since(holds: Standing, found: Recipient) -> bool:
    return holds.state is ConsentState.UNSUBSCRIBED and holds.since is not None and holds.since > found.written_at
