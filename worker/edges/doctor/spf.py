"""SPF (RFC 7208): what a domain's record says, how many questions it costs, and whether it names an address."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from worker.edges.doctor.dns_lookup import Lookup

MOST_QUESTIONS = 10  # section 4.6.4: beyond it a receiver calls the record broken
_DEEPEST = 12
_ASKING = ("include", "a", "mx", "ptr", "exists", "redirect")


@dataclass(slots=True)
class Spf:
    """What a record and those that it includes come to.

    Parameters:
        records: of the domain itself; there must be one.
        questions: to the DNS that a receiver has to ask.
        networks: addresses that may send.
        includes: the domains of others that it includes itself.
        everybody: whether anybody at all may send (`+all`).
        ends: how it ends for others: `-all`, `~all`, `?all`, or empty.
        broken: what is wrong with it.
    """

    records: list[str] = field(default_factory=list)
    questions: int = 0
    networks: list[str] = field(default_factory=list)
    includes: list[str] = field(default_factory=list)
    everybody: bool = False
    ends: str = ""
    broken: list[str] = field(default_factory=list)

    def names(self, address: str) -> bool:
        """Say whether an address may send by this record."""
        try:
            asked = ip_address(address)
        except ValueError:
            return False
        return any(asked in network for network in _networks(self.networks) if network.version == asked.version)


def read_spf(lookup: Lookup, domain: str) -> Spf:
    """Read the SPF record of a domain, with those that it includes.

    Raises:
        NoAnswerError: a name server did not answer.
    """
    found = Spf(records=_records(lookup, domain))
    if len(found.records) == 1:
        _walk(lookup, domain, found.records[0], found, 0)
    return found


def _records(lookup: Lookup, domain: str) -> list[str]:
    return [one for one in lookup.texts(domain) if one.lower() == "v=spf1" or one.lower().startswith("v=spf1 ")]


def _walk(lookup: Lookup, domain: str, record: str, found: Spf, depth: int) -> None:
    for term in record.split()[1:]:
        sign, word = (term[0], term[1:]) if term[0] in "+-~?" else ("+", term)
        name, separator, value = _parts(word)
        if name in _ASKING:
            found.questions += 1
        if name == "all":
            if depth == 0:
                found.ends = f"{sign}all"
            found.everybody = found.everybody or sign == "+"
        elif name in ("ip4", "ip6") and sign == "+":
            found.networks.append(value)
        elif name in ("a", "mx") and sign == "+":
            found.networks += _hosts(lookup, name, value, domain)
        elif (name == "include" and separator == ":") or (name == "redirect" and separator == "="):
            if depth == 0:
                found.includes.append(value)
            if "%" not in value and depth < _DEEPEST and found.questions <= 2 * MOST_QUESTIONS:
                _include(lookup, value, found, depth, whole=name == "redirect")


def _include(lookup: Lookup, domain: str, found: Spf, depth: int, *, whole: bool) -> None:
    records = _records(lookup, domain)
    if len(records) != 1:
        found.broken.append(
            f"it includes {domain}, which has {len(records) or 'no'} SPF record{'s' * (len(records) > 1)}"
        )
        return
    _walk(lookup, domain, records[0], found, depth if whole else depth + 1)


def _parts(word: str) -> tuple[str, str, str]:
    for place, letter in enumerate(word):
        if letter in ":=/":
            return word[:place].lower(), letter, word[place + 1 :] if letter != "/" else word[place:]
    return word.lower(), "", ""


def _hosts(lookup: Lookup, name: str, value: str, domain: str) -> Iterator[str]:
    host, slash, length = value.partition("/")
    host = host or domain
    if "%" in host:
        return
    hosts = [host] if name == "a" else [one.host for one in lookup.exchanges(host)]
    for one in hosts[:MOST_QUESTIONS]:
        for address in lookup.addresses(one):
            plain = ip_address(address).version == 4 and slash and length.isdigit()
            yield f"{address}/{length}" if plain else address


def _networks(texts: list[str]) -> Iterator[IPv4Network | IPv6Network]:
    for text in texts:
        try:
            yield ip_network(text, strict=False)
        except ValueError:
            continue
