"""Hits judged again: by a honeypot that was followed later, and by the rules of now; what follows is counted anew."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from tests.delivery.test_hits import a_hit, classes, record, row_of, sent
from tests.support.ledger import NOW, add_customer
from worker.delivery.hits import Hits
from worker.domain.hits import HONEYPOT, HitClass, HitKind
from worker.domain.work import Work
from worker.storage.database import Database
from worker.storage.rows import as_dict
from worker.storage.tables import customer, hit, message

READ = NOW + timedelta(minutes=20)
LATER = READ + timedelta(days=1)
SCANNER = "Scanner of a company that nobody knows yet"


def knows(agent: str) -> bool:
    return agent == SCANNER


def classed(database: Database, *new: Any) -> Hits:
    """Keep and class hits, not knowing the scanner."""
    hits = Hits(database, lambda _agent: False)
    hits.run(record(database, list(new)).hits, LATER)
    return hits


def test_who_follows_the_hidden_link_later_never_was_a_person(database: Database) -> None:
    """Given an open and a click of a scanner that look like a person's, when it follows the hidden link ten seconds
    later, then all three are a machine's and mail and customer know of none; another source's open stays."""
    with database.writing() as connection:
        number = sent(connection)
    source: dict[str, Any] = {"ip_hash": "scanner"}
    hits = classed(
        database,
        a_hit("open", number, **source),
        a_hit("click", number, HitKind.CLICK, READ + timedelta(seconds=4), link=1, **source),
        a_hit("mine", number, at=READ + timedelta(seconds=30), ip_hash="home"),
    )
    assert row_of(database, number)["clicked_at"] == READ + timedelta(seconds=4)
    trap = a_hit("trap", number, HitKind.CLICK, READ + timedelta(seconds=14), link=HONEYPOT, **source)
    assert hits.run(record(database, [trap]).hits, LATER) == Work()
    machine = {key for key, (whose, _) in classes(database).items() if whose == "machine"}
    assert machine == {"open", "click", "trap"}
    row = row_of(database, number)
    mine = READ + timedelta(seconds=30)
    assert (row["opened_at"], row["clicked_at"]) == (mine, None)
    assert (row["last_opened_at"], row["last_clicked_at"]) == (mine, None)


def test_a_better_list_of_machines_takes_back_what_was_counted(database: Database) -> None:
    """Given a scanner that was taken for a person, when it has come onto the list, then classing again says what
    changes, and a dry run changes nothing; mail and customer then know people's hits only."""
    with database.writing() as connection:
        one = sent(connection, "one", customer_id=add_customer(connection))
        two = sent(connection, "two", customer_id=add_customer(connection))
    person = READ + timedelta(hours=3)
    classed(
        database,
        a_hit("s", one, HitKind.CLICK, READ, link=1, user_agent=SCANNER),
        a_hit("p", one, at=person),
        a_hit("t", two, at=READ, user_agent=SCANNER),
    )
    hits = Hits(database, knows)
    before = classes(database), row_of(database, one), row_of(database, two)
    dry = hits.again(None, 0, dry=True)
    assert dry is not None
    assert dry.changed == Counter({(HitClass.PERSON, HitClass.MACHINE): 2})
    assert (classes(database), row_of(database, one), row_of(database, two)) == before

    done = hits.again(None, 0, dry=False)
    assert done is not None
    assert (done.looked, done.changed, done.mails) == (3, dry.changed, 2)
    assert hits.again(None, done.last, dry=False) is None
    assert {key: whose for key, (whose, _) in classes(database).items()} == {
        "s": "machine",
        "p": "person",
        "t": "machine",
    }
    row = row_of(database, one)
    assert (row["opened_at"], row["clicked_at"]) == (person, None)
    assert (row["last_opened_at"], row["last_clicked_at"]) == (person, None)
    row = row_of(database, two)
    assert (row["opened_at"], row["last_opened_at"]) == (None, None)
    # and once more changes nothing
    again = hits.again(None, 0, dry=False)
    assert again is not None
    assert not again.changed


def test_a_machine_that_is_none_becomes_a_person(database: Database) -> None:
    """Given a click that was too soon by the rules of then, when the shop sets another time, then it counts."""
    with database.writing() as connection:
        number = sent(connection)
    Hits(database, too_soon=timedelta(hours=1)).run(
        record(database, [a_hit("c", number, HitKind.CLICK, READ, link=1)]).hits, LATER
    )
    assert row_of(database, number)["clicked_at"] is None
    again = Hits(database).again(None, 0, dry=False)
    assert again is not None
    assert again.changed == Counter({(HitClass.MACHINE, HitClass.PERSON): 1})
    row = row_of(database, number)
    assert (row["clicked_at"], row["last_clicked_at"]) == (READ, READ)


def test_classing_again_goes_in_slices_from_where_it_was_stopped(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given more hits than one slice, then each slice says where it ended, and the next goes on there; hits before a
    time asked for, and unclassed ones, are left."""
    database = sqlite_database
    monkeypatch.setattr("worker.delivery.hits.SLICE", 2)
    with database.writing() as connection:
        number = sent(connection)
    classed(database, *(a_hit(str(n), number, at=READ + timedelta(minutes=n), user_agent=SCANNER) for n in range(5)))
    record(database, [a_hit("new", number, user_agent=SCANNER)])
    hits, last, looked = Hits(database, knows), 0, []
    while (done := hits.again(READ + timedelta(minutes=1), last, dry=False)) is not None:
        looked.append(done.looked)
        last = done.last
    assert looked == [2, 2]
    found = {key: whose for key, (whose, _) in classes(database).items()}
    assert found == {"0": "person", **dict.fromkeys("1234", "machine"), "new": None}


def test_what_was_noted_of_hits_that_are_gone_stays(database: Database) -> None:
    """Given a mail whose first open was deleted after its time, when a later one turns out a machine's, then the first
    open stays noted; and of an erased person's hits nothing is judged."""
    with database.writing() as connection:
        number = sent(connection)
        gone = sent(connection, "gone")
    later = READ + timedelta(hours=1)
    classed(database, a_hit("a", number), a_hit("b", number, at=later, user_agent=SCANNER), a_hit("e", gone))
    with database.writing() as connection:
        connection.execute(delete(hit).where(hit.c.key == "a"))
        erased = {"user_agent": None, "ip_hash": None, "url": None}
        connection.execute(update(hit).where(hit.c.key == "e").values(**erased))
    done = Hits(database, knows).again(None, 0, dry=False)
    assert done is not None
    assert (done.looked, done.changed.total()) == (1, 1)
    row = row_of(database, number)
    assert (row["opened_at"], row["last_opened_at"]) == (READ, READ)
    assert classes(database)["e"][0] == "person"


def test_each_hit_names_what_it_was_made_with(sqlite_database: Database) -> None:
    """Given hits that were classed, then program and device stand with them."""
    with sqlite_database.writing() as connection:
        number = sent(connection)
    classed(sqlite_database, a_hit("a", number))
    with sqlite_database.reading() as connection:
        row = as_dict(connection.execute(select(hit)).one())
        assert connection.execute(select(message.c.opened_at)).scalar_one() == READ
    assert (row["program"], row["device"]) == ("Apple Mail", "phone")


def test_a_link_of_an_erased_customer_works_and_notes_nothing_of_them(database: Database) -> None:
    """Given a customer who was erased, when somebody follows a link of theirs, then the hit is classed and counted,
    and keeps nothing of who made it; the customer's record stays empty."""
    with database.writing() as connection:
        number = sent(connection)
        connection.execute(update(customer).values(erased_at=NOW))
    click = a_hit("a", number, HitKind.CLICK, READ, link=1, url="https://shop.vn/mine", ip_hash="home")
    assert Hits(database).run(record(database, [click]).hits, LATER) == Work()
    with database.reading() as connection:
        row = as_dict(connection.execute(select(hit)).one())
        assert connection.execute(select(customer.c.last_clicked_at, customer.c.last_opened_at)).one() == (None, None)
    assert (row["class"], row["user_agent"], row["ip_hash"], row["url"]) == ("person", None, None, None)
