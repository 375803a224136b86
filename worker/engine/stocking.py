"""Stocking: what the shop tells of its articles is written down, and journeys that wait for some look again."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from worker.domain.facts import Need
from worker.domain.stock import StockWord
from worker.domain.work import Work
from worker.storage import flows, journeys, stock
from worker.storage.flowbook import FlowBook

MOST_AT_ONCE = 1_000  # journeys that are handed on at once; the clock's sweep finds the others


def take_stock(connection: Connection, flowbook: FlowBook, words: Sequence[StockWord]) -> tuple[int, Work]:
    """Write words down in this transaction.

    Returns:
        How many articles came in stock or ran out, and the waiting journeys that are to look again: those of flows that
        ask `in_stock()` anywhere.
    """
    changed = stock.tell(connection, words)
    if not changed:
        return 0, Work()
    asking = [
        version
        for number in flows.every_version(connection)
        if (version := flowbook.version(connection, number)) is not None and Need.STOCK in version.needs
    ]
    woken = journeys.wake_in(connection, sorted({one.flow.name for one in asking}))
    return len(changed), Work(journeys=tuple(woken[:MOST_AT_ONCE]))
