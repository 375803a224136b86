"""E-mail addresses: checked and normalised once, where they come in."""

from __future__ import annotations

from email_validator import EmailNotValidError, validate_email


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
