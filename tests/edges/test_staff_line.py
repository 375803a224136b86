"""The banner's line of the staff: how many there are, or what is wrong with the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from worker.edges.environment import read_home
from worker.edges.staff import followed_staff, staff_line

GOOD = "people:\n  mai: {name: Mai, email: mai@example.com}\nroles: {care: mai}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A home folder without staff."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "phin.yaml").write_text("shop: {name: Brew}\n")
    (tmp_path / "var").mkdir()
    return tmp_path


def _line(folder: Path) -> tuple[str, bool]:
    line = staff_line(followed_staff(read_home({"PHIN_HOME": str(folder)}), quiet=True))
    return " ".join(part for part in (line.what, line.where, line.state) if part), line.good


def test_the_line_says_who_there_is_or_what_is_wrong(folder: Path) -> None:
    """Given no file, a good one, and one that breaks, then each is told."""
    path = folder / "config" / "staff.yaml"
    assert _line(folder) == ("nobody you are the owner; people stand in config/staff.yaml", True)
    path.write_text(GOOD)
    assert _line(folder) == ("1 person, 1 role", True)
    path.write_text(GOOD.replace("care: mai", "care: mia"))
    told, good = _line(folder)
    assert "staff.yaml:3:" in told and "the last good one is at work: 1 person, 1 role" in told and not good
    (folder / "var" / "staff.yaml").unlink()
    assert "nobody is known" in _line(folder)[0]
