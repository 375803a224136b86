"""The sender's journal: what it tells of a dead sender's messages, whenever death came."""

from __future__ import annotations

import gc
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.delivery.journal import JournalError, SenderJournal, Told, dead_journals, this_boot
from worker.delivery.transport import Answer, Outcome
from worker.domain.answers import Stage

ROOT = Path(__file__).parents[2]
CHILD_GROUP = 7

answers = st.builds(
    Answer,
    st.integers(1, 5),
    st.sampled_from(Outcome),
    st.one_of(st.none(), st.integers(200, 599)),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.one_of(st.none(), st.sampled_from(Stage)),
)


def read(folder: Path) -> dict[str, dict[int, Told]]:
    """Return what the journals of dead senders tell, by token."""
    found = {}
    for journal in dead_journals(folder):
        with journal:
            found[journal.token] = journal.messages
    return found


def test_a_dead_senders_messages_are_told_apart(tmp_path: Path) -> None:
    """Given one message answered, one refused before its dot, one in between and one not begun, when the sender
    is gone, the journal tells which is which."""
    journal = SenderJournal(tmp_path, "abc")
    taken = Answer(1, Outcome.ACCEPTED, 250, 'Ok "queued"\nas Đà Nẵng', Stage.DOT)
    refused = Answer(2, Outcome.REFUSED, 550, "5.1.1 no", Stage.RCPT)
    journal.handing(1)
    journal.answered(taken)
    journal.answered(refused)
    journal.handing(3)
    journal.close()
    assert read(tmp_path) == {"abc": {1: Told(True, taken), 2: Told(False, refused), 3: Told(True, None)}}


def test_a_living_senders_journal_is_left_alone(tmp_path: Path) -> None:
    """Given a sender that lives, a sweep does not see its journal; once it is gone, it does."""
    journal = SenderJournal(tmp_path, "abc")
    journal.handing(1)
    assert read(tmp_path) == {}
    del journal
    gc.collect()
    assert read(tmp_path) == {"abc": {1: Told(True)}}


def test_two_sweeps_do_not_both_read_a_journal(tmp_path: Path) -> None:
    """Given a sweep that settles a journal, another passes it by, and finds it again if it was not removed."""
    SenderJournal(tmp_path, "abc").close()
    for journal in dead_journals(tmp_path):
        with journal:
            assert read(tmp_path) == {}
    assert read(tmp_path) == {"abc": {}}
    for journal in dead_journals(tmp_path):
        with journal:
            journal.remove()
    assert read(tmp_path) == {}
    assert list(tmp_path.iterdir()) == []


def test_what_is_committed_is_forgotten(tmp_path: Path) -> None:
    """Given a group settled in the database, its records are gone, the file is small, and new ones follow."""
    journal = SenderJournal(tmp_path, "abc")
    size = journal.path.stat().st_size
    for message in range(1000):
        journal.handing(message)
    journal.forget()
    assert journal.path.stat().st_size == size
    journal.handing(7)
    journal.close()
    assert read(tmp_path) == {"abc": {7: Told(True)}}


def test_a_message_handed_over_again_is_unknown_again(tmp_path: Path) -> None:
    """Given an answer to a first try and a second try under way, the first answer does not count for it."""
    journal = SenderJournal(tmp_path, "abc")
    journal.handing(1)
    journal.answered(Answer(1, Outcome.TEMPORARY, 451, "later", Stage.DOT))
    journal.handing(1)
    journal.close()
    assert read(tmp_path)["abc"] == {1: Told(True)}


def test_a_token_names_one_journal(tmp_path: Path) -> None:
    """Given a token that is taken, or that would lead out of the folder, no journal is made and nothing is lost."""
    journal = SenderJournal(tmp_path, "abc")
    journal.handing(1)
    for token in ("abc", "../abc", "", "a b"):
        with pytest.raises(JournalError):
            SenderJournal(tmp_path, token)
    journal.close()
    assert read(tmp_path) == {"abc": {1: Told(True)}}


def test_a_journal_from_before_the_machines_last_start_is_not_believed(tmp_path: Path) -> None:
    """Given a loss of power, records may be missing that were written: the journal tells nothing any more."""
    journal = SenderJournal(tmp_path, "abc", boot="yesterday")
    journal.handing(1)
    journal.close()
    [before] = dead_journals(tmp_path, boot="yesterday")
    with before:
        assert before.messages == {1: Told(True)}
    assert read(tmp_path) == {}
    assert list(tmp_path.iterdir()) == []
    assert this_boot() == this_boot() != "yesterday"


def test_what_a_crash_left_half_made_is_cleared(tmp_path: Path) -> None:
    """Given an empty file, one full of zeros, and one that was never finished, a sweep clears them away."""
    (tmp_path / "empty.journal").touch()
    (tmp_path / "zeros.journal").write_bytes(bytes(4096))
    (tmp_path / "begun.journal-new").write_bytes(b"phin jou")
    assert read(tmp_path) == {}
    assert list(tmp_path.iterdir()) == []
    assert read(tmp_path / "nowhere") == {}


def test_another_versions_journal_is_kept(tmp_path: Path) -> None:
    """Given a journal of a later format, it is neither misread nor removed."""
    path = tmp_path / "abc.journal"
    path.write_text(f"phin journal 2 boot {this_boot()} token abc\nhanding 1\n")
    assert read(tmp_path) == {}
    assert path.exists()


def test_a_full_disk_is_told_and_does_no_harm_to_other_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a record that was cut off by a full disk, the sender hears of it, and the half record is none."""
    journal = SenderJournal(tmp_path, "abc")
    journal.handing(1)
    taken = Answer(1, Outcome.ACCEPTED, 250, "Ok", Stage.DOT)
    journal.answered(taken)
    file = journal._file

    class Full:
        """Takes eleven bytes and then no more."""

        room = len(b"handing 123")

        def write(self, data: bytes) -> int | None:
            if self.room == 0:
                raise OSError(28, "No space left on device")
            written = file.write(data[: self.room]) or 0
            self.room -= written
            return written

    monkeypatch.setattr(journal, "_file", Full())
    with pytest.raises(OSError, match="No space"):
        journal.handing(1234)
    monkeypatch.setattr(journal, "_file", file)
    journal.handing(5)
    journal.close()
    assert read(tmp_path) == {"abc": {1: Told(True, taken), 5: Told(True)}}


@given(script=st.lists(st.one_of(st.integers(1, 5), answers), max_size=12), data=st.data())
def test_death_at_any_byte_leaves_what_was_written_before_it(
    tmp_path_factory: pytest.TempPathFactory, script: list[int | Answer], data: st.DataObject
) -> None:
    """Given any sequence of records and a death at any byte of the file, the journal tells exactly what was
    complete by then: no final dot was written without its record, and no answer is made up."""
    folder = tmp_path_factory.mktemp("journals")
    journal = SenderJournal(folder, "abc")
    states: list[tuple[int, dict[int, Told]]] = [(journal.path.stat().st_size, {})]
    for step in script:
        messages = dict(states[-1][1])
        if isinstance(step, int):
            journal.handing(step)
            messages[step] = Told(True)
        else:
            journal.answered(step)
            messages[step.message] = Told(step.message in messages and messages[step.message].handed, step)
        states.append((journal.path.stat().st_size, messages))
    journal.close()
    cut = data.draw(st.integers(states[0][0], states[-1][0]))
    os.truncate(journal.path, cut)
    expected = [messages for size, messages in states if size <= cut][-1]
    assert read(folder) == {"abc": expected}


def killed_sender(folder: Path, wait: Callable[[], None]) -> None:
    """Run a sender that hands over without end, and kill it."""
    command = [sys.executable, "-m", "tests.support.journal_child", str(folder), "tok"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        assert read(folder / "journals") == {}
        wait()
        process.kill()


@pytest.mark.parametrize("seed", range(8))
def test_a_killed_senders_journal_is_true(tmp_path: Path, seed: int) -> None:
    """Given a sender killed by SIGKILL at a random moment, then of its last group: each mail that the server took is
    known or unknown, each that is called not handed over was not taken, and at most one is unknown."""
    moment = random.Random(seed).uniform(0, 0.05)
    killed_sender(tmp_path, lambda: time.sleep(moment))
    server = {int(line) for line in (tmp_path / "server").read_text().splitlines()}
    ledger = [line.split() for line in (tmp_path / "ledger").read_text().splitlines()]
    marked = [int(number) for word, number in ledger if word == "marked"]
    noted = {int(number) for word, number in ledger if word == "noted"}
    [told] = read(tmp_path / "journals").values()
    if not marked:
        assert told == {}
        return
    unknown = 0
    # Death between the mark in the ledger and forget() leaves the group before it, which is settled.
    for message in range(marked[-1], marked[-1] + CHILD_GROUP):
        one = told.get(message, Told(False))
        if message in noted:
            assert one.answer is not None
        if message in server:
            assert one.handed
        if one.answer is None and one.handed:
            unknown += 1
        if one.answer is not None:
            assert (one.answer.outcome is Outcome.ACCEPTED) == (message in server)
    assert unknown <= 1
    assert set(told) <= set(range(marked[-1] - CHILD_GROUP, marked[-1] + CHILD_GROUP))
