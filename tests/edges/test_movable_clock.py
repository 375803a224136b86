"""The shop's time can be moved for every process at once; the machine's cannot."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from worker.domain.errors import SettingError
from worker.edges.movable_clock import Clock

SLACK = timedelta(minutes=5)


def near(one: datetime, other: datetime) -> bool:
    return abs(one - other) < SLACK


def test_without_a_file_it_is_the_machines_time(tmp_path: Path) -> None:
    """Given no file, then the shop's time is the machine's, and aware."""
    clock = Clock(tmp_path / "clock")
    assert near(clock.now(), datetime.now(UTC))
    assert clock.now().utcoffset() == timedelta(0)


def test_all_processes_follow_a_move(tmp_path: Path) -> None:
    """Given two clocks on one file, when one moves, then the other tells the moved time, and leases do not notice."""
    moving, following = Clock(tmp_path / "clock"), Clock(tmp_path / "clock")
    following.now()
    moving.move(timedelta(days=7))
    moving.move(timedelta(days=1))
    assert near(following.now(), datetime.now(UTC) + timedelta(days=8))
    assert near(following.machine(), datetime.now(UTC))
    moving.restore()
    assert near(following.now(), datetime.now(UTC))


@pytest.mark.parametrize("text", ["tomorrow", "nan", "1e300", "99999999999"])
def test_a_file_that_holds_no_time_is_named(tmp_path: Path, text: str) -> None:
    """Given a file with something else in it, then the error names the file."""
    (tmp_path / "clock").write_text(text)
    with pytest.raises(SettingError, match="clock"):
        Clock(tmp_path / "clock").now()


def test_a_file_that_is_being_written_holds_what_it_said(tmp_path: Path) -> None:
    """Given a file that was emptied and is not written yet, then the time stays; what is written next is followed."""
    path = tmp_path / "clock"
    path.write_text("86400\n")
    clock = Clock(path)
    assert clock.offset() == timedelta(days=1)
    path.write_text("")
    assert clock.offset() == timedelta(days=1)
    assert Clock(path).offset() == timedelta(0)
    path.write_text("172800\n")
    assert clock.offset() == timedelta(days=2)


def test_it_cannot_be_moved_out_of_the_calendar(tmp_path: Path) -> None:
    """Given a move of a thousand years, then it is refused and nothing is moved."""
    clock = Clock(tmp_path / "clock")
    with pytest.raises(SettingError, match="cannot be moved"):
        clock.move(timedelta(days=365_000))
    assert near(clock.now(), datetime.now(UTC))
