"""Stock: what the shop told of its articles; the latest word holds, in whatever order words come in."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select

from worker.domain.stock import StockWord
from worker.storage.rows import insert
from worker.storage.tables import stock

_OUT = select(stock.c.sku).where(~stock.c.available)


def out_of_stock(connection: Connection) -> frozenset[str]:
    """Return the articles that the shop has none of."""
    return frozenset(connection.execute(_OUT).scalars())


def tell(connection: Connection, words: Sequence[StockWord]) -> frozenset[str]:
    """Write words down; returns the articles that are there now and were not, or the other way round."""
    newest = {word.sku: word for word in sorted(words, key=lambda one: one.at)}
    if not newest:
        return frozenset()
    known = {row.sku: row for row in connection.execute(select(stock).where(stock.c.sku.in_(sorted(newest))))}
    changed = set()
    rows = []
    for sku, word in sorted(newest.items()):  # always in the same order, as rows are held
        before = known.get(sku)
        if before is not None and before.told_at > word.at:
            continue
        if word.available is not (True if before is None else before.available):
            changed.add(sku)
        rows.append({"sku": sku, "available": word.available, "quantity": word.quantity, "told_at": word.at})
    if rows:
        new = insert(connection, stock)
        taken = {name: new.excluded[name] for name in ("available", "quantity", "told_at")}
        older = stock.c.told_at <= new.excluded.told_at
        connection.execute(new.on_conflict_do_update(index_elements=[stock.c.sku], set_=taken, where=older), rows)
    return frozenset(changed)


def listed(connection: Connection, *, out: bool = False) -> list[StockWord]:
    """Return what is known of every article, by its SKU.

    Parameters:
        out: only those of which there is none.
    """
    asked = select(stock).order_by(stock.c.sku)
    rows = connection.execute(asked.where(~stock.c.available) if out else asked)
    return [StockWord(row.sku, row.available, row.told_at, row.quantity) for row in rows]
