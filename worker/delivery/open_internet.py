"""Requests that reach the open internet and nothing else: no private address, no redirect, no endless answer.

The name is resolved here, every address that it has is looked at, and the connection goes to one of those: a name that
means something else a moment later (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable, Mapping
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpcore

from worker.domain.webhooks import Answer, is_open

READ = 1_000  # bytes of an answer that are looked at
TOLD = 200  # characters of it that are kept


class PrivateAddressError(Exception):
    """A name that leads to an address which is none of the open internet."""


class OpenInternet(httpcore.SyncBackend):
    """Connects to open addresses only.

    Parameters:
        allow_private: whether private addresses may be reached too, as in a network that one trusts.
    """

    def __init__(self, *, allow_private: bool = False) -> None:
        self._allow_private = allow_private

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
                return super().connect_tcp(address, port, timeout, local_address, socket_options)
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
        self._pool = httpcore.ConnectionPool(
            max_connections=20, keepalive_expiry=5.0, network_backend=OpenInternet(allow_private=allow_private)
        )

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Post a body; what goes wrong is an answer too."""
        until = time.monotonic() + self._timeout
        each: dict[str, Any] = dict.fromkeys(("connect", "read", "write", "pool"), self._timeout)
        given = [(name.encode(), value.encode()) for name, value in headers.items()]
        try:
            with self._pool.stream("POST", url, headers=given, content=body, extensions={"timeout": each}) as response:
                found = b""
                for chunk in response.iter_stream():
                    found += chunk
                    if len(found) >= READ or time.monotonic() > until:
                        break
                return Answer(response.status, _words(found), retry_after=_retry_after(response.headers))
        except PrivateAddressError as error:
            return Answer(None, f"{error}; webhooks.allow_private lets it", final=True)
        except httpcore.TimeoutException:
            return Answer(None, f"no answer within {self._timeout:g} s")
        except (httpcore.UnsupportedProtocol, httpcore.LocalProtocolError) as error:
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
