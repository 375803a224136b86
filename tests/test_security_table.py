"""SECURITY.md keeps its word: each threat has a defence and a test, and each test that it names is there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "SECURITY.md").read_text()
_NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(test_\w+))?`")


def rows() -> list[list[str]]:
    """Return the rows of the tables of threats, by their cells."""
    threats = TEXT.split("## Threats\n")[1].split("\n## ")[0]
    lines = [line for line in threats.split("\n") if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines]


@cache
def found_in(path: str) -> set[str]:
    """Return the names of the tests in a file."""
    tree = ast.parse((ROOT / path).read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_each_threat_has_a_defence_and_a_test() -> None:
    """Given the tables of threats, then each row has three cells, and the last names a test."""
    found = [row for row in rows() if row[0] not in ("threat", "---")]
    assert len(found) > 40
    for row in found:
        assert len(row) == 3, row
        assert all(row)
        assert _NAMED.search(row[2]), row


def test_each_test_that_is_named_is_there() -> None:
    """Given each test that SECURITY.md names, then the file is there, and the test in it."""
    named = _NAMED.findall(TEXT)
    assert named
    for path, name in named:
        assert (ROOT / path).is_file(), path
        assert not name or name in found_in(path), f"{path}::{name}"
        assert name or any(one.startswith("test_") for one in found_in(path)), path


def test_each_module_that_is_named_is_there() -> None:
    """Given each file of Phin that SECURITY.md names whole, then it is there."""
    named = re.findall(r"`(worker/[\w/]+(?:\.py|/))`", TEXT)
    assert named
    assert [one for one in named if not (ROOT / one).exists()] == []
