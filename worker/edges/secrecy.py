"""What no log line may hold: addresses of persons, and whatever opens something; a mask stands in its place.

Our own lines hold ids. What others say (a relay that gives back what it was sent, a database that quotes the row, a
library that says all it knows) is masked by its form, and by the words of this shop's own secrets.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from worker.domain.addresses import masked
from worker.domain.relays import named_urls
from worker.edges.environment import Home

HIDDEN = "…"
SHORTEST = 6  # characters; a shorter password would mask parts of ordinary words
_ENDINGS = ("_KEY", "_SECRET", "_LOGIN")  # of the variables that hold secrets
_FORMS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(\b[a-z][a-z0-9+]*://[^\s/:@'\"]*:)[^\s/@'\"]+@"), rf"\1{HIDDEN}@"),
    (re.compile(r"\b(Bearer|Basic) +[\w.~+/=-]{6,}", re.IGNORECASE), rf"\1 {HIDDEN}"),
    (re.compile(r"\bwhsec_[\w+/=-]+"), f"whsec_{HIDDEN}"),
    (re.compile(r"\bdev-[\w-]{40,}"), f"dev-{HIDDEN}"),  # the ingest key that Phin makes
    (re.compile(r"(/[acopstuvy]/)[\w-]{20,}"), rf"\1{HIDDEN}"),  # the tokens of mails and sign-ins
    (re.compile(r"\b(__Host-phin[\w-]*|phin_\d+[\w-]*)=[^\s;,'\"\\]+"), rf"\1={HIDDEN}"),  # cookies
    (re.compile(r"(-----BEGIN [A-Z ]*PRIVATE KEY-----).*?(?:-----END|$)", re.DOTALL), rf"\1{HIDDEN}"),
    (re.compile(r"(Failing row contains )\((?:(?!\\n|\n).)*"), rf"\1{HIDDEN}"),  # PostgreSQL quotes the whole row
    (re.compile(r"(input_value=).*?(, input_type=)"), rf"\1{HIDDEN}\2"),  # pydantic quotes what it was given
)


class Secrecy:
    """Masks finished lines.

    Parameters:
        secrets: words that open something, as `secrets_of` finds them.
    """

    def __init__(self, secrets: Collection[str] = ()) -> None:
        words = sorted((one for one in secrets if len(one) >= SHORTEST), key=len, reverse=True)
        self._words = re.compile("|".join(map(re.escape, words))) if words else None

    def masked(self, line: str) -> str:
        """Return the line with a mask in place of each address and each secret."""
        if self._words is not None:
            line = self._words.sub(HIDDEN, line)
        for form, instead in _FORMS:
            line = form.sub(instead, line)
        return masked(line)


def secrets_of(home: Home) -> frozenset[str]:
    """Return the words that open something in this shop, in every form in which they go over a line.

    What cannot be read is left out: whoever needs it says so.
    """
    environment = home.environment
    found: set[str] = set()
    for name, value in environment.items():
        if name.startswith("PHIN_") and name.endswith(_ENDINGS):
            found |= set(_words(value))
        elif name.startswith("PHIN_") and name.endswith(tuple(f"{ending}_FILE" for ending in _ENDINGS)):
            found |= set(_words(_text(Path(value))))
    folder = home.settings.var / "secrets"
    if folder.is_dir():
        for file in sorted(folder.iterdir()):
            found |= set(_words(_text(file)))
    settings = home.settings
    urls = [settings.database_url, settings.redis_url, settings.bounces.imap_url]
    urls += named_urls(settings.smtp_url).values() if settings.smtp_url else []
    for url in urls:
        found |= set(_of_url(url or ""))
    return frozenset(found)


def _words(text: str) -> Iterator[str]:
    """Give each secret of a text that may hold several, as `name:key`, commas or lines between; of PEM each line."""
    for item in re.split(r"[,\n]", text):
        word = item.strip()
        if word and not word.startswith("-----"):
            yield word
            yield word.partition(":")[2] or word


def _of_url(url: str) -> Iterator[str]:
    try:
        parts = urlsplit(url)
        password = parts.password
    except ValueError:
        return
    if password:
        user, plain = unquote(parts.username or ""), unquote(password)
        yield from (password, plain, quote(plain, safe=""))
        for said in (plain, f"{user}:{plain}", f"\0{user}\0{plain}"):  # AUTH LOGIN, Basic, AUTH PLAIN (RFC 4616)
            yield base64.b64encode(said.encode()).decode()


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
