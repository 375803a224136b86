"""An SMTP server that misbehaves by a script, on a free port, and a port where nobody listens."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType

from tests.support.smtp_conversation import Conversation, Manners, Script


class MisbehavingSmtp:
    """A server on 127.0.0.1; a context manager.

    Parameters:
        script: what to do at which step.
        manners: in place of a script, all that can be said of a server.
    """

    def __init__(self, script: Script | None = None, *, manners: Manners | None = None) -> None:
        self.manners = manners or Manners(script or {})
        self.connections = 0
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])

    @property
    def accepted(self) -> list[str]:
        """Message-IDs of what it took."""
        return self.manners.accepted

    def url(self, scheme: str = "smtp", userinfo: str = "", query: str = "") -> str:
        """Return a value for `smtp_url`."""
        return f"{scheme}://{userinfo}127.0.0.1:{self.port}{query}"

    def close(self) -> None:
        """Hang up on everybody and wait until all that came in is recorded."""
        self.manners.over.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in [*self.manners.sockets]:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RD)
        for thread in [*self._threads]:
            thread.join(10)

    def __enter__(self) -> MisbehavingSmtp:
        acceptor = threading.Thread(target=self._accept, daemon=True)
        self._threads.append(acceptor)
        acceptor.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _accept(self) -> None:
        while not self.manners.over.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self.manners.sockets.append(connection)
            thread = threading.Thread(target=Conversation(self.manners, connection).run, daemon=True)
            self._threads.append(thread)
            thread.start()


class RefusedPort:
    """A port of 127.0.0.1 that is taken and that nobody listens on; a context manager."""

    def __enter__(self) -> int:
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        return int(self._socket.getsockname()[1])

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()
