"""The preference page's words: what is wished of mail to an address, read and written by a mail's own link.

Only what the reader changed is a word: a page that was opened long ago and is sent today repeats nothing that was
shown on it. A yes or no to advertising, to tracking or to a topic goes into the ledger of consent; how often, a pause
and the language are wishes, of which the last holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from worker.delivery.confirming import Yes, agree
from worker.delivery.recipients import Recipient, recipient_of
from worker.delivery.unsubscribing import Refusal, refuse
from worker.domain.consents import TOPIC, Line, Standing, Word
from worker.domain.customers import ConsentState, Purpose
from worker.domain.profiles import chosen_language
from worker.domain.wishes import Wishes
from worker.domain.work import Work
from worker.storage import consent, customers, journeys, membership, wishes
from worker.storage.consent import Told
from worker.storage.database import Database

WAY = "preferences"


@dataclass(frozen=True, slots=True)
class Preferences:
    """What holds for an address.

    Parameters:
        email: the address that the mail went to.
        marketing, tracking: what it said to each.
        language: the customer's; None where it is not known.
        spoken: the language of the mail.
    """

    email: str
    marketing: ConsentState
    tracking: ConsentState
    wishes: Wishes
    language: str | None
    spoken: str | None


@dataclass(frozen=True, slots=True)
class Choice:
    """What the reader changed.

    Parameters:
        message: number of the mail whose link was used.
        marketing, tracking: yes or no; None where it stays.
        topics: those taken in (True) or left out.
        wishes: how often, and until when not; its topics do not count.
        language: None where it stays.
        wordings: the text beside each choice, by `marketing`, `tracking` or the topic's name.
        keeps_pause: whether a pause goes on that was chosen before, whatever `wishes` says.
    """

    message: int
    at: datetime
    wishes: Wishes
    marketing: bool | None = None
    tracking: bool | None = None
    topics: Mapping[str, bool] = field(default_factory=dict)
    language: str | None = None
    wordings: Mapping[str, str] = field(default_factory=dict)
    keeps_pause: bool = False


def preferences_of(database: Database, number: int) -> Preferences | None:
    """Return what holds for the address that a mail went to; None where its customer was erased.

    Raises:
        UnavailableError: the database cannot be reached.
    """
    with database.reading() as connection:
        found = recipient_of(connection, number)
        return None if found is None else _preferences(connection, found)


def save(
    database: Database, choice: Choice, now: datetime, *, confirmed: bool = False
) -> tuple[Preferences | None, Work]:
    """Write what was chosen in one transaction; said twice, it is one.

    Parameters:
        confirmed: whether a mail confirms a refusal.

    Returns:
        What holds then, and what follows: events to be processed, journeys that look again, a mail to be sent.

    Raises:
        UnavailableError: the database cannot be reached; nothing was written.
    """
    with database.writing() as connection:
        found = recipient_of(connection, choice.message)
        if found is None:
            return None, Work()
        reads = _write_language(connection, found, choice, now)
        holding = consent.hold(connection, found.email)
        work = _marketing(connection, found, choice, holding[Purpose.MARKETING], now, confirmed=confirmed)
        _tracking(connection, found, choice, holding[Purpose.TRACKING], now)
        _wishes(connection, found, choice, now)
        if reads or choice.tracking is not None:
            membership.mark(connection, {found.customer_id: False})
            work += Work(journeys=tuple(journeys.wake_of(connection, [found.customer_id])))
        return _preferences(connection, recipient_of(connection, choice.message) or found), work


def _preferences(connection: Connection, found: Recipient) -> Preferences:
    marketing, tracking = (consent.known(connection, found.email, one).state for one in Purpose)
    return Preferences(
        found.email, marketing, tracking, wishes.of(connection, found.email), found.reads, found.language
    )


def _write_language(connection: Connection, found: Recipient, choice: Choice, now: datetime) -> bool:
    """Have mails speak the language that was chosen; the customer is held before the address, as everywhere."""
    if choice.language is None:
        return False
    customer = customers.held(connection, found.customer_id)
    if customer.erased or customer.language == choice.language:
        return False
    customers.change(connection, customer.id, chosen_language(customer, choice.language), now)
    return True


def _marketing(
    connection: Connection, found: Recipient, choice: Choice, holds: Standing, now: datetime, *, confirmed: bool
) -> Work:
    wording = choice.wordings.get(Purpose.MARKETING.value, "")
    if choice.marketing is None:
        return Work()
    if choice.marketing:
        return agree(connection, found, Yes(choice.message, choice.at, wording, WAY), holds, now)
    refusal = Refusal(choice.message, choice.at, WAY, wording or None)
    return refuse(connection, found, refusal, now, confirmed=confirmed)


def _tracking(connection: Connection, found: Recipient, choice: Choice, holds: Standing, now: datetime) -> None:
    if choice.tracking is None:
        return
    said = Word(choice.tracking, min(choice.at, now), anew=choice.tracking)
    told = Told(WAY, choice.wordings.get(Purpose.TRACKING.value), {"message": choice.message})
    consent.say(connection, found.email, Purpose.TRACKING, said, told, holds)


def _wishes(connection: Connection, found: Recipient, choice: Choice, now: datetime) -> None:
    known = wishes.of(connection, found.email)
    out = set(known.topics_out)
    changed: Sequence[str] = sorted(name for name, wanted in choice.topics.items() if wanted == (name in out))
    for name in changed:
        state = ConsentState.SUBSCRIBED if choice.topics[name] else ConsentState.UNSUBSCRIBED
        told = Told(WAY, choice.wordings.get(name), {"message": choice.message})
        line = Line(state.value, min(choice.at, now), anew=choice.topics[name])
        consent.append(connection, found.email, f"{TOPIC}{name}", line, told)
    until = known.paused_until if choice.keeps_pause else choice.wishes.paused_until
    new = Wishes(frozenset(out.symmetric_difference(changed)), choice.wishes.frequency, until)
    if new != known:
        wishes.save(connection, found.email, new)
