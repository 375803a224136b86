"""What is foretold of customers, kept up to date: at once for those whose orders changed, nightly for all."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from worker.domain.repurchase import Model, Prediction, predict
from worker.storage import occurrences, predictions
from worker.storage.database import Database
from worker.storage.predictions import Buyer, Fitted

FIELD = "customer.predicted_next_order_at"
SLICE = 1_000  # customers in one transaction
CLOSE = 0.005  # a chance that moved by less stays as it is written


@dataclass(frozen=True, slots=True)
class Foretold:
    """What a pass over all buyers did."""

    looked_at: int
    changed: int


def foretell(
    connection: Connection, fitted: Fitted | None, customers: Collection[int], dates: Collection[str], now: datetime
) -> None:
    """Foretell customers whose orders changed, in the transaction that changed them; nothing where there is no model.

    Parameters:
        fitted: the model that is kept.
        dates: the fields by which flows are timed (`Catalogue.dates`): a moved one is noted for these.
    """
    if fitted is None or fitted.model is None:
        return
    _say(connection, fitted.model, predictions.of_customers(connection, customers), dates, now)


def foretell_all(
    database: Database, dates: Collection[str], now: datetime, progress: Callable[[int], None] = lambda _: None
) -> Foretold:
    """Foretell every customer who has bought, in slices, by the model that is kept.

    Parameters:
        progress: told after each slice how many customers were looked at.
    """
    with database.reading() as connection:
        fitted = predictions.fitted(connection)
    model = None if fitted is None else fitted.model
    after = looked_at = changed = 0
    while True:
        with database.writing() as connection:
            some = predictions.buyers(connection, after, SLICE)
            changed += _say(connection, model, some, dates, now)
        if not some:
            return Foretold(looked_at, changed)
        after = some[-1].id
        looked_at += len(some)
        progress(looked_at)


def _say(
    connection: Connection, model: Model | None, some: Iterable[Buyer], dates: Collection[str], now: datetime
) -> int:
    said: list[tuple[int, Prediction | None]] = []
    for one in some:
        new = _predicted(model, one, now)
        if _differs(one, new):
            said.append((one.id, new))
            moved = new is not None and new.next_order_at is not None and new.next_order_at != one.next_order_at
            if moved and FIELD in dates:
                occurrences.mark(connection, one.id, [FIELD])
    predictions.say(connection, said)
    return len(said)


def _predicted(model: Model | None, one: Buyer, now: datetime) -> Prediction | None:
    if model is None or one.orders < 1 or one.first is None or one.last is None:
        return None
    return predict(model, one.orders, one.first, one.last, now)


def _differs(one: Buyer, new: Prediction | None) -> bool:
    if new is None or one.alive is None:
        return (new is None) != (one.alive is None)
    return abs(new.alive - one.alive) >= CLOSE or new.next_order_at != one.next_order_at
