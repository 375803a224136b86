"""`phin coupons`: counts, pools filled from files of many kinds, and what became of a code."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from tests.support.processes import clean_environment
from worker.domain.errors import PhinError
from worker.domain.event_check import EventRules
from worker.edges.cli.coupons import coupons
from worker.edges.cli.why import why
from worker.edges.environment import read_home
from worker.edges.house import House
from worker.edges.importing.codes import read_codes
from worker.edges.jobs import Job
from worker.edges.publishing import publish
from worker.engine.intake import take_in
from worker.storage.migrations import migrate

FLOW = """flow: thanks
trigger: purchase
steps:
  - coupon: thanks
    percent: 10%
"""


@pytest.fixture
def house(tmp_path: Path) -> House:
    for folder in ("config", "flows", "templates"):
        (tmp_path / folder).mkdir()
    (tmp_path / "config" / "phin.yaml").write_text("shop: {name: The Coffee}\n")
    (tmp_path / "flows" / "thanks.yaml").write_text(FLOW)
    built = House(read_home({"PHIN_HOME": str(tmp_path)}))
    migrate(built.database)
    publish(built)
    return built


def phin(house: House, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = clean_environment(PHIN_HOME=str(house.home.folder), COLUMNS="120")
    command = [sys.executable, "-m", "worker.edges.cli", "coupons", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)


def buy(house: House, number: int, coupon: str | None = None) -> None:
    event: dict[str, Any] = {
        "id": f"e{number}",
        "type": "purchase",
        "time": datetime.now(UTC).isoformat(),
        "customer": {"id": "c1", "email": "lan@example.com"},
        "order": {"number": f"A{number}", "total": 400_000, "coupon": coupon},
    }
    _, work = take_in(house.database, [event], "shop", EventRules.of(house.settings), house.clock.now())
    house.runners[Job.PROCESS_EVENTS](work.events)


def test_a_pool_is_filled_drawn_from_and_counted(house: House) -> None:
    """Given a file of codes, when it is loaded and orders come, then each number is told, and what became of a code."""
    file = house.home.folder / "codes.txt"
    file.write_text("tk-1\nTK-2\n\nTK-2\nTK 3\n")
    first = phin(house, "load", "thanks", str(file), "--amount", "20_000", "--expires", "2999-12-31")
    assert first.returncode == 1, first.stderr
    assert "2 new codes in the pool of 'thanks', 2 left to draw" in first.stdout
    assert f"{file}:4: the same as line 2" in first.stdout
    assert f"{file}:5: 'TK 3' has a space, comma or other separator in it" in first.stdout
    file.write_text("TK-1\nTK-2\n")
    again = phin(house, "load", "thanks", str(file))
    assert (again.returncode, "0 new codes" in again.stdout, "2 were there already" in again.stdout) == (0, True, True)
    buy(house, 1)
    buy(house, 2, "TK-1")
    (counted,) = json.loads(phin(house, "--json").stdout)
    assert counted == {
        "coupon": "thanks",
        "made": 0,
        "loaded": 2,
        "left": 0,
        "given": 2,
        "redeemed": 1,
        "revenue": {"VND": 400_000.0},
    }
    shown = phin(house).stdout
    assert "thanks: no code is left: journeys wait for it; fill the pool: phin coupons load thanks FILE" in shown
    assert "400,000 VND" in shown
    found = phin(house, "find", "tk-1")
    assert found.returncode == 0, found.stderr
    assert "TK-1 · thanks · 20,000 VND · until Tue 31 Dec 2999 23:59" in found.stdout
    assert "given to c1" in found.stdout
    assert "by thanks, step " in found.stdout
    assert "by order A2" in found.stdout
    assert "lan@example.com" not in found.stdout + shown
    assert json.loads(phin(house, "find", "TK-2", "--json").stdout)["order"] is None
    story = CliRunner(env={"PHIN_HOME": str(house.home.folder)}).invoke(why, ["c1"])
    assert "gave TK-1, good until Tue 31 Dec 2999 23:59" in story.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["load", "tet-gift", "codes.txt"], "'tet-gift' is no coupon's name"),
        (["load", "thank", "codes.txt"], "no published flow has the step 'coupon: thank'; did you mean 'thanks' ("),
        (["load", "thanks", "codes.txt", "--percent", "10", "--amount", "5"], "not both"),
        (["load", "thanks", "codes.txt", "--percent", "110"], "--percent 110 is not between 0 and 100"),
        (["load", "thanks", "codes.txt", "--amount", "many"], "--amount many is no number"),
        (["load", "thanks", "codes.txt", "--expires", "31.12."], "--expires 31.12. is no day"),
        (["load", "thanks", "codes.txt", "--expires", "2020-01-01"], "is over already"),
        (["load", "thanks", "codes.txt"], "codes.txt is not there"),
        (["find", "nothing"], "no coupon has the code 'NOTHING'"),
    ],
)
def test_what_is_wrong_is_said(house: House, arguments: list[str], said: str) -> None:
    """Given words that make no sense, then the command says what is wrong, and changes nothing."""
    told = CliRunner(env={"PHIN_HOME": str(house.home.folder)}).invoke(coupons, arguments)
    assert isinstance(told.exception, PhinError)
    assert said in str(told.exception)


def test_a_code_of_another_coupon_stays_there(house: House) -> None:
    """Given a code that another pool has, when it is loaded again, it stays where it is, and that is told."""
    file = house.home.folder / "codes.txt"
    file.write_text("TK-1\n")
    phin(house, "load", "thanks", str(file))
    told = phin(house, "load", "tet", str(file), "--new")
    assert f"{file}:1: 'TK-1' is a code of 'thanks'" in told.stdout


@pytest.mark.parametrize(
    ("content", "codes"),
    [
        (b"A-1\r\nA-2\r\n", {"A-1": 1, "A-2": 2}),
        (b"\xef\xbb\xbfcode\na-1\n", {"A-1": 2}),
        ('Mã giảm giá;Hạn\nA-1;2027-01-01\n;\n"A-2";\n'.encode(), {"A-1": 2, "A-2": 4}),
        ("code\tused\nA-1\tno\n".encode("utf-16"), {"A-1": 2}),
        ("id,Discount Code\n1,TẾT-1\n2,tết-2\n".encode("windows-1258", "ignore"), None),
        (b'name,code\n"two\nlines",A-1\nx,A-2\n', {"A-1": 2, "A-2": 4}),
        ("Ａ－１\nb–2\n".encode(), {"A-1": 1, "B-2": 2}),
    ],
)
def test_files_of_many_kinds_are_read(tmp_path: Path, content: bytes, codes: dict[str, int] | None) -> None:
    """Given files as shops' systems and people write them, then the codes are found, each with its line."""
    file = tmp_path / "codes.csv"
    file.write_bytes(content)
    found = read_codes(file)
    assert codes is None or found.codes == codes
    assert found.codes


@pytest.mark.parametrize(
    ("content", "column", "said"),
    [
        (b"", None, "is empty; write one code a line"),
        (b"name,number\na,b\n", None, "it cannot be told which column holds the codes; say --column with one of"),
        (b"name,number\na,b\n", "numbr", "has no column 'numbr'; did you mean 'number'?"),
        (b"PK\x03\x04rest of a workbook", None, "an Excel workbook"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(tmp_path: Path, content: bytes, column: str | None, said: str) -> None:
    """Given a file without codes, or of which nobody can say where they stand, then that is said."""
    file = tmp_path / "codes.csv"
    file.write_bytes(content)
    with pytest.raises(PhinError, match=said):
        read_codes(file, None, column)


@given(st.binary(min_size=1, max_size=300))
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    """Given any bytes, then they are codes without a separator or control character, or refused with a reason."""
    file = tmp_path_factory.mktemp("any") / "codes.txt"
    file.write_bytes(content)
    try:
        found = read_codes(file)
    except PhinError:
        return
    assert all(code == code.strip() and code.isprintable() and 0 < len(code) <= 50 for code in found.codes)
