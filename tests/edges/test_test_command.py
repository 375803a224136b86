"""`phin test`: run as a person runs it, in a shop's folder that is only read."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parent.parent.parent
FLOW = """flow: welcome
trigger: signup
when: customer.orders_count == 0
steps:
  - send: hello
  - if: customer.consent
    then:
      - wait: 2 days
      - send: hello
        name: again
"""
TEMPLATE = """---
subject: "Hello"
---
<html><body><p>Hi {{ customer.name }}</p><p><a href="{{ unsubscribe_url }}">stop</a></p></body></html>
"""
TEST = """- test: two mails
  flow: welcome
  given: {events: [{at: 2027-03-01 14:00, event: signup}]}
  expect:
    - {at: 2027-03-01 14:00, send: hello}
    - {at: 2027-03-03 14:00, send: again}
- test: not for who has bought
  flow: welcome
  from: 2027-03-01
  given:
    events:
      - {at: 2027-02-01 14:00, event: purchase, order: {number: A1, total: 1}}
      - {at: 2027-03-01 14:00, event: signup}
  expect:
    - {at: 2027-03-01 14:00, enter: false}
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """The folder of a shop with one flow and two tests of it."""
    for name in ("config", "flows/tests", "templates"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "config" / "phin.yaml").write_text("shop: {name: The Coffee, languages: [en], language: en}\n")
    (tmp_path / "flows" / "welcome.yaml").write_text(FLOW)
    (tmp_path / "flows" / "tests" / "welcome.yaml").write_text(TEST)
    (tmp_path / "templates" / "hello.en.html").write_text(TEMPLATE)
    return tmp_path


def phin(shop: Path, *arguments: str, columns: int = 160) -> subprocess.CompletedProcess[str]:
    """Run `phin test` in a shop's folder."""
    cache, width = str(shop.parent / "cache"), str(columns)
    environment = {**os.environ, "XDG_CACHE_HOME": cache, "PHIN_HOME": str(shop), "COLUMNS": width}
    command = [sys.executable, "-m", "worker.edges.cli", "test", *arguments]
    return subprocess.run(command, cwd=shop, env=environment, capture_output=True, text=True, timeout=120)


def files(shop: Path) -> set[str]:
    return {str(path.relative_to(shop)) for path in shop.rglob("*")}


def test_tests_that_hold_pass_and_nothing_is_left_behind(shop: Path) -> None:
    """Given two tests that hold, then the status is 0, and the folder is as it was: no var, no database."""
    before = files(shop)

    run = phin(shop)

    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.startswith("2 passed of 2 tests")
    assert files(shop) == before


def test_a_failure_shows_both_timelines_and_marks_the_first_difference(shop: Path) -> None:
    """Given a mail that goes out at another time, then expected and got stand side by side, and the status is 1."""
    file = shop / "flows" / "tests" / "welcome.yaml"
    file.write_text(TEST.replace("2027-03-03 14:00", "2027-03-04 14:00"))

    run = phin(shop)

    assert run.returncode == 1
    assert "flows/tests/welcome.yaml:1:3" in run.stdout
    marked = next(line for line in run.stdout.splitlines() if line.lstrip().startswith("▶"))
    assert "2027-03-04 14:00  send: again" in marked
    assert "2027-03-03 14:00  send: again" in marked
    assert marked.rstrip().endswith("time")


def test_lines_that_stand_alone_have_a_sign_and_one_legend(shop: Path) -> None:
    """Given two mails that no line expects, and a line that did not come, then each has a sign, explained once.

    The same on 80 columns: no line is broken.
    """
    file = shop / "flows" / "tests" / "welcome.yaml"
    lines = "    - {at: 2027-03-01 14:00, send: hello}\n    - {at: 2027-03-03 14:00, send: again}\n"
    file.write_text(TEST.replace(lines, "    - {at: 2027-03-20 14:00, exit: bought}\n"))

    run = phin(shop, columns=80)

    rows = [line.split() for line in run.stdout.splitlines() if line.lstrip().startswith(("▶", "≠"))]
    assert [row[-1] for row in rows] == ["+", "+", "−"], run.stdout
    assert run.stdout.count("− expected, and did not happen · + happened, and was not expected") == 1


def test_an_entry_that_was_refused_tells_the_values_that_were_seen(shop: Path) -> None:
    """Given an entry that nobody expected to be refused, then what decided is told with its values."""
    file = shop / "flows" / "tests" / "welcome.yaml"
    file.write_text(TEST.replace("enter: false}", "send: hello}"))

    run = phin(shop, "-k", "bought")

    assert run.returncode == 1
    assert "customer.orders_count == 0: did not hold (customer.orders_count was 1)" in run.stdout


def test_what_is_wrong_with_a_file_is_told_with_its_place(shop: Path) -> None:
    """Given a misspelt step, then its place and what was meant are told, and the status is 1."""
    file = shop / "flows" / "tests" / "welcome.yaml"
    file.write_text(TEST.replace("send: again", "send: agian"))

    run = phin(shop)

    assert run.returncode == 1
    assert "flows/tests/welcome.yaml:6:36: error: 'welcome' has no send step called 'agian'" in run.stdout


def test_coverage_tells_what_no_test_reaches(shop: Path) -> None:
    """Given a way that no test takes, then it is told with its line, and --at-least makes a failure of it."""
    whole, short = phin(shop, "--coverage"), phin(shop, "--coverage", "--at-least", "100%")

    assert "welcome       2   5/6 (83%)" in whole.stdout
    assert "flows/welcome.yaml:6: no test goes the way 'else' of 'if-1'" in whole.stdout
    assert (whole.returncode, short.returncode) == (0, 1)
    assert "'welcome' is reached to 83%; at least 100% is asked for" in short.stdout


def test_programs_read_the_same(shop: Path) -> None:
    """Given JSON and JUnit's form, then both tell tests and failures."""
    file = shop / "flows" / "tests" / "welcome.yaml"
    file.write_text(TEST.replace("2027-03-03 14:00", "2027-03-04 14:00"))

    told = json.loads(phin(shop, "--format", "json", "--coverage").stdout)
    suite = ElementTree.fromstring(phin(shop, "--format", "junit").stdout)

    assert (told["passed"], told["failed"]) == (1, 1)
    assert [one["differs"] for one in told["tests"][0]["timeline"]] == [[], ["time"]]
    assert told["coverage"][0]["gaps"] == [{"step": "if-1", "way": "else", "line": 6}]
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    assert [case.find("failure") is not None for case in suite] == [True, False]


def test_many_tests_are_spread_over_processes(shop: Path) -> None:
    """Given more tests than one process should play alone, then several play them, and all are told."""
    (item,) = TEST.split("- test: not")[:1]
    many = "".join(item.replace("two mails", f"two mails {number}") for number in range(70))
    (shop / "flows" / "tests" / "welcome.yaml").write_text(many)

    run = phin(shop, "-j", "2")

    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.startswith("70 passed of 70 tests")


def test_a_flow_that_is_not_there_is_told_with_what_was_meant(shop: Path) -> None:
    """Given a misspelt flow, then the closest one is named."""
    run = phin(shop, "--flow", "welcom")

    assert run.returncode == 1
    assert "there is no flow 'welcom'; did you mean 'welcome'?" in run.stderr


def test_the_shipped_tests_hold(tmp_path: Path) -> None:
    """Given the flows that Phin ships, then their tests hold, from a plain checkout."""
    for name in ("config", "flows", "templates"):
        shutil.copytree(ROOT / name, tmp_path / "shop" / name)

    run = phin(tmp_path / "shop", "--coverage")

    assert run.returncode == 0, run.stdout
