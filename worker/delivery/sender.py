"""A sender: messages are claimed, made, marked in groups, handed over, settled.

The order of things is what keeps a mail from being lost or doubled. A group is marked as transmitting, durably,
before any of it is handed over, and what became of the group before is written in the same transaction. Between
the two, the sender's journal tells on this machine what was handed over and what was answered.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from worker.delivery.bounces.following import note_answer
from worker.delivery.grouping import groups
from worker.delivery.holding import hold_journeys
from worker.delivery.journal import SenderJournal
from worker.delivery.lease import Lease
from worker.delivery.preparing import NotMade, Prepared, Preparing
from worker.delivery.rules import Rules
from worker.delivery.settling import Aftermath, after_answer, put_back
from worker.delivery.traffic import Traffic
from worker.delivery.traffic_plan import TrafficPlan
from worker.delivery.transport import Answer, LeaseOver, Outcome, Transport
from worker.domain.messages import Kind, MessageState
from worker.domain.settings import Settings
from worker.domain.work import Work
from worker.storage import claims, ledger, suppression
from worker.storage.claims import Claimed, Line
from worker.storage.database import Database, told
from worker.storage.flowbook import FlowBook
from worker.storage.ledger import Settlement

Following = tuple[list[Claimed], Line | None]  # a batch, and the line where there is more
NOTHING: Following = ([], None)

MANY = 50  # messages of one job, or a batch: more are likely to wait
MOMENT = timedelta(milliseconds=1)  # for which answers are of one time: the shop's clock asks the disk, each time

_log = structlog.get_logger(__name__)


class Times(Protocol):
    """The two clocks that sending reads while it goes on."""

    def now(self) -> datetime:
        """Return the shop's time."""

    def machine(self) -> datetime:
        """Return the machine's own time, in which leases are counted."""


@dataclass(frozen=True, slots=True)
class Mailroom:
    """What all senders of one process share.

    Parameters:
        transport: makes a transport by a relay, for one sender.
        journals: folder of the senders' journals.
    """

    database: Database
    flowbook: FlowBook
    preparing: Preparing
    transport: Callable[[str], Transport]
    journals: Path
    settings: Settings
    times: Times


class Sender:
    """Claims messages and hands them over; one thread's at a time.

    Its token stands in every row that it has in hand, and in its journal.

    Attributes:
        a_mail: how long handing one over took lately.
        took: whether there was any to be claimed when it was last told which to send.
    """

    def __init__(self, room: Mailroom) -> None:
        self.token = uuid4().hex
        self._database = room.database
        self._flowbook = room.flowbook
        self._preparing = room.preparing
        self._settings = room.settings.sending
        self._bounces = room.settings.bounces
        self._times = room.times
        self._transport = room.transport
        self._transports: dict[str, Transport] = {}
        self._at_a_time = {
            Kind.TRANSACTIONAL: self._settings.group_single,
            Kind.MARKETING: self._settings.group_campaign,
        }
        self._traffic = Traffic(TrafficPlan.of(room.settings), self._at_a_time)
        self._journal = SenderJournal(room.journals, self.token)
        self._rules = Rules(room.flowbook, room.preparing, room.settings.policy)
        span = timedelta(seconds=self._settings.lease)
        self._lease = Lease(room.database, self.token, room.times.machine, span)
        self._lapsed = False  # whether the claim turned out to have run out while a group was handed over
        self._many = False
        self.a_mail = timedelta()
        self.took = False

    def send(self, ids: Sequence[int]) -> Work:
        """Send those of these messages that may go now, batch by batch."""
        self.took, self._many = False, len(ids) >= MANY
        size = self._settings.batch
        portions = (ids[start : start + size] for start in range(0, len(ids), size))
        return sum((self._portion(portion) for portion in portions), Work())

    def send_next(self, going_on: Callable[[], bool]) -> Work:
        """Send what is due, batch by batch, one flow's after the other's, while there is some and it is to go on."""
        work, line = Work(), None

        def following(connection: Connection) -> Following:
            return self._claim_next(connection, line) if going_on() else NOTHING

        with self._writing() as connection:
            claimed, line = following(connection)
        while claimed:
            done, (claimed, line) = self._batch(claimed, following)
            work += done
        return work

    def leave(self) -> None:
        """Close, for a reason that lies in no message."""
        try:
            self._journal.leave()
        finally:
            self.close()

    def close(self) -> None:
        """End the connections and the journal."""
        for transport in self._transports.values():
            transport.close()
        self._journal.close()

    def handing(self, message: int) -> None:
        """Note in the journal that the final dot is next, if the claim still holds (`Journal`).

        Raises:
            LeaseOver: the claim ran out, while the process was stopped or the server slow.
        """
        if not self._lease.covers(message):
            self._lapsed = True
            raise LeaseOver(f"the claim on message {message} ran out before it was handed over")
        self._journal.handing(message)

    def answered(self, answer: Answer) -> None:
        """Note the answer in the journal (`Journal`)."""
        self._journal.answered(answer)

    def _writing(self) -> AbstractContextManager[Connection]:
        """Begin a transaction; somebody waits for what comes by itself, and nobody for one mail of a campaign."""
        return self._database.writing(waited_for=not self._many)

    def _portion(self, ids: Sequence[int]) -> Work:
        """Send these, each at most once; suspects come last, one by one."""
        work, left = Work(), set(ids)
        while left and (claimed := self._claim(left)):
            self.took = True
            work += self._batch(claimed)[0]
            left -= {message.id for message in claimed}
        return work

    def _claim(self, ids: Collection[int]) -> list[Claimed]:
        with self._writing() as connection:
            catalogue = self._flowbook.follow(connection)
            if catalogue.all_held:
                return []
            return claims.claim(
                connection,
                ids,
                token=self.token,
                lease_until=self._lease.begin(),
                now=self._times.now(),
                held=catalogue.held,
            )

    def _claim_next(self, connection: Connection, line: Line | None) -> Following:
        """Claim a batch of this line, else of the one that has waited longest; returns the line where it has more."""
        catalogue, now = self._flowbook.follow(connection), self._times.now()
        if catalogue.all_held:
            return NOTHING
        if line is None or not (line.flow is None or line.flow in catalogue.sending):
            line = claims.longest_line(connection, catalogue.sending, now)
        if line is None:
            return NOTHING
        most, until = self._settings.batch, self._lease.begin()
        claimed = claims.claim_next(connection, line, most, token=self.token, lease_until=until, now=now)
        return claimed, line if len(claimed) == most else None

    def _batch(
        self, claimed: Sequence[Claimed], following: Callable[[Connection], Following] = lambda _: NOTHING
    ) -> tuple[Work, Following]:
        """Send a batch; the next is claimed in the commit that writes what became of this one's last group."""
        work = Work()
        ready, results = self._make(claimed)
        for relay, group in groups(ready, self._at_a_time, self._traffic.relay_of, lambda: self.a_mail):
            marked, news = self._mark(relay, group, results)
            work += news
            results = self._hand_over(relay, marked)
        with self._writing() as connection:
            hold_journeys(connection, self._flowbook, _numbers(results))
            work += self._write(connection, results)
            taken = following(connection)
        self._forget()
        return work, taken

    def _forget(self) -> None:
        """Drop what is committed."""
        self._journal.forget()
        self._traffic.struck.written()

    def _make(self, claimed: Sequence[Claimed]) -> tuple[list[Prepared], list[Aftermath]]:
        """Make the mails; returns them, and what becomes of messages of which none is made."""
        now = self._times.now()
        with self._database.reading() as connection:
            loaded, results = self._traffic.route(connection, self._preparing.load(connection, claimed, now), now)
        templates = {message.id: message.template for message in claimed}
        ready: list[Prepared] = []
        for one in loaded:
            made = one if isinstance(one, NotMade) else self._preparing.make(one, now)
            if isinstance(made, Prepared):
                ready.append(made)
                continue
            number = made.message
            _log.log(made.level, "no mail is made", message=number, template=templates[number], why=made.reason)
            results.append(Aftermath(Settlement(number, made.state, now, made.reason)))
        return ready, results

    def _mark(self, relay: str, group: Sequence[Prepared], results: Sequence[Aftermath]) -> tuple[list[Prepared], Work]:
        """Ask the rules, mark what may go, and write what became of the group before: one durable transaction.

        Where the database fails it, the group goes back to the queue, and what became of the one before is written.
        """
        now = self._times.now()
        try:
            with self._writing() as connection:
                hold_journeys(connection, self._flowbook, [*_numbers(results), *(one.marked.message for one in group)])
                work = self._write(connection, results)
                ruling = self._rules.ask(connection, group, now)
                admitted = self._traffic.admit(connection, relay, ruling.going, now)
                ledger.settle(connection, [*ruling.stays, *admitted.stays], token=self.token)
                going = [prepared.marked for prepared in admitted.going]
                marked = ledger.mark(connection, going, token=self.token, now=now, relay=relay)
                if self._lease.half_over:
                    claims.renew(connection, token=self.token, lease_until=self._lease.begin())
        except DBAPIError as error:
            _log.error("a group cannot be marked", messages=len(group), why=told(error), exc_info=True)
            back = [put_back(prepared.loaded.message.id, told(error), now).settlement for prepared in group]
            with self._writing() as connection:
                work = self._write(connection, results)
                ledger.settle(connection, back, token=self.token)
            self._forget()
            return [], work
        self._forget()
        self._lease.holds(marked)
        work += Work(journeys=ruling.exited, messages=admitted.again)
        return [prepared for prepared in admitted.going if prepared.loaded.message.id in marked], work

    def _hand_over(self, relay: str, marked: Sequence[Prepared]) -> list[Aftermath]:
        """Hand a group over; once the claim ran out, what is left of it goes back to the queue at once."""
        transport = self._transports.get(relay)
        if transport is None:
            transport = self._transports[relay] = self._transport(relay)
        self._traffic.struck.begin()
        messages = {prepared.loaded.message.id: prepared.loaded.message for prepared in marked}
        results: list[Aftermath] = []
        self._lapsed = False
        began = looked = self._times.machine()
        now = self._times.now()
        for answer in transport.send([prepared.outgoing for prepared in marked], self):
            if (at := self._times.machine()) - looked > MOMENT:
                looked, now = at, self._times.now()
            unasked = answer.code is None and answer.outcome is Outcome.TEMPORARY
            if self._lapsed and unasked:  # another of the group may be answered still that went before
                results.append(put_back(answer.message, "the claim ran out", now))
                continue
            self._traffic.note(relay, answer, now)
            if self._traffic.another_takes(relay, answer):
                results.append(put_back(answer.message, f"not taken by {relay}: another relay does", now))
            else:
                results.append(after_answer(messages[answer.message], answer, self._settings.attempts, now))
        if marked:
            self.a_mail = max(timedelta(), self._times.machine() - began) / len(marked)
        return results

    def _write(self, connection: Connection, results: Sequence[Aftermath]) -> Work:
        """Write what became of messages; returns the journeys that wait to hear of it, and what may go at once."""
        written = ledger.settle(connection, [result.settlement for result in results], token=self.token)
        self._traffic.struck.write(connection, self._times.now())
        work = Work()
        known: list[int] = []
        again: list[int] = []
        for result in results:
            settlement = result.settlement
            if settlement.message not in written:
                continue
            if result.suppress is not None:
                suppression.suppress_recipient(connection, settlement.message, result.suppress, settlement.at)
            work += note_answer(connection, settlement, result.suppress, self._bounces)
            if settlement.state in (MessageState.SENT, MessageState.UNKNOWN):
                known.append(settlement.message)
            if result.again:
                again.append(settlement.message)
        return work + Work(journeys=self._rules.listeners(connection, known), messages=tuple(again))


def _numbers(results: Sequence[Aftermath]) -> list[int]:
    return [result.settlement.message for result in results]
