"""Hits become facts: kept once, classed once, people's ones written into mail and customer, journeys woken."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, update

from tests.support.ledger import NOW, add_customer, queue
from worker.delivery import hits as recording
from worker.delivery.hits import Hits
from worker.domain.hits import HitKind
from worker.domain.messages import Kind
from worker.domain.work import Work
from worker.storage.database import Database
from worker.storage.hits import NewHit
from worker.storage.rows import as_dict
from worker.storage.tables import customer, flow_version, hit, journey, message

PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
READ = NOW + timedelta(minutes=20)


def sent(connection: Connection, key: str = "m", state: str = "sent", customer_id: int | None = None) -> int:
    (number,) = queue(connection, key, kind=Kind.MARKETING, customer_id=customer_id)
    values: dict[str, Any] = {"state": state, "transmitting_at": NOW}
    if state == "sent":
        values["sent_at"] = NOW
    connection.execute(update(message).where(message.c.id == number).values(**values))
    return number


def waiting(connection: Connection, customer_id: int) -> int:
    version = connection.execute(
        insert(flow_version)
        .values(flow="f", number=1, meaning="m", source="", published_at=NOW)
        .returning(flow_version.c.id)
    ).scalar_one()
    made = insert(journey).values(
        flow="f", version_id=version, customer_id=customer_id, once_key="k", state="waiting", entered_at=NOW
    )
    return int(connection.execute(made.returning(journey.c.id)).scalar_one())


def a_hit(key: str, number: int, kind: HitKind = HitKind.OPEN, at: datetime = READ, **more: Any) -> NewHit:
    return NewHit(key, number, kind, at, **{"user_agent": PHONE, **more})


def record(database: Database, new: list[NewHit]) -> Work:
    opens, clicks = recording.record(database, new)
    return opens + clicks


def row_of(database: Database, number: int) -> Mapping[str, Any]:
    with database.reading() as connection:
        asked = select(message, customer.c.last_opened_at, customer.c.last_clicked_at).join(customer)
        return as_dict(connection.execute(asked.where(message.c.id == number)).one())


def classes(database: Database) -> dict[str, tuple[str | None, str | None]]:
    with database.reading() as connection:
        return {row.key: (row._mapping["class"], row.reason) for row in connection.execute(select(hit))}


def test_a_hit_is_kept_once(database: Database) -> None:
    """Given the same hit twice in one go and once more later, then it is one row and one piece of work."""
    with database.writing() as connection:
        number = sent(connection)
    work = record(database, [a_hit("a", number), a_hit("a", number), a_hit("b", number)])
    assert len(work.hits) == 2
    assert record(database, [a_hit("a", number)]) == Work()
    assert record(database, []) == Work()


def test_a_persons_open_is_a_fact_of_mail_and_customer(database: Database) -> None:
    """Given a person's open and a waiting journey, then mail and customer know when, and the journey is to look."""
    with database.writing() as connection:
        number = sent(connection)
        owner = connection.execute(select(message.c.customer_id)).scalar_one()
        waits = waiting(connection, owner)
    work = record(database, [a_hit("a", number)])
    assert Hits(database).run(work.hits, READ) == Work(journeys=(waits,))
    row = row_of(database, number)
    assert (row["opened_at"], row["clicked_at"], row["last_opened_at"]) == (READ, None, READ)
    assert classes(database) == {"a": ("person", "Apple Mail")}


def test_running_twice_changes_nothing(database: Database) -> None:
    """Given hits that were classed, when they are run again, then nothing is done."""
    with database.writing() as connection:
        number = sent(connection)
    work = record(database, [a_hit("a", number)])
    hits = Hits(database)
    hits.run(work.hits, READ)
    before = row_of(database, number)
    assert hits.run(work.hits, READ + timedelta(days=1)) == Work()
    assert row_of(database, number) == before


def test_a_click_waits_until_it_can_be_told_from_a_scanners(database: Database) -> None:
    """Given a click, when it is run at once, then it is left; two seconds later it is a person's and means an open."""
    with database.writing() as connection:
        number = sent(connection)
    work = record(database, [a_hit("a", number, HitKind.CLICK, link=1)])
    hits = Hits(database)
    assert hits.run(work.hits, READ) == Work()
    assert classes(database) == {"a": (None, None)}
    hits.run(work.hits, READ + timedelta(seconds=2))
    row = row_of(database, number)
    assert (row["opened_at"], row["clicked_at"], row["last_clicked_at"]) == (READ, READ, READ)


def test_a_scanner_is_nobodys_click(database: Database) -> None:
    """Given a scanner that tries three links, then all three are machines', and mail and customer know of nothing."""
    with database.writing() as connection:
        number = sent(connection)
    tried = [a_hit(f"l{n}", number, HitKind.CLICK, READ + timedelta(seconds=n / 2), link=n) for n in range(3)]
    work = record(database, tried)
    # each run on its own, as three jobs might
    for one in work.hits:
        assert Hits(database).run([one], READ + timedelta(seconds=5)) == Work()
    assert {whose for whose, _ in classes(database).values()} == {"machine"}
    assert row_of(database, number)["clicked_at"] is None


def test_the_first_open_stays_and_the_last_is_the_customers(database: Database) -> None:
    """Given opens that are read back late and out of order, then the mail keeps the first, the customer the last."""
    with database.writing() as connection:
        number = sent(connection)
    for key, minutes in (("b", 30), ("a", 20), ("c", 40)):
        work = record(database, [a_hit(key, number, at=NOW + timedelta(minutes=minutes))])
        Hits(database).run(work.hits, NOW + timedelta(hours=1))
    row = row_of(database, number)
    assert (row["opened_at"], row["last_opened_at"]) == (READ, NOW + timedelta(minutes=40))


@pytest.mark.parametrize("agent", [PHONE, "Mozilla/5.0"])
def test_an_unknown_message_that_somebody_looked_at_was_sent(database: Database, agent: str) -> None:
    """Given a mail whose outcome is unknown, when it is opened, even by a machine, then it was sent."""
    with database.writing() as connection:
        number = sent(connection, state="unknown")
    work = record(database, [a_hit("a", number, user_agent=agent)])
    Hits(database).run(work.hits, READ)
    row = row_of(database, number)
    assert (row["state"], row["sent_at"], row["settled_at"]) == ("sent", NOW, READ)


def test_a_hit_on_a_mail_that_is_gone_is_classed_and_harms_nothing(database: Database) -> None:
    """Given a token of a mail that the database does not have, then the hit is kept, classed, and has no effect."""
    with database.writing() as connection:
        number = sent(connection)
    work = record(database, [a_hit("gone", 999_999), a_hit("a", number)])
    Hits(database).run(work.hits, READ)
    assert {key: whose for key, (whose, _) in classes(database).items()} == {"gone": "person", "a": "person"}
    assert row_of(database, number)["opened_at"] == READ


def test_each_customer_has_their_own(database: Database) -> None:
    """Given hits of two customers in one run, then each mail and customer has its own times."""
    with database.writing() as connection:
        one = sent(connection, "one", customer_id=add_customer(connection))
        two = sent(connection, "two", customer_id=add_customer(connection))
    later = READ + timedelta(minutes=5)
    work = record(database, [a_hit("a", one), a_hit("b", two, at=later)])
    Hits(database).run(work.hits, later)
    assert row_of(database, one)["last_opened_at"] == READ
    assert row_of(database, two)["last_opened_at"] == later
