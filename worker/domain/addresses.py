"""E-mail addresses: checked and normalised once, where they come in; masked where they must not be read."""

from __future__ import annotations

import re

from email_validator import EmailNotValidError, validate_email

# A run of characters that may stand before the `@`, taken whole from its beginning, so that long lines are read once.
# `'` and `/` belong to it (RFC 5322, 3.2.3) where another of them stands before: at its beginning they are round it.
_ATOM = r"""[^\s@%<>"'()\[\]{},;:=/\\?&|]"""
_LOCAL = rf"(?:{_ATOM}|(?<={_ATOM})['/])"
_ADDRESS = re.compile(rf"(?<!{_ATOM})(?<!{_ATOM}['/]){_ATOM}{_LOCAL}*+(?:@|%40)(?:[\w-]+\.)+[\w-]+")
MASK = "…@…"


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
    try:
        found = validate_email(written.strip(), check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise ValueError(f"'{written[:100]}' is no e-mail address: {str(error).rstrip('.')}") from error
    local = found.local_part.lower()
    return f"{local}@{(found.ascii_domain or found.domain).lower()}"
