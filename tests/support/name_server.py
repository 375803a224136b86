"""A name server on loopback that knows what a test tells it, and can be silent."""

from __future__ import annotations

import socket
import threading
from types import TracebackType

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

Zone = dict[tuple[str, str], list[str]]


class NameServer:
    """Answers over UDP; a context manager.

    Parameters:
        zone: records by name and kind, as a zone file writes them: `{("a.example", "MX"): ["10 mail.a.example."]}`.
        silent: whether it answers nothing at all; `broken`: whether it answers SERVFAIL.
    """

    def __init__(self, zone: Zone | None = None, *, silent: bool = False, broken: bool = False) -> None:
        self.zone = zone or {}
        self.asked: list[tuple[str, str]] = []
        self._silent, self._broken = silent, broken
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def address(self) -> str:
        """`address:port`, as --resolver takes it."""
        host, port = self._socket.getsockname()
        return f"{host}:{port}"

    def __enter__(self) -> NameServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.sendto(b"", self._socket.getsockname())
        self._thread.join(5)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            data, whence = self._socket.recvfrom(4096)
            if not data:
                return
            query = dns.message.from_wire(data)
            question = query.question[0]
            name, kind = str(question.name).rstrip(".").lower(), dns.rdatatype.to_text(question.rdtype)
            self.asked.append((name, kind))
            if self._silent:
                continue
            answer = dns.message.make_response(query)
            answer.flags |= dns.flags.RA
            records = self.zone.get((name, kind), [])
            if self._broken:
                answer.set_rcode(dns.rcode.SERVFAIL)
            elif records:
                answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *records))
            elif not any(known == name for known, _ in self.zone):
                answer.set_rcode(dns.rcode.NXDOMAIN)
            self._socket.sendto(answer.to_wire(), whence)
