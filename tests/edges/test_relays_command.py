"""`phin relays` and the home page: what refuses the shop's mail, what waits for it, and what relays said."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.edges.test_web_signin import sign_in
from tests.support.shop import START
from tests.support.shop_folder import bare_house
from tests.support.web import client, web_house
from worker.domain.breakers import Breaker, BreakerState, Key, Strike, struck
from worker.domain.staff import Person, Staff
from worker.edges.cli.relays import relays as command
from worker.storage import relays
from worker.storage.database import Database
from worker.storage.relays import LastAnswer

SETTINGS = """\
shop: {name: The Coffee}
sending:
  rates: {googlemail.com: 60/minute, "*": 600/minute}
  relays:
    - {name: ses, weight: 3, for: marketing, warm_up: {start: TODAY, first_day: 500}}
    - {name: own, rate: 14/second}
"""
URLS = "ses=smtp+starttls://key:s3cret@smtp.example:587 own=smtp://10.0.0.2"
SLOWED = Strike(7, certain=True, delay=True, code=421, answer="4.7.28 unusual rate")


def _slowed(domain: str) -> Breaker:
    return struck(None, Key("ses", domain), SLOWED, START)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A shop with two relays, of which one was slowed down by Gmail."""
    made = bare_house(tmp_path)
    (tmp_path / "config" / "phin.yaml").write_text(SETTINGS.replace("TODAY", f"{datetime.now(UTC):%Y-%m-%d}"))
    with made.database.writing() as connection:
        relays.put_breakers(connection, {Key("ses", "gmail.com"): _slowed("gmail.com")}, START)
        relays.note_answers(connection, [LastAnswer("own", "accepted", 250, "2.0.0 queued as 4F1", START)])
    made.close()
    monkeypatch.setenv("PHIN_HOME", str(tmp_path))
    monkeypatch.setenv("PHIN_SMTP_URL", URLS)
    return tmp_path


def test_relays_are_told_without_what_is_secret(folder: Path) -> None:
    """Given two relays, when they are listed, then shares, breakers, rates and answers are there, and no password."""
    told = CliRunner().invoke(command, [], env={"COLUMNS": "200"})
    assert told.exit_code == 0, told.output
    for words in (
        "ses  smtp.example:587 · weight 3 of 4 · for marketing mail · warm-up: 0 of",
        "own  10.0.0.2:25 · weight 1 of 4 · 14/second",
        "accepted  Mon 1 Mar 2027 14:00  250 2.0.0 queued as 4F1",
        "gmail.com by ses since Mon 1 Mar 2027 14:00",
        "421 4.7.28 unusual rate",
        "gmail.com: 60/minute, *: 600/minute",
    ):
        assert words in told.output
    assert "s3cret" not in told.output


def test_relays_are_told_to_programs(folder: Path) -> None:
    """The same as JSON."""
    told = json.loads(CliRunner().invoke(command, ["--json"]).output)
    assert [one["name"] for one in told["relays"]] == ["ses", "own"]
    assert told["relays"][0]["for"] == ["marketing"]
    (breaker,) = told["breakers"]
    assert (breaker["relay"], breaker["domain"], breaker["state"], breaker["code"]) == ("ses", "gmail.com", "open", 421)
    assert told["rates"] == {"gmail.com": "60/minute", "*": "600/minute"}


def test_relays_that_do_not_fit_together_are_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a name in the settings without a URL, then the message names both places."""
    monkeypatch.setenv("PHIN_SMTP_URL", "own=smtp://10.0.0.2")
    told = CliRunner().invoke(command, [])
    assert told.exit_code != 0
    assert "'ses'" in str(told.exception) and "PHIN_SMTP_URL" in str(told.exception)


@pytest.mark.anyio
async def test_the_first_page_tells_who_refuses_the_shops_mail(database: Database, tmp_path: Path) -> None:
    """Given Gmail that refuses our mail now, and another whose time is over, then the page names the first, why, and
    what to do."""
    house = web_house(database, tmp_path, flows=tmp_path / "flows", templates=tmp_path / "templates")
    past = struck(None, Key("ses", "old.example"), SLOWED, START - timedelta(hours=2))
    assert past.state is BreakerState.OPEN
    with database.writing() as connection:
        relays.put_breakers(connection, {Key("ses", "gmail.com"): _slowed("gmail.com"), past.key: past}, START)
    house.staff = lambda: Staff(people={"hoa": Person("hoa", "Hoa", "hoa@thecoffee.example", "en")})
    async with client(house) as web:
        await sign_in(web, house)
        page = (await web.get("/?lang=en")).text
    assert "gmail.com" in page and "4.7.28 unusual rate" in page and "phin relays" in page
    assert "old.example" not in page
