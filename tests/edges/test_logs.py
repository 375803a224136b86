"""Log lines: JSON in production, short on a terminal, in one form whoever writes them."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from unittest.mock import ANY

import pytest

from tests.support.processes import ROOT, clean_environment
from worker.domain.addresses import MASK

SCRIPT = """
import logging, structlog
from worker.edges.logs import set_up_logs
set_up_logs({form!r}, "worker 1", {zone!r})
structlog.get_logger("worker.x").info("message settled", message=7)
logging.getLogger("somebody").warning("of %s", "another")
structlog.get_logger("worker.x").info("asked", by="thư@thecoffee.vn", url="/u?to=lan%40example.com")
address = "lan@example.com"
try:
    try:
        raise ValueError(f"Key (email)=({{address}}) already exists")
    except ValueError:
        1 / 0
except ZeroDivisionError:
    structlog.get_logger("worker.x").exception("it failed", message=8)
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError
try:
    create_engine("sqlite://").connect().execute(text("SELECT * FROM nowhere"))
except OperationalError as error:
    logging.getLogger("somebody").warning("of %s", error, exc_info=error)
logging.getLogger("apscheduler.scheduler").warning("noise")
"""
FAULTS = """
import logging, threading, warnings
from pydantic import BaseModel
from worker.edges.logs import set_up_logs
set_up_logs({form!r}, "web", None, ["a-password-of-a-relay"])
log = logging.getLogger("somebody")
log.error("535 5.7.8 a-password-of-a-relay is wrong")
log.error("GET /u/EAEBhYFUy2XnyjgG0sF3TAu7O4E HTTP/1.1 with Bearer dev-0123456789 and phin_8787=abcdefgh; a=b")
log.error("redis://:qwerty123@queue:6379/0 and postgresql://lan:qwerty123@[::1]/phin; whsec_c2VjcmV0c2VjcmV0")
log.error("-----BEGIN PRIVATE KEY-----\\nMC4CAQAwBQYDK2VwBCIE\\n-----END PRIVATE KEY-----")
log.error('null value violates a constraint\\nDETAIL:  Failing row contains (1, Bạch Quyên (Lan), null).\\n')
class Person(BaseModel):
    points: int
def fail():
    Person(points="Bạch Quyên")
warnings.warn("of lan@example.com")
thread = threading.Thread(target=fail)
thread.start()
thread.join()
fail()
"""


def logged(form: str, zone: str | None = "Asia/Ho_Chi_Minh", *, script: str = SCRIPT, status: int = 0) -> list[str]:
    ran = subprocess.run(
        [sys.executable, "-c", script.format(form=form, zone=zone)],
        cwd=ROOT,
        env=clean_environment(TZ="America/New_York"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.stdout, ran.returncode) == ("", status), ran.stderr
    return ran.stderr.splitlines()


@pytest.mark.parametrize("form", ["json", "auto"])
def test_in_production_each_line_is_json(form: str) -> None:
    """Given no terminal, then each event is one line of JSON with level, time, process and the ids that it is about."""
    lines = [json.loads(line) for line in logged(form)]
    assert [line["event"] for line in lines] == ["message settled", "of another", "asked", "it failed", ANY]
    assert lines[0]["message"] == 7
    assert lines[0]["level"] == "info"
    assert {line["process"] for line in lines} == {"worker 1"}
    assert all("timestamp" in line for line in lines)
    assert lines[2]["url"] == f"/u?to={MASK}"
    assert "ZeroDivisionError" in lines[3]["exception"]


def test_on_a_terminal_lines_are_short() -> None:
    """Given the console form, then a line has the time, the process and what happened."""
    lines = logged("console")
    assert "worker 1: message settled" in lines[0]
    assert "message=7" in lines[0]
    assert "worker 1: of another" in lines[1]


@pytest.mark.parametrize("form", ["json", "console"])
def test_no_address_is_in_a_line(form: str) -> None:
    """Given an address in a variable, in an error's words and in what is logged, then it is in no line."""
    lines = "\n".join(logged(form))
    assert "ZeroDivisionError" in lines
    assert f"Key (email)=({MASK}) already exists" in lines
    assert not [word for word in ("lan@", "lan%40", "thư@") if word in lines]


@pytest.mark.parametrize("form", ["json", "console"])
def test_no_secret_of_ours_is_in_a_line(form: str) -> None:
    """Given what others say of passwords, tokens, keys and rows, and what ends a thread or the process, then each is
    told, and none of those words is in it."""
    lines = logged(form, script=FAULTS, status=1)
    told = "\n".join(lines)
    assert told.count("ended by a fault that nobody foresaw") == 2
    assert told.count("Input should be a valid integer") == 2
    assert "Failing row contains …" in told
    said = ("a-password", "EAEBhYF", "0123456789", "abcdefgh", "qwerty", "c2Vjcm", "MC4CAQ", "Quyên", "Lan", "lan@")
    assert [word for word in said if word in told] == []
    if form == "json":
        assert [json.loads(line)["process"] for line in lines] == ["web"] * len(lines)


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_databases_error_does_not_lead_to_a_page_about_errors(form: str) -> None:
    """Given an error of the database, in words and as a traceback, then it says what was wrong, and no more."""
    lines = "\n".join(logged(form))
    assert lines.count("no such table: nowhere") >= 2
    assert "Background on this error" not in lines


@pytest.mark.parametrize(("zone", "ahead", "mark"), [("Asia/Ho_Chi_Minh", 7, ""), (None, 0, "Z")])
def test_a_person_reads_times_of_the_shops_zone(zone: str | None, ahead: int, mark: str) -> None:
    """Given a machine elsewhere, then the console tells the shop's time, or UTC by its mark; programs read UTC."""
    before = datetime.now(UTC).replace(microsecond=0)
    on_a_terminal = logged("console", zone)[0].split()[0]
    after = datetime.now(UTC)
    seconds = range(int((after - before).total_seconds()) + 2)
    told = {f"{before + timedelta(hours=ahead, seconds=n):%H:%M:%S}{mark}" for n in seconds}
    assert on_a_terminal in told
    stamp = json.loads(logged("json", zone)[0])["timestamp"]
    assert stamp.endswith("Z")
    assert before <= datetime.fromisoformat(stamp) <= datetime.now(UTC)
