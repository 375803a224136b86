"""uvicorn's reading of HTTP, with an end to everything that a client could do without one.

uvicorn itself waits for ever for the rest of a request, keeps headers of any length, and takes requests that come one
behind the other faster than it answers them. Here a request's head has a length and must come in time, an answer must
be made and read in time, and where too many connections are open those go first that have waited longest for their
request. So nobody is refused: whoever has something to ask asks it at once, and a click comes through among thousands
of connections that say nothing.
"""

from __future__ import annotations

import asyncio
import logging
import resource
from dataclasses import dataclass, field
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD = 65_536  # bytes of a request that are not its body: line, headers, frames of chunks, trailers
BEHIND = 16  # requests that may come one behind the other before the first is answered (RFC 9112, section 9.3.2)
WAITS = 10.0  # seconds for a head to come whole, from the connection or the last answer on
WORKS = 90.0  # seconds for body, answer and its reading; each endpoint has shorter limits of its own
LOOKS = 1.0  # seconds between two looks for who is late
MOST = 10_000  # connections, where the system lets a process have as many
SPARED = 256  # descriptors that are kept for files, database and queue
_SHARE = 20  # one in so many of the connections is closed at a time, so that looking for them costs little

log = logging.getLogger(__name__)


class TooMuchError(Exception):
    """A request that does not end, or one too many behind others."""


@dataclass
class Watch:
    """The connections of one process, and how long each may take.

    Parameters:
        most: connections that may be open.
        waits, works: seconds, as above.
    """

    most: int
    waits: float = WAITS
    works: float = WORKS
    open: set[GuardedProtocol] = field(default_factory=set)
    _looks: asyncio.TimerHandle | None = None

    @classmethod
    def of_this_process(cls) -> Watch:
        """Return a watch over as many connections as this process may have; asks the system for as many as it gives."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = MOST + SPARED
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        if soft != resource.RLIM_INFINITY and soft < most:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        return cls(max(SPARED, most - SPARED))

    def __call__(self, **told: Any) -> GuardedProtocol:
        """Make what reads one connection, as uvicorn asks for it."""
        return GuardedProtocol(watch=self, **told)

    def opened(self, one: GuardedProtocol) -> None:
        """Watch one more; where that is too many, close those that have waited longest for their request."""
        self.open.add(one)
        if len(self.open) > self.most:
            waiting = sorted((other for other in self.open if not other.in_hand), key=lambda other: other.since)
            for other in waiting[: max(1, self.most // _SHARE)]:
                other.drop()
            if not waiting:
                one.drop()
        if self._looks is None:
            self._looks = one.loop.call_later(LOOKS, self._look, one.loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for one in tuple(self.open):
            # an answer that is on its way is not cut off as soon as a request that does not come
            late = self.works if one.in_hand or one.transport.get_write_buffer_size() else self.waits
            if now - one.since > late:
                one.drop()
        self._looks = loop.call_later(LOOKS, self._look, loop) if self.open else None


class GuardedProtocol(HttpToolsProtocol):
    """One connection.

    Parameters:
        watch: over all of them.
        told: what uvicorn tells.
    """

    def __init__(self, *, watch: Watch, **told: Any) -> None:
        super().__init__(**told)
        self._watch = watch
        self._beside_body = 0  # bytes of this request
        self._bodies = 0  # bytes of all bodies so far
        self._bodies_before = 0
        self.in_hand = False
        self.since = self.loop.time()
        self.logger = _quiet()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin."""
        super().connection_made(transport)
        self._watch.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._watch.open.discard(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on."""
        before = self._bodies
        super().data_received(data)
        self._beside_body += len(data) - (self._bodies - before)
        # a body in chunks may be framed by as much as it is long, while endpoints limit how long it is
        if self._beside_body > max(HEAD, self._bodies - self._bodies_before) and not self.transport.is_closing():
            self._too_long()

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._beside_body = 0
        self._bodies_before = self._bodies

    def on_headers_complete(self) -> None:
        """Have a request's head; called by the parser, which ends the connection with 400 where this raises."""
        if len(self.pipeline) >= BEHIND:
            raise TooMuchError
        self.in_hand = True
        self.since = self.loop.time()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Have a part of a body."""
        self._bodies += len(body)
        super().on_body(body)

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        self.in_hand = bool(self.pipeline)
        self.since = self.loop.time()
        super().on_response_complete()

    def drop(self) -> None:
        """Close the connection, whatever was not read of the answers."""
        self._watch.open.discard(self)
        self.transport.abort()

    def _too_long(self) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self.transport.write(
                b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
            )
            self.transport.close()
        else:
            self.drop()


def _quiet() -> logging.Logger:
    """Return a log for what fails here; a line for each request that is none would let anybody fill the disk."""
    quiet = logging.getLogger("uvicorn.error.requests")
    quiet.setLevel(logging.ERROR)
    return quiet
