"""Which relay takes a mail: by weights, among those that are for its kind and take mail now."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from worker.domain.messages import Kind
from worker.domain.rates import Rate, WarmUp

ONLY = "main"  # how the one relay of a plain `smtp_url` is called
_GOLDEN = (5**0.5 - 1) / 2
_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")


@dataclass(frozen=True, slots=True)
class Route:
    """A relay as mails are shared out to it.

    Parameters:
        weight: its share, beside the others'.
        kinds: what it is for.
        rate: as much as it takes, or None.
        warm_up: while it is new, or None.
    """

    name: str
    weight: int = 1
    kinds: frozenset[Kind] = frozenset(Kind)
    rate: Rate | None = None
    warm_up: WarmUp | None = None


class Turns:
    """Whose turn it is among relays: after few turns already each has had its share, whichever take mail just then.

    The turns step round a circle, of which each relay has a piece by its weight, by the golden ratio: no n steps leave
    a gap much wider than the others (R. Kronecker's sequence; its discrepancy is of the order log n / n).

    Parameters:
        seed: where it begins, so that not all senders begin with the same relay.
    """

    def __init__(self, seed: int) -> None:
        digest = blake2b(seed.to_bytes(8, "big", signed=True), digest_size=8).digest()
        self._at = int.from_bytes(digest, "big") / 2**64

    def choose(self, routes: Sequence[Route]) -> Route:
        """Return the relay whose turn it is.

        Raises:
            ValueError: there is none.
        """
        if not routes:
            raise ValueError("there is no relay to choose from")
        self._at = (self._at + _GOLDEN) % 1.0
        left = self._at * sum(route.weight for route in routes)
        for route in routes:
            left -= route.weight
            if left < 0:
                return route
        return routes[-1]


def named_urls(text: str) -> dict[str, str]:
    """Read `smtp_url`: one URL, or several of the form `name=url` with spaces between.

    Raises:
        ValueError: it is neither; the message never repeats a URL.
    """
    words = text.split()
    if len(words) == 1 and not re.match(r"[^:/=]*=", words[0]):
        return {ONLY: words[0]}
    found: dict[str, str] = {}
    for number, word in enumerate(words, 1):
        name, equals, url = word.partition("=")
        if not equals or not _NAME.fullmatch(name):
            raise ValueError(
                f"several relays are written name=url with spaces between, such as 'ses=smtp://… own=smtp://…'; "
                f"number {number} has no name of small letters, digits and '-'"
            )
        if name in found:
            raise ValueError(f"two relays are called '{name}'; give each a name of its own")
        found[name] = url
    if not found:
        raise ValueError("it is empty")
    return found


def written_urls(text: str) -> list[tuple[str, str]]:
    """Return the URLs of `smtp_url` with what is written before each (`name=`, or nothing).

    Raises:
        ValueError: as `named_urls`.
    """
    named = named_urls(text)
    plain = "=" not in text.partition(":")[0]
    return [("" if plain else f"{name}=", url) for name, url in named.items()]


def route_fault(urls: Collection[str], named: Collection[str], routes: Sequence[Route]) -> str | None:
    """Return what is wrong between the relays that have a URL and those that the settings name, or None.

    Parameters:
        routes: those that have a URL.
    """
    for name in named:
        if name not in urls:
            known = ", ".join(sorted(urls))
            return f"sending.relays names '{name}', and smtp_url (PHIN_SMTP_URL) has no URL of that name, but: {known}"
    for kind in Kind:
        if not any(kind in route.kinds for route in routes):
            return f"no relay is for {kind.value} mail; write 'for: all' at one of sending.relays"
    return None
