"""Consent belongs to an address, the last word holds, and every change stays written down."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Thread

from sqlalchemy import select

from worker.domain.consents import Standing
from worker.domain.customers import ConsentState, Purpose
from worker.storage import consent
from worker.storage.database import Database
from worker.storage.tables import address, consent_change

NOW = datetime(2027, 3, 1, 7, 0, tzinfo=UTC)


def test_an_address_that_nobody_spoke_of_is_unknown(database: Database) -> None:
    """Given no word, then the state is unknown and has no beginning."""
    with database.reading() as connection:
        assert consent.known(connection, "lan@example.com", Purpose.MARKETING) == Standing()


def test_a_change_holds_and_is_kept_with_its_proof(database: Database) -> None:
    """Given a yes and then a no, when asked, then the no holds, and both stay with source, wording and proof."""
    with database.writing() as connection:
        for state, hours in ((ConsentState.SUBSCRIBED, 0), (ConsentState.UNSUBSCRIBED, 1)):
            consent.change(
                connection,
                "lan@example.com",
                Purpose.MARKETING,
                Standing(state, NOW + timedelta(hours=hours)),
                source="checkout",
                wording="Tôi muốn nhận ưu đãi",
                proof={"event": 7},
            )
    with database.reading() as connection:
        holds = Standing(ConsentState.UNSUBSCRIBED, NOW + timedelta(hours=1))
        assert consent.known(connection, "lan@example.com", Purpose.MARKETING) == holds
        changes = connection.execute(select(consent_change).order_by(consent_change.c.id)).all()
    assert [(row.state, row.source, row.wording, row.proof) for row in changes] == [
        ("subscribed", "checkout", "Tôi muốn nhận ưu đãi", {"event": 7}),
        ("unsubscribed", "checkout", "Tôi muốn nhận ưu đãi", {"event": 7}),
    ]


def test_purposes_are_apart(database: Database) -> None:
    """Given a yes to tracking, then marketing stays unknown."""
    with database.writing() as connection:
        yes = Standing(ConsentState.SUBSCRIBED, NOW)
        consent.change(connection, "lan@example.com", Purpose.TRACKING, yes, source="checkout")
    with database.reading() as connection:
        assert consent.known(connection, "lan@example.com", Purpose.MARKETING).state is ConsentState.UNKNOWN
        assert consent.known(connection, "lan@example.com", Purpose.TRACKING).state is ConsentState.SUBSCRIBED


def test_what_is_said_again_is_no_change(database: Database) -> None:
    """Given a yes said anew, when it is renewed, then its date moves and no further change is written down."""
    first, again = (Standing(ConsentState.SUBSCRIBED, NOW + timedelta(days=days), anew=True) for days in (0, 3))
    with database.writing() as connection:
        consent.change(connection, "lan@example.com", Purpose.MARKETING, first, source="form")
        consent.renew(connection, "lan@example.com", Purpose.MARKETING, again)
        assert consent.hold(connection, "lan@example.com") == {
            Purpose.MARKETING: again,
            Purpose.TRACKING: Standing(),
        }
        assert len(connection.execute(select(consent_change)).all()) == 1


def test_holding_an_address_says_nothing_of_it(database: Database) -> None:
    """Given an address that is held twice, then it has one row and its consent is unknown."""
    with database.writing() as connection:
        for _ in range(2):
            assert consent.hold(connection, "lan@example.com") == {one: Standing() for one in Purpose}
        assert len(connection.execute(select(address)).all()) == 1


def test_an_address_unheard_of_is_held_too(postgres_database: Database) -> None:
    """Given two first words about an address at once, when the second is to be judged, then the first is known."""
    email, no = "lan@example.com", Standing(ConsentState.UNSUBSCRIBED, NOW)
    seen: list[Standing] = []

    def second() -> None:
        with postgres_database.writing() as connection:
            seen.append(consent.hold(connection, email)[Purpose.MARKETING])

    thread = Thread(target=second)
    with postgres_database.writing() as connection:
        consent.hold(connection, email)
        thread.start()
        thread.join(0.2)  # enough for it to look, if nothing kept it
        consent.change(connection, email, Purpose.MARKETING, no, source="form")
    thread.join(10)
    assert seen == [no]
