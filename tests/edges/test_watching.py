"""Files that are followed: each change is told once it has settled, also one that came while another was seen to."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.processes import wait_until
from worker.edges import watching


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a flow in it."""
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "a.yaml").write_text("flow: a\n")
    return tmp_path / "flows"


class Seen:
    """What was told of."""

    def __init__(self) -> None:
        self.told: list[set[str]] = []
        self.meanwhile: list[Path] = []  # written while a change is seen to, before the watch is back

    def __call__(self, files: set[Path]) -> None:
        self.told.append({file.name for file in files})
        while self.meanwhile:
            self.meanwhile.pop().write_text("flow: meanwhile\n")


@contextmanager
def followed(folder: Path, seen: Seen) -> Iterator[None]:
    stopped = threading.Event()
    thread = threading.Thread(target=watching.follow, args=([folder], seen, stopped), daemon=True)
    thread.start()
    yield
    stopped.set()
    thread.join(10)
    assert not thread.is_alive()


def test_each_change_is_told_and_the_first_time_it_stands(folder: Path) -> None:
    """Given a watch, then it tells when it stands; then what is written, made and removed, and nothing else."""
    seen = Seen()
    with followed(folder, seen):
        wait_until(lambda: seen.told == [set()], "the watch stands")
        (folder / "a.yaml").write_text("flow: a\nkind: marketing\n")
        wait_until(lambda: len(seen.told) == 2, "a file that was written is told of")
        (folder / "notes.md").write_text("for ourselves")
        (folder / "b.yaml").write_text("flow: b\n")
        wait_until(lambda: len(seen.told) == 3, "a new file is told of")
        (folder / "a.yaml").unlink()
        wait_until(lambda: len(seen.told) == 4, "a file that is gone is told of")
    assert seen.told == [set(), {"a.yaml"}, {"b.yaml"}, {"a.yaml"}]


def test_what_is_written_while_a_change_is_seen_to_is_told_afterwards(folder: Path) -> None:
    """Given a change that somebody sees to, when another file is written meanwhile, then that is told of next."""
    seen = Seen()
    seen.meanwhile = [folder / "c.yaml"]
    with followed(folder, seen):
        wait_until(lambda: len(seen.told) == 2, "it is told of")
        seen.meanwhile = [folder / "d.yaml", folder / "e.yaml"]
        (folder / "a.yaml").write_text("flow: another\n")
        wait_until(lambda: len(seen.told) == 4, "they are told of")
    assert seen.told == [set(), {"c.yaml"}, {"a.yaml"}, {"d.yaml", "e.yaml"}]


def test_a_change_that_cannot_be_followed_ends_nothing(folder: Path) -> None:
    """Given somebody who fails at a change, then the next one is told of all the same."""
    told: list[set[Path]] = []

    def failing(files: set[Path]) -> None:
        told.append(files)
        raise RuntimeError("a fault")

    stopped = threading.Event()
    thread = threading.Thread(target=watching.follow, args=([folder], failing, stopped), daemon=True)
    thread.start()
    wait_until(lambda: len(told) == 1, "the watch stands")
    (folder / "a.yaml").write_text("flow: another\n")
    wait_until(lambda: len(told) == 2, "the next change is told of")
    stopped.set()
    thread.join(10)
