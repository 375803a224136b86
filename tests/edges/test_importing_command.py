"""`phin import` as it is typed: it looks first, says what it saw, writes when told, and survives its own death."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import func, select

from tests.support.processes import clean_environment, running, wait_until
from worker.storage.database import Database
from worker.storage.tables import customer, event, message

HEAD = "Mã đơn hàng;Ngày đặt;E-mail;Tổng tiền;Ghi chú\n"
GOOD = "A1;28/02/2026;lan@example.com;450.000 ₫;gói quà\n"
BAD = "A2;31/02/2026;\x1b[31mduc@example.com;100;\n"
ORDERS = 1_200  # three batches


@dataclass(frozen=True, slots=True)
class Terminal:
    """A shop's folder, and commands typed in it."""

    home: Path
    environment: dict[str, str]

    def phin(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "worker.edges.cli", "import", *arguments]
        return subprocess.run(
            command, env=self.environment, cwd=self.home, capture_output=True, text=True, check=False, timeout=120
        )

    def file(self, content: str) -> str:
        (self.home / "orders.csv").write_text(content, encoding="utf-8")
        return "orders.csv"


def _terminal(home: Path, url: str) -> Terminal:
    (home / "config").mkdir()
    (home / "config" / "phin.yaml").write_text("shop: {name: The Coffee}\n")
    return Terminal(home, clean_environment(PHIN_HOME=str(home), PHIN_DATABASE_URL=url, COLUMNS="200"))


@pytest.fixture
def terminal(tmp_path: Path, sqlite_url: str) -> Terminal:
    """A shop on SQLite."""
    return _terminal(tmp_path, sqlite_url)


def test_it_looks_and_then_writes(terminal: Terminal, sqlite_url: str) -> None:
    """Given a good and a faulty line, when it is run without and with --write, then both tell, and only one writes."""
    file = terminal.file(HEAD + GOOD + BAD)
    database = Database(sqlite_url)
    looked = terminal.phin("orders", file)
    with database.reading() as connection:
        before = connection.execute(select(func.count()).select_from(event)).scalar_one()
    wrote = terminal.phin("orders", file, "--write", "--refused", "refused.csv", "--dates", "dmy")
    with database.reading() as connection:
        after = connection.execute(select(customer.c.email, customer.c.total_spent)).all()
    database.close()

    assert (looked.returncode, wrote.returncode) == (1, 1), looked.stderr + wrote.stderr
    assert (before, [tuple(row) for row in after]) == (0, [("lan@example.com", 450_000)])
    for told in (looked.stdout, wrote.stdout):
        assert "UTF-8; 5 columns, parted by semicolons; 2 rows" in told
        assert "order.total (no decimals; points and commas part thousands)" in told
        assert "450.000 ₫ → 450000" in told
        assert "left out  Ghi chú (no known name)" in told
        assert "orders    1 with 0 lines, of 1 customer" in told
        assert "revenue   450,000 VND" in told
        assert "refused   1 line; by column: Ngày đặt 1" in told
        assert "line 3: Ngày đặt: '31/02/2026' is no day of the calendar, read as day/month/year" in told
        assert "\x1b" not in told
    assert "events    1 to write, 0 there already" in looked.stdout
    assert "Nothing was written; the same command with --write does it." in looked.stdout
    assert "events    1 written, 0 there already" in wrote.stdout
    assert "31/02/2026" in (terminal.home / "refused.csv").read_text("utf-8-sig")


@pytest.mark.parametrize(("answer", "kept"), [("y", 1), ("n", 0)])
def test_at_a_terminal_it_asks(terminal: Terminal, sqlite_url: str, answer: str, kept: int) -> None:
    """Given a terminal, when the question is answered, then it is written at a yes, and not at a no."""
    file = terminal.file(HEAD + GOOD)
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "worker.edges.cli", "import", "orders", file]
    process = subprocess.Popen(
        command, env=terminal.environment, cwd=terminal.home, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    said = b""
    while b"Write 1 event?" not in said:
        said += os.read(ours, 4096)
    os.write(ours, f"{answer}\n".encode())
    with suppress(OSError):  # the terminal's other end is closed
        while more := os.read(ours, 4096):
            said += more
    os.close(ours)

    assert process.wait(60) == 0, said.decode()
    assert (b"1 written" in said, b"Nothing was written" in said) == (kept == 1, kept == 0)
    database = Database(sqlite_url)
    with database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(event)).scalar_one() == kept
    database.close()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("orders", "none.csv"), "phin: none.csv is not there"),
        (("orders", "."), "phin: . is a folder; name a CSV file"),
        (("customers", "orders.csv", "--map", "E-mail=customer.mail"), "'customer.mail' is no field; did you mean"),
        (("orders", "orders.csv", "--map", "E-mail="), "no column for customer.id or customer.email"),
        (("orders", "orders.csv", "--refused", "orders.csv"), "--refused names the file itself"),
        (("orders", "orders.csv", "--refused", "no/such/folder.csv"), "cannot be written: No such file"),
        (("orders", "orders.csv", "--zone", "Saigon"), "--zone Saigon is no IANA time zone"),
        (("orders", "orders.csv", "--status", "x=gone"), "--status 'x=gone' is not understood"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_line(terminal: Terminal, arguments: tuple[str, ...], says: str) -> None:
    """Given a command that cannot be done, then it ends with 1 and says why, without a traceback."""
    terminal.file(HEAD + GOOD)
    done = terminal.phin(*arguments)

    assert done.returncode == 1
    assert says in done.stderr and "Traceback" not in done.stderr


def test_killed_in_the_middle_it_goes_on(tmp_path: Path, database_url: str) -> None:
    """Given an import killed with SIGKILL, when it is run again, then each order is there once and nothing mailed."""
    terminal = _terminal(tmp_path, database_url)
    rows = "".join(f"A{n};28/02/2026;c{n % 300}@example.com;1.000;\n" for n in range(ORDERS))
    file = terminal.file(HEAD + rows)
    database = Database(database_url)

    def events(state: str) -> int:
        with database.reading() as connection:
            return connection.execute(select(func.count()).where(event.c.state == state)).scalar_one()

    command = ["worker.edges.cli", "import", "orders", file, "--write"]
    with running(command, environment=terminal.environment, cwd=tmp_path) as process:
        wait_until(lambda: events("processed") > 0, "the first batch is processed", 120)
        process.kill()
    there = events("processed") + events("received")
    again = terminal.phin("orders", file, "--write")
    with database.reading() as connection:
        facts = connection.execute(select(func.sum(customer.c.orders_count), func.sum(customer.c.total_spent))).one()
        mails = connection.execute(select(func.count()).select_from(message)).scalar_one()
    database.close()

    assert again.returncode == 0, again.stderr
    assert there < ORDERS
    assert f"{ORDERS - there:,} written, {there:,} there already" in again.stdout
    assert tuple(facts) == (ORDERS, ORDERS * 1_000)
    assert mails == 0
