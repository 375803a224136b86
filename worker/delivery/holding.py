"""The order of locks: a sender holds the journeys that it may wake before it holds any message of theirs.

Whoever ends a journey, or joins two customers, holds the journey first and then its messages. In another order each
of the two could wait for the other, and PostgreSQL would give one of them up.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from worker.storage import journeys
from worker.storage.flowbook import FlowBook, Version


def hold_journeys(connection: Connection, flowbook: FlowBook, messages: Sequence[int]) -> None:
    """Keep to this transaction the waiting journeys of these messages that hear of their sending or of an exit.

    SQLite has one writer at a time, and it is this transaction already.
    """
    if connection.dialect.name != "postgresql" or not messages:
        return
    waiting = journeys.waiting_of_messages(connection, messages)
    hearing = [number for number, of in waiting if _hears(flowbook.version(connection, of))]
    if hearing:
        journeys.keep(connection, hearing)


def _hears(version: Version | None) -> bool:
    return version is not None and (version.asks_for_mails or any(rule.event is None for rule in version.flow.exits))
