"""Hits: whether a person, a proxy for a person, or a machine asked for a pixel or followed a link.

Machines open and follow mails before people do: privacy proxies that load every picture, scanners that try every
link. Flows act on people only; what was asked is kept raw, so that the classing can be done again by better rules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

# A click is classed this long after it came, when a scanner has had the time to try the other links too; and a
# click this soon after the mail was taken, before anybody can have read it, is a scanner's.
SETTLING = timedelta(seconds=2)

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


@dataclass(frozen=True, slots=True)
class Hit:
    """One request of a pixel or a redirect.

    Parameters:
        message: number of the message's row.
        headers: those that tell machines from people, by names in small letters.
    """

    message: int
    kind: HitKind
    at: datetime
    link: int | None = None
    user_agent: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


# Fetch pictures for a user who has opened the mail (not before, as Apple's does).
_PROXIES = {"GoogleImageProxy": "Gmail", "YahooMailProxy": "Yahoo Mail"}

# Programs by what only they say, the more telling first; for a person who asks what a hit was made with.
_PROGRAMS = (
    ("Zalo", "Zalo"),
    ("Thunderbird", "Thunderbird"),
    ("Outlook", "Outlook"),
    ("FBAN", "Facebook"),
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("coc_coc", "Cốc Cốc"),
    ("FxiOS", "Firefox"),
    ("Firefox", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
    ("AppleWebKit", "Apple Mail"),
)


def class_hit(
    hit: Hit, sent_at: datetime | None, others: Sequence[Hit], *, known_machine: bool
) -> tuple[HitClass, str]:
    """Return who asked, and by what that was told.

    Parameters:
        sent_at: when the mail was handed over, where that is known.
        others: further clicks on the same mail, machines' too.
        known_machine: whether the user agent is on a list of crawlers and scanners.
    """
    for mark, service in _PROXIES.items():
        if mark in hit.user_agent and hit.kind is HitKind.OPEN:
            return HitClass.PROXY, service
    told = _told_by_itself(hit) or ("known crawler" if known_machine else None)
    if told is None and hit.kind is HitKind.CLICK:
        told = _told_by_its_time(hit, sent_at, others)
    return (HitClass.PERSON, program(hit.user_agent)) if told is None else (HitClass.MACHINE, told)


def program(user_agent: str) -> str:
    """Return the name of the program that a user agent stands for, as far as it is a common one."""
    return next((name for mark, name in _PROGRAMS if mark in user_agent), "another program")


def _told_by_itself(hit: Hit) -> str | None:
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


def _told_by_its_time(hit: Hit, sent_at: datetime | None, others: Sequence[Hit]) -> str | None:
    if sent_at is not None and hit.at - sent_at < SETTLING:
        return f"within {SETTLING.seconds} s of sending"
    links = {other.link for other in others if other.kind is HitKind.CLICK and abs(other.at - hit.at) <= SETTLING} | {
        hit.link
    }
    return f"{len(links)} links within {SETTLING.seconds} s" if len(links) > 1 else None
