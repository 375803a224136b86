"""E-mail addresses: checked and normalised once, where they come in; masked where they must not be read."""

from __future__ import annotations

import re

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

# A run of characters that may stand before the `@`, taken whole from its beginning, so that long lines are read once.
# `'` and `/` belong to it (RFC 5322, 3.2.3) where another of them stands before: at its beginning they are round it.
_ATOM = r"""[^\s@%<>"'()\[\]{},;:=/\\?&|]"""
_LOCAL = rf"(?:{_ATOM}|(?<={_ATOM})['/])"
_ADDRESS = re.compile(rf"(?<!{_ATOM})(?<!{_ATOM}['/]){_ATOM}{_LOCAL}*+(?:@|%40)(?:[\w-]+\.)+[\w-]+")
MASK = "…@…"
# The kind that nearly all are of: what this takes in lower case, the library takes too, and changes nothing of it. It
# is told in a microsecond, where the library needs twenty-five.
_PLAIN = re.compile(
    r"[a-z0-9_+-]{1,40}(?:\.[a-z0-9_+-]{1,10}){0,2}@(?:[a-z0-9](?:-?[a-z0-9]){0,30}\.){1,4}([a-z]{2,30})"
)
_SPECIAL = frozenset(name.rpartition(".")[2] for name in SPECIAL_USE_DOMAIN_NAMES)


def masked(text: str) -> str:
    """Return the text with a mask in place of each e-mail address, for logs and for reasons that are kept."""
    return _ADDRESS.sub(MASK, text) if "@" in text or "%40" in text else text


def normalise_address(written: str) -> str:
    """Return the address in the one form that it is compared and kept in: domain lower case and as punycode.

    The local part is lower case too: no mailbox of today tells `Lan@` from `lan@`, and consent given to the one
    must hold for the other.

    Raises:
        ValueError: it is no e-mail address; the message says why.
    """
    if written.isascii():
        plain = written.strip().lower()
        taken = _PLAIN.fullmatch(plain)
        if taken is not None and taken[1] not in _SPECIAL:
            return plain
    try:
        found = validate_email(written.strip(), check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise ValueError(f"'{written[:100]}' is no e-mail address: {str(error).rstrip('.')}") from error
    local = found.local_part.lower()
    return f"{local}@{(found.ascii_domain or found.domain).lower()}"
