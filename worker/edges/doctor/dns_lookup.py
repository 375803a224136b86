"""Questions to the DNS, each with its answer or why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import dns.exception
import dns.rdatatype
import dns.resolver

from worker.domain.errors import PhinError


class NoAnswerError(PhinError):
    """No name server answered; it is not known what there is."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A host that receives a domain's mail (MX)."""

    preference: int
    host: str


class Lookup:
    """Asks this machine's name servers, or another.

    Parameters:
        server: `address` or `address:port`, or None: this machine's.
        within: seconds that an answer may take.

    Raises:
        NoAnswerError: this machine knows no name server.
    """

    def __init__(self, server: str | None, within: float) -> None:
        try:
            self._resolver = dns.resolver.Resolver(configure=server is None)
        except dns.exception.DNSException as error:
            raise NoAnswerError(f"this machine has no name server ({error})") from error
        if server is not None:
            host, port = _host_and_port(server)
            self._resolver.nameservers, self._resolver.port = [host], port
        self._resolver.lifetime = within
        self._resolver.timeout = within / 2

    def texts(self, name: str) -> list[str]:
        """Return the TXT records of a name, each in one piece (RFC 7208, section 3.3); none where there is none."""
        return [b"".join(record.strings).decode("utf-8", "replace") for record in self._records(name, "TXT")]

    def exchanges(self, name: str) -> list[Exchange]:
        """Return who receives a domain's mail, the most wanted first."""
        found = [Exchange(one.preference, str(one.exchange).rstrip(".")) for one in self._records(name, "MX")]
        return sorted(found, key=lambda one: one.preference)

    def addresses(self, name: str) -> list[str]:
        """Return the addresses of a host, IPv4 and IPv6."""
        return [str(one) for kind in ("A", "AAAA") for one in self._records(name, kind)]

    def _records(self, name: str, kind: str) -> Sequence[Any]:
        try:
            return list(self._resolver.resolve(name, kind, search=False))
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except dns.exception.DNSException as error:
            raise NoAnswerError(f"no name server told the {kind} of {name}: {_words(error)}") from error


def _host_and_port(server: str) -> tuple[str, int]:
    host, colon, port = server.rpartition(":")
    if colon and port.isdigit() and (host.count(":") == 0 or host.startswith("[")):
        return host.strip("[]"), int(port)
    return server.strip("[]"), 53


def _words(error: Exception) -> str:
    if isinstance(error, dns.exception.Timeout):
        return "no answer in time"
    return " ".join(str(error).split())[:120]
