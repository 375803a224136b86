"""Connections to PostgreSQL: looked at after a rest, with statements that the server keeps prepared."""

from __future__ import annotations

import select
from collections.abc import Callable
from functools import partial
from typing import Any

from psycopg.pq import ExecStatus, TransactionStatus
from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.exc import InvalidatePoolError

from worker.storage.arrays import ArrayCompiler
from worker.storage.lines import limit_theirs
from worker.storage.quick import Kept
from worker.storage.quick_postgresql import QuickPostgresql

RESTED = 1.0  # seconds after which a connection to PostgreSQL is asked whether it still stands, before it is used
PLANS_LAST = 25  # transactions of a connection to PostgreSQL after which it plans its statements anew,
PLANS_AGE = 1.0  # once they are so many seconds old
PREPARED = 250  # statements that a connection has the server keep; a worker says some hundred


def postgresql_engine(url: URL, monotonic: Callable[[], float], **options: Any) -> Engine:
    """Return an engine whose connections are looked at after a rest, and plan anew now and then.

    A connection that was in use a moment ago is not asked whether it still stands, unless there is something to be read
    from it, such as its end: that would be a trip to the server before each transaction.

    PostgreSQL keeps plans in each connection, those of its checks of foreign keys too. One that was made while a table
    was nearly empty walks through all of it; it lasts until the table is analysed, and a flow may enter a hundred
    thousand before. To plan each statement each time would be as safe, and cost a single purchase half as much again.
    """
    engine = create_engine(url, **options)
    engine.dialect.statement_compiler = ArrayCompiler
    engine.dialect.do_rollback = _roll_back  # type: ignore[assignment]  # of this engine alone
    # the engine's own word for what its connections are made by; it has no option for it
    engine._connection_cls = partial(QuickPostgresql, kept=Kept())  # type: ignore[assignment]
    limit_theirs(engine)
    faults = engine.dialect.loaded_dbapi.Error

    @event.listens_for(engine, "connect")
    def _opened(connection: Any, record: Any) -> None:
        connection.prepared_max = PREPARED
        record.info.update(left=monotonic(), planned=monotonic(), taken=0)

    @event.listens_for(engine, "checkout")
    def _taken(connection: Any, record: Any, _proxy: Any) -> None:
        about, now = record.info, monotonic()
        about["taken"] += 1
        try:
            if now - about["left"] > RESTED or _says_something(connection):
                engine.dialect.do_ping(connection)
            if about["taken"] >= PLANS_LAST and now - about["planned"] >= PLANS_AGE:
                with connection.cursor() as cursor:
                    cursor.execute("DISCARD PLANS")
                connection.commit()
                about.update(planned=now, taken=0)
        except faults as error:
            raise InvalidatePoolError("the connection broke before its use") from error  # so did the others

    @event.listens_for(engine, "checkin")
    def _left(_connection: Any, record: Any) -> None:
        record.info["left"] = monotonic()

    return engine


def _says_something(connection: Any) -> bool:
    """Whether the server has sent what nobody asked for, or ended the connection."""
    waiting = select.poll()
    waiting.register(connection.pgconn.socket, select.POLLIN)
    return bool(waiting.poll(0))


def _roll_back(connection: Any) -> None:
    """Roll back what went well, such as each look of `reading`, without the driver's knowledge.

    It would forget all statements that the server keeps prepared, as what is rolled back may have been a table's
    making; nearly none would ever be prepared. A transaction in which something failed is left to it.
    """
    if connection.pgconn.transaction_status == TransactionStatus.INTRANS:
        result = connection.pgconn.exec_(b"ROLLBACK")
        if result.status == ExecStatus.COMMAND_OK:
            return
    connection.rollback()
