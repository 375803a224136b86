"""Erasing a person at one stroke, and looking after what came in since: answers of servers, reports, late mails."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from worker.domain.pseudonyms import Pseudonyms
from worker.engine.failing import transact
from worker.storage import audit, erasure, persons
from worker.storage.audit import Actor
from worker.storage.database import Database

LOOKS_AFTER = timedelta(days=8)  # how long after an erasure something about the person may still come in


@dataclass(frozen=True, slots=True)
class Erased:
    """What was done.

    Parameters:
        customers: our numbers of the rows, the customer's first.
        rows: how many of each table were theirs.
        in_hand: mails that a sender was handing over at that moment; their last traces go when that is over.
        messages: the numbers of all their mails, for what lies outside of the database.
    """

    customers: tuple[int, ...]
    rows: Mapping[str, int]
    in_hand: int
    messages: tuple[int, ...]


def erase(database: Database, pseudonyms: Pseudonyms, number: int, actor: Actor, now: datetime) -> Erased:
    """Erase a customer and the guests joined into them, in one transaction; done again it changes nothing.

    Raises:
        UnavailableError: the database cannot be reached; nothing was erased.
    """

    def work(connection: Connection) -> Erased:
        person = persons.hold(connection, number)
        rows = erasure.counted(connection, person)
        mails = persons.mails(connection, person)
        erasure.stop(connection, person, now)
        erasure.remember(connection, person, pseudonyms, now)  # first: the ledger of consent takes no other hash
        erasure.clean(connection, person, pseudonyms)
        name = persons.pseudonym(person, pseudonyms)
        audit.write(connection, actor, "person erased", name, now, again=person.erased or None, mails=len(mails))
        in_hand = sum(state == "transmitting" for state in mails.values())
        return Erased(person.customers, rows, in_hand, tuple(mails))

    return transact(database, work)


def look_after(database: Database, pseudonyms: Pseudonyms, now: datetime) -> int:
    """Clean again what was written about people after they were erased; returns how many were looked at."""
    with database.reading() as connection:
        numbers = persons.erased_since(connection, now - LOOKS_AFTER)
    for number in numbers:

        def work(connection: Connection, number: int = number) -> None:
            person = persons.hold(connection, number)
            erasure.stop(connection, person, now)
            erasure.clean(connection, person, pseudonyms)

        transact(database, work)
    return len(numbers)
