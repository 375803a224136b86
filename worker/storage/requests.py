"""Cases: customers who asked for help, until that is closed; how many are open, late, and were solved in time."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, case, func, select, update

from worker.storage.rows import insert
from worker.storage.tables import request

_OPEN = request.c.closed_at.is_(None)


@dataclass(frozen=True, slots=True)
class Request:
    """A case as its row tells it.

    Parameters:
        number: the shop's, or `#` and our number of the event that opened it.
        due_at: when it should be solved.
        closed_by: key of a staff member, or the source of the event that closed it.
    """

    number: str
    customer_id: int
    order_number: str | None
    subject: str | None
    channel: str | None
    opened_at: datetime
    due_at: datetime
    closed_at: datetime | None = None
    closed_by: str | None = None

    def late(self, now: datetime) -> bool:
        """Say whether it is open and should have been solved by now."""
        return self.closed_at is None and self.due_at < now


@dataclass(frozen=True, slots=True)
class RequestFigures:
    """Cases counted.

    Parameters:
        opened: all that were opened in the time that is looked at; the others are some of them.
        late: open, and past the time in which they should have been solved.
        in_time: solved within that time.
    """

    opened: int = 0
    open: int = 0
    late: int = 0
    solved: int = 0
    in_time: int = 0


def opens(connection: Connection, new: Request) -> None:
    """Open a case. One of this number that was closed before then is open again; one that came later is not."""
    told = insert(connection, request).values(
        number=new.number,
        customer_id=new.customer_id,
        order_number=new.order_number,
        subject=new.subject,
        channel=new.channel,
        opened_at=new.opened_at,
        due_at=new.due_at,
        closed_at=new.closed_at,
        closed_by=new.closed_by,
    )
    again = and_(request.c.closed_at < told.excluded.opened_at, request.c.customer_id == told.excluded.customer_id)
    taken = {name: told.excluded[name] for name in ("opened_at", "due_at", "closed_at", "closed_by")}
    kept = {name: func.coalesce(told.excluded[name], request.c[name]) for name in ("subject", "channel")}
    connection.execute(told.on_conflict_do_update(index_elements=["number"], set_={**taken, **kept}, where=again))
    early = and_(request.c.opened_at > new.opened_at, request.c.customer_id == new.customer_id)  # told late
    connection.execute(
        update(request)
        .where(request.c.number == new.number, early)
        .values(
            opened_at=new.opened_at,
            due_at=new.due_at,
            subject=func.coalesce(request.c.subject, new.subject),
            channel=func.coalesce(request.c.channel, new.channel),
        )
    )


def close(connection: Connection, number: str, customer_id: int, at: datetime, by: str) -> bool:
    """Close a customer's case; says whether it was open, and opened before that."""
    mine = and_(request.c.number == number, request.c.customer_id == customer_id, _OPEN, request.c.opened_at <= at)
    return connection.execute(update(request).where(mine).values(closed_at=at, closed_by=by)).rowcount == 1


def by_number(connection: Connection, numbers: Collection[str]) -> dict[str, Request]:
    """Return cases by number."""
    rows = connection.execute(select(request).where(request.c.number.in_(list(numbers)))) if numbers else ()
    return {row.number: _request(row) for row in rows}


def open_of(connection: Connection, customer_id: int) -> list[Request]:
    """Return the customer's open cases, the oldest first."""
    mine = select(request).where(request.c.customer_id == customer_id, _OPEN)
    return [_request(row) for row in connection.execute(mine.order_by(request.c.opened_at, request.c.number))]


def listed(connection: Connection, *, open_only: bool = True, limit: int = 200) -> list[Request]:
    """Return cases, those that should be solved first before the others."""
    statement = select(request).order_by(request.c.closed_at.is_not(None), request.c.due_at, request.c.number)
    return [
        _request(row) for row in connection.execute((statement.where(_OPEN) if open_only else statement).limit(limit))
    ]


def figures(connection: Connection, now: datetime, since: datetime | None = None) -> RequestFigures:
    """Count the cases.

    Parameters:
        since: only those that were opened from then on; None: all.
    """
    late = and_(_OPEN, request.c.due_at < now)
    in_time = and_(~_OPEN, request.c.closed_at <= request.c.due_at)
    statement = select(
        func.count(),
        *(func.coalesce(func.sum(case((holds, 1), else_=0)), 0) for holds in (_OPEN, late, ~_OPEN, in_time)),
    )
    if since is not None:
        statement = statement.where(request.c.opened_at >= since)
    return RequestFigures(*(int(count) for count in connection.execute(statement.select_from(request)).one()))


def forget(connection: Connection, customer_id: int) -> None:
    """Take out of the customer's cases what may name a person; what was solved when, and by whom, stays."""
    connection.execute(update(request).where(request.c.customer_id == customer_id).values(subject=None))


def join(connection: Connection, guest_id: int, into: int) -> None:
    """Give a guest's cases to the customer who the guest turned out to be."""
    connection.execute(update(request).where(request.c.customer_id == guest_id).values(customer_id=into))


def _request(row: Row[Any]) -> Request:
    return Request(
        number=row.number,
        customer_id=row.customer_id,
        order_number=row.order_number,
        subject=row.subject,
        channel=row.channel,
        opened_at=row.opened_at,
        due_at=row.due_at,
        closed_at=row.closed_at,
        closed_by=row.closed_by,
    )
