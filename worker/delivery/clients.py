"""Mail programs, browsers and devices, from user agents: by the rules of `ua-parser`, and what they do not know.

Looking a new user agent up takes a millisecond or two; those seen before are remembered. The rules need 6 MB, loaded
with the first user agent.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache

from ua_parser import Domain, Parser
from ua_parser.basic import Resolver
from ua_parser.loaders import load_lazy_builtins

from worker.domain.hits import HitKind

_REMEMBERED = 10_000  # user agents
UNKNOWN = "another program"
PHONE, TABLET, COMPUTER = "phone", "tablet", "computer"

# Apps of Vietnam and windows within apps that the rules take for the browser that they are made of.
_APPS = (
    (re.compile(r"\bZalo\b"), "Zalo"),
    (re.compile(r"\b(TikTok|musical_ly|trill)_?", re.IGNORECASE), "TikTok"),
    (re.compile(r"\bInstagram\b"), "Instagram"),
    (re.compile(r"\bMessenger(ForiOS|LiteForiOS)?\b|FB_IAB/Orca|FBAN/Messenger"), "Messenger"),
    (re.compile(r"FBA[NV]/|FB_IAB/"), "Facebook"),
    (re.compile(r"\bGSA/"), "Google app"),
    (re.compile(r"\bOutlook\b|\bmicrosoft outlook\b", re.IGNORECASE), "Outlook"),
)
_FAMILIES = {
    "Coc Coc": "Cốc Cốc",
    "GmailImageProxy": "Gmail",
    "YahooMailProxy": "Yahoo Mail",
    "Mobile Safari": "Safari",
    "Chrome Mobile": "Chrome",
    "Chrome Mobile iOS": "Chrome",
    "Chrome Mobile WebView": "an app on Android",
    "Firefox Mobile": "Firefox",
    "Firefox iOS": "Firefox",
    "Edge Mobile": "Edge",
    "Opera Mobile": "Opera",
    "Outlook-iOS": "Outlook",
    "Android": "Android browser",
}
_WEB_VIEW = "Mobile Safari UI/WKWebView"
_COMPUTERS = ("Windows", "Mac OS X", "Linux", "Chrome OS", "Ubuntu", "Fedora", "Debian")


@dataclass(frozen=True, slots=True)
class Client:
    """What a request was made with.

    Parameters:
        program: mail program, browser or app, as people call it; None for nothing that is known.
        device: phone, tablet or computer; None where that is not told, as by a proxy.
    """

    program: str | None
    device: str | None


class Clients:
    """Reads user agents; safe to share between threads."""

    def __init__(self) -> None:
        self._read: Callable[[str, HitKind], Client] = lru_cache(_REMEMBERED)(self._reading)

    def of(self, user_agent: str, kind: HitKind) -> Client:
        """Return what a hit was made with; who opens in Apple's bare web view reads in its mail program."""
        return self._read(user_agent, kind)

    @cached_property
    def _parser(self) -> Parser:
        programs, systems, _ = load_lazy_builtins()  # of the thousand devices we only ask for the kind
        return Parser(Resolver((programs, systems, [])))

    def _reading(self, user_agent: str, kind: HitKind) -> Client:
        found = self._parser(user_agent, Domain.USER_AGENT | Domain.OS)
        family = found.user_agent.family if found.user_agent else None
        device = None if "Proxy" in (family or "") else _device(user_agent, found.os.family if found.os else None)
        app = next((name for mark, name in _APPS if mark.search(user_agent)), None)
        if app is None and family == _WEB_VIEW:
            app = "Apple Mail" if kind is HitKind.OPEN else "an app on iOS"
        return Client(app or (_FAMILIES.get(family, family) if family else None), device)


def _device(user_agent: str, system: str | None) -> str | None:
    if "iPad" in user_agent or "Tablet" in user_agent:
        return TABLET
    if system == "iOS" or "iPhone" in user_agent:
        return PHONE
    if system == "Android":
        return PHONE if "Mobile" in user_agent or "Zalo" in user_agent else TABLET
    return COMPUTER if system in _COMPUTERS else None
