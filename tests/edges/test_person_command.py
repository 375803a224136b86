"""`phin person`, `phin audit`, `phin retention` and `/v1/customers`: the copy and the erasing of a customer."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import stat
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from click.testing import CliRunner
from sqlalchemy import select

from tests.support.shop import START, Shop
from tests.support.web import KEY, OTHER_KEY, client, web_house
from worker.edges.cli.main import phin
from worker.edges.cli.running import run
from worker.storage.database import Database
from worker.storage.personal import HELD, Whose
from worker.storage.tables import customer

LAN = {"id": "kh-1042", "email": "lan@example.com", "name": "=Nguyễn Thị Lan", "consent": {"marketing": True}}
MINH = {"id": "kh-2001", "email": "minh@example.com", "name": "Trần Văn Minh"}
FLOW = """
    kind: transactional
    trigger: purchase
    steps:
      - coupon: thanks
        percent: 10
      - if: order.total > 100
        then:
          - wait: 1 day
      - send: thank-you
        subject: "{{ customer.name }} ơi"
"""


def filled(database: Database) -> Shop:
    """A shop with two customers who bought."""
    shop = Shop(database)
    shop.publish(thanks=FLOW)
    shop.buy("A1", customer=LAN)
    shop.buy("A2", customer=MINH)
    shop.wait("2 days")
    return shop


@dataclass(frozen=True)
class Typed:
    """What came of a command."""

    returncode: int
    stdout: str
    stderr: str


class Terminal:
    """A shop's folder, and commands typed in it, by nobody at a terminal."""

    def __init__(self, home: Path, url: str, database: Database) -> None:
        (home / "config").mkdir()
        (home / "config" / "phin.yaml").write_text("shop: {name: The Coffee}\n")
        (home / "var").mkdir()
        self.shop = filled(database)
        ahead = START + timedelta(days=2, hours=1) - datetime.now(UTC)
        (home / "var" / "clock").write_text(f"{ahead.total_seconds():.0f}\n")
        self.home = home
        self.environment: dict[str, str | None] = dict.fromkeys(one for one in os.environ if one.startswith("PHIN_"))
        self.environment |= {"PHIN_HOME": str(home), "PHIN_DATABASE_URL": url, "COLUMNS": "120"}

    def phin(self, *arguments: str) -> Typed:
        """Type a command; it runs in this process."""
        with contextlib.chdir(self.home), CliRunner().isolation(env=self.environment) as (out, err, _):
            status = run(phin, arguments)
            return Typed(status, out.getvalue().decode(), err.getvalue().decode())


def test_a_customer_is_copied_and_erased_from_the_terminal(
    tmp_path: Path, sqlite_url: str, sqlite_database: Database
) -> None:
    """Given two customers, when one is copied and erased, then the files hold that one alone, and nothing is left."""
    terminal = Terminal(tmp_path, sqlite_url, sqlite_database)
    mistyped = terminal.phin("person", "export", "kh-1043")
    assert mistyped.returncode == 1
    assert "no customer is known as 'kh-1043'; did you mean 'kh-1042'?" in mistyped.stderr

    assert terminal.phin("person", "export", "Lan@Example.com", "--out", "lan.json").returncode == 0
    text = (tmp_path / "lan.json").read_text()
    told = json.loads(text)
    assert stat.S_IMODE((tmp_path / "lan.json").stat().st_mode) == 0o600
    assert (told["format"], told["version"], told["shop"]) == ("phin person", 1, "The Coffee")
    assert set(told) - {"format", "version", "made_at", "shop"} == {
        held.title for held in HELD.values() if held.whose is not Whose.NOBODY
    }
    assert "Nguyễn Thị Lan" in text
    assert "Minh" not in text
    assert "kh-2001" not in text
    assert told["orders"][0]["placed_at"] == "2027-03-01T14:00:00+07:00"
    assert told["order_lines"][0]["price"] == 450_000
    again = terminal.phin("person", "export", "kh-1042", "--out", "lan.json")
    assert again.returncode == 1
    assert "is there already" in again.stderr

    assert terminal.phin("person", "export", "#1", "--format", "zip", "--out", "lan.zip").returncode == 0
    with zipfile.ZipFile(tmp_path / "lan.zip") as archive:
        rows = list(csv.DictReader(io.StringIO(archive.read("profile.csv").decode("utf-8-sig"))))
        assert rows[0]["name"] == "'=Nguyễn Thị Lan"
        assert "webhooks.csv" not in archive.namelist()

    refused = terminal.phin("person", "erase", "kh-1042")
    assert refused.returncode == 2
    assert "--yes" in refused.stderr
    done = terminal.phin("person", "erase", "kh-1042", "--yes")
    assert done.returncode == 0, done.stderr
    assert "Customer #1: kh-1042, lan@example.com" in done.stderr
    gone = terminal.phin("person", "export", "lan@example.com")
    assert gone.returncode == 1
    assert "was erased on Wed 3 Mar 2027" in gone.stderr

    repeated = [terminal.phin("person", "erase", word, "--yes") for word in ("kh-1042", "lan@example.com", "#1")]
    assert {(one.returncode, one.stdout, one.stderr) for one in repeated} == {(1, "", gone.stderr)}

    why = terminal.phin("why", "#1")
    assert (why.returncode, why.stderr) == (0, "")
    assert "exited: erased" not in why.stdout  # it had come to its end before
    assert "what was seen is no longer kept" in why.stdout
    assert "Lan" not in why.stdout

    log = json.loads(terminal.phin("audit", "--action", "person", "--json").stdout)
    assert [line["action"] for line in log] == ["person exported", "person exported", "person erased"]
    assert len({line["on"] for line in log}) == 1
    assert "kh-1042" not in json.dumps(log)
    shown = terminal.phin("audit", "--since", "2027-03-03")
    assert "person erased" in shown.stdout
    kept = json.loads(terminal.phin("retention", "--json").stdout)
    assert {rule["setting"]: rule["days"] for rule in kept["rules"]}["retention.mail_texts"] == 365
    assert kept["hashes_of_missing_keys"] == 0
    terminal.environment["PHIN_SECRET_KEY"] = "another key without the old one"
    assert "2 keyed hashes" in terminal.phin("retention").stdout


@pytest.mark.anyio
async def test_the_shop_copies_and_erases_with_a_key_that_may(database: Database, tmp_path: Path) -> None:
    """Given a key that the settings name for it, then it copies and erases; other keys do not."""
    shop = filled(database)
    shop.send("signup", {"id": "kh-1", "email": "minh@example.com"})
    house = web_house(database, tmp_path, intake={"person_keys": ["till"]})
    house.clock.set(shop.now)
    outbox = tmp_path / "outbox"
    outbox.mkdir()
    for number in (1, 2):
        (outbox / f"{number:010d}-abc@example.com.eml").write_text("Subject: ơi")

    async with client(house) as web:

        async def ask(method: str, who: str, key: str | None = OTHER_KEY) -> httpx.Response:
            headers = {} if key is None else {"Authorization": f"Bearer {key}"}
            return await web.request(method, f"/v1/customers/{quote(who, safe='')}", headers=headers)

        assert (await ask("GET", "kh-1042", None)).status_code == 401
        refused = await ask("DELETE", "kh-1042", KEY)
        assert (refused.status_code, "intake.person_keys" in refused.text) == (403, True)
        told = await ask("GET", "lan@example.com")
        assert (told.status_code, told.json()["profile"][0]["shop_id"]) == (200, "kh-1042")
        assert told.headers["cache-control"] == "no-store"
        assert (await ask("DELETE", "minh@example.com")).status_code == 409
        done = await ask("DELETE", "kh-1042")
        assert done.json() == {"erased": True, "customers": 1, "mails_in_hand": 0}
        assert (await ask("DELETE", "kh-1042")).status_code == 404
        assert [(await ask("GET", odd)).status_code for odd in ("a/b", "#999999999999999999999999", "é" * 300)] == [
            404,
            404,
            404,
        ]

    assert [file.name[:10] for file in sorted(outbox.iterdir())] == ["0000000002"]
    with database.reading() as connection:
        emails = connection.execute(select(customer.c.email).order_by(customer.c.id)).scalars().all()
    assert emails == [None, "minh@example.com", "minh@example.com"]
