"""Group commit: many parts in one go, each with its own answer, and a bad one harms only itself."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import pytest

from worker.domain.errors import UnavailableError
from worker.domain.work import Work
from worker.edges.web import group_commit
from worker.edges.web.group_commit import BusyError, GroupCommit
from worker.edges.web.telling import Teller


class Writer:
    """Writes numbers into a list; stands still while its gate is closed; a negative number is a fault."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.begun = threading.Event()
        self.groups: list[list[int]] = []
        self.error: Exception | None = None

    def __call__(self, parts: Sequence[int]) -> Sequence[str]:
        self.begun.set()
        assert self.gate.wait(10)
        if self.error is not None:
            raise self.error
        if any(part < 0 for part in parts):
            raise ValueError("negative")
        self.groups.append(list(parts))
        return [f"wrote {part}" for part in parts]


@pytest.fixture
def writer() -> Writer:
    return Writer()


@pytest.fixture
def commits(writer: Writer) -> Iterator[GroupCommit[int, str]]:
    made: GroupCommit[int, str] = GroupCommit("numbers", writer)
    yield made
    writer.gate.set()
    made.close(5)


def held(commits: GroupCommit[int, str], writer: Writer) -> None:
    """Keep the writer busy with a first part, so that what follows gathers."""
    writer.gate.clear()
    commits.submit(0)
    assert writer.begun.wait(5)


def test_what_gathers_while_one_group_is_written_is_the_next_group(
    commits: GroupCommit[int, str], writer: Writer
) -> None:
    """Given parts that come while the writer is busy, then they are written together, each with its own answer."""
    held(commits, writer)
    answers = [commits.submit(number) for number in range(1, 50)]
    writer.gate.set()
    assert [answer.result(5) for answer in answers] == [f"wrote {number}" for number in range(1, 50)]
    assert writer.groups == [[0], list(range(1, 50))]


def test_a_bad_part_harms_only_itself(commits: GroupCommit[int, str], writer: Writer) -> None:
    """Given one part of a group that cannot be written, then only its own answer is the fault."""
    held(commits, writer)
    answers = [commits.submit(number) for number in (1, -2, 3)]
    writer.gate.set()
    assert (answers[0].result(5), answers[2].result(5)) == ("wrote 1", "wrote 3")
    with pytest.raises(ValueError, match="negative"):
        answers[1].result(5)


def test_without_a_database_nobody_is_tried_one_by_one(commits: GroupCommit[int, str], writer: Writer) -> None:
    """Given a database that is away, then all are told at once, and the writer goes on when it is back."""
    held(commits, writer)
    writer.error = UnavailableError("away")
    answers = [commits.submit(number) for number in (1, 2)]
    writer.gate.set()
    for answer in answers:
        with pytest.raises(UnavailableError):
            answer.result(5)
    writer.error = None
    assert commits.submit(3).result(5) == "wrote 3"


def test_a_group_has_an_end(commits: GroupCommit[int, str], writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given more than fits one transaction, then the rest goes into the next."""
    monkeypatch.setattr(group_commit, "GROUP", 10)
    held(commits, writer)
    answers = [commits.submit(number) for number in range(1, 26)]
    writer.gate.set()
    assert all(answer.result(5) for answer in answers)
    assert [len(group) for group in writer.groups] == [1, 10, 10, 5]


def test_too_much_is_refused(commits: GroupCommit[int, str], writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a writer that is far behind, then more is refused, and taken again when it has caught up."""
    monkeypatch.setattr(group_commit, "WAITING", 3)
    held(commits, writer)
    answers = [commits.submit(1), commits.submit(2)]
    with pytest.raises(BusyError, match="behind"):
        commits.submit(3)
    writer.gate.set()
    assert [answer.result(5) for answer in answers] == ["wrote 1", "wrote 2"]


def test_what_was_given_up_is_not_written(commits: GroupCommit[int, str], writer: Writer) -> None:
    """Given a part whose request has gone, then it is left out of its group."""
    held(commits, writer)
    gone, kept = commits.submit(1), commits.submit(2)
    gone.cancel()
    writer.gate.set()
    assert kept.result(5) == "wrote 2"
    assert writer.groups == [[0], [2]]


def test_it_says_when_it_is_stuck(commits: GroupCommit[int, str], writer: Writer) -> None:
    """Given a transaction under way, then one may ask whether it takes too long."""
    assert not commits.stalled(0)
    held(commits, writer)
    assert commits.stalled(0)
    assert not commits.stalled(60)


def test_at_the_end_what_waits_is_written(commits: GroupCommit[int, str], writer: Writer) -> None:
    """Given parts that wait when the process ends, then they are written, and nothing more is taken."""
    held(commits, writer)
    last = commits.submit(1)
    writer.gate.set()
    commits.close(5)
    assert last.result(0) == "wrote 1"
    with pytest.raises(BusyError, match="ending"):
        commits.submit(2)


def test_what_comes_together_is_told_together_and_late_work_later() -> None:
    """Given work for now and for later, then both are told, each once."""
    told: list[Work] = []
    done = threading.Event()

    def enqueue(work: Work, _parts: int) -> None:
        told.append(work)
        if sum(told, Work()) == Work(events=(1, 2), hits=(3,)):
            done.set()

    teller = Teller(enqueue)
    teller.tell(Work(hits=(3,)), after=0.05)
    teller.tell(Work(events=(1,)))
    teller.tell(Work())
    teller.tell(Work(events=(2,)))
    assert done.wait(5)
    assert told[-1].hits == (3,)
    teller.close(5)
