"""The senders of one process: each piece of work takes one that is free."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import timedelta

from worker.delivery.sender import MANY, Mailroom, Sender
from worker.domain.errors import UnavailableError
from worker.domain.work import Work
from worker.storage import claims

SLOW = timedelta(milliseconds=3)  # a mail's handing over that is waiting for a server, and not work
QUICK = timedelta(milliseconds=20)  # a mail's handing over for which whoever has it in hand may as well wait
STINT = 2.0  # seconds that a sender goes on with what else is due, before another piece of work has its turn
LOOK_AT = 20  # batches that are looked for at a time, where nobody says what to send


class Sending:
    """The senders of one process: each call takes one that is free, with its connection and its journal."""

    def __init__(self, room: Mailroom, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._room = room
        self._monotonic = monotonic
        self._turn = threading.Lock()
        self._slow = False
        self._a_mail = QUICK  # that handing one over took lately
        self._free: list[Sender] = []
        self._lock = threading.Lock()

    def run(self, message_ids: Sequence[int]) -> Work:
        """Send those of these messages that may go now.

        Where they are many, more are likely to wait: the sender goes on with what is due for a stint, so that
        a campaign goes as quickly as it can be sent, and not as quickly as somebody finds it and asks for it. While the
        relay is quick, one sender of the process does so at a time: Python works in one thread only, and several that
        want to cost a quarter of the rate. By a slow relay they wait side by side.

        Returns:
            Journeys for which something changed, and messages to be taken again.
        """
        if len(message_ids) < min(self._room.settings.sending.batch, MANY):
            with self._sender() as sender:
                work = sender.send(message_ids)
                self._a_mail = sender.a_mail
                return work
        with nullcontext() if self._slow else self._turn, self._sender() as sender:
            until = self._monotonic() + STINT
            work = sender.send(message_ids)
            if sender.took:  # else the job is an old one, and others see to what is due
                work += sender.send_next(lambda: self._monotonic() < until)
            self._a_mail = sender.a_mail
            self._slow = sender.a_mail > SLOW
            return work

    def quick(self) -> bool:
        """Say whether mails were handed over quickly lately."""
        return self._a_mail < QUICK

    def run_due(self) -> Work:
        """Send whatever is due, each message once; returns what `run` does."""
        work = Work()
        seen: set[int] = set()
        while ids := [number for number in self._due() if number not in seen]:
            seen.update(ids)
            work += self.run(ids)
        return work

    def close(self) -> None:
        """End the connections of all senders that are free."""
        with self._lock:
            for sender in self._free:
                sender.close()
            self._free.clear()

    def _due(self) -> list[int]:
        room = self._room
        with room.database.reading() as connection:
            catalogue = room.flowbook.follow(connection)
            if catalogue.all_held:
                return []
            limit = room.settings.sending.batch * LOOK_AT
            return claims.due(connection, catalogue.sending, room.times.now(), limit)

    @contextmanager
    def _sender(self) -> Iterator[Sender]:
        with self._lock:
            sender = self._free.pop() if self._free else None
        sender = sender or Sender(self._room)
        try:
            yield sender
        except (UnavailableError, OSError):  # the database or the disk, whose fault is no message's
            sender.leave()
            raise
        except BaseException:
            sender.close()
            raise
        with self._lock:
            self._free.append(sender)
