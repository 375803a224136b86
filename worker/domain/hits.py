"""Hits: whether a person, a proxy for a person, or a machine asked for a pixel or followed a link.

Machines open and follow mails before people do: privacy proxies that load every picture, scanners that try every
link. Flows act on people only; what was asked is kept raw, so that the classing can be done again by better rules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

# A click is classed this long after it came, when a scanner has had the time to try the other links too.
SETTLING = timedelta(seconds=2)
TOO_SOON = timedelta(seconds=2)  # after the mail was taken: nobody can have read it by then
ALIKE = timedelta(minutes=1)  # around a hit on the honeypot, within which its source's other hits are a machine's too

HONEYPOT = 0  # number of the link that no person sees; a template's own begin with 1
METHOD = ":method"  # stands among the headers that were kept, where it was not GET
PURPOSES = ("sec-purpose", "purpose", "x-purpose", "x-moz")  # headers with which programs say that nobody is looking


class HitKind(StrEnum):
    """What was asked for."""

    OPEN = "open"  # the pixel
    CLICK = "click"  # a redirect


class HitClass(StrEnum):
    """Who asked."""

    PERSON = "person"
    PROXY = "proxy"  # a mail service that loads pictures when its user looks at the mail: usually a person
    MACHINE = "machine"


PEOPLE = (HitClass.PERSON, HitClass.PROXY)  # on whose hits flows act


@dataclass(frozen=True, slots=True)
class Hit:
    """One request of a pixel or a redirect.

    Parameters:
        message: number of the message's row.
        headers: those that tell machines from people, by names in small letters.
        ip_hash: keyed hash of the client's address; None where it is not known.
    """

    message: int
    kind: HitKind
    at: datetime
    link: int | None = None
    user_agent: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    ip_hash: str | None = None

    @property
    def on_honeypot(self) -> bool:
        """Whether it followed the link that no person sees."""
        return self.kind is HitKind.CLICK and self.link == HONEYPOT


# Fetch pictures for a user who has opened the mail (not before, as Apple's does).
_PROXIES = {"GoogleImageProxy": "Gmail", "YahooMailProxy": "Yahoo Mail"}


def class_hit(
    hit: Hit,
    sent_at: datetime | None,
    others: Sequence[Hit],
    *,
    known_machine: bool,
    program: str = "another program",
    too_soon: timedelta = TOO_SOON,
) -> tuple[HitClass, str]:
    """Return who asked, and by what that was told.

    Parameters:
        sent_at: when the mail was handed over, where that is known.
        others: further hits on the same mail, machines' too; at least those within `ALIKE`.
        known_machine: whether the user agent is on a list of crawlers and scanners.
        program: what a person's hit was made with, by its user agent.
        too_soon: a click this soon after the mail was taken is a scanner's.
    """
    for mark, service in _PROXIES.items():
        if mark in hit.user_agent and hit.kind is HitKind.OPEN:
            return HitClass.PROXY, service
    told = _told_by_itself(hit) or ("known crawler" if known_machine else None) or _told_by_honeypot(hit, others)
    if told is None and hit.kind is HitKind.CLICK:
        told = _told_by_its_time(hit, sent_at, others, too_soon)
    return (HitClass.PERSON, program) if told is None else (HitClass.MACHINE, told)


def _told_by_itself(hit: Hit) -> str | None:
    if hit.on_honeypot:
        return "followed the hidden link"
    if hit.headers.get(METHOD) == "HEAD":
        return "HEAD request"
    if not hit.user_agent.strip():
        return "no user agent"
    if hit.user_agent == "Mozilla/5.0":
        return "Apple Mail Privacy Protection"
    for name in PURPOSES:
        if any(word in hit.headers.get(name, "").lower() for word in ("prefetch", "preview")):
            return f"{name}: {hit.headers[name]}"
    return None


def _told_by_honeypot(hit: Hit, others: Sequence[Hit]) -> str | None:
    if hit.ip_hash is None:
        return None
    source = (hit.ip_hash, hit.user_agent)
    trapped = (
        other.on_honeypot and (other.ip_hash, other.user_agent) == source and abs(other.at - hit.at) <= ALIKE
        for other in others
    )
    return "its source followed the hidden link" if any(trapped) else None


def _told_by_its_time(hit: Hit, sent_at: datetime | None, others: Sequence[Hit], too_soon: timedelta) -> str | None:
    if sent_at is not None and hit.at - sent_at < too_soon:
        return f"within {too_soon.seconds} s of sending"
    links = {other.link for other in others if other.kind is HitKind.CLICK and abs(other.at - hit.at) <= SETTLING} | {
        hit.link
    }
    return f"{len(links)} links within {SETTLING.seconds} s" if len(links) > 1 else None
