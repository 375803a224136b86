"""Where a demo may play: in a folder that is its own, and in a house that runs."""

from __future__ import annotations

import fcntl
from pathlib import Path

import pytest

from demo.house import MARK, HouseError, clear, house_here


def test_only_what_a_play_left_is_removed(tmp_path: Path) -> None:
    """Given a folder of an earlier play, then it is removed; given anything else, then it stays and is named."""
    played, other, empty = tmp_path / "played", tmp_path / "other", tmp_path / "empty"
    for folder in (played, other, empty):
        folder.mkdir()
    (played / MARK).touch()
    (played / "phin.db").touch()
    (other / "phin.db").touch()
    for folder in (played, empty, tmp_path / "none"):
        clear(folder)
    assert not played.exists()
    with pytest.raises(HouseError, match="holds something that no earlier 'phin demo' made"):
        clear(other)
    assert (other / "phin.db").exists()


def test_a_house_that_runs_is_not_removed(tmp_path: Path) -> None:
    """Given a play that was kept and still runs, then its folder stays."""
    (tmp_path / MARK).touch()
    with (tmp_path / "phin.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(HouseError, match="a Phin runs on"):
            clear(tmp_path)
    assert (tmp_path / MARK).exists()


def test_where_no_phin_runs_it_says_how_to_start_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given no Phin at the address, then the message names it and the command that starts one."""
    monkeypatch.setattr("demo.house.HERE_WITHIN", 0.1)
    with pytest.raises(HouseError, match=r"no Phin answers at http://127\.0\.0\.1:1; start it by 'phin up'"):
        house_here({"PHIN_HOME": str(tmp_path), "PHIN_PORT": "1"})
