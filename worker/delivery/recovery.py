"""After a crash: what dead senders had in hand goes back to the queue, is settled, or is called unknown.

A dead sender of this machine left its journal, which tells of each message whether it was handed over and what was
answered. Of a sender on another machine only its lease is known: what it had claimed is queued again once that is
over, what it had marked as transmitting is unknown.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from sqlalchemy import Connection

from worker.delivery.journal import DeadJournal, Told, dead_journals
from worker.delivery.settling import Aftermath, after_answer, lost, put_back
from worker.domain.messages import Kind, MessageState
from worker.domain.setting_mail import Sending
from worker.domain.work import Work
from worker.storage import journeys, ledger, leftovers, suppression
from worker.storage.claims import SUSPECT_FROM
from worker.storage.database import Database
from worker.storage.leftovers import InHand

# So long evidence (an open, a click, a bounce, the sender itself) may settle what is unknown, before the rule does.
EVIDENCE = timedelta(hours=1)
_DEATHS = SUSPECT_FROM + 2  # at least so many set a mail aside: those at which it was a suspect it died of alone
_RULES = {
    "assume-sent": (MessageState.SENT, "assumed sent: no answer known"),
    "retry": (MessageState.QUEUED, "sent again: no answer known"),
}

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a look after dead senders found: numbers of messages.

    Parameters:
        queued: to be sent again; `settled`: by an answer in a journal; `failed`: set aside, their senders die of them.
        ruled: those long unknown that the settings' rule settled.
        journeys: those that wait, and wrote one of which it is known now, or unknown, whether it was sent.
    """

    queued: tuple[int, ...] = ()
    settled: tuple[int, ...] = ()
    unknown: tuple[int, ...] = ()
    failed: tuple[int, ...] = ()
    ruled: tuple[int, ...] = ()
    journeys: tuple[int, ...] = ()

    def __add__(self, other: Recovered) -> Recovered:
        return Recovered(
            self.queued + other.queued,
            self.settled + other.settled,
            self.unknown + other.unknown,
            self.failed + other.failed,
            self.ruled + other.ruled,
            self.journeys + other.journeys,
        )

    @property
    def work(self) -> Work:
        """What may be sent again, and who waits to hear."""
        return Work(messages=self.queued, journeys=self.journeys)


class Recovery:
    """Looks after messages whose sender is gone.

    Parameters:
        journals: folder of the senders' journals on this machine.
    """

    def __init__(self, database: Database, journals: Path, settings: Sending) -> None:
        self._database = database
        self._journals = journals
        self._settings = settings

    def run(self, now: datetime, machine: datetime | None) -> Recovered:
        """Settle what dead senders left.

        Parameters:
            now: the shop's time; `machine`: the machine's own, in which leases are counted; None: only what the
                journals of this machine tell.
        """
        found = Recovered()
        for journal in dead_journals(self._journals):
            with journal:
                found += self._of_journal(journal, now)
                journal.remove()
        if machine is not None:
            found += self._of_leases(now, machine)
        counts = {
            name: len(numbers)
            for name in ("queued", "settled", "unknown", "failed", "ruled")
            if (numbers := getattr(found, name))
        }
        if counts:
            _log.warning("messages of dead senders recovered", **counts)
        return found

    def _of_journal(self, journal: DeadJournal, now: datetime) -> Recovered:
        """Write what one dead sender's journal tells of the messages that it had in hand."""
        with self._database.writing() as connection:
            held = leftovers.in_hand_of(connection, journal.token)
            blamed = set() if journal.left else suspects(held.values(), journal.messages)
            results = [
                after_death(message, journal.messages.get(message.id), message.id in blamed, self._settings, now)
                for message in held.values()
            ]
            ledger.settle(connection, [result.settlement for result in results], token=journal.token)
            for result in results:
                if result.suppress is not None:
                    suppression.suppress_recipient(connection, result.settlement.message, result.suppress, now)
            return _found(connection, results)

    def _of_leases(self, now: datetime, machine: datetime) -> Recovered:
        """Settle what has no journal by its lease, and what is long unknown by the settings' rule."""
        with self._database.writing() as connection:
            back = leftovers.take_back(connection, machine)
            unknown = leftovers.give_up(connection, machine, now)
            failed = leftovers.exhausted(connection, max(self._settings.attempts, _DEATHS), now)
            sent, again = self._by_rule(connection, now)
            queued = [number for number in back if number not in failed]
            return Recovered(
                queued=(*queued, *again),
                unknown=tuple(unknown),
                failed=tuple(failed),
                ruled=(*sent, *again),
                journeys=_waiting(connection, [*unknown, *sent]),
            )

    def _by_rule(self, connection: Connection, now: datetime) -> tuple[list[int], list[int]]:
        """Settle what is unknown as the settings say; `ask` leaves it to a person. Returns what is sent, and queued."""
        found: dict[MessageState, list[int]] = {MessageState.SENT: [], MessageState.QUEUED: []}
        for kind, word in (
            (Kind.MARKETING, self._settings.unknown_marketing),
            (Kind.TRANSACTIONAL, self._settings.unknown_transactional),
        ):
            if word in _RULES:
                state, reason = _RULES[word]
                since = now - EVIDENCE
                found[state] += leftovers.resolve_unknown(connection, kind, state, reason, now, since=since)
        return found[MessageState.SENT], found[MessageState.QUEUED]


def after_death(message: InHand, told: Told | None, crashed: bool, settings: Sending, now: datetime) -> Aftermath:
    """Return what becomes of a message that a dead sender had in hand.

    Parameters:
        told: what the sender's journal tells of it.
        crashed: whether its sender may have died of it.
    """
    if told is None or message.state is MessageState.CLAIMED:
        return put_back(message.id, "its sender died", now, crashed=crashed, crashes=message.crashes)
    if told.answer is not None:
        return after_answer(message, told.answer, settings.attempts, now)
    return lost(message.id, now)


def suspects(held: Collection[InHand], told: Mapping[int, Told]) -> set[int]:
    """Return the messages that their sender may have died of.

    While it hands a group over, it dies of one of that group that has no answer yet; else of one that it was making.
    Where one was in the midst of being handed over, it was that: which is unknown then, and not tried again.
    """
    marked = [message.id for message in held if message.state is not MessageState.CLAIMED]
    if any(number in told and told[number].handed and told[number].answer is None for number in marked):
        return set()
    unanswered = {number for number in marked if number not in told}
    return unanswered or {message.id for message in held if message.state is MessageState.CLAIMED}


def _found(connection: Connection, results: Sequence[Aftermath]) -> Recovered:
    """Sort what was written by what became of it."""
    again = [result.settlement.message for result in results if result.again]
    unknown = [r.settlement.message for r in results if r.settlement.state is MessageState.UNKNOWN]
    sent = [r.settlement.message for r in results if r.settlement.state is MessageState.SENT]
    settled = [r.settlement.message for r in results if r.settlement.message not in {*again, *unknown}]
    known = _waiting(connection, [*unknown, *sent])
    return Recovered(queued=tuple(again), settled=tuple(settled), unknown=tuple(unknown), journeys=known)


def _waiting(connection: Connection, handed_over: Sequence[int]) -> tuple[int, ...]:
    """Wake the waiting journeys of these messages: that they were sent, or perhaps were, is news to them."""
    if not handed_over:
        return ()
    waiting = journeys.waiting_of_messages(connection, handed_over)
    return tuple(journeys.wake(connection, [number for number, _ in waiting]))
