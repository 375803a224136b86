"""How pages tell of mails that may not all be followed: opens and clicks are of those that may."""

from __future__ import annotations

from collections.abc import Mapping

from worker.delivery.formats import number


def seen_of(count: int, sent: int, followed: int, language: str) -> str:
    """Return how many were opened or clicked; a dash where mails went out and nobody may know."""
    return "–" if sent and not followed else number(count, language)


def followed_of(sent: int, followed: int, t: Mapping[str, str], language: str) -> str:
    """Return of how many mails opens and clicks are told, nothing where it is all that were sent to customers."""
    if followed >= sent:
        return ""
    return t["followed"].replace("{count}", number(followed, language)) if followed else t["none_followed"]
