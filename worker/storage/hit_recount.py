"""What raw hits say, counted again: whose they are by the rules of now, and what mails and customers know of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, func, select, update

from worker.domain.hits import PEOPLE, HitKind
from worker.storage import membership
from worker.storage.hits import KEPT, Kept, as_kept
from worker.storage.tables import customer, hit, message

_PEOPLES = hit.c["class"].in_([one.value for one in PEOPLE])
_CLICK = hit.c.kind == HitKind.CLICK.value


def _again(since: datetime | None, after: int) -> ColumnElement[bool]:
    """Return the condition for hits that can be classed again; of an erased person's the traits are gone."""
    such = [hit.c.id > after, hit.c["class"].is_not(None), hit.c.user_agent.is_not(None)]
    return and_(*such, *([] if since is None else [hit.c.at >= since]))


def count_classed(connection: Connection, since: datetime | None, after: int) -> int:
    """Return how many hits `next_classed` has yet to return."""
    return int(connection.execute(select(func.count()).select_from(hit).where(_again(since, after))).scalar_one())


def next_classed(connection: Connection, since: datetime | None, after: int, most: int) -> list[Kept]:
    """Return the next hits that were classed, by their numbers.

    Parameters:
        since: only those made from then on; None: all.
        after: number of the last one that was looked at.
    """
    return [as_kept(row) for row in connection.execute(KEPT.where(_again(since, after)).limit(most))]


def recount(connection: Connection, messages: Iterable[int]) -> int:
    """Write anew when people first opened and clicked these mails, and their customers last did.

    A time that was noted of a hit that is kept no longer stays: what is gone cannot be judged again.

    Returns:
        How many mails say otherwise than before.
    """
    numbers = sorted(set(messages))
    mails = connection.execute(
        select(message.c.id, message.c.customer_id, message.c.opened_at, message.c.clicked_at).where(
            message.c.id.in_(numbers)
        )
    ).all()
    first = _times(connection, numbers)
    changed, customers = 0, set()
    for mail in mails:
        seen = first.get(mail.id, ((), (), frozenset()))
        opened = _first(mail.opened_at, seen[0], seen[2])
        clicked = _first(mail.clicked_at, seen[1], seen[2])
        if (opened, clicked) != (mail.opened_at, mail.clicked_at):
            changed += 1
            values = {"opened_at": opened, "clicked_at": clicked}
            connection.execute(update(message).where(message.c.id == mail.id).values(**values))
        if mail.customer_id is not None:
            customers.add(mail.customer_id)
    _recount_customers(connection, sorted(customers))
    return changed


Seen = tuple[Sequence[datetime], Sequence[datetime], frozenset[datetime]]


def _times(connection: Connection, messages: Sequence[int]) -> dict[int, Seen]:
    """Return for each mail when people opened (or clicked) it, when they clicked, and when anybody did either."""
    opens: dict[int, list[datetime]] = {}
    clicks: dict[int, list[datetime]] = {}
    anybody: dict[int, set[datetime]] = {}
    asked = select(hit.c.message_id, hit.c.kind, hit.c.at, _PEOPLES.label("peoples")).where(
        hit.c.message_id.in_(messages)
    )
    for row in connection.execute(asked):
        anybody.setdefault(row.message_id, set()).add(row.at)
        if row.peoples:
            opens.setdefault(row.message_id, []).append(row.at)
            if row.kind == HitKind.CLICK.value:
                clicks.setdefault(row.message_id, []).append(row.at)
    return {number: (opens.get(number, ()), clicks.get(number, ()), frozenset(at)) for number, at in anybody.items()}


def _first(noted: datetime | None, times: Sequence[datetime], kept: frozenset[datetime]) -> datetime | None:
    gone = [] if noted is None or noted in kept else [noted]
    return min([*times, *gone], default=None)


def _recount_customers(connection: Connection, customers: Sequence[int]) -> None:
    last = (
        select(
            message.c.customer_id,
            func.max(case((_PEOPLES, hit.c.at))).label("hit_opened"),
            func.max(case((and_(_PEOPLES, _CLICK), hit.c.at))).label("hit_clicked"),
            func.max(message.c.opened_at).label("opened"),
            func.max(message.c.clicked_at).label("clicked"),
        )
        .select_from(message.outerjoin(hit, hit.c.message_id == message.c.id))
        .where(message.c.customer_id.in_(customers))
        .group_by(message.c.customer_id)
    )
    found: dict[int, dict[str, Any]] = {
        row.customer_id: {
            "last_opened_at": _last(row.hit_opened, row.opened),
            "last_clicked_at": _last(row.hit_clicked, row.clicked),
        }
        for row in connection.execute(last)
    }
    for number, values in found.items():
        connection.execute(update(customer).where(customer.c.id == number).values(**values))
    membership.mark(connection, dict.fromkeys(found, True))  # history: it starts no flow


def _last(*times: datetime | None) -> datetime | None:
    return max((at for at in times if at is not None), default=None)
