"""`phin bounce` takes what a mail server pipes in, whatever it is; `phin bounces` shows it; nothing is ever dropped."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.support.processes import clean_environment
from tests.support.reports import LAN, Counter, dsn
from tests.support.shop_folder import bare_house, phin
from worker.edges.house import House
from worker.edges.web.texts import TEXTS
from worker.storage import bounce_mailboxes
from worker.storage.tables import audit
from worker.storage.troubles import TroubleKind, troubles

PEAK = "import resource\nprint(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)"
RUN = f"""import sys
from worker.edges.cli.main import phin
from worker.edges.cli.running import run
status = run(phin, None)
{PEAK}
sys.exit(status)
"""


@pytest.fixture
def house(tmp_path: Path) -> House:
    return bare_house(tmp_path)


def pipe(folder: Path, *parts: bytes, **environment: str) -> tuple[int, str, int]:
    """Pipe a report in, part by part; returns the exit status, what was said, and the most memory in bytes."""
    variables = clean_environment(PHIN_HOME=str(folder), **environment)
    with subprocess.Popen(
        [sys.executable, "-c", RUN, "bounce"],
        cwd="/",
        env=variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        for part in parts:
            process.stdin.write(part)  # a server that cannot write all of it gives the report up
        out, errors = process.communicate(timeout=90)
    said = errors.decode().strip().splitlines()
    return process.returncode, out.decode() + "\n".join(said[:-1]), int(said[-1]) * 1024


def test_a_report_of_fifty_megabytes_is_taken_in_little_memory(house: House, tmp_path: Path) -> None:
    """Given a report with 50 MB of our mail in it, then all is taken off the pipe, and little of it is ever held."""
    counter = Counter(house.database, house.settings.bounces, house.tokens)
    number = counter.mail()
    report = dsn(counter.verp(number))
    status, said, least = pipe(tmp_path, report)
    assert (status, said.strip()) == (0, "1: hard")
    status, said, most = pipe(tmp_path, report.replace(b"5.1.1", b"5.1.10"), *[b"x" * 999_999 + b"\n"] * 50)
    assert status == 0
    assert most - least < 25_000_000
    assert counter.state(number) == "bounced"
    assert counter.rows()[-1].size > 50_000_000
    house.close()


def test_where_it_cannot_be_kept_the_server_gives_it_again(house: House, tmp_path: Path) -> None:
    """Given a database that is away, or no shop at all, then the exit status is 75 (sysexits.h)."""
    away = "postgresql://somebody:secret@127.0.0.1:1/phin"
    status, said, _ = pipe(tmp_path, dsn("x@shop.example"), PHIN_DATABASE_URL=away)
    assert status == 75
    assert "to be given again" in said
    assert "secret" not in said
    assert pipe(tmp_path / "elsewhere", dsn("x@shop.example"))[0] == 75
    house.close()


def test_what_nobody_can_read_is_shown_and_an_address_is_lifted(house: House, tmp_path: Path) -> None:
    """Given reports that were read and one that was not, then they are listed; mail goes again to who is lifted."""
    counter = Counter(house.database, house.settings.bounces, house.tokens)
    counter.take(dsn(counter.verp(counter.mail())), house.clock.now())
    counter.take(b"Subject: when do you open?\n\nI would like to know.\n", house.clock.now())
    counter.take(dsn("b+somebodyelses@shop.example", "nobody@elsewhere.example"), house.clock.now())

    shown = phin(tmp_path, "bounces").stdout
    assert "2 hard" in shown
    assert "1 could not be read · 1 read, and about no mail of ours: phin bounces --unread" in shown
    assert "it is neither a report" in " ".join(phin(tmp_path, "bounces", "--unread").stdout.split())
    assert "I would like to know." in phin(tmp_path, "bounces", "show", "2").stdout
    assert "there is no bounce 4" in phin(tmp_path, "bounces", "show", "4").stderr
    told = json.loads(phin(tmp_path, "bounces", "--json").stdout)
    assert [one["class"] for one in told["bounces"]] == ["hard", "unreadable", "hard"]
    assert (told["unread"], told["not_ours"]) == (2, 1)
    assert phin(tmp_path, "bounces", "read-again").stdout == "0 could be read now\n"

    assert "hard bounce: 5.1.1" in phin(tmp_path, "bounces", "lift", LAN.upper()).stdout
    assert counter.address().suppressed is None
    assert "not held back" in phin(tmp_path, "bounces", "lift", LAN).stderr
    with house.database.reading() as connection:
        (line,) = connection.execute(select(audit)).all()
    assert (line.action, line.detail) == ("suppression lifted", {"reason": "hard bounce: 5.1.1"})
    house.close()


def test_the_first_page_tells_what_nobody_could_read(house: House) -> None:
    """Given a report that nobody could read and a mailbox that hangs, then both stand among what went wrong."""
    now = house.clock.now()
    Counter(house.database, house.settings.bounces, house.tokens).take(b"Subject: hello\n\nhello\n", now)
    with house.database.writing() as connection:
        bounce_mailboxes.failed(connection, "b@shop.example@mail.shop.example:993/INBOX", "no answer", now)
        found = {one.kind: one for one in troubles(connection, now - timedelta(days=1))}
    assert found[TroubleKind.REPORT].reason.startswith("it is neither a report")
    assert found[TroubleKind.MAILBOX].reason == "no answer"
    for language in ("vi", "en"):
        for kind in ("report", "mailbox"):
            assert TEXTS[language][f"trouble_{kind}"]
            assert TEXTS[language][f"do_{kind}"]
    house.close()
