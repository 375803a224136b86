"""What looks into the ledger every second or holds its only writer finds what it looks for by an index."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, insert, text

from tests.support.ledger import NOW, add_customer, queue
from tests.support.plans import count_rows, plan, statements_of
from worker.domain.messages import Kind, MessageState
from worker.storage import claims, ledger, leftovers, pace
from worker.storage.database import Database
from worker.storage.ledger import Marked, Settlement
from worker.storage.tables import message

MANY = 5_000  # sent ones, and as many of a held flow
FEW = 50
LEASE = NOW + timedelta(seconds=60)
S = MessageState


@pytest.fixture
def full(database: Database) -> Database:
    """A ledger with many mails sent, many of a held flow in the queue, and some in every other state."""
    with database.writing() as connection:
        person = add_customer(connection)
        common = {"customer_id": person, "template": "t", "created_at": NOW, "not_before": NOW, "kind": "marketing"}
        rows: list[dict[str, Any]] = []
        for flow, state, claim, crashes, count in (
            ("welcome", "sent", None, 0, MANY),
            ("held", "queued", None, 0, MANY),
            ("welcome", "queued", None, 0, FEW),
            ("welcome", "queued", None, 9, 1),
            ("welcome", "claimed", "t", 0, FEW),
            ("welcome", "transmitting", "t", 0, FEW),
            ("welcome", "unknown", "u", 0, FEW),
        ):
            given = {"flow": flow, "state": state, "claim": claim, "crashes": crashes, "settled_at": NOW, **common}
            rows += [{**given, "lease_until": NOW if claim else None} for _ in range(count)]
        connection.execute(insert(message), [{**row, "key": f"k{i}"} for i, row in enumerate(rows)])
    if not database.is_sqlite:  # which counts its rows by itself
        count_rows(database)
    return database


QUEUED, CLAIMED = 2 * MANY + 1, 2 * MANY + FEW + 2  # the first of each


def _claim(connection: Connection) -> object:
    ids = list(range(QUEUED, QUEUED + FEW))
    return claims.claim(connection, ids, token="n", lease_until=LEASE, now=NOW, held={"held"})


def _mark(connection: Connection) -> object:
    marked = [Marked(CLAIMED + i, "lan@example.com", "vi", "Chào", "hash", "m@example.com", True) for i in range(10)]
    return ledger.mark(connection, marked, token="t", now=NOW)


def _settle(connection: Connection) -> object:
    return ledger.settle(connection, [Settlement(CLAIMED + i, S.QUEUED, NOW) for i in range(10)], token="t")


def _resolve(connection: Connection) -> object:
    return leftovers.resolve_unknown(connection, Kind.MARKETING, S.SENT, "assumed", NOW, since=NOW)


def _coming(connection: Connection) -> object:
    add_customer(connection, email="binh@example.com")
    return pace.coming(connection, ["binh@example.com"], ["welcome"], NOW, NOW)


NUMBER = ("INTEGER PRIMARY KEY", "pk_message")
IN_HAND = ("ix_message_claim",)  # as many as all senders have in hand

CASES: list[tuple[str, Callable[[Connection], object], tuple[str, ...]]] = [
    ("due", lambda c: claims.due(c, ["welcome"], NOW, 100), ("ix_message_queued",)),
    ("claim", _claim, NUMBER),
    ("renew", lambda c: claims.renew(c, token="t", lease_until=LEASE), IN_HAND),
    ("mark", _mark, (*NUMBER, *IN_HAND)),
    ("settle", _settle, (*NUMBER, *IN_HAND)),
    ("coming", _coming, ("ix_message_customer", "customer")),
    ("unsent of ended", lambda c: ledger.unsent_of_ended(c, 2), ("ix_message_customer",)),
    ("take back", lambda c: leftovers.take_back(c, LEASE), IN_HAND),
    ("give up", lambda c: leftovers.give_up(c, LEASE, NOW), IN_HAND),
    ("in hand of", lambda c: leftovers.in_hand_of(c, "t"), IN_HAND),
    ("exhausted", lambda c: leftovers.exhausted(c, 8, NOW), ("ix_message_crashed",)),
    ("unknown", leftovers.unknown, ("ix_message_unknown",)),
    ("resolve unknown", _resolve, ("ix_message_unknown",)),
]


@pytest.mark.parametrize(("work", "indexes"), [pytest.param(work, indexes, id=name) for name, work, indexes in CASES])
def test_messages_are_found_by_an_index(
    full: Database, work: Callable[[Connection], object], indexes: tuple[str, ...]
) -> None:
    """Given a full ledger, when a statement is planned, its rows counted or not, then it is by one of its indexes."""
    statements = statements_of(full, work)
    assert statements
    for _ in range(2):
        for statement, parameters in statements:
            lines = plan(full, statement, parameters)
            assert any(index in line for line in lines for index in indexes), (statement, lines)
            assert not [line for line in lines if _reads_all(line)], (statement, lines)
        count_rows(full)


def test_the_queue_is_looked_through_flow_by_flow(full: Database) -> None:
    """Given a held flow with a long queue, when due messages are looked up, then each look is for one running flow."""
    statements = statements_of(full, lambda c: claims.due(c, ["welcome"], NOW, 100))
    assert len(statements) == 2  # of the flow, and of none
    for statement, parameters in statements:
        lines = plan(full, statement, parameters)
        told = "flow=?" if full.is_sqlite else "flow"
        assert [line for line in lines if told in line and ("SEARCH" in line or "Index Cond" in line)], lines


def _reads_all(line: str) -> bool:
    """Say whether a line of a plan reads the table, or an index of all its rows, from end to end."""
    return "Seq Scan on message" in line or ("SCAN message" in line and "ix_message_unknown" not in line)


def test_a_search_without_an_index_would_be_seen(full: Database) -> None:
    """Given a statement that no index serves, when it is planned, then this test's way of looking tells."""
    assert any(map(_reads_all, plan(full, "SELECT id FROM message WHERE reason = 'x'", ())))


def test_a_lease_is_renewed_without_a_new_entry_in_any_index(postgres_database: Database) -> None:
    """Given messages in a sender's hand, when their lease is renewed, then no index has to learn of it."""
    with postgres_database.writing() as connection:
        ids = queue(connection, *"abcde")
        claims.claim(connection, ids, token="t", lease_until=NOW, now=NOW)
    within_the_page = text("SELECT n_tup_hot_upd FROM pg_stat_xact_user_tables WHERE relname = 'message'")
    with postgres_database.writing() as connection:
        before = connection.execute(within_the_page).scalar_one()
        assert claims.renew(connection, token="t", lease_until=LEASE) == set(ids)
        assert connection.execute(within_the_page).scalar_one() - before == len(ids)
