"""Consent belongs to an address, the last word holds, and every change stays written down."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from worker.domain.customers import ConsentState, Purpose
from worker.storage import consent
from worker.storage.database import Database
from worker.storage.tables import address, consent_change

NOW = datetime(2027, 3, 1, 7, 0, tzinfo=UTC)


def test_an_address_that_nobody_spoke_of_is_unknown(database: Database) -> None:
    """Given no word, then the state is unknown and has no beginning."""
    with database.reading() as connection:
        assert consent.known(connection, "lan@example.com", Purpose.MARKETING) == (ConsentState.UNKNOWN, None)


def test_a_change_holds_and_is_kept_with_its_proof(database: Database) -> None:
    """Given a yes and then a no, when asked, then the no holds, and both stay with source, wording and proof."""
    with database.writing() as connection:
        for state, hours in ((ConsentState.SUBSCRIBED, 0), (ConsentState.UNSUBSCRIBED, 1)):
            consent.change(
                connection,
                "lan@example.com",
                Purpose.MARKETING,
                state,
                at=NOW + timedelta(hours=hours),
                source="checkout",
                wording="Tôi muốn nhận ưu đãi",
                proof={"event": 7},
            )
    with database.reading() as connection:
        later = NOW + timedelta(hours=1)
        assert consent.known(connection, "lan@example.com", Purpose.MARKETING) == (ConsentState.UNSUBSCRIBED, later)
        changes = connection.execute(select(consent_change).order_by(consent_change.c.id)).all()
    assert [(row.state, row.source, row.wording, row.proof) for row in changes] == [
        ("subscribed", "checkout", "Tôi muốn nhận ưu đãi", {"event": 7}),
        ("unsubscribed", "checkout", "Tôi muốn nhận ưu đãi", {"event": 7}),
    ]


def test_purposes_are_apart(database: Database) -> None:
    """Given a yes to tracking, then marketing stays unknown."""
    with database.writing() as connection:
        consent.change(
            connection, "lan@example.com", Purpose.TRACKING, ConsentState.SUBSCRIBED, at=NOW, source="checkout"
        )
    with database.reading() as connection:
        assert consent.known(connection, "lan@example.com", Purpose.MARKETING)[0] is ConsentState.UNKNOWN
        assert consent.known(connection, "lan@example.com", Purpose.TRACKING)[0] is ConsentState.SUBSCRIBED


def test_holding_an_address_says_nothing_of_it(database: Database) -> None:
    """Given an address that is held twice, then it has one row and its consent is unknown."""
    with database.writing() as connection:
        consent.hold(connection, "lan@example.com")
        consent.hold(connection, "lan@example.com")
        assert consent.known(connection, "lan@example.com", Purpose.MARKETING) == (ConsentState.UNKNOWN, None)
        assert len(connection.execute(select(address)).all()) == 1
