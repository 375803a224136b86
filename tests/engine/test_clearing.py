"""What was kept long enough is cleared by the clock, in slices; what somebody still needs waits."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from tests.support.everywhere import AT, stand_everywhere
from worker.domain.settings import Settings
from worker.engine.clearing import Clearing
from worker.storage import retention
from worker.storage.database import Database
from worker.storage.tables import (
    bounce,
    consent_change,
    erased,
    event,
    event_trace,
    hit,
    journey,
    message,
    task,
    trace,
    webhook,
)

EVERY_NIGHT = timedelta(hours=24)


class Clock:
    """A shop whose nights a test lets come."""

    def __init__(self, database: Database, **kept: int | None) -> None:
        self.database = database
        self._clearing = Clearing(database, Settings.model_validate({"retention": kept}), self._due)

    def night(self, now: datetime) -> int:
        """Let a night come, with time for one slice at a turn; returns how many turns it took."""
        turns = 1
        while self._clearing.turn(now, lambda: False):
            turns += 1
            assert turns < 200
        return turns

    def column(self, column: Any) -> list[Any]:
        """Return a column's values, by the numbers of the rows."""
        with self.database.reading() as connection:
            return list(connection.execute(select(column).order_by(*column.table.primary_key.columns)).scalars())

    @staticmethod
    def _due(last: datetime | None, now: datetime) -> bool:
        return last is None or now - last >= EVERY_NIGHT


def test_each_thing_is_kept_as_long_as_its_setting_says(database: Database) -> None:
    """Given a person of two years ago, when nights pass, then each thing goes in its own, and figures stay."""
    with database.writing() as connection:
        stand_everywhere(connection, 1)
        connection.execute(update(journey).values(ended_at=AT))
        connection.execute(update(hit).values({"class": "person"}))
        connection.execute(update(event_trace).values(flows=[]))
        connection.execute(insert(erased).values(hash="0a1b", kind="email", ring="r", at=AT))
        connection.execute(update(consent_change).values(email="erased:0a1b"))
    clock = Clock(database)

    clock.night(AT + timedelta(days=89))
    assert None not in clock.column(hit.c.ip_hash) + clock.column(message.c.subject) + clock.column(webhook.c.answer)

    clock.night(AT + timedelta(days=91))
    assert clock.column(hit.c.ip_hash) == clock.column(hit.c.user_agent) == [None]
    assert clock.column(event_trace.c.event_id) == []
    assert (clock.column(webhook.c.body), clock.column(bounce.c.diagnostic)) == ([""], [None])
    assert clock.column(message.c.subject) != [None]

    clock.night(AT + timedelta(days=366))
    assert (clock.column(message.c.subject), clock.column(message.c["values"])) == ([None], [{}])
    assert clock.column(message.c.email) != [None]  # so that the link to refuse works as long as the mail is kept
    assert clock.column(trace.c.detail) == [{"way": "yes", "cleared": True}]
    assert clock.column(event.c.payload) != [{}]

    clock.night(AT + timedelta(days=731))
    assert (clock.column(event.c.payload), clock.column(task.c.remark)) == ([{}], [None])
    assert len(clock.column(consent_change.c.id)) == 1

    clock.night(AT + timedelta(days=1827))
    assert clock.column(consent_change.c.id) == []
    assert clock.column(hit.c["class"]) == ["person"]
    with database.reading() as connection:
        standings = retention.standings(connection)
    assert {name: at.cleared_in_all for name, at in standings.items()} == {rule.name: 1 for rule in retention.RULES}


def test_what_is_still_needed_waits_and_goes_when_it_is_not(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given old rows that somebody needs among others, when nights pass in slices of two, then they go afterwards."""
    monkeypatch.setattr(retention, "SLICE", 2)
    with database.writing() as connection:
        for number in range(1, 8):
            stand_everywhere(connection, number, email=f"a{number}@b.example")
        third = message.c.id == 3
        connection.execute(update(message).where(third).values(state="unknown"))
        connection.execute(update(journey).where(journey.c.id == 3).values(state="waiting", event_id=3))
        connection.execute(update(event).where(event.c.id == 5).values(state="received"))
    clock = Clock(database, mail_texts=30, traces=30, event_contents=30, refused_entries=None)
    clock.night(AT + timedelta(days=40))

    def full(column: Any, emptied: Any) -> list[int]:
        return [number for number, value in enumerate(clock.column(column), 1) if value != emptied]

    assert full(message.c.subject, None) == [3]
    assert full(trace.c.detail, {"way": "yes", "cleared": True}) == [3]
    assert full(event.c.payload, {}) == [3, 5]
    assert len(clock.column(event_trace.c.event_id)) == 7

    with database.writing() as connection:
        connection.execute(update(message).where(third).values(state="sent"))
        connection.execute(update(journey).where(journey.c.id == 3).values(state="done"))
        connection.execute(update(event).where(event.c.id == 5).values(state="processed"))
    clock.night(AT + timedelta(days=41))

    assert full(message.c.subject, None) == full(event.c.payload, {}) == []
    assert full(trace.c.detail, {"way": "yes", "cleared": True}) == []
    assert clock.night(AT + timedelta(days=41)) == 1  # nothing is due twice in a night
    with database.reading() as connection:
        assert retention.standings(connection)["mail_texts"].floor == 7
        rule = next(rule for rule in retention.RULES if rule.name == "mail_texts")
        assert retention.waiting(connection, rule, timedelta(days=30), AT + timedelta(days=42)) == 0
