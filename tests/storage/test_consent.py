"""Consent belongs to an address, the last word holds, and every word that counted stays written down."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Thread

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Executable, delete, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from tests.support.consents import LAN, say
from worker.domain.consents import PENDING, Standing, Word, replay
from worker.domain.customers import ConsentState, Purpose
from worker.storage import consent
from worker.storage.consent import Kept, Told
from worker.storage.database import Database
from worker.storage.tables import address, consent_change, erased

NOW = datetime(2027, 3, 1, 7, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_an_address_that_nobody_spoke_of_is_unknown(database: Database) -> None:
    """Given no word, then the state is unknown and has no beginning."""
    with database.reading() as connection:
        assert consent.known(connection, LAN, Purpose.MARKETING) == Standing()


def test_a_word_holds_and_is_kept_with_its_proof(database: Database) -> None:
    """Given a yes and then a no, when asked, then the no holds, and both stay with source, wording and proof."""
    told = Told("checkout", "Tôi muốn nhận ưu đãi", {"event": 7})
    with database.writing() as connection:
        assert say(connection, True, NOW, told=told) is Kept.CHANGED
        assert say(connection, False, NOW + HOUR, told=told) is Kept.CHANGED
    with database.reading() as connection:
        holds = Standing(ConsentState.UNSUBSCRIBED, NOW + HOUR)
        assert consent.known(connection, LAN, Purpose.MARKETING) == holds
        lines = consent.lines(connection, LAN)
    assert [(one.line.state, one.line.at, one.told) for one in lines] == [
        ("subscribed", NOW, told),
        ("unsubscribed", NOW + HOUR, told),
    ]


def test_purposes_are_apart(database: Database) -> None:
    """Given a yes to tracking, then marketing stays unknown."""
    with database.writing() as connection:
        say(connection, True, NOW, purpose=Purpose.TRACKING)
        assert consent.known(connection, LAN, Purpose.MARKETING).state is ConsentState.UNKNOWN
        assert consent.known(connection, LAN, Purpose.TRACKING).state is ConsentState.SUBSCRIBED


def test_what_is_said_again_is_written_down_too(database: Database) -> None:
    """Given a yes said anew, when it is said once more, then its date moves, and the ledger has both."""
    later = NOW + timedelta(days=3)
    with database.writing() as connection:
        assert [say(connection, True, at, anew=True) for at in (NOW, later)] == [Kept.CHANGED, Kept.RENEWED]
        again = Standing(ConsentState.SUBSCRIBED, later, anew=True)
        assert consent.hold(connection, LAN) == {Purpose.MARKETING: again, Purpose.TRACKING: Standing()}
        assert [one.line.at for one in consent.lines(connection, LAN)] == [NOW, later]


def test_a_yes_that_is_to_be_confirmed_leaves_the_address_as_it_was(database: Database) -> None:
    """Given double opt-in, when a yes comes that nobody confirmed, then it is asked for once, and sent to nobody."""
    with database.writing() as connection:
        assert say(connection, True, NOW, confirmed=False, wording="Tôi đồng ý") is Kept.PENDING
        assert say(connection, True, NOW + HOUR, confirmed=False) is Kept.NOTHING  # the record says it once more
        assert say(connection, True, NOW + HOUR, confirmed=False, anew=True) is Kept.PENDING  # the person does
        assert consent.known(connection, LAN, Purpose.MARKETING) == Standing()
        lines = consent.lines(connection, LAN)
    assert [(one.line.state, one.told.wording) for one in lines] == [(PENDING, "Tôi đồng ý"), (PENDING, None)]


def test_who_refused_is_not_asked_for_an_old_yes(database: Database) -> None:
    """Given a refusal and double opt-in, then a yes of the shop's record asks nothing, and a new one asks."""
    with database.writing() as connection:
        say(connection, False, NOW)
        assert say(connection, True, NOW + HOUR, confirmed=False) is Kept.NOTHING
        assert say(connection, True, NOW - HOUR, confirmed=False, anew=True) is Kept.NOTHING
        assert say(connection, True, NOW + HOUR, confirmed=False, anew=True) is Kept.PENDING
        assert consent.known(connection, LAN, Purpose.MARKETING).state is ConsentState.UNSUBSCRIBED


words = st.tuples(st.booleans(), st.integers(0, 4).map(lambda hours: NOW + hours * HOUR), st.booleans(), st.booleans())


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(words, max_size=8))
def test_what_holds_follows_from_the_ledger_alone(
    sqlite_database: Database, said: list[tuple[bool, datetime, bool, bool]]
) -> None:
    """Given any words, confirmed or not, when the ledger is read again, then it comes to what the address says."""
    undone = RuntimeError("so that each example begins with nothing")
    with pytest.raises(RuntimeError, match=str(undone)), sqlite_database.writing() as connection:
        for yes, at, anew, confirmed in said:
            say(connection, yes, at, anew=yes and anew, confirmed=confirmed)
        known = consent.known(connection, LAN, Purpose.MARKETING)
        assert replay(one.line for one in consent.lines(connection, LAN)) == known
        raise undone


def test_nobody_alters_or_deletes_a_line_of_the_ledger(database: Database) -> None:
    """Given a line, when a statement changes or deletes it, then the database refuses."""
    with database.writing() as connection:
        say(connection, True, NOW, wording="Tôi đồng ý", proof={"event": 7})
    of_line = consent_change.c.email == LAN
    for statement in (
        update(consent_change).values(state="unsubscribed"),
        update(consent_change).values(wording="Tôi đồng ý với mọi điều"),
        update(consent_change).values(at=NOW - HOUR),
        update(consent_change).values(proof=None),
        update(consent_change).values(email="mai@example.com"),
        delete(consent_change).where(of_line),
    ):
        with (
            pytest.raises(IntegrityError, match="the ledger of consent is only added to"),
            database.writing() as connection,
        ):
            connection.execute(statement)
    with database.reading() as connection:
        assert len(consent.lines(connection, LAN)) == 1


def test_a_line_is_neither_replaced_nor_hidden_nor_cut_away(database: Database) -> None:
    """Given a line, when it is put in again over itself, its address hidden by what is no hash of an erased person, or
    the whole ledger cut away, then the database refuses."""
    with database.writing() as connection:
        say(connection, True, NOW, wording="Tôi đồng ý", proof={"event": 7})
    told = "id, email, purpose, state, at, source"
    line = f"SELECT {told} FROM consent_change"
    again = {
        "sqlite": f"INSERT OR REPLACE INTO consent_change ({told}) {line}",
        "postgresql": "TRUNCATE consent_change",
    }
    statements: list[Executable] = [
        text(again[database.engine.dialect.name]),
        update(consent_change).values(email="gone", proof=None),
        update(consent_change).values(email="erased:0f3a"),
    ]
    for statement in statements:
        with (
            pytest.raises(IntegrityError, match="the ledger of consent is only added to"),
            database.writing() as connection,
        ):
            connection.execute(statement)
    with database.reading() as connection:
        (kept,) = consent.lines(connection, LAN)
    assert kept.told.wording == "Tôi đồng ý"


def test_erasing_puts_a_hash_in_the_address_and_keeps_the_line(database: Database) -> None:
    """Given a person who is erased, when their hash takes the address's place, then the database lets it, and lets the
    line go when its time has come."""
    with database.writing() as connection:
        say(connection, True, NOW, wording="Tôi đồng ý", proof={"event": 7})
        connection.execute(insert(erased).values(hash="0f3a", kind="email", ring="r", at=NOW))
        connection.execute(update(consent_change).values(email="erased:0f3a", proof={}))
        (row,) = connection.execute(select(consent_change)).all()
        assert (row.email, row.state, row.wording) == ("erased:0f3a", "subscribed", "Tôi đồng ý")
        connection.execute(delete(consent_change))


def test_holding_an_address_says_nothing_of_it(database: Database) -> None:
    """Given an address that is held twice, then it has one row and its consent is unknown."""
    with database.writing() as connection:
        for _ in range(2):
            assert consent.hold(connection, LAN) == {one: Standing() for one in Purpose}
        assert len(connection.execute(select(address)).all()) == 1


def test_an_address_unheard_of_is_held_too(postgres_database: Database) -> None:
    """Given two first words about an address at once, when the second is to be judged, then the first is known."""
    seen: list[Standing] = []

    def second() -> None:
        with postgres_database.writing() as connection:
            seen.append(consent.hold(connection, LAN)[Purpose.MARKETING])

    thread = Thread(target=second)
    with postgres_database.writing() as connection:
        holds = consent.hold(connection, LAN)[Purpose.MARKETING]
        thread.start()
        thread.join(0.2)  # enough for it to look, if nothing kept it
        consent.say(connection, LAN, Purpose.MARKETING, Word(False, NOW), Told("form"), holds)
    thread.join(10)
    assert seen == [Standing(ConsentState.UNSUBSCRIBED, NOW)]
