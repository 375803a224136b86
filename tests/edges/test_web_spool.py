"""The spool loses nothing that it took: torn lines, many writers, a reader that dies, a disk that is full."""

from __future__ import annotations

import errno
import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from worker.edges.web.spool import Spool


def all_of(spool: Spool) -> list[dict[str, Any]]:
    taken: list[dict[str, Any]] = []
    spool.read_back(taken.extend)
    return taken


def test_what_was_appended_is_read_back_once_in_order(tmp_path: Path) -> None:
    """Given records, then they are read back in order, and the folder is empty afterwards."""
    spool = Spool(tmp_path / "spool", "hits")
    assert not spool.waiting()
    assert all_of(spool) == []
    for number in range(5):
        spool.append([{"n": number, "name": "đ\n"}])
    assert spool.waiting()
    assert [record["n"] for record in all_of(spool)] == list(range(5))
    assert not spool.waiting()
    assert all_of(spool) == []


def test_kinds_are_apart(tmp_path: Path) -> None:
    """Given two kinds in one folder, then each reads its own."""
    hits, refusals = Spool(tmp_path, "hits"), Spool(tmp_path, "refusals")
    hits.append([{"n": 1}])
    refusals.append([{"n": 2}])
    assert all_of(refusals) == [{"n": 2}]
    assert all_of(hits) == [{"n": 1}]


def test_a_torn_line_takes_no_other_with_it(tmp_path: Path) -> None:
    """Given a process that died in the middle of a line, then what came before and after is read back."""
    spool = Spool(tmp_path, "hits")
    spool.append([{"n": 1}])
    with (tmp_path / "hits.jsonl").open("ab") as file:
        file.write(b'{"n": 2, "at"')
    spool.append([{"n": 3}])
    with (tmp_path / "hits.jsonl").open("ab") as file:
        file.write(b'5\n\xff\xfe{"n"')
    assert all_of(spool) == [{"n": 1}, {"n": 3}]


def test_what_was_not_taken_stays(tmp_path: Path) -> None:
    """Given a database that fails while the spool is read back, then nothing is lost, and it is given again."""
    spool = Spool(tmp_path, "hits")
    spool.append([{"n": 1}])

    def fail(_records: list[dict[str, Any]]) -> None:
        raise ConnectionError("away")

    for _ in range(2):
        with pytest.raises(ConnectionError):
            spool.read_back(fail)
    spool.append([{"n": 2}])
    assert spool.waiting()
    assert all_of(spool) == [{"n": 1}, {"n": 2}]


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a disk that takes half a line, then the caller is told, and the half line is taken back."""
    spool = Spool(tmp_path, "hits")
    spool.append([{"n": 1}])
    whole = (tmp_path / "hits.jsonl").read_bytes()
    real = os.write

    def half(descriptor: int, data: bytes) -> int:
        if len(data) > 4:
            return real(descriptor, data[:4])
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr("worker.edges.web.spool.os.write", half)
    with pytest.raises(OSError, match="no space"):
        spool.append([{"n": 2}])
    monkeypatch.undo()
    assert (tmp_path / "hits.jsonl").read_bytes() == whole
    spool.append([{"n": 3}])
    assert all_of(spool) == [{"n": 1}, {"n": 3}]


def test_many_write_while_others_read(tmp_path: Path) -> None:
    """Given writers and readers at once, then each record is read back at least once, and none is lost."""
    taken: list[int] = []
    lock = threading.Lock()
    ended = threading.Event()

    def take(records: list[dict[str, Any]]) -> None:
        with lock:
            taken.extend(record["n"] for record in records)

    def write(first: int) -> None:
        spool = Spool(tmp_path, "hits")
        for number in range(first, first + 30):
            spool.append([{"n": number}])

    def read() -> None:
        while not ended.is_set():
            Spool(tmp_path, "hits").read_back(take)

    writers = [threading.Thread(target=write, args=(first,)) for first in (0, 100, 200)]
    readers = [threading.Thread(target=read) for _ in range(2)]
    for thread in (*writers, *readers):
        thread.start()
    for thread in writers:
        thread.join(30)
    ended.set()
    for thread in readers:
        thread.join(30)
    Spool(tmp_path, "hits").read_back(take)
    assert set(taken) == {*range(30), *range(100, 130), *range(200, 230)}


def test_a_file_that_a_dead_reader_left_is_read(tmp_path: Path) -> None:
    """Given a reader that was killed after setting the file aside, then the next one reads it."""
    spool = Spool(tmp_path, "hits")
    spool.append([{"n": 1}])
    (tmp_path / "hits.jsonl").rename(tmp_path / "hits.1.abcd.reading")
    spool.append([{"n": 2}])
    assert all_of(spool) == [{"n": 1}, {"n": 2}]
    assert json.dumps(sorted(path.name for path in tmp_path.iterdir())) == "[]"
