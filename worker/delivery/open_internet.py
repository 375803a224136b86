"""Requests that reach the open internet and nothing else: no private address, no redirect, no endless answer.

The name is resolved here, every address that it has is looked at, and the connection goes to one of those: a name that
means something else a moment later (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpcore

from worker.domain.webhooks import Answer, is_open

READ = 1_000  # bytes of an answer that are looked at
TOLD = 200  # characters of it that are kept


class PrivateAddressError(Exception):
    """A name that leads to an address which is none of the open internet."""


class _Deadline(threading.local):
    """Until when this thread's request may take, by `time.monotonic`; None where nothing bounds it."""

    until: float | None = None

    def left(self, timeout: float | None) -> float | None:
        """Return the seconds that the next step may take, of those it would have by itself.

        Raises:
            httpcore.ReadTimeout: none are left.
        """
        if self.until is None:
            return timeout
        left = self.until - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the time for the whole answer is over")
        return left if timeout is None else min(timeout, left)


class _Stream(httpcore.NetworkStream):
    """A connection each of whose steps ends with the time for the whole: a byte now and then keeps nobody."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: _Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        inner = self._stream.start_tls(ssl_context, server_hostname, self._deadline.left(timeout))
        return _Stream(inner, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class OpenInternet(httpcore.SyncBackend):
    """Connects to open addresses only.

    Parameters:
        allow_private: whether private addresses may be reached too, as in a network that one trusts.
    """

    def __init__(self, *, allow_private: bool = False) -> None:
        self._allow_private = allow_private
        self._deadline = _Deadline()

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Bound what this thread asks for, from connecting to the answer's end."""
        self._deadline.until = time.monotonic() + seconds
        try:
            yield
        finally:
            self._deadline.until = None

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address of a name that answers.

        Raises:
            PrivateAddressError: one of its addresses is not of the open internet.
            httpcore.ConnectError: it has none, or none answers.
        """
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"'{host}' is not known: {error}") from error
        addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
        closed = [one for one in addresses if not is_open(one)]
        if closed and not self._allow_private:
            raise PrivateAddressError(f"'{host}' is {closed[0]}, no address of the open internet")
        failed: httpcore.ConnectError | httpcore.ConnectTimeout | None = None
        for address in addresses:
            try:
                left = self._deadline.left(timeout)
                return _Stream(super().connect_tcp(address, port, left, local_address, socket_options), self._deadline)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        raise failed or httpcore.ConnectError(f"'{host}' has no address")


class Poster:
    """Posts bodies, each to one address, and tells what was answered; safe to share between threads.

    Parameters:
        timeout: seconds for connecting, and for the whole answer.
    """

    def __init__(self, *, allow_private: bool, timeout: float) -> None:
        self._timeout = timeout
        self._internet = OpenInternet(allow_private=allow_private)
        self._pool = httpcore.ConnectionPool(max_connections=20, keepalive_expiry=5.0, network_backend=self._internet)

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Post a body; what goes wrong is an answer too."""
        each: dict[str, Any] = dict.fromkeys(("connect", "read", "write", "pool"), self._timeout)
        given = [(name.encode(), value.encode()) for name, value in headers.items()]
        try:
            with (
                self._internet.within(self._timeout),
                self._pool.stream("POST", url, headers=given, content=body, extensions={"timeout": each}) as response,
            ):
                found = b""
                # whether it was taken stands in the status already, however the rest ends
                with suppress(httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError):
                    for chunk in response.iter_stream():
                        found += chunk
                        if len(found) >= READ:
                            break
                return Answer(response.status, _words(found), retry_after=_retry_after(response.headers))
        except PrivateAddressError as error:
            return Answer(None, f"{error}; webhooks.allow_private lets it", final=True)
        except httpcore.TimeoutException:
            return Answer(None, f"no answer within {self._timeout:g} s")
        except (httpcore.UnsupportedProtocol, httpcore.LocalProtocolError, ValueError, TypeError) as error:
            # the latter two: no ASCII, or a port that is none; one row's fault is not to end the others' batch
            return Answer(None, f"the address cannot be used: {error}", final=True)
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
            return Answer(None, f"{type(error).__name__}: {error}".rstrip(": "))

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()


def _words(found: bytes) -> str:
    text = found[:READ].decode("utf-8", "replace")
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[:TOLD]


def _retry_after(headers: Iterable[tuple[bytes, bytes]]) -> timedelta | None:
    """Return how long the server asks to be left alone (RFC 9110, section 10.2.3), by its own clock."""
    known = {name.lower(): value.decode("ascii", "replace").strip() for name, value in headers}
    wished = known.get(b"retry-after", "")
    if wished.isdigit() and len(wished) < 10:
        return timedelta(seconds=int(wished))
    try:
        return parsedate_to_datetime(wished) - parsedate_to_datetime(known.get(b"date", ""))
    except (ValueError, TypeError):
        return None
