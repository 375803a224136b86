"""A back-up is whole, works for nobody by mistake, and once restored sends nothing a second time."""

from __future__ import annotations

import gzip
import shutil
import stat
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from tests.chaos import shop
from tests.chaos.shop import CAMPAIGN, ORDER, THANKS
from tests.support.processes import clean_environment
from tests.support.shop_folder import bare_house, phin, take_events
from worker.delivery.headers import MailHeaders
from worker.domain.errors import PhinError
from worker.edges import backing_up, publishing, restoring
from worker.edges.environment import read_home
from worker.edges.house import House
from worker.edges.sweep import Sweep
from worker.storage.claims import COLUMNS, claimed_of
from worker.storage.database import Database
from worker.storage.restoring import COPY, LEFT_OUT, set_state
from worker.storage.tables import message, switch


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[House]:
    """A shop with customers and a campaign in two days, whose mails are captured."""
    day = shop.campaign_day(datetime.now(UTC))
    folder = shop.make_home(tmp_path / "home", "https://the-coffee.example", day)
    environment = clean_environment(
        PHIN_HOME=str(folder), PHIN_DATABASE_URL=database_url, PHIN_POLICY_QUIET_HOURS="none"
    )
    made = House(read_home(environment))
    publishing.publish(made)
    shop.add_customers(made.database, 3, made.clock.now())
    yield made
    made.close()


def work(house: House) -> None:
    """Do what the clock does, until nothing is left to do now."""
    sweep = Sweep(house.due, house.runners, house.queue)
    for _ in range(4):
        house.finding(lambda: False).run(house.clock.now())
        sweep.turn()


def states(house: House) -> dict[str, list[str]]:
    """Return the states of the mails of each template."""
    found: dict[str, list[str]] = {}
    with house.database.reading() as connection:
        for template, state in connection.execute(select(message.c.template, message.c.state).order_by(message.c.id)):
            found.setdefault(template, []).append(state)
    return found


def sent(house: House) -> int:
    return len(list((house.settings.var / "outbox").glob("*.eml")))


def test_what_went_out_after_the_back_up_goes_out_no_second_time(house: House, tmp_path: Path) -> None:
    """Given a back-up with queued mails, waits and a campaign to come, when it is restored three days later, then none
    of them sends anything, a mail that the relay's log names counts as sent, and what comes now is sent.
    """
    take_events(house, shop.purchase(1), shop.purchase(2))
    assert states(house) == {ORDER: ["queued", "queued"]}
    with house.database.writing() as connection:
        first = claimed_of(connection.execute(select(*COLUMNS).order_by(message.c.id)).all()[0])
        set_state(connection, COPY, house.clock.now())
    with pytest.raises(PhinError, match=r"back-up.*phin restored"):
        restoring.refuse_copy(house.database)
    house.clock.stand_off(timedelta(days=3))
    identifier = MailHeaders("the-coffee.example").message_id(first)
    log = tmp_path / "mail.log.1.gz"
    log.write_bytes(gzip.compress(f"postfix/cleanup[7]: 4FBC2: message-id=<{identifier}>\n".encode()))

    doubts = restoring.begin(house, [log])

    assert (doubts.sent, doubts.unknown) == (1, 1)
    restoring.refuse_copy(house.database)
    with pytest.raises(PhinError, match="not caught up yet: there are journeys"):
        restoring.end(house)
    work(house)
    assert states(house)[THANKS] == ["queued", "queued"]

    assert restoring.end(house).unknown == 2
    work(house)
    found = states(house)
    assert (found[ORDER], found[THANKS]) == (["sent", "unknown"], ["unknown", "unknown"])
    assert CAMPAIGN not in found
    assert sent(house) == 0

    take_events(house, shop.purchase(3))
    work(house)
    assert sent(house) == 1
    with house.database.reading() as connection:
        newest = connection.execute(select(message).where(message.c.state == "sent").order_by(message.c.id.desc()))
        assert newest.first().id > LEFT_OUT  # type: ignore[union-attr]


def test_a_back_up_is_of_one_moment_while_others_write(tmp_path: Path) -> None:
    """Given a writer that never rests, when a back-up is made, then its copy is sound, private, and marked."""
    (tmp_path / "home").mkdir()
    house = bare_house(tmp_path / "home")
    (house.settings.var / "spool").mkdir()
    (house.settings.var / "spool" / "hits.jsonl").write_text("{}\n")
    leaving, written = threading.Event(), threading.Event()

    def write() -> None:
        number = 0
        while not leaving.is_set():
            number += 1
            with house.database.writing() as connection:
                for name in ("one", "other"):  # always both, or neither
                    row = {"name": f"{name} {number}", "value": 1, "changed_at": house.clock.now()}
                    connection.execute(insert(switch).values(**row))
            written.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        written.wait()
        target = backing_up.back_up(house, tmp_path / "kept", house.clock.now())
    finally:
        leaving.set()
        writer.join()
        house.close()
    assert [path.name for path in sorted(target.iterdir())] == ["phin.db", "secrets", "spool"]
    assert not any(stat.S_IMODE(path.stat().st_mode) & 0o077 for path in (target, target / "phin.db"))
    copy = Database(f"sqlite:///{target / 'phin.db'}")
    with copy.reading() as connection:
        names = [name for (name,) in connection.execute(select(switch.c.name)) if " " in name]
    copy.close()
    assert names
    assert len(names) % 2 == 0


def test_no_process_works_on_a_back_up_until_somebody_says_that_it_was_restored(tmp_path: Path) -> None:
    """Given a back-up in the database's place, then processes refuse it and say what to run."""
    folder = tmp_path / "home"
    folder.mkdir()
    bare_house(folder).close()
    made = phin(folder, "backup", str(tmp_path / "kept"), PHIN_INGEST_KEY="a-key-of-the-shop-itself")
    assert made.returncode == 0, made.stderr
    assert "PHIN_INGEST_KEY" in made.stdout
    shutil.copy(next((tmp_path / "kept").glob("*/phin.db")), folder / "var" / "phin.db")

    for command in ("clock", "up"):
        refused = phin(folder, command, PHIN_PORT="0")
        assert refused.returncode != 0
        assert "phin restored" in refused.stderr
    assert "Everything is paused" in phin(folder, "restored").stdout
