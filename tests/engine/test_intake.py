"""Intake keeps each event once, tells a repetition from a contradiction, and lets a bad item harm only itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import func, select

from worker.domain.event_check import EventRules
from worker.domain.settings import Settings
from worker.domain.work import Work
from worker.engine.intake import Receipt, Refusal, Unreadable, examine, keep, keep_carefully, take_in
from worker.storage.database import Database
from worker.storage.events import NewEvent, Outcome, Stored
from worker.storage.tables import event

NOW = datetime(2027, 3, 1, 7, 0, tzinfo=UTC)
RULES = EventRules.of(Settings())


def signup(number: int, **more: Any) -> dict[str, Any]:
    return {"id": f"e{number}", "type": "signup", "customer": {"id": f"c{number}"}, **more}


def take(database: Database, *items: object, source: str = "shop") -> tuple[Receipt, Work]:
    return take_in(database, items, source, RULES, NOW)


def rows(database: Database) -> list[Any]:
    with database.reading() as connection:
        return list(connection.execute(select(event).order_by(event.c.id)))


def test_a_type_that_nobody_declared_is_taken_with_a_warning(database: Database) -> None:
    """Given a misspelt type and an unknown one, then both are kept, and the answer says what is odd, also again."""
    odd = [signup(1, type="purchace"), signup(2, type="skydive"), signup(3), signup(4, type="skydive", custmer={})]
    first, _ = take(database, *odd)
    again, _ = take(database, *odd[:1])

    assert [(one.index, one.id, one.field) for one in first.warnings] == [(0, "e1", "type"), (1, "e2", "type")]
    assert [one.warning for one in first.warnings] == [
        "'purchace' is not declared; did you mean 'purchase'?",
        "'skydive' is not declared; declare it in config/phin.yaml: events: {skydive: {}}",
    ]
    assert (first.accepted, len(first.refused)) == (3, 1)
    assert again.as_json() == {
        "accepted": 0,
        "duplicates": 1,
        "refused": [],
        "warnings": [first.warnings[0].as_json()],
    }
    assert "warnings" not in take(database, signup(3))[0].as_json()


def test_an_event_becomes_a_row(database: Database) -> None:
    """Given an event, then its row holds what was checked, and waits to be processed."""
    item = {
        "id": "e1",
        "type": "order.shipped",
        "time": "2027-03-01T13:00:00+07:00",
        "history": True,
        "customer": {"id": 7, "email": "Lan@example.com"},
        "order": {"number": "A1"},
        "data": {"request": "R1", "carrier": "GHN"},
    }
    receipt, work = take(database, item)
    assert receipt == Receipt(1, 0, ())
    (row,) = rows(database)
    assert work == Work(events=(row.id,))
    assert (row.source, row.external_id, row.type, row.state) == ("shop", "e1", "order.shipped", "received")
    assert (row.occurred_at, row.received_at, row.history) == (datetime(2027, 3, 1, 6, tzinfo=UTC), NOW, True)
    assert (row.customer_key, row.email_key) == ("id:7", "email:lan@example.com")
    assert (row.order_number, row.request) == ("A1", "R1")
    assert row.payload == {
        "customer": {"id": "7", "email": "lan@example.com"},
        "order": {"number": "A1"},
        "data": {"request": "R1", "carrier": "GHN"},
    }


def test_the_same_again_changes_nothing(database: Database) -> None:
    """Given an event that is sent again, alone or twice in one go, then it is a duplicate and one row."""
    take(database, signup(1))
    receipt, work = take(database, signup(1), signup(2), signup(2))
    assert (receipt.accepted, receipt.duplicates) == (1, 2)
    assert len(work.events) == 1
    assert [row.external_id for row in rows(database)] == ["e1", "e2"]


def test_a_contradiction_is_refused(database: Database) -> None:
    """Given the same id with other content, earlier or within one go, then it is refused and nothing changes."""
    take(database, signup(1))
    receipt, _ = take(database, signup(1, type="subscribed"), signup(2), signup(2, data={"a": 1}))
    assert receipt.accepted == 1
    assert [(one.index, one.id, one.field) for one in receipt.refused] == [(0, "e1", "id"), (2, "e2", "id")]
    assert all("other content" in one.error for one in receipt.refused)
    assert [(row.external_id, row.type, row.payload.get("data")) for row in rows(database)] == [
        ("e1", "signup", None),
        ("e2", "signup", None),
    ]


def test_ids_are_the_sources_own(database: Database) -> None:
    """Given the same id from two sources, then they are two events."""
    take(database, signup(1))
    receipt, _ = take(database, signup(1, type="subscribed"), source="till")
    assert receipt == Receipt(1, 0, ())


def test_a_refused_item_does_not_use_up_its_id(database: Database) -> None:
    """Given a faulty event, when it is sent again mended, then it is accepted."""
    receipt, work = take(database, signup(1, custmer={}), signup(2))
    assert receipt == Receipt(1, 0, (Refusal(0, "e1", "custmer", "is not known; did you mean 'customer'?"),))
    assert len(work.events) == 1
    assert take(database, signup(1))[0] == Receipt(1, 0, ())


def test_every_fault_is_told_in_the_order_of_the_items(database: Database) -> None:
    """Given items that are no events, cannot be read, or have several faults, then each is told at its place."""
    items = [5, Unreadable("line 2 is no JSON"), signup(3, type="X", history=1), signup(4)]
    receipt, _ = take(database, *items)
    assert receipt.accepted == 1
    assert [(one.index, one.id, one.field) for one in receipt.refused] == [
        (0, None, ""),
        (1, None, ""),
        (2, "e3", "type"),
        (2, "e3", "history"),
    ]


def test_events_are_numbered_in_the_order_in_which_they_came(database: Database) -> None:
    """Given many events in one go, then their rows are numbered in that order, so that customers' are taken in it."""
    count = 1_200
    take(database, *(signup(number) for number in range(count)))
    assert [row.external_id for row in rows(database)] == [f"e{number}" for number in range(count)]


def bad_row(number: int) -> NewEvent:
    """Return a row that passed no check: PostgreSQL keeps no NUL in a text, and neither keeps half a character."""
    (_, good), *_ = examine([signup(number)], "shop", RULES, NOW).events
    return NewEvent(**{name: getattr(good, name) for name in NewEvent.__slots__} | {"external_id": "\ud800"})


def test_many_together_become_the_same_rows_as_one_by_one(database: Database) -> None:
    """Given events of all kinds, some twice, taken in singly and together, then rows and answers are the same."""
    order = {"number": "A1", "total": 12.5, "lines": [{"sku": "R", "price": "12.50"}]}
    given = [
        signup(1, history=True, time="2020-01-01T00:00:00.123456+07:00"),
        signup(2, data={"request": "R7", "deep": [{"x": 10**29, "y": 1e300, "z": None, "w": "Đà Lạt \\ \"'%s:x"}]}),
        {
            "id": "e3",
            "type": "purchase",
            "customer": {"email": "Lan@Example.com", "name": "Nguyễn Lan"},
            "order": order,
        },
        signup(1, history=True, time="2020-01-01T00:00:00.123456+07:00"),
        signup(2, data={"other": 1}),
    ]
    singly = [take(database, one, source="singly")[0] for one in given]
    together, work = take(database, *given, source="together")

    kept = [
        {name: value for name, value in row._mapping.items() if name not in ("id", "source")} for row in rows(database)
    ]
    assert len(work.events) == 3
    assert kept[:3] == kept[3:]
    assert (together.accepted, together.duplicates, len(together.refused)) == (3, 1, 1)
    assert [one.accepted for one in singly] == [1, 1, 1, 0, 0]


def test_a_row_that_the_database_cannot_keep_harms_only_itself(database: Database) -> None:
    """Given a value that no check foresaw, then its row is not kept, and those around it are."""
    good = examine([signup(1), signup(3)], "shop", RULES, NOW).rows
    stored = keep_carefully(database, [good[0], bad_row(2), good[1]])
    assert [one.outcome for one in stored] == [Outcome.ACCEPTED, Outcome.UNKEPT, Outcome.ACCEPTED]
    assert stored[1] == Stored(Outcome.UNKEPT)
    assert len(rows(database)) == 2


def test_one_transaction_keeps_all_or_none(database: Database) -> None:
    """Given a row that fails, when rows are kept together, then none of them is there."""
    good = examine([signup(1)], "shop", RULES, NOW).rows
    with pytest.raises(Exception, match=r".+"):
        keep(database, [*good, bad_row(2)])
    with database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(event)).scalar_one() == 0
