"""A newcomer's first command: where something is missing, it says the one thing that brings it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.processes import ROOT

BARE = {"HOME": "/nonexistent", "PATH": "/usr/bin:/bin"}


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    for name in ("Makefile", "pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def python(folder: Path, *, version: str, has_venv: bool) -> Path:
    """Return a program that answers the Makefile's questions as such a Python would."""
    program = folder / "fake-python"
    program.write_text(
        "#!/bin/sh\n"
        'case "$2" in\n'
        f"  *ensurepip*) exit {0 if has_venv else 1};;\n"
        f"  *-venv*) echo python{version}-venv;;\n"
        "esac\n"
        '[ "$1 $2" = "-m venv" ] && mkdir -p "$4/bin" && ln -s "$0" "$4/bin/python"\n'
        'echo "$@" >> asked\n'
    )
    program.chmod(0o755)
    return program


def make(clone: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", *arguments], cwd=clone, env=BARE, capture_output=True, text=True, check=False, timeout=60
    )


def test_a_python_without_venv_is_told_the_command_that_brings_it(clone: Path) -> None:
    """Given a Debian whose Python has no venv module, then make names the package of that very version."""
    made = make(clone, "install", f"PYTHON={python(clone, version='3.11', has_venv=False)}")
    assert made.returncode != 0
    assert "apt-get install python3.11-venv" in made.stderr
    assert not (clone / ".venv").exists()


def test_no_python_at_all_is_told_too(clone: Path) -> None:
    """Given no Python that is new enough, then make says what it needs and how to get it."""
    made = make(clone, "install", "PYTHON=")
    assert made.returncode != 0
    assert "3.11 or newer" in made.stderr
    assert "apt-get install python3" in made.stderr


def test_it_installs_once_and_again_when_the_packages_change(clone: Path) -> None:
    """Given an installed clone, when make runs again, then nothing is installed, until the list of packages is newer.

    Each time only what the list names by its hash comes in, and Phin itself brings nothing along.
    """
    program = f"PYTHON={python(clone, version='3.11', has_venv=True)}"
    asked = clone / "asked"
    for _ in range(2):
        made = make(clone, "install", program)
        assert made.returncode == 0, made.stderr
    packages, phin = [line for line in asked.read_text().splitlines() if "pip" in line]
    assert "--require-hashes --requirement requirements.lock" in packages
    assert "--no-build-isolation --no-deps --editable ." in phin
    later = (clone / ".venv" / ".installed").stat().st_mtime + 10
    subprocess.run(["touch", "-d", f"@{later}", "requirements.lock"], cwd=clone, check=True)
    assert make(clone, "install", program).returncode == 0
    assert len([line for line in asked.read_text().splitlines() if "pip" in line]) == 4


def test_the_procfile_names_commands_that_there_are() -> None:
    """Given the Procfile, then it has the four processes of production, each a command of phin."""
    lines = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())
    assert lines == {name: f"phin {name}" for name in ("release", "web", "worker", "clock")}
