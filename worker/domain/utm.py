"""UTM parameters: what a mail's links to the shop tell the shop's own web statistics of where a visitor comes from."""

from __future__ import annotations

import re
from dataclasses import dataclass

PARTS = ("source", "medium", "campaign", "content", "term")


_ADDED = re.compile(rf"(?<=[?&])utm_(?:{'|'.join(PARTS)})=[^&]*&?", re.IGNORECASE)


def without_utm(url: str) -> str:
    """Return an address as a person reads it: without the parameters that name the campaign."""
    address, hash_, fragment = url.partition("#")
    bare = _ADDED.sub("", address)
    return url if bare == address else bare.rstrip("?&") + hash_ + fragment


@dataclass(frozen=True, slots=True)
class Utm:
    """What a flow says of the parameters of its mails' links; None leaves a part to the settings.

    Parameters:
        on: whether links get any.
    """

    on: bool = True
    source: str | None = None
    medium: str | None = None
    campaign: str | None = None
    content: str | None = None
    term: str | None = None

    @property
    def said(self) -> dict[str, str]:
        """The parts that the flow gives."""
        return {part: value for part in PARTS if (value := getattr(self, part)) is not None}


USUAL = Utm()
