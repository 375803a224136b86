"""Sending: messages are claimed, made, marked in groups, handed over, settled. One sender a thread.

The order of things is what keeps a mail from being lost or doubled. A group is marked as transmitting, durably,
before any of it is handed over, and what became of the group before is written in the same transaction. Between
the two, the sender's journal tells on this machine what was handed over and what was answered.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import structlog
from sqlalchemy import Connection

from worker.delivery.journal import SenderJournal
from worker.delivery.preparing import Prepared, Preparing
from worker.delivery.rules import Rules
from worker.delivery.settling import Aftermath, aftermath
from worker.delivery.transport import Answer, LeaseOver, Transport
from worker.domain.messages import Kind, MessageState
from worker.domain.settings import Settings
from worker.domain.work import Work
from worker.storage import ledger, suppression
from worker.storage.database import Database
from worker.storage.flowbook import FlowBook
from worker.storage.ledger import Claimed, Settlement

_log = structlog.get_logger(__name__)


class Times(Protocol):
    """The two clocks that sending reads while it goes on."""

    def now(self) -> datetime:
        """Return the shop's time."""

    def machine(self) -> datetime:
        """Return the machine's own time, in which leases are counted."""


class Sending:
    """The senders of one process: each call takes one that is free, with its connection and its journal.

    Parameters:
        transport: makes a transport for a new sender.
        journals: folder of the senders' journals.
    """

    def __init__(
        self,
        database: Database,
        flowbook: FlowBook,
        preparing: Preparing,
        transport: Callable[[], Transport],
        journals: Path,
        settings: Settings,
        times: Times,
    ) -> None:
        self._make = partial(_sender, database, flowbook, preparing, transport, journals, settings, times)
        self._free: list[Sender] = []
        self._lock = threading.Lock()

    def run(self, message_ids: Sequence[int] | None) -> Work:
        """Send these messages, or whatever is due where None is given.

        Returns:
            Journeys for which something changed.
        """
        with self._sender() as sender:
            return sender.send(message_ids)

    def close(self) -> None:
        """End the connections of all senders that are free."""
        with self._lock:
            for sender in self._free:
                sender.close()
            self._free.clear()

    @contextmanager
    def _sender(self) -> Iterator[Sender]:
        with self._lock:
            sender = self._free.pop() if self._free else None
        sender = sender or self._make()
        try:
            yield sender
        except BaseException:
            sender.close()
            raise
        with self._lock:
            self._free.append(sender)


def _sender(
    database: Database,
    flowbook: FlowBook,
    preparing: Preparing,
    transport: Callable[[], Transport],
    journals: Path,
    settings: Settings,
    times: Times,
) -> Sender:
    return Sender(database, flowbook, preparing, transport(), journals, settings, times)


class Sender:
    """Claims messages and hands them over; one thread's at a time.

    Its token stands in every row that it has in hand, and in its journal.
    """

    def __init__(
        self,
        database: Database,
        flowbook: FlowBook,
        preparing: Preparing,
        transport: Transport,
        journals: Path,
        settings: Settings,
        times: Times,
    ) -> None:
        self.token = uuid4().hex
        self._database = database
        self._flowbook = flowbook
        self._preparing = preparing
        self._transport = transport
        self._journal = SenderJournal(journals, self.token)
        self._settings = settings.sending
        self._times = times
        self._rules = Rules(flowbook, preparing.shop_facts)
        self._lease_until = times.machine()

    def send(self, ids: Sequence[int] | None) -> Work:
        """Send these messages (or whatever is due, where None), batch by batch."""
        if ids is None:
            return self._all_of(None)
        size = self._settings.batch
        portions = (ids[start : start + size] for start in range(0, len(ids), size))
        return sum((self._all_of(portion) for portion in portions), Work())

    def _all_of(self, ids: Sequence[int] | None) -> Work:
        """Send these, batch by batch, until none of them can be claimed."""
        work, left = Work(), None if ids is None else len(ids)
        while left is None or left > 0:
            claimed = self._claim(ids, suspects=False) or self._claim(ids, suspects=True)
            if not claimed:
                break
            work += self._batch(claimed)
            left = None if left is None else left - len(claimed)
        return work

    def close(self) -> None:
        """End the connection and the journal."""
        self._transport.close()
        self._journal.close()

    def _batch(self, claimed: Sequence[Claimed]) -> Work:
        now = self._times.now()
        with self._database.reading() as connection:
            loaded = self._preparing.load(connection, claimed, now)
        results: list[Aftermath] = []
        ready: list[Prepared] = []
        for one in loaded:
            made = self._preparing.make(one, now)
            if isinstance(made, Prepared):
                ready.append(made)
            else:
                _log.log(
                    made.level, "no mail is made", message=made.message, template=one.message.template, why=made.reason
                )
                results.append(Aftermath(Settlement(made.message, made.state, now, made.reason)))
        work = Work()
        for group in self._groups(ready):
            going, news = self._mark(group, results)
            work += news
            results = self._hand_over(going)
        with self._database.writing() as connection:
            work += self._write(connection, results)
        self._journal.forget()
        return work

    def _claim(self, ids: Sequence[int] | None, *, suspects: bool) -> list[Claimed]:
        with self._database.writing() as connection:
            catalogue = self._flowbook.follow(connection)
            if catalogue.all_held:
                return []
            return ledger.claim(
                connection,
                ids,
                self._settings.batch,
                token=self.token,
                lease_until=self._lease(),
                now=self._times.now(),
                held=catalogue.held,
                suspects=suspects,
            )

    def _groups(self, ready: Sequence[Prepared]) -> Iterator[Sequence[Prepared]]:
        """Transactional mails first, in small groups; then the campaigns', in larger ones."""
        for kind, size in (
            (Kind.TRANSACTIONAL, self._settings.group_single),
            (Kind.MARKETING, self._settings.group_campaign),
        ):
            of_kind = [one for one in ready if one.loaded.message.kind is kind]
            for start in range(0, len(of_kind), size):
                yield of_kind[start : start + size]

    def _mark(self, group: Sequence[Prepared], results: Sequence[Aftermath]) -> tuple[list[Prepared], Work]:
        """Ask the rules, mark what may go, and write what became of the group before: one durable transaction."""
        now = self._times.now()
        with self._database.writing() as connection:
            work = self._write(connection, results)
            ruling = self._rules.ask(connection, group, now)
            ledger.settle(connection, ruling.stays, token=self.token)
            self._lease_until = self._lease()
            ours = ledger.mark(
                connection,
                [one.marked for one in ruling.going],
                token=self.token,
                machine=self._times.machine(),
                lease_until=self._lease_until,
                now=now,
            )
        self._journal.forget()
        work += Work(journeys=ruling.exited)
        return [one for one in ruling.going if one.loaded.message.id in ours], work

    def _hand_over(self, going: Sequence[Prepared]) -> list[Aftermath]:
        by_number = {one.loaded.message.id: one.loaded.message for one in going}
        answers: list[Answer] = list(self._transport.send([one.outgoing for one in going], self))
        now = self._times.now()
        return [
            aftermath(
                answer,
                attempts=by_number[answer.message].attempts,
                limit=self._settings.attempts,
                expires_at=by_number[answer.message].expires_at,
                now=now,
            )
            for answer in answers
        ]

    def _write(self, connection: Connection, results: Sequence[Aftermath]) -> Work:
        """Write what became of messages; returns the journeys that wait to hear of it."""
        written = ledger.settle(connection, [one.settlement for one in results], token=self.token)
        for one in results:
            if one.suppress is not None and one.settlement.message in written:
                suppression.suppress_recipient(connection, one.settlement.message, one.suppress, one.settlement.at)
        sent = [one.settlement.message for one in results if one.settlement.state is MessageState.SENT]
        return Work(journeys=self._rules.listeners(connection, [number for number in sent if number in written]))

    def handing(self, message: int) -> None:
        """Note in the journal that the final dot is next, if the claim still holds (`Journal`).

        Raises:
            LeaseOver: the claim ran out, while the process was stopped or the server slow.
        """
        if self._times.machine() >= self._lease_until:
            raise LeaseOver(f"the claim on message {message} ran out before it was handed over")
        self._journal.handing(message)

    def answered(self, answer: Answer) -> None:
        """Note the answer in the journal (`Journal`)."""
        self._journal.answered(answer)

    def _lease(self) -> datetime:
        return self._times.machine() + timedelta(seconds=self._settings.lease)
