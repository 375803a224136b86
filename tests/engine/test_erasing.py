"""Erasing a person: nothing that names them is left in any table, nothing goes to them, and figures stay."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import select

from tests.support.everywhere import AT, EMAIL, NEEDLES, SHOP_ID, stand_everywhere
from worker.domain.pseudonyms import Names, Pseudonyms
from worker.engine.erasing import erase
from worker.storage.audit import Actor, Way
from worker.storage.database import Database
from worker.storage.personal import HELD, Whose
from worker.storage.tables import audit, consent_change, customer, erased, message, metadata

SECRETS = Pseudonyms([b"a secret of the shop"])
OPERATOR = Actor(Way.COMMAND, "thu@office")
OTHER = "minh@other.example"


def dump(database: Database) -> Iterator[str]:
    """Every value of every table, and on SQLite every byte of its files."""
    with database.reading() as connection:
        for table in metadata.sorted_tables:
            for row in connection.execute(select(table)):
                yield f"{table.name}: {list(row)}"
    if database.is_sqlite:
        raw = database.engine.raw_connection()
        raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        raw.close()
        path = Path(str(database.engine.url.database))
        for file in path.parent.glob(f"{path.name}*"):
            yield file.read_bytes().decode("utf-8", "replace")


def test_nothing_is_left_of_a_person_who_stood_in_every_table(database: Database) -> None:
    """Given a person in every table, when they are erased, then no table and no byte of the file names them."""
    with database.writing() as connection:
        stand_everywhere(connection, 1)
        stand_everywhere(connection, 2, telling="Trần Văn Minh", email=OTHER)
    before = {line.split(":")[0] for line in dump(database) if any(needle in line for needle in NEEDLES)}
    assert {name for name, held in HELD.items() if held.blank or held.hashed} <= before

    done = erase(database, SECRETS, 1, OPERATOR, AT)

    left = [line[:300] for line in dump(database) if any(needle in line for needle in NEEDLES)]
    assert left == []
    assert set(done.rows) == {name for name, held in HELD.items() if held.whose is not Whose.NOBODY}
    with database.reading() as connection:
        for name, held in HELD.items():  # what names nobody is still there, and the other person untouched
            if held.whose is not Whose.NOBODY:
                rows = len(connection.execute(select(metadata.tables[name])).all())
                assert rows == (1 if held.delete else 2), name
        assert connection.execute(select(customer.c.email).where(customer.c.id == 2)).scalar_one() == OTHER
        assert connection.execute(select(message.c.subject).where(message.c.id == 2)).scalar_one() is not None
        assert set(connection.execute(select(erased.c.hash)).scalars()) == {
            SECRETS.of(Names.EMAIL, EMAIL).hash,
            SECRETS.of(Names.ID, SHOP_ID).hash,
        }
        proof = connection.execute(select(consent_change.c.email).where(consent_change.c.id == 1)).scalar_one()
        assert proof == f"erased:{SECRETS.of(Names.EMAIL, EMAIL).hash}"
        (line,) = connection.execute(select(audit)).all()
        assert (line.action, line.who) == ("person erased", "thu@office")
        assert line.on == f"person {SECRETS.of(Names.ID, SHOP_ID).hash}"
