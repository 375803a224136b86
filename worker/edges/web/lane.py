"""A lane: one thread of its own that does what a loop hands over, one thing after the other, and tells it when done.

A daemon's thread: a database that never answers keeps no process from ending.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Given = TypeVar("Given")


class Lane(Generic[Given]):
    """Does one kind of work.

    Parameters:
        name: what it does, for the thread.
        do: does one piece.
    """

    def __init__(self, name: str, do: Callable[[Given], None]) -> None:
        self._do = do
        self._given: queue.SimpleQueue[tuple[Given, asyncio.Future[None]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def hand_over(self, given: Given) -> asyncio.Future[None]:
        """Have a piece done; the future of the running loop has what `do` raises."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._given.put((given, done))
        return done

    def close(self, seconds: float) -> None:
        """Do what waits, and end; at most for so long."""
        self._given.put(None)
        self._thread.join(seconds)

    def running(self) -> bool:
        """Say whether something is still being done."""
        return self._thread.is_alive()

    def _run(self) -> None:
        while (asked := self._given.get()) is not None:
            given, done = asked
            error: BaseException | None = None
            try:
                self._do(given)
            except BaseException as raised:
                error = raised
            loop = done.get_loop()
            if not loop.is_closed():
                loop.call_soon_threadsafe(_tell, done, error)


def _tell(done: asyncio.Future[None], error: BaseException | None) -> None:
    if done.done():
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)
