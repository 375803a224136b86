"""`phin up`: one command starts the whole house, and nothing is left when it ends, however it ends."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.support.misbehaving_smtp import RefusedPort
from tests.support.phin_up import PhinUp, make_home, phin_up
from tests.support.processes import alive, clean_environment, descendants, running, wait_until


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return make_home(tmp_path)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PhinUp]:
    """One house for all tests that leave it standing."""
    with phin_up(make_home(tmp_path_factory.mktemp("home"))) as up:
        yield up


def test_the_banner_says_what_runs_and_where(house: PhinUp) -> None:
    """Given a house that has started, then it says what runs, where, which flows are live, and where to look."""
    said = house.said
    assert re.search(r"database +SQLite [\d.]+ +var/phin\.db +\d+ tables, up to date", said)
    assert re.search(r"queue +(Valkey|Redis) [\d.]+ \(embedded\) +var/queue", said)
    assert f"→ {house.url}/outbox" in said
    assert re.search(r"flows +[1-9]\d* live · \d+ draft · 0 broken", said)
    assert house.ready()


def test_the_printed_command_works_as_it_stands(house: PhinUp) -> None:
    """Given the curl line of the banner, when it is pasted, then the event is taken, and a mail is in the outbox."""
    before = len(house.outbox)
    answer = subprocess.run(["bash", "-c", f"{house.command} -s"], capture_output=True, text=True, check=True)
    assert '"accepted":1' in answer.stdout.replace(" ", ""), answer.stdout
    wait_until(lambda: len(house.outbox) > before, "a mail is captured")
    again = subprocess.run(["bash", "-c", f"{house.command} -s"], capture_output=True, text=True, check=True)
    assert '"duplicates":1' in again.stdout.replace(" ", ""), again.stdout


def test_what_it_keeps_is_for_its_user_alone(house: PhinUp) -> None:
    """Given a running house with a captured mail, then no other user may read a file or folder of its `var`."""
    subprocess.run(["bash", "-c", f"{house.command} -s"], capture_output=True, check=True)
    wait_until(lambda: bool(house.outbox), "a mail is captured")
    var = house.home / "var"
    kept = [var, var / "outbox", var / "journals", *var.glob("phin.*"), *house.outbox]
    assert len(kept) >= 7
    assert [(path.name, oct(path.stat().st_mode)) for path in kept if path.stat().st_mode & 0o077] == []


def test_a_second_one_on_the_same_var_says_so(house: PhinUp) -> None:
    """Given a running house, when phin up is run there again, then it says which process has it, and ends with 1."""
    second = subprocess.run(
        [sys.executable, "-m", "worker.edges.cli", "up"],
        env=clean_environment(PHIN_HOME=str(house.home), PHIN_PORT="0"),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert second.returncode == 1
    assert str(house.process.pid) in second.stderr
    assert house.url in second.stderr
    assert len(second.stderr.strip().splitlines()) == 1
    assert house.ready()


def test_a_port_in_use_is_named_with_its_setting(house: PhinUp, home: Path) -> None:
    """Given a port that another program has, then phin up names the setting, starts nothing, and ends with 1."""
    port = house.url.rpartition(":")[2]
    other = subprocess.run(
        [sys.executable, "-m", "worker.edges.cli", "up"],
        env=clean_environment(PHIN_HOME=str(home), PHIN_PORT=port),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert other.returncode == 1
    assert "PHIN_PORT" in other.stderr
    assert "Traceback" not in other.stderr


def test_an_edited_flow_is_published_and_a_broken_one_harms_nothing(house: PhinUp) -> None:
    """Given a running house, when a flow is edited it is published; when it is broken, the line is told."""
    file = house.home / "flows" / "welcome.yaml"
    text = file.read_text()
    file.write_text(text.replace("flow: welcome", "flow: welcome\nstatus: draft"))
    wait_until(lambda: "published" in house.said and "draft now" in house.said, "the edit is published")
    file.write_text(text + "\nunheard_of: 1\n")
    wait_until(lambda: "unheard_of" in house.said, "the broken line is told")
    file.write_text(text)
    wait_until(lambda: "live now" in house.said, "the mended file is live again")
    assert house.ready()


def test_the_schemas_for_editors_follow_the_files(house: PhinUp) -> None:
    """Given a running house with schemas, when a flow comes, then editors complete its name; nobody runs a command."""
    schema = house.home / "config" / "schema" / "test.json"
    file = house.home / "flows" / "spring-news.yaml"
    file.write_text("flow: spring-news\nstatus: draft\ntrigger: signup\nsteps: [{wait: 1 day}]\n")
    wait_until(lambda: '"spring-news"' in schema.read_text(), "the schema knows the new flow")
    file.unlink()
    wait_until(lambda: '"spring-news"' not in schema.read_text(), "the schema has forgotten it")


def test_a_broken_template_is_told_and_the_last_good_one_goes_on(house: PhinUp) -> None:
    """Given a running house, when a template is broken, then its line is told, and mails go out as before."""
    file = house.home / "templates" / "order-confirmation.vi.html"
    text = file.read_text()
    file.write_text(text + "{% if %}")
    wait_until(lambda: "templates/order-confirmation.vi.html:" in house.said, "the broken line is told")
    file.write_text(text)
    assert house.ready()


def test_a_killed_process_is_started_again(house: PhinUp) -> None:
    """Given a running house, when its web process and a worker are killed, then both run again and requests wait."""
    for name in ("web", "worker 1", "clock"):
        killed = house.child(name)
        killed.kill()
        wait_until(lambda: not alive([killed]), "it is dead")  # noqa: B023 - called at once
    # the listening socket was never closed, so this request waits for the new process instead of being refused
    assert httpx.get(f"{house.url}/readyz", timeout=30).status_code == 200
    wait_until(lambda: len(house.family()) >= 5, "all run again")
    wait_until(lambda: house.said.count("started again") >= 3, "it says so")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_it_leaves_nothing_behind(home: Path, number: signal.Signals) -> None:
    """Given a running house, when it is told to end, then it ends in order, and all its processes with it."""
    with phin_up(home) as up:
        family = up.family()
        assert len(family) >= 5
        up.process.send_signal(number)
        assert up.process.wait(15) == 0
        assert alive(family) == []
        assert "Traceback" not in up.said


def test_told_to_end_while_it_starts_it_leaves_nothing_behind(home: Path) -> None:
    """Given a house that is just starting, when it is told to end, then it ends, and all that it started with it."""
    environment = clean_environment(PHIN_HOME=str(home), PHIN_PORT="0")
    with running(["worker.edges.cli", "up"], output=home / "output", environment=environment, cwd=home) as process:
        wait_until(lambda: "http" in _text(home / "var" / "phin.lock"), "it has taken the lock")
        family = descendants(process.pid)
        process.terminate()
        family += descendants(process.pid)
        assert process.wait(60) == 0
        wait_until(lambda: alive(family) == [], "all processes end", timeout=15)
        assert "Traceback" not in _text(home / "output")


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def test_nothing_outlives_a_killed_parent(home: Path) -> None:
    """Given a running house, when its parent process is killed and can tell nobody, then all its processes end."""
    with phin_up(home) as up:
        family: list[psutil.Process] = up.family()
        assert len(family) >= 5
        up.process.send_signal(signal.SIGKILL)
        up.process.wait()
        wait_until(lambda: alive(family) == [], "all processes end", timeout=15)
    with phin_up(home) as again:
        assert again.ready()


def test_where_forking_is_not_safe_the_children_are_commands(home: Path) -> None:
    """Given a system without safe forking, then the same house runs, is mended, and leaves nothing behind."""
    with phin_up(home, arguments=["tests.edges.up_without_fork"]) as up:
        family = up.family()
        assert len(family) >= 5
        web = next(process for process in family if process.cmdline()[-1:] == ["web"])
        web.kill()
        wait_until(lambda: not alive([web]) and up.ready(), "the web process is started again")
        family = up.family()
        up.process.send_signal(signal.SIGKILL)
        up.process.wait()
        wait_until(lambda: alive(family) == [], "all processes end", timeout=15)


def test_without_a_queue_the_mail_still_goes_out(home: Path) -> None:
    """Given a queue that is gone for good, when an event is reported, then its mail goes out all the same."""
    with phin_up(home, PHIN_REDIS_URL="redis://127.0.0.1:1/0") as up:
        assert "out of reach" in up.said
        subprocess.run(["bash", "-c", f"{up.command} -s"], capture_output=True, check=True)
        wait_until(lambda: bool(up.outbox), "a mail is captured")


def test_a_relay_that_does_not_answer_is_told_everywhere(home: Path) -> None:
    """Given a relay that is away, then the banner, the log and the report say so, and no password is in any."""
    with RefusedPort() as port, phin_up(home, PHIN_SMTP_URL=f"smtp://shop:s3cret@127.0.0.1:{port}") as up:
        assert f"sent by 127.0.0.1:{port}  does not answer now: Connection refused" in up.said
        subprocess.run(["bash", "-c", f"{up.command} -s"], capture_output=True, check=True)
        wait_until(lambda: "the relay does not take our mail" in up.said, "the log says so")

        def report(*arguments: str) -> str:
            return subprocess.run(
                [sys.executable, "-m", "worker.edges.cli", "report", *arguments],
                env=clean_environment(PHIN_HOME=str(home)),
                capture_output=True,
                text=True,
                check=True,
            ).stdout

        wait_until(lambda: "for the relay: cannot reach 127.0.0.1" in report(), "the report says so")
        assert json.loads(report("--json"))["wait_for_relay"]["mails"] >= 1
        assert "s3cret" not in up.said + report()
        assert "lan@example.com" not in up.said.replace(up.command, "")


def test_it_runs_on_postgres(home: Path, postgres_url: str) -> None:
    """Given a PostgreSQL database by PHIN_DATABASE_URL, then the house runs on it, and shows no password."""
    with phin_up(home, PHIN_DATABASE_URL=postgres_url) as up:
        assert re.search(r"database +PostgreSQL \d+", up.said)
        assert up.ready()
        assert not (home / "var" / "phin.db").exists()


def test_a_home_without_settings_is_told(tmp_path: Path) -> None:
    """Given a folder that is no shop's, when phin is run there, then it says what is missing."""
    told = subprocess.run(
        [sys.executable, "-m", "worker.edges.cli", "up"],
        env=clean_environment(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert told.returncode == 1
    assert "config/phin.yaml" in told.stderr
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - nothing may have been made
