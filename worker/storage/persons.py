"""A person as the tables know one: the customer and the guests who turned out to be them, with their addresses."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, func, literal, literal_column, or_, select, union

from worker.domain.pseudonyms import Names, Pseudonyms
from worker.storage.personal import Whose
from worker.storage.rows import CUSTOMER_LOCKS, lock_keys
from worker.storage.tables import customer, event, journey, message, orders, task

SHORTEST = 3  # characters of a word by which a text is searched; shorter ones stand in every other text
_LONGEST = 19  # characters of our number that a database takes
_NEAR = 200  # customers among whom a mistyped one is looked for
_UNPROCESSED = ("'received'", "'refused'")  # written out, so that both databases see that partial indexes will do


@dataclass(frozen=True, slots=True)
class Person:
    """Who is meant.

    Parameters:
        customers: our numbers: first the customer, then the guests joined into it.
        external_ids: the shop's ids of them.
        emails: every address that was ever theirs, as mails, events and the record know it, and nobody else's.
        shared: addresses that another customer has too; they stay.
        words: what names the person within a longer text, each at least three characters.
        erased_at: when the record was erased before, or None.
    """

    customers: tuple[int, ...]
    external_ids: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    erased_at: datetime | None = None

    @property
    def erased(self) -> bool:
        """Whether the record was erased before."""
        return self.erased_at is not None

    @property
    def number(self) -> int:
        """Our number of the customer."""
        return self.customers[0]

    @property
    def keys(self) -> tuple[str, ...]:
        """What events name them by."""
        return (*(f"id:{one}" for one in self.external_ids), *(f"email:{one}" for one in self.emails))


def meant(connection: Connection, words: Collection[str]) -> dict[int, str | None]:
    """Return whom one of these words means, the shop's id by our number: an id, an address, or `#` and our number."""
    numbers = [
        int(word[1:]) for word in words if word.startswith("#") and word[1:].isdecimal() and len(word) < _LONGEST
    ]
    parts = (
        select(customer.c.id).where(customer.c.external_id.in_(list(words))),
        select(customer.c.id).where(customer.c.email.in_(list(words)), customer.c.merged_into.is_(None)),
        select(customer.c.id).where(customer.c.id.in_(numbers)),
    )
    found = {of_customer(connection, number).number for number in connection.execute(union(*parts)).scalars().all()}
    rows = connection.execute(select(customer.c.id, customer.c.external_id).where(customer.c.id.in_(sorted(found))))
    return {row.id: row.external_id for row in rows.all()}


def of_customer(connection: Connection, number: int) -> Person:
    """Return the person that a customer is, or was joined into."""
    root = number
    while (into := connection.scalar(select(customer.c.merged_into).where(customer.c.id == root))) is not None:
        root = into
    ids, fresh = [root], [root]
    while fresh:
        joined = select(customer.c.id).where(customer.c.merged_into.in_(fresh)).order_by(customer.c.id)
        fresh = list(connection.execute(joined).scalars())
        ids += fresh
    rows = connection.execute(select(customer).where(customer.c.id.in_(ids)).order_by(customer.c.id)).all()
    mine = set(_emails(connection, ids))
    others = select(customer.c.email).where(
        customer.c.email.in_(sorted(mine)), customer.c.id.not_in(ids), customer.c.erased_at.is_(None)
    )
    shared = set(connection.execute(others).scalars()) if mine else set()
    external_ids = tuple(row.external_id for row in rows if row.external_id)
    texts = {text for row in rows for text in (row.external_id, row.name, row.phone) if text} | (mine - shared)
    return Person(
        tuple(ids),
        external_ids,
        tuple(sorted(mine - shared)),
        tuple(sorted(shared)),
        tuple(sorted((text for text in texts if len(text) >= SHORTEST), key=len, reverse=True)),
        next(row.erased_at for row in rows if row.id == root),
    )


def hold(connection: Connection, number: int) -> Person:
    """Return the person, kept to this transaction: no event of theirs is processed, nobody is joined with them."""
    while True:
        person = of_customer(connection, number)
        lock_keys(connection, CUSTOMER_LOCKS, person.keys)
        held = select(customer.c.id).where(customer.c.id.in_(person.customers)).order_by(customer.c.id)
        connection.execute(held.with_for_update(key_share=True)).all()
        if of_customer(connection, number) == person:  # nobody joined another while this waited
            return person


def pseudonym(person: Person, pseudonyms: Pseudonyms) -> str:
    """Return by what a log names a person: the keyed hash of the shop's id, else of the address, else our number."""
    if person.external_ids:
        return f"person {pseudonyms.of(Names.ID, person.external_ids[0]).hash}"
    if person.emails:
        return f"person {pseudonyms.of(Names.EMAIL, person.emails[0]).hash}"
    return f"customer #{person.number}"


def mails(connection: Connection, person: Person) -> dict[int, str]:
    """Return the state of each mail to a person, or about them to staff, by its number."""
    mine = message.c.id.in_(_messages(list(person.customers)))
    return {row.id: row.state for row in connection.execute(select(message.c.id, message.c.state).where(mine))}


def erased_since(connection: Connection, since: datetime) -> list[int]:
    """Return the customers who were erased from then on."""
    gone = select(customer.c.id).where(customer.c.erased_at.is_not(None), customer.c.erased_at >= since)
    return list(connection.execute(gone.where(customer.c.merged_into.is_(None)).order_by(customer.c.id)).scalars())


def near(connection: Connection, word: str) -> list[str]:
    """Return ids of the shop's and addresses among which a mistyped one may be."""
    start = word[: max(1, len(word) // 2)]
    column = customer.c.email if "@" in word else customer.c.external_id
    alike = column.startswith(start, autoescape=True)
    return [one for one in connection.execute(select(column).where(alike).limit(_NEAR)).scalars() if one]


def theirs(table: Table, whose: Whose, person: Person) -> ColumnElement[bool] | None:
    """Return the condition for the rows of a table that are a person's; None where none can be."""
    ids = list(person.customers)
    travels = select(journey.c.id).where(journey.c.customer_id.in_(ids))
    if whose is Whose.SELF:
        return table.c.id.in_(ids)
    if whose is Whose.CUSTOMER:
        return table.c.customer_id.in_(ids)
    if whose is Whose.ADDRESS:
        if "message_id" not in table.c:
            return table.c.email.in_(person.emails) if person.emails else None
        of_mails = select(table.c.id).where(table.c.message_id.is_not(None), table.c.message_id.in_(_messages(ids)))
        of_address = select(table.c.id).where(table.c.email.is_not(None), table.c.email.in_(person.emails))
        return table.c.id.in_(select(union(of_mails, of_address).subquery().c.id))
    if whose is Whose.EVENT:
        return table.c.id.in_(_events(person))
    if whose is Whose.MESSAGE:
        return table.c.id.in_(_messages(ids))
    found: dict[Whose, tuple[str, Any]] = {
        Whose.EVENT_ID: ("event_id", _events(person)),
        Whose.ORDER_ID: ("order_id", select(orders.c.id).where(orders.c.customer_id.in_(ids))),
        Whose.JOURNEY_ID: ("journey_id", travels),
        Whose.MESSAGE_ID: ("message_id", _messages(ids)),
        Whose.TASK_ID: ("task_id", select(task.c.id).where(task.c.customer_id.in_(ids))),
    }
    if whose not in found:
        return None
    column, among = found[whose]
    return table.c[column].in_(among)


def _emails(connection: Connection, ids: list[int]) -> list[str]:
    """Return every address of some customers: of the record, of mails that went out, of events that told it."""
    named = func.substr(event.c.email_key, literal(len("email:") + 1))
    found = union(
        select(customer.c.email).where(customer.c.id.in_(ids), customer.c.email.is_not(None)),
        select(message.c.email).where(message.c.customer_id.in_(ids), message.c.email.is_not(None)),
        select(named).where(event.c.customer_id.in_(ids), event.c.email_key.is_not(None)),
    )
    return [str(one) for one in connection.execute(found).scalars()]


def _messages(ids: list[int]) -> Select[Any]:
    """Return the mails to these customers, those of their journeys, and those to staff about their tasks.

    Gathered by index each: of conditions joined by OR a database may read every mail.
    """
    travels = select(journey.c.id).where(journey.c.customer_id.in_(ids))
    about = select(task.c.id).where(task.c.customer_id.in_(ids))
    found = union(
        select(message.c.id).where(message.c.customer_id.in_(ids)),
        select(message.c.id).where(message.c.journey_id.in_(travels)),
        select(message.c.id).where(message.c.task_id.is_not(None), message.c.task_id.in_(about)),
    ).subquery()
    return select(found.c.id)


def _events(person: Person) -> Select[Any]:
    """Return the events that were processed for them, and those that wait, or were refused, and name them."""
    parts = [select(event.c.id).where(event.c.customer_id.in_(person.customers))]
    ids = [key for key in person.keys if key.startswith("id:")]
    emails = [key for key in person.keys if key.startswith("email:")]
    for state in _UNPROCESSED:
        unprocessed = select(event.c.id).where(event.c.state == literal_column(state))
        if ids:
            parts.append(unprocessed.where(event.c.customer_key.in_(ids)))
        if emails:
            mine = or_(event.c.customer_key.is_(None), event.c.customer_key.in_(ids))
            parts.append(unprocessed.where(event.c.email_key.in_(emails), mine))
    found = union(*parts).subquery()
    return select(found.c.id)
