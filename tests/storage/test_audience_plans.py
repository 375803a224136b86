"""Finding customers goes by index on both databases: the zones there are, a day's birthdays, the next slice."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import Connection

from tests.support.plans import count_rows, plan, statements_of
from tests.support.shop import START
from worker.domain.calendars.occurrences import turn_on
from worker.domain.triggers import CampaignTrigger, DateTrigger, Timed
from worker.storage import audience, occurrences
from worker.storage.database import Database
from worker.storage.tables import customer

MANY = 4_000
BIRTHDAY = DateTrigger("customer.birthday", yearly=True)
CAMPAIGN = CampaignTrigger(date(2027, 3, 2))


@pytest.fixture
def full(database: Database) -> Database:
    """Many customers, their birthdays over the years, a few of them in other zones."""
    with database.writing() as connection:
        rows = [
            {"external_id": f"c{number}", "created_at": START, "updated_at": START}
            | {"birthday": date(1960, 1, 1) + timedelta(days=number * 7 % 18_000)}
            | {"timezone": {0: "Asia/Tokyo", 1: "Europe/Paris"}.get(number % 20)}
            for number in range(MANY)
        ]
        connection.execute(customer.insert(), rows)
    if not database.is_sqlite:
        count_rows(database)
    return database


def _slice(connection: Connection, trigger: Timed, group: str) -> int | None:
    turn = turn_on(trigger, audience.wall_of(group, "Asia/Ho_Chi_Minh"), date(2027, 3, 2), {})
    assert turn is not None
    by_date = audience.birthdays(trigger, turn)
    among = [*audience.of_group(group), *by_date]
    return audience.slice_end(connection, among, 7, 100, bool(by_date))


@pytest.mark.parametrize("group", [audience.EVERYBODY, audience.NO_ZONE, "Asia/Tokyo"])
@pytest.mark.parametrize(("trigger", "index"), [(BIRTHDAY, "ix_customer_birthday"), (CAMPAIGN, None)])
def test_the_next_slice_is_found_by_index(full: Database, trigger: Timed, index: str | None, group: str) -> None:
    """Given many customers, when the next slice of a turn is looked for, then no database walks over all of them."""
    ((statement, parameters),) = statements_of(full, lambda connection: _slice(connection, trigger, group))
    lines = "\n".join(plan(full, statement, parameters))
    assert "SCAN customer" not in lines.replace("SCAN customer USING", "") and "Seq Scan on customer" not in lines
    if index is not None:
        assert index in lines


def test_the_zones_are_found_by_steps_along_the_index(full: Database) -> None:
    """Given many customers in few zones, when the zones are asked for, then each costs one step along the index."""
    with full.reading() as connection:
        assert occurrences.zones(connection) == ["Asia/Tokyo", "Europe/Paris"]
    ((statement, parameters),) = statements_of(full, occurrences.zones)
    lines = "\n".join(plan(full, statement, parameters))
    assert "ix_customer_zone" in lines
    assert "Seq Scan on customer" not in lines
