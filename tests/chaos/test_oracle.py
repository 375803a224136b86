"""The oracle sees what it is there to see: each promise that was broken is named, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import insert, update

from tests.chaos.oracle import EVIDENCE, Asked, Bound, Sums, judge
from tests.chaos.sink import Sink, read_log
from tests.chaos.sink_protocol import What
from tests.support.ledger import NOW, add_customer
from worker.storage.database import Database
from worker.storage.tables import customer, event, hit, message


@dataclass
class World:
    """Three mails, two of them sent and one unknown, an event and a click: all as it should be."""

    database: Database
    folder: Path
    answered: set[str] = field(default_factory=lambda: {"e1"})
    asked: list[Asked] = field(default_factory=lambda: [Asked("phone/1", "/c/x", answered=True, arrived=True)])
    lines: list[tuple[What, str]] = field(default_factory=lambda: [(What.ACCEPTED, f"m{n}") for n in (1, 2)])
    allowed: int = 1
    doubted: int = 0

    def __post_init__(self) -> None:
        with self.database.writing() as connection:
            person = add_customer(connection)
            base = {"customer_id": person, "kind": "transactional", "template": "t", "created_at": NOW}
            for number, state in ((1, "sent"), (2, "sent"), (3, "unknown")):
                row = {**base, "key": f"k{number}", "not_before": NOW, "state": state, "message_id": f"m{number}"}
                connection.execute(insert(message).values(**row))
            times = {"occurred_at": NOW, "received_at": NOW}
            told = {"source": "shop", "type": "purchase", "content_hash": "", "payload": {}, "state": "processed"}
            connection.execute(insert(event).values(external_id="e1", **told, **times))
            seen = {"message_id": 1, "kind": "click", "at": NOW, "user_agent": "phone/1", "class": "person"}
            connection.execute(insert(hit).values(key="h1", **seen))

    def change(self, **values: object) -> None:
        """Change the first message."""
        with self.database.writing() as connection:
            connection.execute(update(message).where(message.c.key == "k1").values(**values))

    def judge(self) -> Sums:
        log = self.folder / "sink.log"
        rows = ({"time": 0, "what": w, "message_id": m, "recipient": "", "subject": ""} for w, m in self.lines)
        log.write_text("".join(json.dumps({**row, "size": 1, "fault": None}) + "\n" for row in rows))
        bound = Bound([("a kill", self.allowed)], self.doubted)
        spool = self.folder / "spool"
        return judge(self.database, log, answered=self.answered, bound=bound, now=NOW, asked=self.asked, spools=[spool])

    def spool(self) -> None:
        """Leave something in the spool."""
        (self.folder / "spool").mkdir()
        (self.folder / "spool" / "hits.jsonl").write_text("{}\n")

    def count_an_order(self) -> None:
        """Have a customer with an order that nobody placed."""
        with self.database.writing() as connection:
            connection.execute(update(customer).values(orders_count=1))

    def hit_again(self) -> None:
        """Have a hit twice."""
        with self.database.writing() as connection:
            seen = {"message_id": 1, "kind": "click", "at": NOW, "user_agent": "phone/1", "class": "person"}
            connection.execute(insert(hit).values(key="h2", **seen))


BROKEN: dict[str, tuple[Callable[[World], object], str]] = {
    "an event is lost": (lambda world: world.answered.add("e2"), "answered 202 and are not there: e2"),
    "a mail goes twice": (lambda world: world.lines.append((What.ACCEPTED, "m1")), "accepted more than once: m1"),
    "a mail goes under another id": (
        lambda world: world.lines.append((What.ACCEPTED, "m9")),
        "accepted that the ledger has not: m9",
    ),
    "a mail that went is queued": (
        lambda world: world.change(state="failed"),
        "accepted that the ledger calls unsent: m1",
    ),
    "a mail that is sent never went": (lambda world: world.lines.pop(), "called sent that no server accepted: m2"),
    "a mail is skipped": (lambda world: world.change(state="skipped"), "messages were not sent"),
    "a mail is stuck": (lambda world: world.change(state="claimed"), "something is stuck: 1 messages in hand"),
    "too many are unknown": (lambda world: setattr(world, "allowed", 0), "at most 0 may be"),
    "a link leads astray": (
        lambda world: world.asked.append(Asked("phone/1", "/c/y", answered=True, arrived=False)),
        "did not lead to their targets: /c/y",
    ),
    "a hit is lost": (
        lambda world: world.asked.append(Asked("phone/2", "/c/y", answered=True, arrived=True)),
        "answered and are not there: phone/2",
    ),
    "a hit is counted twice": (World.hit_again, "hits are there more than once: phone/1"),
    "something is left in the spool": (World.spool, "spool files were not read back"),
    "an order is counted that is none": (World.count_an_order, "another number of orders than they placed"),
}


def test_where_every_promise_is_kept_the_sums_are_right(database: Database, tmp_path: Path) -> None:
    """Given mails that went once, one unknown of one that may be, and a click that is there, then nothing is wrong."""
    sums = World(database, tmp_path).judge()
    assert sums.faults == ()
    assert sums.named["unknown, of which arrived"] == "1, 0"
    assert "every promise was kept" in sums.table()


@pytest.mark.parametrize("broken", BROKEN)
def test_each_broken_promise_is_named(sqlite_database: Database, tmp_path: Path, broken: str) -> None:
    """Given the same with one promise broken, then the oracle names it, with an example."""
    world = World(sqlite_database, tmp_path)
    act, said = BROKEN[broken]
    act(world)
    sums = world.judge()
    assert any(said in fault for fault in sums.faults), sums.faults
    with pytest.raises(AssertionError):
        sums.assert_right()


def test_what_the_server_left_without_an_answer_is_not_held_against_a_kill(
    sqlite_database: Database, tmp_path: Path
) -> None:
    """Given an unknown mail to which the sink gave no answer, and no kill, then it may be unknown."""
    world = World(sqlite_database, tmp_path, allowed=0)
    world.lines.append((What.UNANSWERED, "m3"))
    assert world.judge().right


def test_what_was_looked_at_while_it_was_in_doubt_is_not_held_against_a_kill(
    sqlite_database: Database, tmp_path: Path
) -> None:
    """Given a sender that was away, and one of its mails opened meanwhile, then that may be, and no more may."""
    world = World(sqlite_database, tmp_path)
    world.change(reason=EVIDENCE)
    assert not world.judge().right
    world.doubted = 1
    assert world.judge().right


def test_what_was_in_doubt_may_not_stay_unknown(sqlite_database: Database, tmp_path: Path) -> None:
    """Given a sender that was away and came back, and a mail that is unknown all the same, then that is a fault."""
    assert not World(sqlite_database, tmp_path, allowed=0, doubted=1).judge().right


def test_a_log_is_read_while_it_is_written(tmp_path: Path) -> None:
    """Given a last line that is not whole yet, then it is left out."""
    with Sink(tmp_path) as sink:
        assert read_log(sink.log) == []
        sink.log.write_text('{"time": 0, "wh')
        assert read_log(sink.log) == []
