"""What a person may ask of a shop: a copy of what is known of them, and that it is forgotten; for terminal and API."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from worker.domain.addresses import normalise_address
from worker.domain.errors import PhinError
from worker.domain.pseudonyms import Pseudonyms
from worker.domain.settings import Settings
from worker.edges.moments import moment
from worker.edges.secrets import Secrets
from worker.engine.erasing import Erased, erase, look_after
from worker.language.yaml.suggestions import did_you_mean
from worker.storage import audit, disclosure, erasure, persons
from worker.storage.audit import Actor
from worker.storage.database import Database
from worker.storage.persons import Person


class Times(Protocol):
    """Tells the shop's time."""

    def now(self) -> datetime:
        """Return it."""


class Composed(Protocol):
    """What is needed of the house."""

    @property
    def settings(self) -> Settings:
        """The shop's settings."""

    @property
    def secrets(self) -> Secrets:
        """The keys, by which erased people are known again."""

    @property
    def database(self) -> Database:
        """The database."""

    @property
    def clock(self) -> Times:
        """The shop's time."""


FORMAT, VERSION = "phin person", 1
SHOWN = 10  # customers of one address that an error names


class UnknownPersonError(PhinError):
    """Nobody is known so; the message says what to write."""


class SeveralPeopleError(UnknownPersonError):
    """Several customers have one address; the message names them."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Who is meant, and how many rows of each table are theirs."""

    person: Person
    rows: Mapping[str, int]


def find(house: Composed, word: str) -> Asked:
    """Return the one person whom a word means: the shop's id, an address, or `#` and our number.

    Raises:
        UnknownPersonError: nobody is; SeveralPeopleError: more than one.
    """
    word = word.strip()
    named = _normal(word)
    with house.database.reading() as connection:
        found = persons.meant(connection, {word, named})
        if len(found) == 1:
            person = persons.of_customer(connection, next(iter(found)))
            if person.erased_at is not None and not (person.external_ids or person.emails or person.shared):
                raise _erased(house, person.erased_at)  # by our number, as by the names that they had
            return Asked(person, erasure.counted(connection, person))
        if found:
            several = sorted(found.items())[:SHOWN]
            known = ", ".join(f"#{number} ({shop_id or 'a guest'})" for number, shop_id in several)
            raise SeveralPeopleError(f"{len(found)} customers have this address: {known}; name one of them")
        gone = erasure.known(connection, _pseudonyms(house), word, named if "@" in named else None)
        near = persons.near(connection, named)
    if gone is not None:
        raise _erased(house, gone.at)
    hint = did_you_mean(named, near) or "name the shop's id, an e-mail address, or #number"
    raise UnknownPersonError(f"no customer is known as '{word}'; {hint}")


def _erased(house: Composed, at: datetime) -> UnknownPersonError:
    when = moment(at, house.settings.shop)
    return UnknownPersonError(f"whoever was known so was erased on {when}; a keyed hash is all that is left")


def export(house: Composed, person: Person, actor: Actor, now: datetime) -> dict[str, Any]:
    """Return all that the database holds of a person (`docs/privacy.md`), and note in the log that it was taken."""
    shop = house.settings.shop
    zone = ZoneInfo(shop.timezone)
    with house.database.reading() as connection:
        sections = disclosure.disclose(connection, person, zone)
    with house.database.writing() as connection:
        name = persons.pseudonym(person, _pseudonyms(house))
        rows = sum(len(section) for section in sections.values())
        audit.write(connection, actor, "person exported", name, now, rows=rows)
    return {
        "format": FORMAT,
        "version": VERSION,
        "made_at": now.astimezone(zone).isoformat(),
        "shop": shop.name,
        **sections,
    }


def forget(house: Composed, number: int, actor: Actor, now: datetime) -> Erased:
    """Erase a person: in the database, in mails that were captured, and in SQLite's log.

    Raises:
        UnavailableError: the database cannot be reached; nothing was erased.
    """
    done = erase(house.database, _pseudonyms(house), number, actor, now)
    _remove_captured(house.settings.var / "outbox", done.messages)
    empty_log(house.database)
    return done


def look_after_erased(house: Composed) -> int:
    """Clean again what came in about people after they were erased; returns how many were looked at."""
    return look_after(house.database, _pseudonyms(house), house.clock.now())


def unreadable_hashes(house: Composed) -> int:
    """Return how many keyed hashes were made with a key that is no longer there, and can tell nobody any more."""
    with house.database.reading() as connection:
        return erasure.strange(connection, _pseudonyms(house))


def empty_log(database: Database) -> None:
    """Empty SQLite's log, which holds pages as they were; a reader that stays long keeps it until the next time."""
    if database.is_sqlite:
        connection = database.engine.raw_connection()  # outside of any transaction
        try:
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            connection.close()


def _remove_captured(folder: Path, messages: Iterable[int]) -> None:
    for number in messages:
        for file in folder.glob(f"{number:010d}-*.eml"):
            file.unlink(missing_ok=True)


def _pseudonyms(house: Composed) -> Pseudonyms:
    return Pseudonyms(house.secrets.signing)


def _normal(word: str) -> str:
    """Return an address as it is kept, any other word as it is."""
    if "@" in word:
        with suppress(ValueError):
            return normalise_address(word)
    return word
