"""Publishing, taking back, and what a file that was taken back may do: on both databases."""

from __future__ import annotations

import pytest

from tests.support.shop import START, Shop
from worker.domain.conditions.vocabulary import Vocabulary
from worker.engine.publishing import GONE, NothingToTakeBackError, Outcome, Source, publish, roll_back
from worker.language.flow.flows import read_flow
from worker.storage import flows, publications
from worker.storage.database import Database


class Files:
    """A folder of flows, as the engine is given it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.sources: dict[str, Source] = {}

    def write(self, name: str, wait: str, status: str = "live") -> None:
        text = f"flow: {name}\nstatus: {status}\ntrigger: signup\nsteps:\n  - wait: {wait}\n  - exit: over\n"
        self.sources[name] = Source(read_flow(text, f"{name}.yaml", Vocabulary())[0], text)

    def publish(self, *named: str, broken: frozenset[str] = frozenset()) -> Outcome:
        return publish(self.database, self.sources, broken, START, by="thu", named=frozenset(named) if named else None)

    def roll_back(self, name: str) -> int | None:
        return roll_back(self.database, name, START, by="mai")[0].before_number

    def live(self, name: str) -> tuple[int, str]:
        with self.database.reading() as connection:
            row = next(row for row in flows.all_flows(connection) if row.name == name)
        return row.version.number, row.status


@pytest.fixture
def files(database: Database) -> Files:
    found = Files(database)
    found.write("f", "1 day")
    found.publish()
    found.write("f", "2 days")
    found.publish()
    return found


def test_the_last_publication_is_taken_back_and_then_the_one_before(files: Files) -> None:
    """Given three versions, when two are taken back, then the first runs; and nothing ran before that one."""
    files.write("f", "3 days")
    files.publish()
    assert (files.roll_back("f"), files.live("f")) == (2, (2, "live"))
    assert (files.roll_back("f"), files.live("f")) == (1, (1, "live"))
    with pytest.raises(NothingToTakeBackError, match="the first"):
        files.roll_back("f")


def test_a_file_that_was_taken_back_is_left_alone_until_it_changes(files: Files) -> None:
    """Given a version taken back, when its file is published unchanged, then not; changed, or changed back, it is."""
    files.roll_back("f")
    again = files.publish()
    assert (again.changes, [row.number for row in again.held], again.catalogue) == ((), [2], None)
    assert files.live("f") == (1, "live")
    files.write("f", "1 day")  # as what runs: nothing is new, and the file is free again
    assert files.publish().held == ()
    files.write("f", "2 days")
    assert [one.number for one in files.publish().changes] == [2]


def test_a_name_publishes_what_was_taken_back(files: Files) -> None:
    """Given a version taken back, when its flow is published by name, then it runs again, and can be taken back."""
    files.roll_back("f")
    assert [one.number for one in files.publish("f").changes] == [2]
    assert files.publish().held == ()
    assert files.roll_back("f") == 1


def test_what_was_taken_back_keeps_no_other_flow_from_being_published(files: Files) -> None:
    """Given a version taken back, when another file is new, then it is published all the same."""
    files.roll_back("f")
    files.write("g", "1 day")
    done = files.publish()
    assert ([one.flow for one in done.changes], [row.flow for row in done.held]) == (["g"], ["f"])


def test_named_flows_only(files: Files) -> None:
    """Given two files that changed, when one is named, then the other waits."""
    files.write("f", "9 days")
    files.write("g", "1 day")
    assert [one.flow for one in files.publish("g").changes] == ["g"]
    assert files.live("f") == (2, "live")


def test_a_deleted_file_can_be_taken_back(files: Files) -> None:
    """Given a file that is gone, then its flow is paused; taken back it runs on, and stays so without its file."""
    del files.sources["f"]
    assert [one.change for one in files.publish().changes] == [GONE]
    assert files.live("f") == (2, "paused")
    files.roll_back("f")
    assert files.publish().changes == ()
    assert files.live("f") == (2, "live")


def test_a_status_is_taken_back_too(files: Files) -> None:
    """Given a flow made a draft, when that is taken back, then it is live on the same version."""
    files.write("f", "2 days", "draft")
    files.publish()
    files.roll_back("f")
    assert files.live("f") == (2, "live")


def test_a_broken_file_changes_nothing(files: Files) -> None:
    """Given a file with errors, then its flow runs on, whatever else is published."""
    del files.sources["f"]
    assert files.publish(broken=frozenset({"f"})).changes == ()
    assert files.live("f") == (2, "live")


def test_who_published_what_is_kept(files: Files) -> None:
    """Given publications and one taken back, then each says from what to what, by whom."""
    files.roll_back("f")
    with files.database.reading() as connection:
        kept = publications.of_flow(connection, "f")
    told = [(row.before_number, row.number, row.by, row.taken_back_by) for row in kept]
    assert told == [(1, 2, "thu", "mai"), (None, 1, "thu", None)]


def test_new_entries_use_what_runs_after_a_rollback_and_those_under_way_stay(database: Database) -> None:
    """Given a customer on the second version, when it is taken back, then the next customer enters the first."""
    shop = Shop(database)
    shop.publish(f="trigger: signup\nsteps:\n  - wait: 1 day\n  - exit: over\n")
    shop.publish(f="trigger: signup\nsteps:\n  - wait: 2 days\n  - exit: over\n")
    shop.send("signup")
    roll_back(database, "f", shop.now, by="mai")
    shop.send("signup", {"id": "c2", "email": "mai@example.com"})
    first, second = shop.journeys()
    assert (second.due_at - shop.now).days == 1
    assert (first.due_at - shop.now).days == 2
