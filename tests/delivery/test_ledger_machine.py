"""Any order of sending, dying, sweeping, settling, erasing and refusing keeps the ledger's promises.

The real senders, journals, recovery and ledger work on a real database. A sender stands still before each mail is
made, before its final dot, and after it, so that whatever else there is may happen in between; a model beside them
keeps the truth about what the server took.
"""

from __future__ import annotations

import os
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import Connection, Row, select

from tests.support.lockstep import Lockstep
from tests.support.post import Died, Office
from tests.support.postgres import PostgresServer
from tests.support.shop import LAN, START, Shop
from worker.delivery.preparing import Loaded, NotMade, Prepared, Preparing
from worker.delivery.recovery import Recovery
from worker.delivery.sending import Sending
from worker.delivery.staff_mails import ForStaff
from worker.delivery.transport import Answer, Journal, LeaseOver, Outcome, Outgoing
from worker.domain.answers import Stage
from worker.domain.messages import MOVES, Kind, MessageState
from worker.domain.pseudonyms import Pseudonyms
from worker.engine.erasing import erase
from worker.storage import bounces, hits, leftovers
from worker.storage.audit import Actor, Way
from worker.storage.database import Database
from worker.storage.tables import customer, message

S = MessageState
FLOWS = {
    "confirm": "kind: transactional\ntrigger: purchase\nexit: [{event: refund}]\nsteps: [{send: order-confirmation}]",
    "welcome": "trigger: signup\nsteps: [{send: welcome}]",
}
KEYS = Pseudonyms([b"a secret of forty characters for the tests"])
NAMES = ("a", "b")  # of the processes
LONG = os.environ.get("PHIN_CHAOS") == "long"
EXAMPLES = 400 if LONG else 20
ENDED = frozenset({S.SENT, S.SKIPPED, S.CANCELLED, S.FAILED, S.BOUNCED, S.COMPLAINED})
ARRIVED = frozenset({S.SENT, S.UNKNOWN, S.BOUNCED, S.COMPLAINED})
_PEOPLE = select(customer).where(customer.c.erased_at.is_(None)).order_by(customer.c.id)


def _reached() -> dict[MessageState, frozenset[MessageState]]:
    """Return what each state can lead to, in any number of legal moves: one rule here may do several."""
    found = {state: {state} for state in S}
    for _ in S:
        for leads in found.values():
            leads |= {new for old in leads for new in MOVES[old]}
    return {state: frozenset(leads) for state, leads in found.items()}


_REACHED = _reached()


class End(StrEnum):
    """What the server does with a mail."""

    TAKEN = "250"
    LATER = "451"
    NEVER = "550"
    CUT_BEFORE = "it drops the connection before the final dot"
    CUT_AFTER_TAKEN = "it takes the mail and drops the connection instead of a 250"
    CUT_AFTER = "it reads the final dot, takes nothing and drops the connection"


PLACES = ["after a final dot", "after a final dot", "before a final dot", "before a mail is made"]
ENDS = [End.TAKEN, End.TAKEN, *End]


class Die:
    """Told to a sender that is to die where it stands."""


@dataclass
class Truth:
    """What became of one message outside, whatever the ledger says.

    Parameters:
        tries: what became of each handing over: `taken`, `not taken` where an answer says so, `nobody knows`.
        waived: somebody, or the settings, said in so many words that it may go again though nobody knows.
        overruled: a person said what became of it, true or not.
        stopped: why nothing of it may go out any more.
    """

    tries: list[str] = field(default_factory=list)
    waived: bool = False
    overruled: bool = False
    stopped: str | None = None


class Process:
    """A process that sends, in a folder of its own; it stands still before each mail is made, and about its final dot.

    Parameters:
        journals: folder of its senders' journals.
    """

    def __init__(self, machine: LedgerMachine, journals: Path) -> None:
        self.journals = journals
        self._machine = machine
        self._step: Lockstep | None = None
        preparing = Slowly(machine.shop.settings, machine.office.library, machine.office.tokens)
        preparing.process = self
        room = replace(
            machine.office.sending._room,
            preparing=preparing,
            transport=lambda _: Wire(self),
            journals=journals,
            times=machine,
        )
        self._sending = Sending(room)

    @property
    def place(self) -> str | None:
        """Where it stands; None where it has nothing to do."""
        return self._step.place if self._step else None

    def begin(self, ids: Sequence[int]) -> None:
        """Have it send these."""
        self._step = Lockstep(lambda: self._sending.run(ids))
        self.go_on()

    def go_on(self, told: End | type[Die] = End.TAKEN) -> None:
        """Have it go on to where it stands next."""
        assert self._step is not None
        self._step.go_on(told)

    def stands(self, place: str) -> End:
        """Stand still; returns what is told, or dies."""
        assert self._step is not None
        told = self._step.stand(place)
        if told is Die:
            raise Died
        return End(told)

    def handed_over(self, number: int, end: End) -> None:
        """Tell the model that the final dot was read."""
        self._machine.handed_over(number, end)

    def in_hand(self, connection: Connection) -> int:
        """Return how many messages it has marked."""
        tokens = [path.stem for path in self.journals.glob("*.journal")]
        held = [one for token in tokens for one in leftovers.in_hand_of(connection, token).values()]
        return sum(one.state is not S.CLAIMED for one in held)

    def die(self) -> None:
        """End it where it stands."""
        with pytest.raises(Died):
            self.go_on(Die)


class Wire:
    """The server's end of a process: each mail waits for what is done with it."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def send(self, mails: Sequence[Outgoing], journal: Journal) -> Iterator[Answer]:
        over = False
        for mail in mails:
            end = End.CUT_BEFORE if over else self._process.stands("before a final dot")
            try:
                if end is not End.CUT_BEFORE:
                    journal.handing(mail.message)
                    self._process.handed_over(mail.message, end)
                    self._process.stands("after a final dot")
            except LeaseOver:
                over, end = True, End.CUT_BEFORE
            answer = _ANSWERS[end](mail.message)
            journal.answered(answer)
            yield answer

    def close(self) -> None:
        """Nothing is open."""


_ANSWERS: dict[End, Callable[[int], Answer]] = {
    End.TAKEN: lambda number: Answer(number, Outcome.ACCEPTED, 250, "2.0.0 taken", Stage.DOT),
    End.LATER: lambda number: Answer(number, Outcome.TEMPORARY, 451, "4.3.0 later", Stage.DOT),
    End.NEVER: lambda number: Answer(number, Outcome.REFUSED, 550, "5.7.1 no", Stage.DOT),
    End.CUT_BEFORE: lambda number: Answer(number, Outcome.TEMPORARY, None, "cut off", Stage.DATA),
    End.CUT_AFTER: lambda number: Answer(number, Outcome.UNKNOWN, None, "no answer", Stage.DOT),
    End.CUT_AFTER_TAKEN: lambda number: Answer(number, Outcome.UNKNOWN, None, "no answer", Stage.DOT),
}


class Slowly(Preparing):
    """Makes mails, and stands still before each."""

    process: Process

    def make(self, loaded: Loaded | ForStaff, now: datetime) -> Prepared | NotMade:
        self.process.stands("before a mail is made")
        return super().make(loaded, now)


class LedgerMachine(RuleBasedStateMachine):
    """Two processes that send, a sweep, people, and a server that fails."""

    new_database: ClassVar[Callable[[], Database]]
    folder: ClassVar[Path]
    by_rule: ClassVar[str]  # what `sending.unknown_transactional` says

    def __init__(self) -> None:
        super().__init__()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.database = type(self).new_database()
        rules = {"group_single": 2, "group_campaign": 3, "batch": 4, "unknown_transactional": self.by_rule}
        self.shop = Shop(self.database, sending=rules, policy={"quiet_hours": "none"})
        self.shop.publish(**FLOWS)
        self.office = Office(self.shop, self.folder)
        self.time = START
        self.processes = {name: self.new_process(name) for name in NAMES}
        self.truth: dict[int, Truth] = defaultdict(Truth)
        self.before: dict[int, MessageState] = {}
        self.lost = 0  # how many may be unknown
        self.people = self.deaths = 0

    def now(self) -> datetime:
        """Return the shop's time."""
        return self.shop.now

    def machine(self) -> datetime:
        """Return the machine's time."""
        return self.time

    def new_process(self, name: str) -> Process:
        """Start a process."""
        return Process(self, self.folder / "journals" / name)

    # what there is to send

    @initialize(orders=st.integers(1, 4), where=st.sampled_from(PLACES), end=st.sampled_from(ENDS), lost=st.booleans())
    def begin(self, orders: int, where: str, end: End, lost: bool) -> None:
        """Somebody is there from the first, and one sender died already."""
        self.some_come(orders, Kind.TRANSACTIONAL)
        self.some_come(2, Kind.MARKETING)
        self.one_dies("a", where, end, lost)

    @rule(count=st.integers(1, 4), kind=st.sampled_from(list(Kind)))
    def some_come(self, count: int, kind: Kind) -> None:
        """Customers order, or sign up."""
        for _ in range(count):
            self.people += 1
            who = LAN | {"id": f"c{self.people}", "email": f"c{self.people}@example.com"}
            if kind is Kind.TRANSACTIONAL:
                self.shop.buy(f"A{self.people}", customer=who)
            else:
                self.shop.send("signup", who)

    # senders

    @rule(name=st.sampled_from(NAMES))
    def one_begins(self, name: str) -> None:
        """A process that has nothing to do takes what is due."""
        due = self.shop.due().messages
        if due and self.processes[name].place is None:
            self.processes[name].begin(due)

    @rule(name=st.sampled_from(NAMES), end=st.sampled_from([End.TAKEN, *End]), steps=st.integers(1, 4))
    def one_goes_on(self, name: str, end: End, steps: int) -> None:
        """A process does what is next; the server does this to its next mail, and takes the others."""
        process = self.processes[name]
        for _ in range(steps):
            if process.place is not None:
                process.go_on(end)
                end = End.TAKEN if process.place == "after a final dot" else end

    @rule(
        name=st.sampled_from(NAMES),
        where=st.sampled_from(PLACES),
        end=st.sampled_from(ENDS),
        journal_too=st.booleans(),
    )
    def one_dies(self, name: str, where: str, end: End, journal_too: bool) -> None:
        """A process is killed at its next such place; its journal may be lost with its machine."""
        self.one_begins(name)
        process = self.processes[name]
        while process.place not in (where, None):
            process.go_on(end)
        if process.place is None:
            return
        with self.database.reading() as connection:
            self.lost += process.in_hand(connection) if journal_too else int(where == "after a final dot")
        process.die()
        if journal_too:
            shutil.rmtree(process.journals)
        self.deaths += 1
        self.processes[name] = self.new_process(f"{name}{self.deaths}")

    @rule()
    def sweep(self) -> None:
        """The clock looks after what dead senders left, on each machine."""
        for folder in (self.folder / "clock", *sorted((self.folder / "journals").glob("*"))):
            Recovery(self.database, folder, self.shop.settings.sending).run(self.shop.now, self.time)

    @rule(seconds=st.sampled_from([1, 40, 61, 400, 4_000]))
    def time_passes(self, seconds: int) -> None:
        """Both clocks go on; a process that stands still may lose its claims."""
        self.time += timedelta(seconds=seconds)
        self.shop.now += timedelta(seconds=seconds)

    @rule(hours=st.sampled_from([-1, 1]))
    def the_machines_clock_jumps(self, hours: int) -> None:
        """Leases are counted in the machine's time."""
        self.time += timedelta(hours=hours)

    # what comes back

    @rule(data=st.data(), what=st.sampled_from(["opened", "bounced", "complained"]))
    def evidence_comes(self, data: st.DataObject, what: str) -> None:
        """Somebody looks at a mail that arrived, or a report of it comes."""
        number = self._any(data, lambda number: "taken" in self.truth[number].tries)
        if number is None:
            return
        with self.database.writing() as connection:
            if what == "opened":
                hits.settle_by_evidence(connection, [number], self.shop.now)
            else:
                bounces.move(connection, number, S(what), "a report", self.shop.now)

    @rule(data=st.data(), word=st.sampled_from([S.SENT, S.QUEUED, S.FAILED]))
    def somebody_settles_by_hand(self, data: st.DataObject, word: MessageState) -> None:
        """A person says what became of a mail that is unknown."""
        number = self._any(data, lambda number: self.before.get(number) is S.UNKNOWN)
        if number is None:
            return
        with self.database.writing() as connection:
            for kind in Kind:
                leftovers.resolve_unknown(connection, kind, word, "said by hand", self.shop.now, ids=[number])
        self.truth[number].overruled = True
        self.truth[number].waived |= word is S.QUEUED

    @rule(data=st.data())
    def somebody_is_erased(self, data: st.DataObject) -> None:
        """A customer asks to be forgotten."""
        row = self._anybody(data)
        if row is not None:
            self._stop(row.id, "erased")
            erase(self.database, KEYS, row.id, Actor(Way.COMMAND, "test"), self.shop.now)

    @rule(data=st.data(), word=st.sampled_from(["unsubscribed", "refund"]))
    def somebody_wants_no_more(self, data: st.DataObject, word: str) -> None:
        """A customer refuses advertising, or gives an order back, which ends its flow."""
        row = self._anybody(data)
        if row is None or row.email is None:
            return
        only = Kind.MARKETING if word == "unsubscribed" else Kind.TRANSACTIONAL
        order = {"order": {"number": f"A{row.external_id[1:]}"}} if word == "refund" else {}
        who = {"id": row.external_id, "email": row.email}
        if word == "refund" and not self._has(row.id, only):
            return
        self._stop(row.id, word, only)
        self.shop.send(word, who, **order)

    # what is held

    def handed_over(self, number: int, end: End) -> None:
        """A final dot was read: that may be, if nothing went before that may have arrived."""
        truth = self.truth[number]
        assert truth.stopped is None, f"message {number} went out after it was {truth.stopped}"
        assert truth.waived or all(one == "not taken" for one in truth.tries), (number, truth)
        if end in (End.LATER, End.NEVER):
            truth.tries.append("not taken")
        else:
            truth.tries.append("nobody knows" if end is End.CUT_AFTER else "taken")
        truth.waived = self.by_rule == "retry" and self._kind(number) is Kind.TRANSACTIONAL
        self.lost += end in (End.CUT_AFTER, End.CUT_AFTER_TAKEN)

    @invariant()
    def every_move_is_legal_and_nothing_is_lost(self) -> None:
        """No row goes, and what is settled for good stays so, whoever comes late."""
        after = self._states()
        assert set(self.before) <= set(after)
        for number, old in self.before.items():
            new = after[number]
            assert new is old or new in _REACHED[old], (number, old, new, self.truth[number])
        self.before = after

    def teardown(self) -> None:
        """In the end all is told: nothing is stuck, what arrived is not called anything else, and few are unknown."""
        try:
            self._drain()
            states = self._states()
            with self.database.reading() as connection:
                by_rule = select(message.c.id).where(message.c.reason.like("assumed sent%"))
                assumed = set(connection.execute(by_rule).scalars())
            assert set(states.values()) <= {*ENDED, S.UNKNOWN}, states
            assert list(states.values()).count(S.UNKNOWN) <= self.lost
            for number, state in states.items():
                truth = self.truth[number]
                if truth.tries[-1:] == ["taken"] and not truth.overruled:
                    assert state in ARRIVED, (number, state, truth)
                if state is S.SENT and not truth.overruled and number not in assumed:
                    assert truth.tries, f"message {number} is called sent and was never handed over"
                assert truth.stopped is None or state is not S.QUEUED
        finally:
            for process in self.processes.values():
                if process.place is not None:
                    process.die()
            self.office.sending.close()
            self.database.close()

    def _drain(self) -> None:
        for _ in range(40):
            for process in self.processes.values():
                while process.place is not None:
                    process.go_on()
            self.time_passes(4_000)
            self.sweep()
            due = self.shop.due().messages
            if due:
                self.processes["a"].begin(due)
            elif not {S.QUEUED, S.CLAIMED, S.TRANSMITTING} & set(self._states().values()):
                return
            self.every_move_is_legal_and_nothing_is_lost()

    def _any(self, data: st.DataObject, which: Callable[[int], bool]) -> int | None:
        numbers = [number for number in sorted(self.before) if which(number)]
        return data.draw(st.sampled_from(numbers)) if numbers else None

    def _anybody(self, data: st.DataObject) -> Row[Any] | None:
        with self.database.reading() as connection:
            rows = connection.execute(_PEOPLE).all()
        return data.draw(st.sampled_from(rows)) if rows else None

    def _stop(self, person: int, why: str, only: Kind | None = None) -> None:
        """Note that nothing goes to somebody any more which is not being handed over already."""
        with self.database.reading() as connection:
            for row in connection.execute(select(message).where(message.c.customer_id == person)):
                going = row.state in (S.TRANSMITTING, S.UNKNOWN)
                if not going and (only is None or row.kind == only.value):
                    self.truth[row.id].stopped = why

    def _has(self, person: int, kind: Kind) -> bool:
        with self.database.reading() as connection:
            rows = connection.execute(select(message.c.kind).where(message.c.customer_id == person)).scalars()
            return kind.value in rows

    def _kind(self, number: int) -> Kind:
        with self.database.reading() as connection:
            return Kind(connection.execute(select(message.c.kind).where(message.c.id == number)).scalar_one())

    def _states(self) -> dict[int, MessageState]:
        with self.database.reading() as connection:
            return {row.id: S(row.state) for row in connection.execute(select(message.c.id, message.c.state))}


def _run(databases: Callable[[], Database], tmp_path: Path, rule: str, examples: int) -> None:
    class Machine(LedgerMachine):
        new_database = staticmethod(databases)
        folder = tmp_path / "shop"
        by_rule = rule

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=examples,
            phases=[Phase.generate, Phase.shrink] if LONG else [Phase.generate],  # to shrink takes minutes
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.parametrize("rule", ["ask", "retry"])
@pytest.mark.timeout(280)
def test_any_order_keeps_the_promises_on_sqlite(_sqlite_template: Path, tmp_path: Path, rule: str) -> None:
    """Given senders, a sweep, people and a failing server, whatever the order, then the promises are kept."""

    def new() -> Database:
        path = tmp_path / "phin.db"
        for old in tmp_path.glob("phin.db*"):
            old.unlink()
        shutil.copyfile(_sqlite_template, path)
        return Database(f"sqlite:///{path}")

    _run(new, tmp_path, rule, EXAMPLES)


@pytest.mark.timeout(280)
def test_any_order_keeps_the_promises_on_postgresql(
    postgres_server: PostgresServer, _postgres_template: str, tmp_path: Path
) -> None:
    """Given the same on PostgreSQL, then the promises are kept."""

    def new() -> Database:
        return Database(postgres_server.url(postgres_server.create_database(_postgres_template)))

    _run(new, tmp_path, "ask", EXAMPLES)
