"""Links in mails of somebody who was erased: they lead where they led, and pages answer kindly without knowing whom."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from tests.support.shop import LAN, Shop
from tests.support.web import SIGNING, client, web_house
from worker.delivery.tokens import Use
from worker.domain.pseudonyms import Pseudonyms
from worker.engine.erasing import erase
from worker.storage.audit import Actor, Way
from worker.storage.database import Database
from worker.storage.tables import address, consent_change, customer, event, message

pytestmark = pytest.mark.anyio

FLOW = "kind: transactional\ntrigger: signup\nsteps: [{send: welcome}]"


async def test_links_of_an_erased_person_answer_kindly(database: Database, tmp_path: Path) -> None:
    """Given a mail whose customer was erased, when each of its links is followed and each form sent, then no page
    fails or names the person, the click leads on, and nothing is written about them."""
    shop = Shop(database)
    shop.publish(hello=FLOW)
    shop.send("signup", LAN | {"name": "Lan Hương"})
    sent = {"state": "sent", "sent_at": shop.now, "transmitting_at": shop.now, "email": "lan@example.com"}
    with database.writing() as connection:
        connection.execute(update(message).values(subject="Lan Hương ơi", **sent))
    erase(database, Pseudonyms([SIGNING]), 1, Actor(Way.COMMAND, "thu"), shop.now)
    house = web_house(database, tmp_path)
    house.clock.set(shop.now + timedelta(days=1))

    with database.reading() as connection:
        ledger = connection.execute(select(consent_change).order_by(consent_change.c.id)).all()
        events = connection.execute(select(event.c.id)).all()
    tokens = house.tokens
    paths = {page: tokens.page(use, 1) for page, use in (("p", Use.PREFERENCES), ("y", Use.CONFIRM), ("v", Use.VIEW))}
    paths["u"] = tokens.unsubscribe(1)
    async with client(house) as web:
        click = await web.get(f"/c/{house.tokens.click(1, 1, 'https://thecoffee.example/new')}")
        assert (click.status_code, click.headers["location"]) == (302, "https://thecoffee.example/new")
        for page, token in paths.items():
            shown = await web.get(f"/{page}/{token}")
            assert shown.status_code in (200, 404, 410), (page, shown.status_code, shown.text[:300])
            assert "Hương" not in shown.text
            assert "lan@example.com" not in shown.text
            if page != "v":
                said = await web.post(f"/{page}/{token}", data={"List-Unsubscribe": "One-Click", "all": "off"})
                assert said.status_code in (200, 303, 404, 410), (page, said.status_code, said.text[:300])

    with database.reading() as connection:
        assert connection.execute(select(consent_change).order_by(consent_change.c.id)).all() == ledger
        assert connection.execute(select(event.c.id)).all() == events
        assert connection.execute(select(address.c.email)).all() == []
        assert connection.execute(select(customer.c.email)).scalars().all() == [None]
