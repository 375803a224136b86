"""Who shows nothing of ours: no key, no signature, no link of a mail. Of one network only so many requests are taken.

What bears a proof is never refused for where it comes from. A mail program's servers unsubscribe thousands of people
from a few addresses, whole cities share one behind their telephone company, and a shop may stand in one building with
whoever attacks it. So this limit is asked only after the proof was missing or wrong.
"""

from __future__ import annotations

from ipaddress import IPv6Address

from starlette.requests import HTTPConnection

from worker.edges.web.rate_limit import RateLimit

_LONGEST = 64  # characters; what a proxy names may be anything


class Strangers:
    """Counts the requests of strangers, by network.

    Parameters:
        per_minute: requests of one network; all of them may come at once.
    """

    def __init__(self, per_minute: int) -> None:
        self._limit = RateLimit(per_minute, 60.0)

    def wait(self, request: HTTPConnection) -> float:
        """Count a request that showed nothing; return 0, or the seconds for which no more of them are taken."""
        network = network_of(request)
        return 0.0 if network is None else self._limit.wait(network)

    def peek(self, request: HTTPConnection) -> float:
        """Return what `wait` would, and count nothing: to ask before a body is read that may yet show something."""
        network = network_of(request)
        return 0.0 if network is None else self._limit.peek(network)


def network_of(request: HTTPConnection) -> str | None:
    """Return where a request comes from: an address of IPv4, or the /64 of IPv6 that one customer of a provider has.

    The server has put the client's address there where a trusted proxy named it (`tracking.trusted_proxies`).
    None where there is none, as behind a unix socket: then nobody can be told from others.
    """
    client = request.scope.get("client")
    if not client:
        return None
    host = str(client[0])[:_LONGEST]
    if ":" not in host:
        return host
    try:
        address = IPv6Address(host.partition("%")[0])
    except ValueError:
        return host
    return str(address.ipv4_mapped or f"{int(address) >> 64:x}::/64")
