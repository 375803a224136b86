"""`phin doctor`: each finding, healthy and at fault; what is away is told, and the rest looked at."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, text

from tests.support.certificate import certified
from tests.support.ledger import NOW, add_customer
from tests.support.shop_folder import SHIPPED, bare_house
from tests.support.smtp_sink import SmtpSink
from worker.domain.settings import Settings
from worker.edges.cli.doctor import doctor, lines
from worker.edges.doctor import database as database_checks
from worker.edges.doctor import machine, mail, processes, queue, shop, versions, work
from worker.edges.doctor.examining import examine
from worker.edges.doctor.findings import Check, Finding, Findings, Level, fine, size, span
from worker.edges.doctor.patient import Patient
from worker.edges.var import UMASK
from worker.storage.database import Database
from worker.storage.flowbook import Catalogue
from worker.storage.migrations import migrate
from worker.storage.processes import ProcessRow, report
from worker.storage.tables import bounce_mailbox, breaker, message
from worker.storage.vital_signs import VitalSigns

F, N, W, X = Level.FINE, Level.NOTE, Level.WARNING, Level.FAULT


def levels(found: Findings) -> dict[str, Level]:
    """Return each kind of finding with its worst level."""
    told: dict[str, Level] = {}
    order = [F, N, W, X]
    for one in found:
        assert one.level in (F, N) or one.remedy, f"nothing is said of what to do: {one}"
        told[one.key] = max(one.level, told.get(one.key, F), key=order.index)
    return told


def patient_of(folder: Path, **settings: Any) -> Patient:
    """Return a patient of these settings."""
    environment: dict[str, str] = settings.pop("environment", {})
    given = Settings.model_validate({"var": folder, **settings})
    return Patient(folder, environment, given, (), None, 4.0)


@pytest.fixture
def patient(database_url: str, tmp_path: Path) -> Iterator[Patient]:
    """A shop whose database is up to date; on SQLite and on PostgreSQL."""
    one = patient_of(tmp_path, database_url=database_url)
    yield one
    one.close()


# the command


@pytest.fixture
def healthy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A shop that is tried out: bare, with an up-to-date database."""
    before = os.umask(UMASK)
    bare_house(tmp_path).close()
    os.umask(before)
    for name in [name for name in os.environ if name.startswith("PHIN_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PHIN_HOME", str(tmp_path))
    return tmp_path


def run(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(doctor, ["--within", "30", *arguments], env={"COLUMNS": "100", **environment})


def test_a_shop_that_is_well_needs_nothing(healthy: Path) -> None:
    """Given a shop that is well, then the doctor says so and leaves with 0, as text and for programs."""
    told = run()
    assert told.exit_code == 0, told.output
    assert "Nothing is to be done" in told.output
    assert "\x1b[" not in told.output, "colours are for terminals"
    for section in ("versions", "shop", "database", "queue", "mail", "sender", "machine", "processes", "work"):
        assert f"\n{section}\n" in told.output
    found = json.loads(run("--json", "--no-dns").output)
    assert found["level"] == "fine"
    assert "sender" not in [section["section"] for section in found["sections"]]
    assert run("--quiet").output.count("\n") < 5


def test_what_is_away_is_told_and_the_rest_looked_at(healthy: Path) -> None:
    """Given neither database nor queue nor relay, then each is told with its remedy, the rest is looked at, and no
    password is in it; the exit status is 2."""
    away = {
        "PHIN_DATABASE_URL": "postgresql://phin:geheim@127.0.0.1:1/phin",
        "PHIN_REDIS_URL": "redis://:geheim@127.0.0.1:1",
        "PHIN_SMTP_URL": "smtp://shop:geheim@127.0.0.1:1",
    }
    told = run("--json", "--no-dns", **away)
    assert told.exit_code == 2
    assert "geheim" not in told.output
    found = {one["key"]: one for s in json.loads(told.output)["sections"] for one in s["findings"]}
    for key in ("database.reachable", "queue.reachable", "mail.relay"):
        assert found[key]["level"] == "fault"
        assert found[key]["remedy"]
    assert found["not-looked-at"]["said"] == "not looked at: the database cannot be reached"
    assert found["disk.var"]["level"] == "fine"
    assert found["shop.files"]["level"] == "fine"


def test_a_new_shop_is_looked_at_and_nothing_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a shop that was never started, then it is told what to run, and no folder, database or key is made."""
    for name in SHIPPED:
        (tmp_path / name).mkdir()
    (tmp_path / "config" / "phin.yaml").write_text("shop: {name: The Coffee}\n")
    monkeypatch.setenv("PHIN_HOME", str(tmp_path))
    told = run("--json", "--no-dns")
    found = {one["key"]: one for s in json.loads(told.output)["sections"] for one in s["findings"]}
    assert "phin release" in found["database.missing"]["remedy"]
    assert found["shop.files"]["level"] == "fine"
    assert not (tmp_path / "var").exists()


def test_settings_that_cannot_be_read_are_told(healthy: Path) -> None:
    """Given a fault in config/phin.yaml, then it is told with its line, and the rest is looked at too."""
    (healthy / "config" / "phin.yaml").write_text("shop: {name: The Coffee}\nport: many\n")
    told = run("--no-dns")
    assert told.exit_code == 2
    assert "phin.yaml:2" in told.output
    assert "up to date with this version" in told.output


def test_a_server_that_says_nothing_is_left(healthy: Path) -> None:
    """Given a relay and a queue that take connections and say nothing, then both are told in the given time."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        away = {"PHIN_SMTP_URL": f"smtp://127.0.0.1:{port}", "PHIN_REDIS_URL": f"redis://127.0.0.1:{port}"}
        told = CliRunner().invoke(doctor, ["--json", "--no-dns", "--within", "3"], env=away)
    found = {one["key"]: one["said"] for s in json.loads(told.output)["sections"] for one in s["findings"]}
    assert any(words in found["mail.relay"] for words in ("no answer within", "timed out"))
    assert "does not answer" in found["queue.reachable"]


def test_a_look_that_hangs_is_left_behind() -> None:
    """Given a look that never ends, then what it found until then is shown with that it hangs, and the others too."""
    forever = threading.Event()

    def hangs() -> Findings:
        yield fine("a", "half", "was found")
        forever.wait(60)

    began = time.monotonic()
    found = list(examine([Check("one", "hangs", hangs), Check("two", "works", lambda: [fine("b", "b", "well")])], 0.3))
    forever.set()
    assert time.monotonic() - began < 30
    assert [[one.key for one in section.findings] for section in found] == [["a", "took-too-long"], ["b"]]


def test_a_look_that_fails_is_told_without_what_it_held() -> None:
    """Given a look that raises, then the others are shown, and an address in the error is masked."""

    def fails() -> Findings:
        raise RuntimeError("of lan@example.com")

    (section,) = examine([Check("one", "fails", fails), Check("one", "works", lambda: [fine("b", "b", "well")])], 20)
    assert [one.key for one in section.findings] == ["look-failed", "b"]
    assert "lan@" not in section.findings[0].said


@given(
    st.lists(st.text("abcđ–7./-", min_size=1, max_size=30), min_size=1, max_size=40),
    st.lists(st.text("xyz'", min_size=1, max_size=20), max_size=20),
    st.text("ab ", min_size=1, max_size=40),
    st.integers(60, 200),
)
def test_findings_fit_the_terminal(said: list[str], remedy: list[str], subject: str, width: int) -> None:
    """Given any words and any width, then no line is longer, and every word is there in its order."""
    finding = Finding(Level.WARNING, "k", subject, " ".join(said), " ".join(remedy) or None)
    shown = [click.unstyle(line) for line in lines(finding, width)]
    assert all(len(line) <= width or " " not in line.strip() or subject in line for line in shown)
    words = [word for line in shown for word in line.split()]
    assert [word for word in words if word not in ("!", "→")] == [*subject.split(), *said, *remedy]


# what is looked at, healthy and at fault


def _row(name: str, version: str | None = "0.1.0", host: str = "one", silent: float = 0) -> ProcessRow:
    now = datetime.now(UTC)
    return ProcessRow(f"{name}{host}", name, host, 7, now, now - timedelta(seconds=silent), 1, version)


ALL = [_row("web"), _row("worker 1"), _row("clock")]
SIGNS = VitalSigns(dict.fromkeys(("event", "journey", "transactional", "marketing"), 0.0), 0.0, 1, 2, 0, 0.0, 0, {})


def _signs(**changes: Any) -> VitalSigns:
    return VitalSigns(**{name: changes.get(name, getattr(SIGNS, name)) for name in SIGNS.__slots__})


def _addresses(**settings: Any) -> Findings:
    return shop.addresses(Settings.model_validate(settings))


def _checked(*problems: tuple[str, str]) -> dict[str, Any]:
    told = [{"file": file, "line": 3, "severity": severity, "message": "m"} for file, severity in problems]
    return {"checked": {"flows": 2, "templates": 1}, "problems": told}


def _kept(every: float, ended: float, failures: int = 0) -> Any:
    tick = (("tick", "sweep"),)
    return {
        "tick_interval_seconds": {tick: every},
        "tick_last_timestamp_seconds": {tick: ended},
        "tick_failures": {tick: failures},
    }


SENT = {"smtp_url": "smtp://relay.example"}
GB = 1_000_000_000
HEALTHY_INFO = {"role": "master", "maxmemory_policy": "noeviction", "aof_enabled": 1, "used_memory": 1, "maxmemory": 9}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (mail.expiry("m", "Jun  9 12:00:00 2027 GMT", NOW), {"mail.certificate": F}),
        (mail.expiry("m", "Mar  9 12:00:00 2027 GMT", NOW), {"mail.certificate": W}),
        (machine.skew("database", 0.1), {"clock.skew": F}),
        (machine.skew("database", -3.0), {"clock.skew": W}),
        (machine.skew("queue", 40.0), {"clock.skew": X}),
        (machine.space("disk", "var", Path("/"), 80 * GB, 200 * GB), {"disk": F}),
        (machine.space("disk", "var", Path("/"), GB // 2, 4 * GB), {"disk": W}),
        (machine.space("disk", "var", Path("/"), 9 * GB, 200 * GB), {"disk": W}),
        (machine.space("disk", "var", Path("/"), GB // 10, 4 * GB), {"disk": X}),
        (machine.inodes("i", "var", 500_000, 1_000_000), {}),
        (machine.inodes("i", "var", 40_000, 1_000_000), {"i": W}),
        (machine.inodes("i", "var", 400, 1_000_000), {"i": X}),
        (queue.judge(HEALTHY_INFO, "unix:///q"), {}),
        (queue.judge({**HEALTHY_INFO, "role": "slave"}, "unix:///q"), {"queue.role": X}),
        (queue.judge({**HEALTHY_INFO, "maxmemory_policy": "allkeys-lru"}, "unix:///q"), {"queue.eviction": W}),
        (queue.judge({**HEALTHY_INFO, "used_memory": 8}, "unix:///q"), {"queue.memory": W}),
        (queue.judge({**HEALTHY_INFO, "aof_enabled": 0}, "unix:///q"), {"queue.persistence": N}),
        (queue.judge({**HEALTHY_INFO, "aof_last_write_status": "err"}, "unix:///q"), {"queue.persistence": X}),
        (queue.judge(HEALTHY_INFO, "redis://queue.example"), {"queue.tls": N}),
        (queue.judge(HEALTHY_INFO, "redis://:p@127.0.0.1:6379"), {}),
        (queue.jobs("prompt", 3, 0.2), {"queue.age": F}),
        (queue.jobs("prompt", 3, 40.0), {"queue.age": W}),
        (queue.jobs("bulk", 20_000, 1.0), {"queue.age": W}),
        (processes.judge(ALL, wants_worker=True, sends=True), {"process.alive": F}),
        (processes.judge([], wants_worker=True, sends=True), {"process.none": X}),
        (processes.judge([], wants_worker=True, sends=False), {"process.none": N}),
        (processes.judge(ALL[:2], wants_worker=True, sends=True), {"process.alive": F, "process.clock": X}),
        (processes.judge(ALL[1:], wants_worker=True, sends=True), {"process.alive": F, "process.web": X}),
        (
            processes.judge([ALL[0], ALL[2]], wants_worker=True, sends=True),
            {"process.alive": F, "process.worker": W},
        ),
        (processes.judge([ALL[0], ALL[2]], wants_worker=False, sends=True), {"process.alive": F}),
        (
            processes.judge([*ALL, _row("worker", None, "two")], wants_worker=True, sends=True),
            {"process.alive": F, "process.versions": W},
        ),
        (processes.late(_kept(1.0, 1000.0), 1003.0), {"process.late-tick": F}),
        (processes.late(_kept(1.0, 1000.0), 1060.0), {"process.late-tick": W}),
        (processes.late({}, 1060.0), {}),
        (work.due(SIGNS), {"work.due": F}),
        (work.due(_signs(due={"transactional": 61.0})), {"work.due": W}),
        (work.due(_signs(due={"marketing": 500.0})), {"work.due": F}),
        (work.due(_signs(due={"marketing": 5_000.0})), {"work.due": W}),
        (work.due(_signs(due={"transactional": 601.0, "event": 70.0})), {"work.due": X}),
        (work.stuck(SIGNS), {"work.stuck": F, "work.unknown": F}),
        (work.stuck(_signs(lease_over=61.0)), {"work.stuck": X, "work.unknown": F}),
        (work.stuck(_signs(unknown=2, unknown_for=90.0)), {"work.stuck": F, "work.unknown": W}),
        (work.stuck(_signs(refused_events=1)), {"work.stuck": F, "work.unknown": F, "work.events": W}),
        (work.held(Catalogue(1)), {}),
        (work.held(Catalogue(1, held=frozenset({"birthday"}))), {"work.paused": N}),
        (work.held(Catalogue(1, all_held=True)), {"work.paused": W}),
        (shop.checked(_checked()), {"shop.files": F}),
        (shop.checked(_checked(("flows/a.yaml", "warning"))), {"shop.files": W}),
        (shop.checked(_checked(("config/schema/flow.json", "warning"))), {"shop.files": F}),
        (shop.checked(_checked(*[("flows/a.yaml", "error")] * 5)), {"shop.files": X}),
        (_addresses(), {"shop.base-url": N}),
        (_addresses(**SENT), {"shop.base-url": X}),
        (_addresses(base_url="http://10.0.0.7", **SENT), {"shop.base-url": X}),
        (_addresses(base_url="http://mail.shop.example", **SENT), {"shop.base-url": W}),
        (_addresses(base_url="https://mail.shop.example", **SENT), {"shop.base-url": F}),
        (versions.needed(["sqlalchemy>=2", "httpx; extra == 'dev'"]), {"packages.needed": F}),
        (versions.needed(["sqlalchemy>=99"]), {"packages.needed": X}),
        (versions.needed(["no-such-package-of-ours"]), {"packages.needed": X}),
        (versions.locked("sqlalchemy==0.1 \\\n    --hash=sha256:00\n"), {"packages.locked": W}),
        (versions.locked("sqlalchemy==0.1 ; python_version < '3' \\\n"), {}),
        (versions.zones("Asia/Ho_Chi_Minh", NOW), {"version.zones": N}),
    ],
)
def test_each_thing_is_judged(found: Findings, expected: dict[str, Level]) -> None:
    """Given how a thing stands, then it is judged so, with a remedy wherever something is to be done."""
    assert levels(found) == expected


def test_zones_of_an_old_package_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given no zones of the machine, then those of the package are told, and when they are years old."""
    monkeypatch.setattr(versions, "TZPATH", ())
    assert levels(versions.zones("Asia/Ho_Chi_Minh", datetime.now(UTC))) == {"version.zones": F}
    assert levels(versions.zones("Asia/Ho_Chi_Minh", datetime(2040, 1, 1, tzinfo=UTC))) == {"version.zones": W}


@pytest.mark.parametrize(
    ("key", "guessed"),
    [
        ("changeme-changeme", True),
        ("aaaaaaaaaaaaaaaaaaaaaaaa", True),
        ("shop:my-secret-key-1", True),
        ("my-password", True),
        ("shop:Zr8kq0nVb3xT5yWc1uLd7mHs", False),
        ("Zr8kq0nVb3xT5yWc1uLd7mHs,abababababababab", True),
    ],
)
def test_keys_that_a_person_wrote_are_told(key: str, guessed: bool) -> None:
    """Given a key, then one that can be guessed is known from one that chance made."""
    assert shop.guessable(key) is guessed


def test_secrets_are_judged_and_never_told(tmp_path: Path) -> None:
    """Given keys that are short, guessed, or made by each of several machines, then it is told which, not what."""
    short = patient_of(tmp_path, environment={"PHIN_SECRET_KEY": "short-one"})
    assert levels(shop.secrets(short)) == {"shop.secrets": X}
    guessed = patient_of(tmp_path, environment={"PHIN_INGEST_KEY": "shop:aaaaaaaaaaaaaaaaaaaa"})
    assert levels(shop.secrets(guessed))["shop.guessable"] is X
    apart = patient_of(tmp_path, database_url="postgresql://db.example/phin")
    assert levels(shop.secrets(apart)) == {"shop.secrets-apart": X}
    assert levels(shop.secrets(patient_of(tmp_path))) == {"shop.secrets": F}
    for one in (short, guessed):
        (value,) = one.environment.values()
        assert not [finding for finding in shop.secrets(one) if value in f"{finding.said} {finding.remedy}"]


def test_a_database_that_is_well(patient: Patient) -> None:
    """Given a database that is up to date, then it is reached, quick and takes writes; the tests' own PostgreSQL does
    not sync, which is told."""
    found = levels(database_checks.database(patient))
    assert {found[key] for key in ("database.reachable", "database.round-trip", "database.tables")} == {F}
    assert levels(database_checks.writing(patient)) == {"database.writes": F}
    if patient.database_file is None:
        assert found["database.durable"] is X
        assert found["database.connections"] is F
    else:
        assert (found["database.wal"], "version.sqlite" in found) == (F, False)


def test_a_database_without_tables_is_told(tmp_path: Path) -> None:
    """Given a database that is empty, or of an older version, then it is told what to run."""
    one = patient_of(tmp_path)
    file = tmp_path / "phin.db"
    file.touch()
    assert levels(database_checks.database(one))["database.tables"] is X
    migrate(one.database)
    with one.database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0007'"))
    assert levels(database_checks.database(one))["database.tables"] is X
    with one.database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert levels(database_checks.database(one))["database.tables"] is W
    one.close()


def test_a_long_transaction_is_told(postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given somebody who holds a transaction open, then it is told with the process and how to end it."""
    monkeypatch.setattr(database_checks, "LONG_TRANSACTION", 0)
    other, one = Database(postgres_url), patient_of(tmp_path, database_url=postgres_url)
    with other.reading() as connection:
        connection.execute(text("SELECT 1"))
        found = [f for f in database_checks.database(one) if f.key == "database.long-transaction"]
    assert len(found) == 1
    assert "pg_terminate_backend" in (found[0].remedy or "")
    other.close()
    one.close()


def test_a_log_that_has_grown_is_told(tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a reader that stays, so that SQLite's log grows, then it is told; so are slow answers and the like."""
    monkeypatch.setattr(database_checks, "LONG_WAL", -1)
    monkeypatch.setattr(database_checks, "SLOW", 0.0)
    monkeypatch.setattr(database_checks, "SOUND_SQLITE", (99, 0, 0))
    monkeypatch.setattr(database_checks, "volume_kind", lambda _path: "nfs4")
    one = patient_of(tmp_path, database_url=sqlite_url)
    found = levels(database_checks.database(one))
    assert found["database.wal"] is W
    assert found["database.round-trip"] is W
    assert found["version.sqlite"] is W
    assert found["database.volume"] is X
    one.close()


def test_a_database_that_takes_no_writes_is_told(tmp_path: Path, sqlite_url: str) -> None:
    """Given a database that can only be read, then it is told."""
    one = patient_of(tmp_path, database_url=sqlite_url)
    with one.database.reading() as connection:
        connection.exec_driver_sql("PRAGMA query_only = ON")
    assert levels(database_checks.writing(one)) == {"database.writes": X}
    one.close()


def test_work_is_looked_at(patient: Patient) -> None:
    """Given mails that failed, are suspected, late, unknown; open breakers; a mailbox that fails: each is told."""
    assert levels(work.failed(patient)) == {"work.failed": F}
    assert levels(mail.refusing(patient)) == {"mail.breaker": F}
    now = datetime.now(UTC)
    with patient.database.writing() as connection:
        add_customer(connection)
        row = {"customer_id": 1, "kind": "marketing", "template": "t", "created_at": now, "not_before": now}
        mails: list[dict[str, Any]] = [
            {"key": "a", "state": "failed", "reason": "refused: 5.1.1", "settled_at": now},
            {"key": "b", "state": "queued", "crashes": 2, "not_before": now - timedelta(minutes=2)},
            {"key": "c", "state": "unknown", "transmitting_at": now, "settled_at": now},
        ]
        for one in mails:
            connection.execute(insert(message), {**row, **one})
        refused = {"relay": "main", "state": "open", "message_id": 1, "since": now, "changed_at": now, "answer": "421"}
        connection.execute(insert(breaker), [{**refused, "domain": d, "until": now} for d in ("", "gmail.com")])
        box = {"name": "b@h/INBOX", "validity": 0, "uid": 0, "failed_at": now, "failure": "refused for lan@example.com"}
        connection.execute(insert(bounce_mailbox), box)
    assert levels(work.failed(patient)) == {"work.failed": W, "work.suspects": W}
    assert levels(work.waiting(patient)) == {"work.due": W, "work.stuck": F, "work.unknown": W}
    assert levels(mail.refusing(patient)) == {"mail.breaker": X, "mail.mailbox": W}
    assert not [one for one in mail.refusing(patient) if "lan@" in one.said]


def test_processes_are_looked_at(patient: Patient) -> None:
    """Given processes of which one fell silent on this machine, and another machine's clock is ahead, both are told."""
    assert levels(processes.alive(patient)) == {"process.none": N}
    now = datetime.now(UTC)
    with patient.database.writing() as connection:
        for row in (
            _row("web", host="two", silent=-9),
            _row("clock", silent=1),
            _row("worker", host=socket.gethostname(), silent=60),
        ):
            report(connection, row, now - timedelta(hours=1))
    found = levels(processes.alive(patient))
    assert (found["process.alive"], found["process.silent"]) == (F, N)
    assert levels(machine.clocks(patient))["clock.skew"] is W


def test_a_clock_that_was_moved_is_told(tmp_path: Path, sqlite_url: str) -> None:
    """Given a shop's time that is moved, then a trial is told of it, and a shop in earnest has to undo it."""
    (tmp_path / "clock").write_text("86400\n")
    assert levels(machine.clocks(patient_of(tmp_path, database_url=sqlite_url)))["clock.moved"] is N
    assert levels(machine.clocks(patient_of(tmp_path, database_url=sqlite_url, **SENT)))["clock.moved"] is X
    (tmp_path / "clock").write_text("tomorrow\n")
    assert levels(machine.clocks(patient_of(tmp_path, database_url=sqlite_url)))["clock.moved"] is X


def test_files_that_wait_are_told(tmp_path: Path) -> None:
    """Given hits that nobody reads back and the journal of a dead sender, then both are told; journals that are only
    laid out, or young, are not."""
    spool, journals = tmp_path / "spool", tmp_path / "journals"
    one = patient_of(tmp_path)
    assert levels(work.files(one)) == {"work.spool": F}
    spool.mkdir()
    journals.mkdir()
    (spool / "hits-1.journal").write_bytes(bytes(64))
    (journals / "young.journal").write_text("phin journal 1\n")
    for path in (spool / "hits.jsonl", journals / "dead.journal"):
        assert levels(work.files(one)).keys() <= {"work.spool", "work.journals"}
        path.write_text("{}\n")
        os.utime(path, (time.time() - 900, time.time() - 900))
    assert levels(work.files(one)) == {"work.spool": W, "work.journals": W}
    assert [f.said[:9] for f in work.files(one) if f.key == "work.journals"] == ["1 journal"]


def test_disks_are_looked_at(tmp_path: Path) -> None:
    """Given files of var that others may read, then it is told how to close them."""
    one = patient_of(tmp_path)
    found = levels(machine.disk(one))
    assert found["disk.var"] is not N
    (tmp_path / "secrets").mkdir(mode=0o755)
    (tmp_path / "secrets").chmod(0o755)
    assert levels(machine.disk(one))["disk.private"] is X
    assert levels(machine.disk(patient_of(tmp_path / "nowhere"))) == {"disk.var": N}


def test_relays_are_spoken_to(tmp_path: Path) -> None:
    """Given a relay that takes mail, then it is told how it is spoken to, and no mail is sent."""
    with SmtpSink() as sink:
        assert levels(mail.relays(patient_of(tmp_path, smtp_url=sink.url))) == {"mail.relay": F}
        assert not sink.mails
    assert levels(mail.relays(patient_of(tmp_path))) == {"mail.captured": N}


def test_a_relay_without_a_trusted_certificate_is_told(tmp_path: Path) -> None:
    """Given a certificate that nobody trusts, then it is told; where it is not to be checked, that is told."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        context, _ = certified()

        def serve() -> None:
            for _ in range(2):
                connection, _address = listener.accept()
                try:
                    with context.wrap_socket(connection, server_side=True) as spoken:
                        spoken.sendall(b"220 here\r\n")
                        while said := spoken.recv(1000):
                            spoken.sendall(b"221 bye\r\n" if said.startswith(b"QUIT") else b"250 fine\r\n")
                except OSError:
                    continue

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        url = f"smtps://127.0.0.1:{port}"
        assert levels(mail.relays(patient_of(tmp_path, smtp_url=url))) == {"mail.relay": X}
        unchecked = levels(mail.relays(patient_of(tmp_path, smtp_url=f"{url}?verify=no")))
        assert unchecked == {"mail.relay": F, "mail.certificate": W}
        thread.join(10)


def test_the_queue_is_looked_at(redis_url: str, tmp_path: Path) -> None:
    """Given a queue server, then its version and what waits is told; where none is set, that is no fault."""
    found = levels(queue.queue(patient_of(tmp_path, redis_url=redis_url)))
    assert found["queue.reachable"] is F
    assert found["queue.age"] is F
    assert levels(queue.queue(patient_of(tmp_path))) == {"queue.none": N}
    assert levels(queue.queue(patient_of(tmp_path, redis_url="redis://127.0.0.1:1"))) == {"queue.reachable": X}


def test_amounts_are_said_as_people_say_them() -> None:
    """Given seconds and bytes, then they are said in the unit that fits."""
    assert [span(one) for one in (4, 119, 600, 7_300, 200_000)] == ["4 s", "119 s", "10 min", "2 h", "2 days"]
    assert [size(one) for one in (12, 3_400, 12e6, 3.4e9, 5e12)] == ["12 bytes", "3.4 kB", "12 MB", "3.4 GB", "5.0 TB"]
