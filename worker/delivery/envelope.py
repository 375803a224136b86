"""The envelope sender of a mail (VERP): it tells whose mail came back even from a report that nobody can parse.

Reports go to the envelope sender (RFC 5321, 4.4), so each mail has its own: `b+TOKEN@DOMAIN`. The token is signed and
names a message, never a person. Without a domain for reports (`bounces.domain`) mails leave with the sender's own
address, as before, and their reports come to that mailbox.
"""

from __future__ import annotations

import re

from email_validator import EmailNotValidError, validate_email

from worker.delivery.tokens import Tokens

MAILBOX = "b"  # what the server for reports delivers to Phin: this mailbox with whatever follows its `+`
_LONGEST = 320  # characters of what is looked at; an address is shorter (RFC 5321, 4.5.3.1)
_RETURN_PATH = re.compile(rf"<?{MAILBOX}\+([a-z0-9]+)@[^@\s]+?>?", re.IGNORECASE)


def return_path(tokens: Tokens, domain: str, message: int) -> str:
    """Return the envelope sender of a message, at most 47 characters before its `@` (64 are allowed).

    Parameters:
        domain: where reports are received, in ASCII (`bounces.domain`).
        message: number of the message's row.
    """
    return f"{MAILBOX}+{tokens.bounce(message)}@{domain}"


def message_of(tokens: Tokens, address: str) -> int | None:
    """Return the message whose envelope sender this is, or None for anything that was not made here.

    Capitals do not matter, angle brackets may stand around it, and the domain is not looked at: a server on the way
    may have changed it, and the token is signed.
    """
    if len(address) > _LONGEST:
        return None
    found = _RETURN_PATH.fullmatch(address.strip())
    return None if found is None else tokens.read_bounce(found[1])


def wire_address(email: str) -> str:
    """Return an address as it stands in an envelope: a domain beyond ASCII as punycode (RFC 5891).

    A part before the `@` beyond ASCII stays as it is; it needs a server that offers SMTPUTF8 (RFC 6531). What is no
    address stays as it is too, for the mail's own headers to refuse.
    """
    if email.isascii():
        return email
    try:
        found = validate_email(email, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return email
    return f"{found.local_part}@{found.ascii_domain}"
