"""Segments as published: read, written, counted, and their members."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, literal_column, or_, select, update

from worker.domain.conditions.faults import ExpressionError
from worker.domain.conditions.tree import Expression
from worker.domain.segments import Segment, readable
from worker.language.expressions.expressions import parse_expression
from worker.storage.rows import insert
from worker.storage.tables import customer, segment, segment_member

ALIVE = (customer.c.erased_at.is_(None), customer.c.merged_into.is_(None))
"""Customers who may be in a segment at all."""

_ALL = select(segment).order_by(segment.c.gone_at.is_not(None), segment.c.position, segment.c.name)
_NEXT = (
    select(customer.c.id).where(customer.c.id > bindparam("after")).order_by(customer.c.id).limit(bindparam("most"))
).subquery()
_NEXT_SLICE = select(func.max(_NEXT.c.id))
_HAS_MEMBERS = select(literal_column("1")).where(segment_member.c.segment == segment.c.name).exists()
_MEMBERS_OF_GONE = select(segment.c.name).where(segment.c.gone_at.is_not(None), _HAS_MEMBERS).limit(1)


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """A segment as published.

    Parameters:
        number: counts the changes of its meaning.
        filled: whether every customer has been looked at since its meaning last changed.
        pass_at: when the pass over all customers began that is under way; `reached`: the customer it has come to.
        checked_at: when the last whole pass began.
        position: its place in the file, from 0.
    """

    name: str
    number: int
    expression: str
    meaning: str
    title: Mapping[str, str]
    about: Mapping[str, str]
    gone: bool
    filled: bool
    pass_at: datetime | None
    reached: int
    checked_at: datetime | None
    position: int

    @property
    def when(self) -> Expression | None:
        """The condition; None where this Phin cannot read it."""
        try:
            expression = parse_expression(self.expression)
            readable(expression.tree)
        except ExpressionError:
            return None
        return expression


def all_segments(connection: Connection) -> list[SegmentRow]:
    """Return every segment that was ever published, in the order of the file, those that are gone last."""
    return [_segment(row) for row in connection.execute(_ALL)]


def put(
    connection: Connection, one: Segment, meaning: str, position: int, known: SegmentRow | None, now: datetime
) -> bool:
    """Write a segment as the file has it; returns whether its meaning is new, so that it is to be filled anew."""
    anew = known is None or known.gone or known.meaning != meaning
    values: dict[str, Any] = {
        "position": position,
        "expression": one.when.text,
        "title": dict(one.title),
        "about": dict(one.about),
    }
    if anew:
        number = known.number + (known.meaning != meaning) if known else 1
        values |= {"number": number, "meaning": meaning, "published_at": now, "gone_at": None}
        values |= {"filled": False, "pass_at": None, "reached": 0, "checked_at": None}
    if known is None:
        connection.execute(insert(connection, segment), {"name": one.name, **values})
    else:
        connection.execute(update(segment).where(segment.c.name == one.name).values(**values))
    return anew


def leave(connection: Connection, name: str, now: datetime) -> None:
    """Note that a segment is gone from the file; its members are let go in slices."""
    connection.execute(update(segment).where(segment.c.name == name).values(gone_at=now, filled=False, pass_at=None))


def counts(connection: Connection) -> dict[str, int]:
    """Return how many members each segment has; one without members is not there."""
    counted = select(segment_member.c.segment, func.count().label("members")).group_by(segment_member.c.segment)
    return {row.segment: row.members for row in connection.execute(counted)}


def customers_count(connection: Connection) -> int:
    """Return how many customers there are who may be in a segment."""
    return int(connection.execute(select(func.count()).select_from(customer).where(*ALIVE)).scalar_one())


@dataclass(frozen=True, slots=True)
class Member:
    """A customer in a segment; `id` is our own number."""

    id: int
    external_id: str | None
    name: str | None
    email: str | None
    since: datetime


def members(connection: Connection, name: str, most: int) -> list[Member]:
    """Return some members of a segment, who came in last first."""
    asked = (
        select(customer.c.id, customer.c.external_id, customer.c.name, customer.c.email, segment_member.c.since)
        .join(segment_member, segment_member.c.customer_id == customer.c.id)
        .where(segment_member.c.segment == name, *ALIVE)
        .order_by(segment_member.c.since.desc(), customer.c.id.desc())
        .limit(most)
    )
    return [Member(row.id, row.external_id, row.name, row.email, row.since) for row in connection.execute(asked)]


def segments_of(connection: Connection, customer_id: int) -> list[str]:
    """Return the names of the segments that a customer is in."""
    asked = select(segment_member.c.segment).where(segment_member.c.customer_id == customer_id)
    return sorted(connection.execute(asked).scalars())


def begin_pass(connection: Connection, names: Sequence[str], now: datetime) -> None:
    """Have these segments' members be looked for among all customers, from the first on."""
    connection.execute(update(segment).where(segment.c.name.in_(list(names))).values(pass_at=now, reached=0))


def passed(connection: Connection, of: Sequence[SegmentRow], reached: int | None) -> None:
    """Note how far a pass has come; None where it is over. One that others took further meanwhile stays theirs."""
    values: dict[str, Any] = {"reached": reached}
    if reached is None:
        values = {"reached": 0, "filled": True, "checked_at": segment.c.pass_at, "pass_at": None}
    same = [
        (segment.c.name == one.name)
        & (segment.c.number == one.number)
        & (segment.c.pass_at == one.pass_at)
        & (segment.c.reached == one.reached)
        for one in of
    ]
    connection.execute(update(segment).where(or_(*same), segment.c.gone_at.is_(None)).values(**values))


def give_up_pass(connection: Connection, name: str, now: datetime) -> None:
    """End a pass that fails; the next comes when one would come anyway."""
    connection.execute(update(segment).where(segment.c.name == name).values(pass_at=None, checked_at=now))


def next_slice(connection: Connection, after: int, most: int) -> int | None:
    """Return the last of the next so many customers, None where there are no more."""
    return connection.execute(_NEXT_SLICE, {"after": after, "most": most}).scalar()


def members_of_gone(connection: Connection) -> str | None:
    """Return a segment that is gone from the file and still has members."""
    return connection.execute(_MEMBERS_OF_GONE).scalar()


def _segment(row: Row[Any]) -> SegmentRow:
    return SegmentRow(
        row.name,
        row.number,
        row.expression,
        row.meaning,
        row.title,
        row.about,
        row.gone_at is not None,
        row.filled,
        row.pass_at,
        row.reached,
        row.checked_at,
        row.position,
    )
