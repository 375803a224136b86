"""Whether the relay takes our mail: told in the log when it ceases to, and when it does again.

A mail that is not taken waits and is tried again, so nothing is lost; but whoever runs the shop must learn of it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import structlog

from worker.delivery.transport import Answer, Journal, LeaseOver, Outcome, Outgoing, Transport
from worker.domain.addresses import masked
from worker.domain.answers import Reach, Stage, class_answer

TOLD_EVERY = 60.0  # seconds between two warnings of one process, however often the relay comes and goes

_log = structlog.get_logger(__name__)


class RelayHealth:
    """What the senders of one process learn of their relay; safe to share between threads.

    Parameters:
        relay: its host and port, without credentials.
        monotonic: seconds of a clock that never goes back.
    """

    def __init__(self, relay: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._relay = relay
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._warned = False
        self._not_before = 0.0

    def watch(self, transport: Transport) -> Transport:
        """Return the transport, with an eye on its answers."""
        return _Watched(transport, self)

    def note(self, answer: Answer) -> None:
        """Learn from an answer; one about its recipient, or the recipient's domain, says nothing of the relay."""
        if answer.outcome is Outcome.ACCEPTED:
            self._works()
        elif answer.outcome is not Outcome.UNKNOWN and _of_the_relay(answer):
            self._fails(answer)

    def _fails(self, answer: Answer) -> None:
        with self._lock:
            now = self._monotonic()
            if self._warned or now < self._not_before:
                return
            self._warned, self._not_before = True, now + TOLD_EVERY
        words = f"{answer.code} {answer.text}" if answer.code else answer.text
        _log.warning("the relay does not take our mail", relay=self._relay, why=masked(words))

    def _works(self) -> None:
        if not self._warned:  # without the lock: this is asked for each mail
            return
        with self._lock:
            told, self._warned = self._warned, False
        if told:
            _log.info("the relay takes mail again", relay=self._relay)


class _Watched:
    """A transport whose answers are looked at on their way."""

    def __init__(self, transport: Transport, health: RelayHealth) -> None:
        self._transport = transport
        self._health = health

    def send(self, mails: Sequence[Outgoing], journal: Journal) -> Iterator[Answer]:
        """Hand the mails over; yields exactly one answer for each."""
        leased = _Leased(journal)
        for answer in self._transport.send(mails, leased):
            if not leased.over:
                self._health.note(answer)
            yield answer

    def close(self) -> None:
        """End what is open."""
        self._transport.close()


@dataclass(slots=True)
class _Leased:
    """A journal that remembers whether the claim ran out: what is not sent then is not the relay's fault."""

    journal: Journal
    over: bool = False

    def handing(self, message: int) -> None:
        try:
            self.journal.handing(message)
        except LeaseOver:
            self.over = True
            raise

    def answered(self, answer: Answer) -> None:
        self.journal.answered(answer)


def _of_the_relay(answer: Answer) -> bool:
    verdict = class_answer(answer.code, answer.text, answer.stage)
    return answer.stage is Stage.CONNECT or (verdict.reach is Reach.RELAY and verdict.certain)
