"""Predictions: the model that was fitted, the buyers it is fitted to, and what it says of each customer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, func, select, update

from worker.domain.repurchase import Model, Prediction
from worker.storage.rows import insert
from worker.storage.tables import customer, prediction

_DAY = timedelta(days=1)
_ONE = 1
AT_ONCE = 5_000  # rows fetched at a time

_MODEL = select(prediction).where(prediction.c.id == _ONE)
_BUYS = (customer.c.orders_count > 0, customer.c.first_order_at.is_not(None), customer.c.last_order_at.is_not(None))
_COLUMNS = (
    customer.c.id,
    customer.c.orders_count,
    customer.c.first_order_at,
    customer.c.last_order_at,
    customer.c.alive,
    customer.c.predicted_next_order_at,
)
_OF: Select[Any] = select(*_COLUMNS).where(customer.c.id.in_(bindparam("ids", expanding=True)))
_SLICE: Select[Any] = (
    select(*_COLUMNS)
    .where(*_BUYS, customer.c.id > bindparam("after"))
    .order_by(customer.c.id)
    .limit(bindparam("limit"))
)
_SAY = (
    update(customer)
    .where(customer.c.id == bindparam("of"))
    .values(alive=bindparam("chance"), predicted_next_order_at=bindparam("next"))
)


@dataclass(frozen=True, slots=True)
class Fitted:
    """The model as it was last fitted; None in it while there are too few buyers."""

    model: Model | None
    at: datetime
    buyers: int


@dataclass(frozen=True, slots=True)
class Buyer:
    """A customer with orders, and what was said of them."""

    id: int
    orders: int
    first: datetime | None
    last: datetime | None
    alive: float | None
    next_order_at: datetime | None


def fitted(connection: Connection) -> Fitted | None:
    """Return the model, or None where none was ever fitted."""
    row = connection.execute(_MODEL).first()
    if row is None:
        return None
    model = None if row.r is None else Model(row.r, row.alpha, row.a, row.b)
    return Fitted(model, row.fitted_at, row.buyers)


def keep(connection: Connection, model: Model | None, buyers: int, now: datetime) -> None:
    """Keep a model in place of the one before."""
    values: dict[str, Any] = {"fitted_at": now, "buyers": buyers, "r": None, "alpha": None, "a": None, "b": None}
    if model is not None:
        values |= {"r": model.r, "alpha": model.alpha, "a": model.a, "b": model.b}
    statement = insert(connection, prediction).values(id=_ONE, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values))


def histories(connection: Connection, now: datetime) -> Counter[tuple[int, int, int]]:
    """Return how many customers there are of each history: orders after the first, and in days from the first order
    to the last, and to now."""
    found: Counter[tuple[int, int, int]] = Counter()
    asked = select(customer.c.orders_count, customer.c.first_order_at, customer.c.last_order_at).where(*_BUYS)
    for row in connection.execute(asked.execution_options(yield_per=AT_ONCE)):
        age = max(0, round((now - row.first_order_at) / _DAY))
        recency = min(age, max(0, round((row.last_order_at - row.first_order_at) / _DAY)))
        found[row.orders_count - 1, recency, age] += 1
    return found


def buyers(connection: Connection, after: int, limit: int) -> list[Buyer]:
    """Return the next customers with orders, by our number."""
    return [_buyer(row) for row in connection.execute(_SLICE, {"after": after, "limit": limit})]


def of_customers(connection: Connection, ids: Iterable[int]) -> list[Buyer]:
    """Return these customers, those without orders too."""
    return [_buyer(row) for row in connection.execute(_OF, {"ids": sorted(set(ids))})]


def say(connection: Connection, said: Sequence[tuple[int, Prediction | None]]) -> None:
    """Write down what is foretold of customers; None: nothing any more."""
    rows = [{"of": number, "chance": one and one.alive, "next": one and one.next_order_at} for number, one in said]
    if rows:
        connection.execute(_SAY, rows)


@dataclass(frozen=True, slots=True)
class Summary:
    """What is foretold, over all customers.

    Parameters:
        foretold: of how many something is.
        alive: how many of them are still customers with even odds or better; `expected`: the sum of their chances.
        next_30_days: how many of those alive are foretold to order within 30 days.
    """

    foretold: int
    alive: int
    expected: float
    next_30_days: int


def summary(connection: Connection, now: datetime) -> Summary:
    """Return what is foretold, over all customers."""
    even = customer.c.alive >= 0.5
    soon = customer.c.predicted_next_order_at.between(now, now + 30 * _DAY)
    asked = select(
        func.count(customer.c.alive),
        func.count().filter(even),
        func.coalesce(func.sum(customer.c.alive), 0.0),
        func.count().filter(even, soon),
    )
    row = connection.execute(asked.where(customer.c.erased_at.is_(None))).one()
    return Summary(int(row[0]), int(row[1]), float(row[2]), int(row[3]))


def _buyer(row: Row[Any]) -> Buyer:
    return Buyer(
        row.id, row.orders_count, row.first_order_at, row.last_order_at, row.alive, row.predicted_next_order_at
    )
