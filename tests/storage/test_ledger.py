"""The ledger's statements keep its promises, whatever order they come in."""

from __future__ import annotations

import random
import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import Connection, select

from tests.support.ledger import NOW, add_customer, queue, states
from worker.domain.messages import MOVES, Kind, MessageState, may_move
from worker.storage import claims, ledger, leftovers
from worker.storage.database import Database
from worker.storage.ledger import Marked, Settlement
from worker.storage.tables import message

S = MessageState
LEASE = NOW + timedelta(seconds=60)


def _marked(number: int) -> Marked:
    return Marked(number, "lan@example.com", "vi", "Chào", "hash", f"{number}@example.com", True)


def _claim(database: Database, token: str) -> list[int]:
    with database.writing() as connection:
        return _take(connection, token)


def _take(connection: Connection, token: str, now: datetime = NOW, most: int = 100) -> list[int]:
    """Claim what is due."""
    ids = claims.due(connection, ["welcome"], now, most)
    return [one.id for one in claims.claim(connection, ids, token=token, lease_until=LEASE, now=now)]


def _mark(database: Database, token: str, *ids: int) -> set[int]:
    with database.writing() as connection:
        marked = [_marked(number) for number in ids]
        return ledger.mark(connection, marked, token=token, now=NOW)


def test_one_message_a_key(database: Database) -> None:
    """Given a message, when it is written again under its key, then there is still one."""
    with database.writing() as connection:
        person = add_customer(connection)
        assert len(queue(connection, "journey:1:thank-you:0", customer_id=person)) == 1
        assert queue(connection, "journey:1:thank-you:0", customer_id=person) == []
        assert len(states(connection)) == 1


def test_a_message_is_claimed_by_one_sender(database: Database) -> None:
    """Given a hundred messages and four senders that claim at once, when all have claimed, then each is held once."""
    with database.writing() as connection:
        queue(connection, *(f"k{i}" for i in range(100)))
    got: dict[str, list[int]] = {}

    def sender(token: str) -> None:
        mine: list[int] = []
        chance = random.Random(token)
        given: dict[str, Any] = {"token": token, "lease_until": LEASE, "now": NOW}
        while True:
            with database.writing() as connection:
                left = claims.due(connection, [], NOW, 100)
                found = claims.claim(connection, chance.sample(left, min(7, len(left))), **given)
            mine += [one.id for one in found]
            if not left:
                break
        got[token] = mine

    threads = [threading.Thread(target=sender, args=(f"t{i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    claimed = [number for mine in got.values() for number in mine]
    assert len(claimed) == len(set(claimed)) == 100


def test_messages_of_held_flows_and_of_later_wait(database: Database) -> None:
    """Given messages of a paused flow, of later and of now, when a sender claims, then only the last are taken."""
    with database.writing() as connection:
        person = add_customer(connection)
        queue(connection, "paused", customer_id=person, flow="tet")
        queue(connection, "later", customer_id=person, not_before=NOW + timedelta(minutes=1))
        (due,) = queue(connection, "due", customer_id=person, flow="welcome")
        (loose,) = queue(connection, "loose", customer_id=person)
        every = sorted(states(connection))
        assert claims.due(connection, ["welcome"], NOW, 10) == [due, loose]
        found = claims.claim(connection, every, token="t", lease_until=LEASE, now=NOW, held={"tet"})
    assert [one.id for one in found] == [due, loose]


def test_a_lost_claim_marks_and_settles_nothing(database: Database) -> None:
    """Given a claim whose lease ran out, when another took it, then the first owner can change nothing."""
    with database.writing() as connection:
        (number,) = queue(connection, "k")
    _claim(database, "first")
    with database.writing() as connection:
        assert leftovers.take_back(connection, LEASE + timedelta(seconds=1)) == [number]
    _claim(database, "second")
    assert _mark(database, "first", number) == set()
    with database.writing() as connection:
        assert ledger.settle(connection, [Settlement(number, S.SENT, NOW)], token="first") == set()
        assert states(connection)[number] is S.CLAIMED
    assert _mark(database, "second", number) == {number}


def test_many_are_marked_and_settled_each_with_its_own(database: Database) -> None:
    """Given more than go in one statement, when they are marked and settled, then each row has what was said of it."""
    with database.writing() as connection:
        queue(connection, *(f"k{i}" for i in range(117)))
        first, *others = ids = _take(connection, "a", most=117)
        marked = [Marked(n, f"{n}@example.com", "vi", f"Chào {n}", "hash", f"m{n}", n % 2 == 0) for n in others]
        assert ledger.mark(connection, marked, token="a", now=NOW, relay="main") == set(others)
        assert ledger.mark(connection, marked, token="b", now=NOW) == set()
        later = NOW + timedelta(minutes=5)
        said = [
            Settlement(n, S.SENT, NOW, None, 250, f"ok {n}")
            if n % 3
            else Settlement(n, S.QUEUED, NOW, "to be tried again", 451, not_before=later, forgive=n % 2 == 0)
            for n in others
        ]
        assert ledger.settle(connection, said, token="a") == set(others)
        rows = {row.id: row for row in connection.execute(select(message))}
    assert set(rows) == set(ids)
    assert (rows[first].state, rows[first].claim, rows[first].email) == ("claimed", "a", None)
    for n in others:
        row, sent = rows[n], bool(n % 3)
        assert (row.email, row.subject, row.message_id, row.tracked) == (
            f"{n}@example.com",
            f"Chào {n}",
            f"m{n}",
            n % 2 == 0,
        )
        assert (row.state, row.code, row.claim, row.relay) == (("sent", 250) if sent else ("queued", 451)) + (
            None,
            "main",
        )
        assert (row.sent_at, row.transmitting_at, row.settled_at) == (NOW if sent else None, NOW, NOW)
        assert (row.answer, row.not_before) == ((f"ok {n}", NOW) if sent else (None, later))
        assert row.attempts == (1 if sent or n % 2 else 0)


def test_transmitting_without_an_answer_becomes_unknown_and_its_owner_may_still_tell(database: Database) -> None:
    """Given a marked message whose lease ran out, when the owner comes back, then its word settles the unknown."""
    with database.writing() as connection:
        (number,) = queue(connection, "k")
    _claim(database, "t")
    _mark(database, "t", number)
    with database.writing() as connection:
        assert leftovers.take_back(connection, LEASE + timedelta(seconds=1)) == []
        assert leftovers.give_up(connection, LEASE + timedelta(seconds=1), NOW) == [number]
        assert _take(connection, "u") == []
        assert ledger.settle(connection, [Settlement(number, S.SENT, NOW)], token="t") == {number}
        assert states(connection)[number] is S.SENT


def test_unknown_is_settled_by_rule_for_its_kind_only(database: Database) -> None:
    """Given unknown mails of both kinds, when the rule for marketing runs, then the order's confirmation stays."""
    with database.writing() as connection:
        (campaign,) = queue(connection, "campaign", kind=Kind.MARKETING)
        (confirmation,) = queue(connection, "confirmation")
    _claim(database, "t")
    _mark(database, "t", campaign, confirmation)
    with database.writing() as connection:
        leftovers.give_up(connection, LEASE + timedelta(seconds=1), NOW)
        early = leftovers.resolve_unknown(
            connection, Kind.MARKETING, S.SENT, "assumed", NOW, since=NOW - timedelta(hours=1)
        )
        assert early == []
        assert leftovers.resolve_unknown(connection, Kind.MARKETING, S.SENT, "assumed", NOW, since=NOW) == [campaign]
        assert states(connection) == {campaign: S.SENT, confirmation: S.UNKNOWN}


def test_a_message_that_kills_its_senders_is_set_aside(database: Database) -> None:
    """Given a message that kills its sender each time, when it did so too often, then it is set aside."""
    with database.writing() as connection:
        (number,) = queue(connection, "poison")
    for i in range(3):
        assert _claim(database, f"t{i}") == [number]
        with database.writing() as connection:
            leftovers.take_back(connection, LEASE + timedelta(seconds=1))
    with database.writing() as connection:
        assert leftovers.exhausted(connection, 4, NOW) == []
        assert leftovers.exhausted(connection, 3, NOW) == [number]
        assert states(connection)[number] is S.FAILED


def test_a_suspect_is_claimed_alone(database: Database) -> None:
    """Given two messages that were in hand at crashes, when senders claim, then each comes last and alone."""
    with database.writing() as connection:
        person = add_customer(connection)
        (suspect,) = queue(connection, "suspect", customer_id=person)
        (second,) = queue(connection, "second", customer_id=person)
        connection.execute(message.update().values(crashes=claims.SUSPECT_FROM))
        others = queue(connection, "a", "b", customer_id=person)
        assert [_take(connection, token) for token in "tuvw"] == [others, [suspect], [second], []]


def test_a_forgiven_try_does_not_count(database: Database) -> None:
    """Given a relay that was down, when the message goes back, then the try is not counted and waits its time."""
    with database.writing() as connection:
        (number,) = queue(connection, "k")
    _claim(database, "t")
    _mark(database, "t", number)
    later = NOW + timedelta(seconds=30)
    with database.writing() as connection:
        back = Settlement(number, S.QUEUED, NOW, "to be tried again", not_before=later, forgive=True)
        ledger.settle(connection, [back], token="t")
        assert _take(connection, "t") == []
        assert _take(connection, "t", later) == [number]
        assert connection.execute(select(message.c.attempts, message.c.crashes)).one() == (1, 0)


def test_every_state_has_its_moves() -> None:
    """Given the table of moves, when a state is final, then nothing leads out of it, and sent never goes back."""
    assert set(MOVES) == set(S)
    assert not may_move(S.SENT, S.QUEUED)
    assert not may_move(S.TRANSMITTING, S.CLAIMED)
    assert may_move(S.UNKNOWN, S.SENT)


_ENDS = [S.SENT, S.QUEUED, S.SKIPPED, S.FAILED, S.UNKNOWN]


class LedgerMachine(RuleBasedStateMachine):
    """Any order of writing, claiming, marking, settling, sweeping and cancelling keeps to the table of moves."""

    database: Database
    messages = Bundle("messages")

    @initialize()
    def begin(self) -> None:
        """Start from an empty table."""
        with self.database.writing() as connection:
            connection.exec_driver_sql("DELETE FROM message")
        self.before: dict[int, MessageState] = {}
        self.machine = NOW
        self.count = 0

    @rule(kind=st.sampled_from(list(Kind)))
    def write(self, kind: Kind) -> None:
        """Queue one more."""
        self.count += 1
        with self.database.writing() as connection:
            queue(connection, f"k{self.count}", kind=kind)

    @rule(token=st.sampled_from("ab"), limit=st.integers(1, 3))
    def claim(self, token: str, limit: int) -> None:
        """A sender takes some."""
        with self.database.writing() as connection:
            lease = self.machine + timedelta(seconds=60)
            due = claims.due(connection, [], NOW, limit)
            claims.claim(connection, due, token=token, lease_until=lease, now=NOW)

    @rule(token=st.sampled_from("ab"), data=st.data())
    def mark(self, token: str, data: st.DataObject) -> None:
        """A sender marks anything, its own or not."""
        with self.database.writing() as connection:
            ids = sorted(states(connection))
            chosen = data.draw(st.lists(st.sampled_from(ids), unique=True)) if ids else []
            ledger.mark(connection, [_marked(number) for number in chosen], token=token, now=NOW)

    @rule(token=st.sampled_from("ab"))
    def renew(self, token: str) -> None:
        """A sender says that it still works."""
        with self.database.writing() as connection:
            held = {
                number for number, one in leftovers.in_hand_of(connection, token).items() if one.state is not S.UNKNOWN
            }
            assert claims.renew(connection, token=token, lease_until=self.machine + timedelta(seconds=60)) == held

    @rule(token=st.sampled_from("ab"), data=st.data(), to=st.sampled_from(_ENDS))
    def settle(self, token: str, data: st.DataObject, to: MessageState) -> None:
        """A sender tells what became of what it had marked; of a claim that it only holds it knows no sending."""
        with self.database.writing() as connection:
            held = leftovers.in_hand_of(connection, token)
            fit = sorted(number for number, one in held.items() if may_move(one.state, to))
            chosen = data.draw(st.lists(st.sampled_from(fit), unique=True)) if fit else []
            ledger.settle(connection, [Settlement(number, to, NOW) for number in chosen], token=token)

    @rule(seconds=st.sampled_from([1, 30, 61]))
    def sweep(self, seconds: int) -> None:
        """Time passes and the sweep looks after leases."""
        self.machine += timedelta(seconds=seconds)
        with self.database.writing() as connection:
            leftovers.take_back(connection, self.machine)
            leftovers.give_up(connection, self.machine, NOW)

    @rule(kind=st.sampled_from(list(Kind)), to=st.sampled_from([S.SENT, S.QUEUED]))
    def resolve(self, kind: Kind, to: MessageState) -> None:
        """A rule settles what is unknown."""
        with self.database.writing() as connection:
            leftovers.resolve_unknown(connection, kind, to, "rule", NOW)

    @invariant()
    def moves_are_legal(self) -> None:
        """No message went anywhere that the table does not allow, and none is gone."""
        if not hasattr(self, "before"):
            return
        with self.database.reading() as connection:
            after = states(connection)
        for number, state in self.before.items():
            assert number in after
            assert after[number] is state or may_move(state, after[number]) or _in_two_moves(state, after[number])
        self.before = after


def _in_two_moves(old: MessageState, new: MessageState) -> bool:
    """One rule of the machine may do two moves: the sweep gives up and takes back."""
    return any(may_move(middle, new) for middle in MOVES[old] if middle in (S.QUEUED, S.UNKNOWN)) and old is not S.SENT


@pytest.mark.timeout(280)
def test_the_ledger_keeps_to_its_moves(sqlite_database: Database) -> None:
    """Given any order of claims, crashes, settlements and sweeps, then every move is a legal one."""

    class Machine(LedgerMachine):
        database = sqlite_database

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=25, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
