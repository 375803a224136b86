"""`/u`, `/a` and `/s`: a token that was cut off, altered, made with another key or for another page opens nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select, update

from tests.support.ledger import add_customer, queue
from tests.support.web import SIGNING, client, web_house
from worker.delivery.tokens import Tokens, Use
from worker.domain.messages import Kind
from worker.domain.staff import Person, Staff
from worker.storage.database import Database
from worker.storage.tables import consent_change, event, message

pytestmark = pytest.mark.anyio

TOKENS, FOREIGN = Tokens([SIGNING]), Tokens([b"the secret of somebody else entirely"])
HOA = Person("hoa", "Trần Thị Hoa", "hoa@thecoffee.example", "vi")
FORGERIES = ["cut", "cut to nothing", "longer", "altered", "its end altered", "foreign key", "other page", "very long"]


@pytest.mark.parametrize("page", ["u", "a", "s"])
@pytest.mark.parametrize("forgery", FORGERIES)
async def test_a_forged_or_cut_token_opens_nothing(
    sqlite_database: Database, tmp_path: Path, page: str, forgery: str
) -> None:
    """Given a token that is not as it was made, then GET and POST say that there is no such page, and change nothing;
    the whole one opens it."""
    with sqlite_database.writing() as connection:
        owner = add_customer(connection, external_id="c1", email="lan@example.com")
        (number,) = queue(connection, "m", kind=Kind.MARKETING, customer_id=owner)
        sent = {"state": "sent", "email": "lan@example.com", "language": "vi"}
        connection.execute(update(message).where(message.c.id == number).values(**sent))
    house = web_house(sqlite_database, tmp_path, surveys={"nps": {"scale": "nps", "question": {"vi": "?", "en": "?"}}})
    house.staff = lambda: Staff(people={HOA.key: HOA})

    def made(tokens: Tokens, which: str) -> str:
        if which == "u":
            return tokens.unsubscribe(number)
        return tokens.survey(number, "nps") if which == "a" else tokens.staff("hoa", house.clock.machine())

    good = made(TOKENS, page)
    middle = len(good) // 2
    bad = {
        "cut": good[:-4],
        "cut to nothing": good[:1],
        "longer": f"{good}A",
        "altered": good[:middle] + ("A" if good[middle] != "A" else "B") + good[middle + 1 :],
        "its end altered": good[:-3] + ("A" if good[-3] != "A" else "B") + good[-2:],
        "foreign key": made(FOREIGN, page),
        "other page": TOKENS.page(Use.PREFERENCES, number),
        "very long": "A" * 5_000,
    }[forgery]
    async with client(house) as web:
        assert (await web.get(f"/{page}/{good}")).status_code == 200
        looked = await web.get(f"/{page}/{bad}")
        posted = await web.post(f"/{page}/{bad}", data={"List-Unsubscribe": "One-Click", "score": "5"})
    assert looked.status_code == 404
    assert posted.status_code in ((403, 404) if page == "s" else (404,))  # a press on no page of ours is refused before
    assert "set-cookie" not in posted.headers
    with sqlite_database.reading() as connection:
        assert connection.execute(select(consent_change)).all() == []
        assert connection.execute(select(event)).all() == []
