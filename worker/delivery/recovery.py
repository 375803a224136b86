"""After a crash: what dead senders had in hand goes back to the queue, is settled, or is called unknown.

A dead sender of this machine left its journal, which tells of each message whether it was handed over and what was
answered. Of a sender on another machine only its lease is known: what it had claimed is queued again once that is
over, what it had marked as transmitting is unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from sqlalchemy import Connection

from worker.delivery.journal import DeadJournal, dead_journals
from worker.delivery.settling import aftermath
from worker.domain.messages import Kind, MessageState
from worker.domain.settings import Sending
from worker.domain.work import Work
from worker.storage import ledger, leftovers, suppression
from worker.storage.database import Database
from worker.storage.ledger import Settlement

# So long evidence (an open, a click, a bounce, the sender itself) may settle what is unknown, before the rule does.
EVIDENCE = timedelta(hours=1)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a look after dead senders found: numbers of messages."""

    queued: tuple[int, ...] = ()
    settled: tuple[int, ...] = ()
    unknown: tuple[int, ...] = ()
    failed: tuple[int, ...] = ()

    @property
    def work(self) -> Work:
        """What may be sent again."""
        return Work(messages=self.queued)


class Recovery:
    """Looks after messages whose sender is gone.

    Parameters:
        journals: folder of the senders' journals on this machine.
    """

    def __init__(self, database: Database, journals: Path, settings: Sending) -> None:
        self._database = database
        self._journals = journals
        self._settings = settings

    def run(self, now: datetime, machine: datetime) -> Recovered:
        """Settle what dead senders left.

        Parameters:
            now: the shop's time; `machine`: the machine's own, in which leases are counted.
        """
        queued: list[int] = []
        settled: list[int] = []
        unknown: list[int] = []
        for journal in dead_journals(self._journals):
            with journal:
                found = self._settle(journal, now)
                journal.remove()
            queued += found.queued
            settled += found.settled
            unknown += found.unknown
        with self._database.writing() as connection:
            queued += leftovers.take_back(connection, machine)
            unknown += leftovers.give_up(connection, machine, now)
            failed = leftovers.exhausted(connection, self._settings.attempts + 1, now)
            self._by_rule(now, connection)
        if queued or unknown or settled or failed:
            _log.warning(
                "messages of dead senders recovered",
                queued=len(queued),
                settled=len(settled),
                unknown=len(unknown),
                failed=len(failed),
            )
        return Recovered(tuple(queued), tuple(settled), tuple(unknown), tuple(failed))

    def _settle(self, journal: DeadJournal, now: datetime) -> Recovered:
        """Write what one dead sender's journal tells of the messages that it had in hand."""
        queued: list[int] = []
        settled: list[int] = []
        unknown: list[int] = []
        with self._database.writing() as connection:
            for number, (state, attempts, expires_at) in leftovers.in_hand_of(connection, journal.token).items():
                told = journal.messages.get(number)
                surely_not = state is MessageState.CLAIMED or told is None
                if surely_not or (told is not None and not told.handed and told.answer is None):
                    again = Settlement(number, MessageState.QUEUED, now, "its sender died")
                    ledger.settle(connection, [again], token=journal.token)
                    queued.append(number)
                elif told is not None and told.answer is not None:
                    after = aftermath(
                        told.answer,
                        attempts=attempts,
                        limit=self._settings.attempts,
                        expires_at=expires_at,
                        now=now,
                    )
                    ledger.settle(connection, [after.settlement], token=journal.token)
                    if after.suppress is not None:
                        suppression.suppress_recipient(connection, number, after.suppress, now)
                    settled.append(number)
                else:
                    lost = Settlement(number, MessageState.UNKNOWN, now, "no answer known: its sender died")
                    ledger.settle(connection, [lost], token=journal.token)
                    unknown.append(number)
        return Recovered(tuple(queued), tuple(settled), tuple(unknown))

    def _by_rule(self, now: datetime, connection: Connection) -> None:
        """Settle what is unknown as the settings say; `ask` leaves it to a person."""
        for kind, rule in (
            (Kind.MARKETING, self._settings.unknown_marketing),
            (Kind.TRANSACTIONAL, self._settings.unknown_transactional),
        ):
            if rule == "assume-sent":
                leftovers.resolve_unknown(
                    connection, kind, MessageState.SENT, "assumed sent: no answer known", now, since=now - EVIDENCE
                )
            elif rule == "retry":
                leftovers.resolve_unknown(
                    connection, kind, MessageState.QUEUED, "sent again: no answer known", now, since=now - EVIDENCE
                )
