"""Files that nobody meant, of each kind: told with a place, quickly, and what else there is goes on."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from worker.domain.errors import FileError, Severity
from worker.edges.cli.check import Checked, check_all
from worker.language.flow.flows import read_flow

GOOD = "flow: a\ntrigger: purchase\nsteps:\n  - send: welcome\n"
# Each kind of file that is YAML: where it stands, and how a good one begins.
KINDS = {
    "flow": ("flows/b.yaml", "flow: b\ntrigger: purchase\nsteps:\n  - send: welcome\n"),
    "segments": ("config/segments.yaml", "loyal: customer.orders_count >= 3\n"),
    "seasons": ("config/seasons.yaml", "tet: {lunar: 1/1}\n"),
    "staff": ("config/staff.yaml", "people:\n  mai: {name: Mai, email: mai@example.com}\n"),
    "settings": ("config/phin.yaml", "shop: {name: Phin}\n"),
    "test": ("flows/tests/b.yaml", "test: b\nflow: a\nfrom: 2027-03-01\nexpect: []\n"),
}
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + at)}: &{chr(98 + at)} [{', '.join(['*' + chr(97 + at)] * 9)}]\n" for at in range(9)
)
FAULTS = {
    "a bomb of aliases": (BOMB.encode(), "is an anchor of YAML, which Phin's files do not use"),
    "an alias of itself": (b"a: &a\n  b: *a\n", "is an alias of YAML, which Phin's files do not use"),
    "10 MB": (b"# x\n" * 2_500_000, "the file is larger than 1 MB"),
    "more values than anybody writes": (b"a: [" + b"1, " * 50_000 + b"1]\n", "the file holds more than 10,000 values"),
    "UTF-16": ("\ufeffa: chào".encode("utf-16-le"), "the file is UTF-16; save it as UTF-8"),
    "Latin-1": ("a: 1\nb: à\n".encode("latin-1"), "the byte 0xE0 is not UTF-8; save the file as UTF-8"),
    "a tab": (b"a:\n\tb: 1\n", "the line holds a tab; write spaces"),
    "a key twice": (b"aa: 1\naa: 2\n", "the key 'aa' is given twice; it stands in line 1 already"),
    "nested a thousand deep": (b"a: " + b"[" * 1_000 + b"]" * 1_000, "nested more than 60 deep"),
    "a quote that an editor has not closed yet": (b'a: "half\n', "the quote that opens here is not closed"),
    "a bracket that an editor has not closed yet": (b"a: {b: 1, c:", "is not closed"),
    "a control character": (b"a: \x07\n", "an invisible character, U+0007"),
}


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a shop with one good file of each kind, where the command is run."""
    for folder in ("config", "flows/tests", "templates"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "flows" / "a.yaml").write_text(GOOD)
    for file, text in KINDS.values():
        (tmp_path / file).write_text(text)
    for language in ("vi", "en"):
        (tmp_path / "templates" / f"welcome.{language}.html").write_text("---\nsubject: Chào\n---\n<p>Chào</p>\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def errors(checked: Checked) -> list[str]:
    return [f"{one.place}: {one.message}" for one in checked.problems if one.severity is Severity.ERROR]


def test_the_shop_of_these_tests_is_in_order(shop: Path) -> None:
    """Given one good file of each kind, then nothing is told."""
    assert errors(check_all(shop, {})) == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_file_that_cannot_be_read_is_told_with_its_place(shop: Path, kind: str, fault: str) -> None:
    """Given such a file of this kind, then it is told at its line, nothing else is, and the other flows can be used."""
    content, expected = FAULTS[fault]
    file, _ = KINDS[kind]
    (shop / file).write_bytes(content)

    checked = check_all(shop, {})

    found = errors(checked)
    assert all(one.startswith(f"{file}:") for one in found), found
    assert any(expected in one for one in found), found
    assert "a" in checked.library.flows
    assert len(found) <= 101


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_half_written_never_brings_the_check_down(shop: Path, kind: str) -> None:
    """Given a shipped file cut off where an editor that is just writing has it, then the check goes on."""
    file, _ = KINDS[kind]
    house = Path(__file__).parent.parent.parent
    shipped = {"flow": "flows/win-back.yaml", "test": "flows/tests/post-purchase.yaml"}.get(kind, file)
    text = (house / shipped).read_bytes()[:1_500]
    for cut in range(0, len(text), 149):
        (shop / file).write_bytes(text[:cut])
        checked = check_all(shop, {})
        assert "a" in checked.library.flows
        assert all(one.place.line <= text[:cut].count(b"\n") + 1 for one in checked.problems if one.place.file == file)


def test_copies_that_editors_make_are_not_read(shop: Path) -> None:
    """Given what editors leave beside a file while they write it, then none of it is taken for a file of the shop."""
    for name in (".a.yaml.swp", "4913", "a.yaml~", "#a.yaml#", ".#a.yaml", "a.yaml.bak", "~a.yaml"):
        for folder in ("flows", "flows/tests", "config"):
            (shop / folder / name).write_bytes(b"\xff\x00{{")

    checked = check_all(shop, {})

    assert errors(checked) == []
    assert (checked.library.files, checked.tests) == (2, 1)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("(" * 1_000 + "1" + ")" * 1_000, "this is nested too deeply"),
        ("not " * 900 + "customer.consent", "this is nested too deeply"),
        ("-" * 1_500 + "1 > 0", "this is nested too deeply"),
        ("customer.consent or " * 1_000 + "true", "an expression may have 4,000 characters"),
        ("1" + " + 1" * 900 + " > 2", "a calculation may have 6 operators"),
    ],
)
def test_an_expression_that_never_ends_is_told_at_its_place(condition: str, expected: str) -> None:
    """Given an expression nested or chained a thousand times, then its line and column are told."""
    with pytest.raises(FileError) as raised:
        read_flow(f"flow: a\ntrigger: purchase\nwhen: {condition}\nsteps: [{{send: a}}]\n", "flows/a.yaml", None)

    (problem,) = raised.value.problems
    assert problem.place.line == 3
    assert expected in problem.message


def test_a_choice_of_a_million_ways_is_refused_by_its_size(shop: Path) -> None:
    """Given a `choose` of a million cases, the file is too large; cut to 1 MB, it holds too many values."""
    case = "      - {when: order.total > 1, then: []}\n"
    path = shop / "flows" / "b.yaml"
    path.write_text("flow: b\ntrigger: purchase\nsteps:\n  - choose:\n" + case * 1_000_000)
    assert errors(check_all(shop, {})) == ["flows/b.yaml:1:1: the file is larger than 1 MB"]

    path.write_text("flow: b\ntrigger: purchase\nsteps:\n  - choose:\n" + case * 20_000)
    (found,) = errors(check_all(shop, {}))
    assert "the file holds more than 10,000 values; the rest is not read" in found
    assert found.startswith("flows/b.yaml:2")


def test_problems_of_all_kinds_are_one_document(shop: Path) -> None:
    """Given a fault in each file, then all are told at once, each at its own place."""
    for file, text in KINDS.values():
        (shop / file).write_text(text + "zzzzz: 1\n")
    (shop / "templates" / "welcome.en.html").write_text("---\nsubject: a\n---\n<p>{{ zzzzz }}</p>\n")

    found = check_all(shop, dict(os.environ) | {"PHIN_PORT": "zzzzz"}).problems

    assert {one.place.file for one in found if one.severity is Severity.ERROR} >= {
        *(file for file, _ in KINDS.values()),
        "templates/welcome.en.html",
        "environment",
    }
    assert json.dumps([one.message for one in found])
