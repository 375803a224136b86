"""The `var` folder: its fault is told with the setting's name, and nothing in it is for others to read."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.phin_up import make_home
from tests.support.processes import clean_environment
from worker.domain.errors import SettingError
from worker.edges.standing import Lock
from worker.edges.var import open_var


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def phin(home: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "worker.edges.cli", *arguments],
        env=clean_environment(PHIN_HOME=str(home), PHIN_PORT="0", **settings),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        umask=0o022,
    )


@pytest.mark.parametrize("command", [("up",), ("why", "c1"), ("release",)], ids=lambda command: command[0])
def test_a_var_that_cannot_be_written_is_told_in_one_line(tmp_path: Path, command: tuple[str, ...]) -> None:
    """Given a file where `var` should be, when a command is run, then it names the setting and the folder."""
    (tmp_path / "taken").write_text("")
    told = phin(make_home(tmp_path), *command, PHIN_VAR="taken/var")
    assert told.returncode == 1
    assert len(told.stderr.strip().splitlines()) == 1, told.stderr
    assert f"PHIN_VAR) {tmp_path}/taken/var cannot be written: Not a directory; name another folder" in told.stderr


def test_a_lock_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """Given a folder in the place of the lock's file, then the error names the setting."""
    (tmp_path / "phin.lock").mkdir()
    with pytest.raises(SettingError, match=r"PHIN_VAR.*cannot be written"):
        Lock(tmp_path)


def test_what_a_process_keeps_is_for_its_user_alone(tmp_path: Path) -> None:
    """Given a shell whose files others may read, when a command keeps data, then nobody else may read any of it."""
    home = make_home(tmp_path)
    released = phin(home, "release")
    assert released.returncode == 0, released.stderr
    var = home / "var"
    assert (var / "phin.db").exists()
    kept = [var, *var.rglob("*")]
    assert {path.name: oct(mode(path)) for path in kept if mode(path) & 0o077} == {}


def test_what_was_kept_before_is_made_private(tmp_path: Path) -> None:
    """Given files that others may read, when `var` is opened, then they may no longer; the folder stays as it is."""
    tmp_path.chmod(0o750)
    (tmp_path / "outbox").mkdir(mode=0o755)
    for name in ("phin.db", "phin.db-wal"):
        (tmp_path / name).touch(mode=0o644)
    open_var(tmp_path)
    assert [mode(tmp_path / name) for name in ("phin.db", "phin.db-wal", "outbox")] == [0o600, 0o600, 0o700]
    assert mode(tmp_path) == 0o750
