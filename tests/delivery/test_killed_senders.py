"""Senders killed with SIGKILL again and again, against a real SMTP server: nothing lost, nothing sent twice."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path

from sqlalchemy import update

from tests.support.ledger import add_customer
from tests.support.post import Office
from tests.support.processes import ROOT, clean_environment, running, wait_until
from tests.support.shop import Shop
from tests.support.smtp_sink import read_log
from worker.domain.messages import Kind
from worker.domain.work import Work
from worker.storage import ledger
from worker.storage.claims import SUSPECT_FROM
from worker.storage.database import Database
from worker.storage.ledger import NewMessage
from worker.storage.tables import message

MAILS = 400
KILLS = 12


def test_sigkill_again_and_again_loses_and_doubles_nothing(database: Database, tmp_path: Path) -> None:
    """Given 400 mails, when their sender is killed twelve times, then each arrived once or is called unknown.

    And no more are unknown than SMTP transactions were open at the kills: two connections, twelve kills.
    """
    shop = Shop(database)
    office = Office(shop, tmp_path)
    with database.writing() as connection:
        for i in range(MAILS):
            person = add_customer(connection, email=f"c{i}@example.com", name=f"Khách {i}")
            new = NewMessage(f"m{i}", person, Kind.TRANSACTIONAL, "order-confirmation", shop.now.replace(year=2020))
            ledger.write(connection, [new], shop.now)
    office.sending.close()
    log, said = tmp_path / "sink.log", tmp_path / "port"
    log.touch()
    chance = random.Random(7)
    with running(["tests.support.smtp_sink", "--port", "0", "--log", str(log)], output=said) as sink:
        wait_until(lambda: said.read_text().strip().isdigit(), "the sink prints its port")
        sender = [
            sys.executable,
            "-m",
            "tests.support.sender_process",
            database.engine.url.render_as_string(hide_password=False),
            str(tmp_path),
            f"smtp://127.0.0.1:{said.read_text().strip()}",
        ]
        for _ in range(KILLS):
            process = _start(sender)
            wait_until(partial(_more_or_ended, log, len(read_log(log)), process), "a mail arrives")
            time.sleep(chance.uniform(0.0, 0.06))
            process.kill()
            process.wait()
        assert _start(sender).wait(120) == 0
        with database.writing() as connection:  # what several senders died of waits some minutes, and then goes alone
            waiting = update(message).where(message.c.state == "queued", message.c.crashes >= SUSPECT_FROM)
            connection.execute(waiting.values(not_before=shop.now.replace(year=2020)))
        assert _start(sender).wait(120) == 0
        assert sink.poll() is None
    arrived = Counter(mail.message_id for mail in read_log(log))
    rows = {row.message_id: row for row in shop.messages()}
    states = Counter(row.state for row in rows.values())
    assert [one for one, times in arrived.items() if times > 1] == []
    assert set(states) <= {"sent", "unknown"}
    assert states["sent"] + states["unknown"] == MAILS
    assert states["unknown"] <= 2 * KILLS
    assert {one for one, row in rows.items() if row.state == "sent"} <= set(arrived)
    assert set(arrived) <= set(rows)


def _more_or_ended(log: Path, before: int, process: subprocess.Popen[bytes]) -> bool:
    return len(read_log(log)) > before or process.poll() is not None


def _start(arguments: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(arguments, cwd=ROOT, env=clean_environment())


def test_a_sender_with_nothing_to_do_leaves_nothing_behind(database: Database, tmp_path: Path) -> None:
    """Given no message, when a sender looks and ends, then after the next sweep no journal of it is left."""
    office = Office(Shop(database), tmp_path)
    office.send(Work())
    assert list((tmp_path / "journals").iterdir()) != []
    office.sending.close()
    office.recover()
    assert list((tmp_path / "journals").iterdir()) == []
