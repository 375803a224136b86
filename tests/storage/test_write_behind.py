"""Rows that nobody reads in their transaction: written at its end, in their order, or not at all."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import event as on_event
from sqlalchemy import insert, select

from tests.support.shop import START
from worker.domain.journeys import TraceEntry, TraceKind
from worker.domain.messages import Kind
from worker.domain.orders import OrderLine
from worker.storage import ledger, pending, traces, write_behind
from worker.storage.bulk import BulkInsert
from worker.storage.database import Database
from worker.storage.orders import by_number, save_lines
from worker.storage.tables import customer, event, flow_version, journey, message, order_status, orders, trace

JOURNEYS = 3


@pytest.fixture
def filled(database: Database) -> Database:
    """A database with three journeys of one customer, and an order."""
    version = {"flow": "f", "number": 1, "meaning": "", "source": "", "published_at": START}
    one = {"flow": "f", "version_id": 1, "customer_id": 1, "state": "waiting", "entered_at": START}
    order = {"number": "A1", "customer_id": 1, "total": Decimal(1), "currency": "VND", "status": "placed"}
    with database.writing() as connection:
        connection.execute(flow_version.insert(), version)
        connection.execute(insert(customer), {"external_id": "c1", "created_at": START, "updated_at": START})
        connection.execute(insert(journey), [one | {"once_key": f"{number}"} for number in range(JOURNEYS)])
        connection.execute(insert(orders), {**order, "counted": True, "refunded": Decimal(0)})
    return database


def line(word: str) -> TraceEntry:
    """Return a line of a trace."""
    return TraceEntry(TraceKind.WAIT, "step", {"word": word, "quoted": '"\\ \u2028'})


def lines(database: Database) -> list[tuple[int, int, str]]:
    """Return all lines: journey, number, word."""
    with database.reading() as connection:
        rows = connection.execute(select(trace).order_by(trace.c.journey_id, trace.c.number)).all()
    assert all(row.at == START and row.step == "step" and row.detail["quoted"] == '"\\ \u2028' for row in rows)
    return [(row.journey_id, row.number, row.detail["word"]) for row in rows]


def test_lines_are_written_at_the_end_and_numbered_in_their_order(filled: Database) -> None:
    """Given lines of several journeys, some there before, then each journey's count on in their order."""
    with filled.writing() as connection:
        traces.append(connection, 1, [line("a")], START)
    with filled.writing() as connection:
        with write_behind.gathering(connection):
            traces.append(connection, 1, [line("b"), line("c")], START)
            traces.append(connection, 2, [line("d")], START)
            traces.append(connection, 1, [line("e")], START)
            traces.append(connection, 3, [], START)
            assert connection.execute(select(trace.c.number)).scalars().all() == [1]
        traces.append(connection, 2, [line("f")], START)  # after the block each is written at once
        assert len(connection.execute(select(trace.c.number)).scalars().all()) == 6
    assert lines(filled) == [(1, 1, "a"), (1, 2, "b"), (1, 3, "c"), (1, 4, "e"), (2, 1, "d"), (2, 2, "f")]


def test_many_lines_are_one_statement(filled: Database) -> None:
    """Given lines of three journeys, then one statement writes them."""
    said: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        said.append(statement)

    on_event.listen(filled.engine, "before_cursor_execute", note)
    with filled.writing() as connection, write_behind.gathering(connection):
        for number in (1, 2, 3):
            traces.append(connection, number, [line("a"), line("b")], START)
    assert len([one for one in said if "trace" in one]) == 1


def test_what_was_gathered_is_gone_with_its_transaction(filled: Database) -> None:
    """Given a block that fails, then nothing of it is written, then or later."""
    with filled.writing() as connection:
        with pytest.raises(ValueError, match="no"), write_behind.gathering(connection):
            traces.append(connection, 1, [line("a")], START)
            raise ValueError("no")
        traces.append(connection, 1, [line("b")], START)
    assert lines(filled) == [(1, 1, "b")]


def test_who_reads_it_catches_up_before(filled: Database) -> None:
    """Given rows that wait, when somebody catches up, then they are there, and what comes after waits again."""
    with filled.writing() as connection, write_behind.gathering(connection):
        traces.append(connection, 1, [line("a")], START)
        write_behind.catch_up(connection)
        assert connection.execute(select(trace.c.number)).scalars().all() == [1]
        traces.append(connection, 1, [line("b")], START)
        assert connection.execute(select(trace.c.number)).scalars().all() == [1]
    assert lines(filled) == [(1, 1, "a"), (1, 2, "b")]


def test_rows_of_every_kind_are_written_as_they_are_read(filled: Database) -> None:
    """Given rows with values and without, then they are read back as they were given."""
    statuses = BulkInsert(
        "order_status", {"order_id": "bigint", "status": "text", "at": "timestamptz", "event_id": "bigint"}
    )
    rows: list[tuple[Any, ...]] = [(1, "đã giao", START, 7), (1, 'một "hai" \\ ba, {bốn}', START, None)]
    with filled.writing() as connection:
        statuses.run(connection, rows)
    with filled.reading() as connection:
        columns = (order_status.c.order_id, order_status.c.status, order_status.c.at, order_status.c.event_id)
        found = connection.execute(select(*columns).order_by(order_status.c.id)).all()
    assert [tuple(row) for row in found] == rows


def test_lines_of_an_order_that_are_written_twice_are_the_last(filled: Database) -> None:
    """Given lines that wait to be written, when others take their place, then those are there, and they alone."""
    robusta = OrderLine("R", "Robusta", "robusta", 2, Decimal("119000.5"))
    culi = OrderLine("C", "Culi", None, 1, Decimal(99_000))
    with filled.writing() as connection, write_behind.gathering(connection):
        save_lines(connection, 1, [robusta, culi], new=True)
        save_lines(connection, 1, [culi, robusta], new=False)
    with filled.reading() as connection:
        assert by_number(connection, ["A1"])["A1"].lines == (culi, robusta)


def test_an_event_is_closed_once(filled: Database) -> None:
    """Given an event that is closed twice, in one transaction or in two, then the second fails."""
    one = {"source": "shop", "type": "purchase", "occurred_at": START, "received_at": START, "content_hash": ""}
    with filled.writing() as connection:
        for number in ("e1", "e2"):
            connection.execute(insert(event), {**one, "external_id": number, "payload": {}})
    with pytest.raises(RuntimeError, match="someone else"), filled.writing() as connection:
        with write_behind.gathering(connection):
            pending.close(connection, 1, 1, None)
            pending.close(connection, 2, 1, "A1", "note")
        pending.close(connection, 2, 1, None)
    with filled.writing() as connection, write_behind.gathering(connection):
        pending.close(connection, 1, 1, None)
        pending.close(connection, 2, 1, "A1", "note")
    with filled.reading() as connection:
        rows = connection.execute(
            select(event.c.state, event.c.order_number, event.c.reason).order_by(event.c.id)
        ).all()
    assert rows == [("processed", None, None), ("processed", "A1", "note")]
    late = pytest.raises(RuntimeError, match="someone else")
    with late, filled.writing() as connection, write_behind.gathering(connection):
        pending.close(connection, 2, 1, None)


def test_mails_that_wait_to_be_written_are_taken_back_too(filled: Database) -> None:
    """Given a mail that a batch is to write, when its journey is ended in the batch, then it is taken back."""
    mails = [
        ledger.NewMessage(f"k{of}", 1, Kind.MARKETING, "welcome", START, journey_id=of, values={"with": {"a": "ấm"}})
        for of in (1, 2, 2)
    ]
    with filled.writing() as connection:
        with write_behind.gathering(connection) as numbers:
            assert ledger.write_at_end(connection, mails[:1], START) == ()
            ledger.cancel(connection, 1, "exit", START)
            ledger.write_at_end(connection, mails[1:], START)
            assert numbers == [1]
        assert numbers == [1, 2]  # of two with one key the first
    with filled.reading() as connection:
        rows = connection.execute(select(message).order_by(message.c.id)).all()
    assert [(row.key, row.state, row.values) for row in rows] == [
        ("k1", "cancelled", {"with": {"a": "ấm"}}),
        ("k2", "queued", {"with": {"a": "ấm"}}),
    ]
