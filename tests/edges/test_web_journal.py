"""The journal loses nothing that it took, whatever happens to its process, and gives nothing back twice."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from hypothesis.strategies import integers
from sqlalchemy import select

from worker.delivery import hits
from worker.domain.errors import UnavailableError
from worker.domain.hits import HitKind
from worker.edges.web.hit_recording import KIND, commit_lines, sound
from worker.edges.web.journal import Journal, Segment, left_behind, taken_over
from worker.storage.database import Database
from worker.storage.hits import NewHit
from worker.storage.tables import hit

AT = datetime(2027, 3, 1, 9, 0, 0, 123_456, tzinfo=UTC)


def left(folder: Path) -> list[bytes]:
    """Take over what dead processes left."""
    found: list[bytes] = []
    for path in left_behind(folder, KIND):
        with taken_over(path) as lines:
            found.extend(lines)
    return found


def kill(journal: Journal, taken: Segment | None) -> None:
    """Let go of everything as the kernel does at a process's death: nothing is written or removed."""
    for segment in (*journal._full, journal._writing, journal._spare, taken):
        if segment is not None:
            os.close(segment._descriptor)


class Journals(RuleBasedStateMachine):
    """Any order of appending, taking, giving back, dying and closing.

    What was appended and not given back is found by the next process, in order within a file; what was given back is
    never found again.
    """

    def __init__(self) -> None:
        super().__init__()
        self.temporary = TemporaryDirectory()
        self.folder = Path(self.temporary.name) / "spool"
        self.journal = Journal(self.folder, KIND)
        self.taken: Segment | None = None
        self.number = 0
        self.waiting: set[bytes] = set()

    @rule(count=integers(1, 50), width=integers(1, 40_000))
    def append(self, count: int, width: int) -> None:
        lines = [b"%d:%s" % (self.number + n, b"x" * (width if n == 0 else 3)) for n in range(count)]
        self.number += count
        self.journal.append(b"\n".join(lines) + b"\n")
        self.waiting.update(lines)

    @precondition(lambda self: self.taken is None)
    @rule()
    def take(self) -> None:
        self.taken = self.journal.take()
        if self.taken is None:
            assert not self.waiting
        else:
            assert self.waiting >= set(self.taken.lines()) != set()

    @precondition(lambda self: self.taken is not None)
    @rule()
    def give_back(self) -> None:
        assert self.taken is not None
        self.waiting -= set(self.taken.lines())
        self.journal.give_back(self.taken)
        self.taken = None

    @rule()
    def rest(self) -> None:
        self.journal.rest()
        if not self.waiting and self.taken is None:
            assert list(self.folder.glob("*")) == []

    @rule()
    def die(self) -> None:
        kill(self.journal, self.taken)
        self.next_process()

    @rule()
    def close(self) -> None:
        self.journal.close()
        with pytest.raises(OSError, match="closed"):
            self.journal.append(b"late\n")
        if self.taken is not None:
            self.taken.close()
        self.next_process()

    def next_process(self) -> None:
        found = left(self.folder)
        assert len(found) == len(set(found))
        assert set(found) == self.waiting
        assert list(self.folder.glob("*")) == []
        self.journal, self.taken, self.waiting = Journal(self.folder, KIND), None, set()

    @invariant()
    def nobody_takes_a_living_processs_file(self) -> None:
        assert list(left_behind(self.folder, KIND)) == []

    def teardown(self) -> None:
        self.journal.close()
        if self.taken is not None:
            self.taken.close()
        self.temporary.cleanup()


TestJournals = Journals.TestCase
TestJournals.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)


def test_a_journal_that_is_full_goes_on_in_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given lines beyond what one file takes, then further files take them, and they are taken oldest first."""
    monkeypatch.setattr("worker.edges.web.journal.LONGEST", 100)
    journal = Journal(tmp_path, KIND)
    for number in range(5):
        journal.append(b"%d%s\n" % (number, b"x" * 120))
    taken: list[bytes] = []
    while (segment := journal.take()) is not None:
        taken.extend(line[:1] for line in segment.lines())
        journal.give_back(segment)
    journal.close()
    assert taken == [b"0", b"1", b"2", b"3", b"4"]
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_full_takes_nothing_from_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a disk that takes half a line, then the caller is told; what comes later takes the place of the half."""
    journal = Journal(tmp_path, KIND)
    journal.append(b"one\n")
    real = os.pwritev

    def half(descriptor: int, buffers: Sequence[bytes], at: int, flags: int = 0) -> int:
        real(descriptor, [buffers[0][:4]], at, flags)
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr("worker.edges.web.journal.os.pwritev", half)
    with pytest.raises(OSError, match="no space"):
        journal.append(b"two, of which some is written\n")
    monkeypatch.undo()
    journal.append(b"3\n")
    kill(journal, None)
    assert left(tmp_path)[:2] == [b"one", b"3"]


def test_a_file_in_the_hands_of_one_reader_is_not_anothers(tmp_path: Path) -> None:
    """Given two processes that look for what was left, then one of them has it; at an error it stays."""
    journal = Journal(tmp_path, KIND)
    journal.append(b"one\n")
    kill(journal, None)
    (path,) = left_behind(tmp_path, KIND)
    with pytest.raises(UnavailableError), taken_over(path) as lines:
        assert lines == [b"one"]
        with taken_over(path) as others:
            assert others == []
        raise UnavailableError("away")
    assert left(tmp_path) == [b"one"]
    assert left(tmp_path) == []


def test_a_file_is_whole_before_it_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a reader that finds a file before its maker has locked it, then the maker's lines go to another file."""
    real = fcntl.flock
    first = True

    def slow(descriptor: int, operation: int) -> None:
        nonlocal first
        if first and operation == fcntl.LOCK_EX:
            first = False
            assert left(tmp_path) == []  # finds the empty file, and removes it
        real(descriptor, operation)

    monkeypatch.setattr("worker.edges.web.journal.fcntl.flock", slow)
    journal = Journal(tmp_path, KIND)
    journal.append(b"one\n")
    kill(journal, None)
    assert left(tmp_path) == [b"one"]


def a_hit(key: str) -> NewHit:
    return NewHit(
        key, 5, HitKind.CLICK, AT, 3, 'https://x.example/"\\é', 'a "b" \\ \x07é', {"purpose": "prefetch"}, "ab"
    )


def test_a_row_is_read_as_it_was_written(database: Database) -> None:
    """Given hits with all and with nothing beside them, then they are the same out of the journal and the database."""
    new = [a_hit("a"), NewHit("b", 2**62, HitKind.OPEN, AT)]
    assert [NewHit.of_row(one.row().encode()) for one in new] == new
    hits.record(database, new)
    with database.reading() as connection:
        rows = connection.execute(select(hit).order_by(hit.c.key)).all()
    assert [(r.key, r.message_id, r.kind, r.at, r.link, r.url, r.user_agent, r.headers, r.ip_hash) for r in rows] == [
        tuple(one) for one in new
    ]


@pytest.mark.parametrize(
    "line",
    [
        b'["b",1,"open",null,null,1,"a"',
        b"[]",
        b"{}",
        b'["b",1,"look",null,null,1,"",{},null]',
        b'["b",true,"open",null,null,1,"",{},null]',
        b'["b",99999999999999999999,"open",null,null,1,"",{},null]',
        b'["b",1,"open",null,null,9223372036854775807,"",{},null]',
        b'["b",1,"open",null,null,1,"\\u0000",{},null]',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_what_is_no_hit_is_not_read_back(line: bytes) -> None:
    """Given a line that is torn or holds what no hit does, then it is left out, and those beside it are not."""
    good = [a_hit("a").row(), a_hit("c").row()]
    assert list(sound([good[0].encode(), line, good[1].encode()])) == good


def test_a_hit_that_the_database_refuses_harms_only_itself(database: Database) -> None:
    """Given a hit that no database takes, then those of its group are kept, and it is left out."""

    def commit(rows: Sequence[str]) -> None:
        hits.record_rows(database, ",".join(rows))

    torn = a_hit("b").row()[:40]
    commit_lines([line.encode() for line in (a_hit("a").row(), torn, a_hit("c").row())], commit)
    with database.reading() as connection:
        assert sorted(connection.execute(select(hit.c.key)).scalars()) == ["a", "c"]


def test_hits_wait_for_a_database_that_serves_nobody() -> None:
    """Given a database that is away, then the hits are not tried one by one or left out, and whoever asked is told."""
    tried: list[int] = []

    def commit(rows: Sequence[str]) -> None:
        tried.append(len(rows))
        raise UnavailableError("away")

    with pytest.raises(UnavailableError):
        commit_lines([a_hit(str(n)).row().encode() for n in range(3)], commit)
    assert tried == [3]
