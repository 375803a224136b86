"""Pages of a mail whose database fails in whatever way: a kind page, never a bare error."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.support.web import SIGNING, client, web_house
from worker.delivery.tokens import Tokens, Use
from worker.domain.errors import UnavailableError
from worker.edges.web.aside import Aside
from worker.storage.database import Database

pytestmark = pytest.mark.anyio

TOKENS = Tokens([SIGNING])
SURVEYS = {"nps": {"scale": "nps", "question": {"vi": "Bạn có giới thiệu chúng mình không?"}}}
PAGES = {
    "confirm": f"/y/{TOKENS.page(Use.CONFIRM, 1)}",
    "preferences": f"/p/{TOKENS.page(Use.PREFERENCES, 1)}",
    "survey": f"/a/{TOKENS.survey(1, 'nps', 9)}",
    "view": f"/v/{TOKENS.page(Use.VIEW, 1)}",
    "unsubscribe": f"/u/{TOKENS.unsubscribe(1)}",
}


@pytest.mark.parametrize("page", PAGES)
async def test_a_database_that_fails_is_told_kindly(tmp_path: Path, page: str) -> None:
    """Given a database that is there and fails each statement, when a page is looked at and sent, then the visitor gets
    a page of the shop's, and no server error."""
    house = web_house(Database(f"sqlite:///{tmp_path}/without-tables.db"), tmp_path, surveys=SURVEYS)
    async with client(house) as web:
        seen = await web.get(PAGES[page])
        sent = await web.post(PAGES[page], data={"score": "9", "shown": "", "language": "vi"})
    assert seen.status_code in (200, 503) and sent.status_code in (200, 405, 503)
    assert "<main>" in seen.text and "<main>" in sent.text


async def test_what_takes_too_long_or_fails_is_unavailable() -> None:
    """Given work that takes longer than its visitor waits, then that is told; what fails of itself goes through."""
    aside = Aside("test")
    with pytest.raises(UnavailableError, match="takes too long"):
        await aside.do(lambda: time.sleep(0.3), 0.01)
    with pytest.raises(ZeroDivisionError):
        await aside.do(lambda: 1 / 0, 5)
    assert await aside.do(lambda: 7, 5) == 7
    aside.close()
