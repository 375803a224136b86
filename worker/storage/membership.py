"""Who is in which segment: kept by what changed, looked for among some customers at a time, by the database."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Connection,
    and_,
    any_,
    bindparam,
    delete,
    func,
    literal,
    select,
)
from sqlalchemy import Text as SqlText
from sqlalchemy.dialects.postgresql import ARRAY

from worker.domain.conditions.tree import Expression
from worker.domain.facts import ShopFacts
from worker.storage import write_behind
from worker.storage.conditions.context import SqlContext
from worker.storage.conditions.quantities import decided
from worker.storage.conditions.sql import to_sql
from worker.storage.conditions.words import words_of
from worker.storage.rows import Insertion, insert, lock_all
from worker.storage.segments import ALIVE
from worker.storage.tables import customer, event, segment_mark, segment_member
from worker.storage.types import Instant

SEGMENT_LOCKS = 0x53
Condition = ColumnElement[bool]

_MARKS = select(segment_mark).order_by(segment_mark.c.id).limit(bindparam("most"))
_UNMARK = delete(segment_mark).where(segment_mark.c.id.in_(bindparam("ids", expanding=True)))
_COLUMNS = ["customer_id", "quiet"]
_OF_EVENTS = (
    select(event.c.customer_id, event.c.history)
    .where(event.c.id.in_(bindparam("ids", expanding=True)), event.c.customer_id.is_not(None))
    .distinct()
)
_OF_ADDRESS = select(customer.c.id, bindparam("quiet", type_=Boolean())).where(
    customer.c.email == bindparam("email"), *ALIVE
)
_MARK = Insertion(segment_mark)
_MARK_OF_EVENTS = Insertion(segment_mark, lambda new: new.from_select(_COLUMNS, _OF_EVENTS))
_MARK_OF_ADDRESS = Insertion(segment_mark, lambda new: new.from_select(_COLUMNS, _OF_ADDRESS))


@dataclass(frozen=True, slots=True)
class Mark:
    """A note that a customer's facts changed; `quiet` where what changed is history, which starts no flow."""

    id: int
    customer: int
    quiet: bool


@dataclass(frozen=True, slots=True)
class Looking:
    """By what members are looked for.

    Parameters:
        segments: the expressions of all segments, by name.
    """

    segments: Mapping[str, Expression]
    shop: ShopFacts
    now: datetime


@dataclass(frozen=True, slots=True)
class Differences:
    """Customers who are in a segment and not kept there (`coming`), and the other way round (`leaving`)."""

    coming: tuple[int, ...] = ()
    leaving: tuple[int, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.coming or self.leaving)


def mark(connection: Connection, customers: Mapping[int, bool]) -> None:
    """Note customers whose facts this transaction changes, and whether what changed is history."""
    if customers:
        rows = [{"customer_id": number, "quiet": quiet} for number, quiet in sorted(customers.items())]
        connection.execute(_MARK.on(connection), rows)


def mark_of_events(connection: Connection, event_ids: Sequence[int]) -> None:
    """Note the customers of events that this transaction processes."""
    write_behind.catch_up(connection)  # whose they are is written by then
    connection.execute(_MARK_OF_EVENTS.on(connection), {"ids": list(event_ids)})


def mark_of_address(connection: Connection, email: str, *, quiet: bool) -> None:
    """Note the customers who have an address of which this transaction changes the consent."""
    connection.execute(_MARK_OF_ADDRESS.on(connection), {"email": email, "quiet": quiet})


def marks(connection: Connection, most: int) -> list[Mark]:
    """Return the oldest notes."""
    return [Mark(row.id, row.customer_id, row.quiet) for row in connection.execute(_MARKS, {"most": most})]


def take_away(connection: Connection, done: Iterable[Mark]) -> None:
    """Take notes away whose customers have been looked at."""
    connection.execute(_UNMARK, {"ids": [one.id for one in done]})


def hold(connection: Connection) -> None:
    """Let nobody else change memberships until the end of the transaction.

    What is asked afterwards is asked of what is committed by then, so that no older answer is written over a newer.
    """
    lock_all(connection, SEGMENT_LOCKS)


Who = Callable[[ColumnElement[int]], Condition]
"""Says which customers are asked for, by a column with their number."""


def among(connection: Connection, customers: Sequence[int]) -> Who:
    """Return that a customer is one of these: given in one value, for a statement with thousands takes long to make."""
    if connection.dialect.name == "postgresql":
        array = literal(list(customers), ARRAY(BigInteger()))
        return lambda column: column == any_(array)
    listed = func.json_each(literal(json.dumps(list(customers)), SqlText())).table_valued("value")
    return lambda column: column.in_(select(listed.c.value))


def between(after: int, last: int) -> Who:
    """Return that a customer's number is in a slice."""
    return lambda column: and_(column > after, column <= last)


def differences(connection: Connection, name: str, looking: Looking, who: Who) -> Differences:
    """Return for whom of these customers the answer is another than the one that is kept."""
    kept = and_(
        segment_member.c.segment == literal(name, SqlText()),
        segment_member.c.customer_id == customer.c.id,
        who(segment_member.c.customer_id),  # no database finds that out by itself
    )
    is_kept = segment_member.c.customer_id.is_not(None)
    asked = (
        select(customer.c.id, is_kept.label("kept"))
        .select_from(customer.outerjoin(segment_member, kept))
        .where(who(customer.c.id), _belongs(connection, name, looking) != is_kept)
        .order_by(customer.c.id)
    )
    found = connection.execute(asked).all()
    return Differences(tuple(row.id for row in found if not row.kept), tuple(row.id for row in found if row.kept))


def come_in(connection: Connection, name: str, looking: Looking, customers: Sequence[int]) -> list[int]:
    """Make those of these customers members who belong; returns who was none before.

    One who changed meanwhile is left out: the note of that says whether it starts flows, and has its turn.
    """
    if not customers:
        return []
    noted = select(segment_mark.c.id).where(segment_mark.c.customer_id == customer.c.id).exists()
    who = select(literal(name, SqlText()), customer.c.id, literal(looking.now, Instant())).where(
        among(connection, customers)(customer.c.id), _belongs(connection, name, looking), ~noted
    )
    made = insert(connection, segment_member).from_select(["segment", "customer_id", "since"], who)
    came = made.on_conflict_do_nothing().returning(segment_member.c.customer_id)
    return sorted(connection.execute(came).scalars())


def go_out(connection: Connection, name: str, looking: Looking, customers: Sequence[int]) -> None:
    """Let those of these members go who no longer belong."""
    if customers:
        who = among(connection, customers)
        gone = select(customer.c.id).where(who(customer.c.id), ~_belongs(connection, name, looking))
        own = (segment_member.c.segment == name, segment_member.c.customer_id.in_(gone))
        connection.execute(delete(segment_member).where(*own))


def let_go(connection: Connection, name: str, most: int) -> None:
    """Let some members of a segment go that is gone itself."""
    some = select(segment_member.c.customer_id).where(segment_member.c.segment == name).limit(most)
    own = (segment_member.c.segment == name, segment_member.c.customer_id.in_(some.scalar_subquery()))
    connection.execute(delete(segment_member).where(*own))


def waiting(connection: Connection, most: int) -> int:
    """Return how many notes there are, counted up to `most`."""
    some = select(segment_mark.c.id).limit(most).subquery()
    return int(connection.execute(select(func.count()).select_from(some)).scalar_one())


def _belongs(connection: Connection, name: str, looking: Looking) -> Condition:
    """Whether a customer belongs, true or false: who has been erased, or is another customer by now, to none."""
    words, few = words_of(connection.dialect), connection.dialect.name == "postgresql"
    context = SqlContext(words, looking.now, looking.shop, customer, segments=looking.segments, few=few)
    holds = to_sql(looking.segments[name].tree, context.within(name))
    return decided(and_(*ALIVE, holds))
