"""UTM parameters on a mail's links to the shop: decided once for each address, flow and step.

Only links to the shop's own website get them; what an author wrote is never overwritten; they come before the
fragment. They name a campaign and nobody, so that plain links have them too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any
from urllib.parse import quote, urlsplit

from worker.domain.setting_mail import UtmSettings
from worker.domain.utm import PARTS

_REMEMBERED = 1_024  # addresses of a flow's step; most mails of a campaign share theirs
_STEPS = 256
_HOST = re.compile(r"https?://([^/?#:@\\\s]+)(?::\d*)?(?=[/?#]|\Z)", re.IGNORECASE)

Parts = tuple[tuple[str, str], ...]  # what is added: names and values, encoded


class UtmMarks:
    """Adds the parameters.

    Parameters:
        website: the shop's, whose links get them, with `www.` and without.
    """

    def __init__(self, settings: UtmSettings, website: str) -> None:
        self._settings = settings
        hosts = (urlsplit(website).hostname or "", *settings.hosts)
        self._hosts = frozenset(_bare(_ascii(host)) for host in hosts if host)
        self._marking = lru_cache(_STEPS)(self._marking_of)

    def of(self, flow: str, step: str | None, said: object = None) -> Callable[[str], str] | None:
        """Return what adds to a link of a mail what it lacks; None: nothing is added, to no link.

        Parameters:
            said: of the flow: its own parts by name, False for none at all, None where it says nothing.
        """
        if said is False or not (self._settings.enabled or said):
            return None
        own = tuple(sorted(said.items())) if isinstance(said, Mapping) else ()
        return self._marking(flow, step or "", own)

    def _marking_of(self, flow: str, step: str, own: tuple[tuple[str, Any], ...]) -> Callable[[str], str]:
        usual = self._settings
        values = {
            "source": usual.source,
            "medium": usual.medium,
            "campaign": usual.campaign or flow,
            "content": usual.content or step,
            **dict(own),
        }
        parts = tuple((f"utm_{part}", quote(str(values[part]), safe="")) for part in PARTS if values.get(part))
        return lru_cache(_REMEMBERED)(partial(self._mark, parts=parts))

    def _mark(self, url: str, parts: Parts) -> str:
        """Return the address with what it lacks of the parts; another site's as it is."""
        found = _HOST.match(url)
        if found is None or _bare(_ascii(found[1])) not in self._hosts:
            return url
        address, hash_, fragment = url.partition("#")
        path, _, query = address.partition("?")
        there = {pair.partition("=")[0].lower() for pair in re.split("[&;]", query)}
        added = "&".join(f"{name}={value}" for name, value in parts if name not in there)
        if not added:
            return url
        joined = f"{query}{'' if not query or query.endswith('&') else '&'}{added}"
        return f"{path}?{joined}{hash_}{fragment}"


def _bare(host: str) -> str:
    return host.lower().removeprefix("www.")


def _ascii(host: str) -> str:
    try:
        return host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError:
        return host
