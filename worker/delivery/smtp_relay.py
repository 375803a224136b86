"""Where mail is relayed to: an SMTP URL and what it says."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import parse_qsl, unquote, urlsplit

from worker.domain.errors import SettingError
from worker.domain.relays import named_urls


class Security(StrEnum):
    """How the connection is encrypted."""

    OFFERED = "offered"  # STARTTLS where the server offers it
    REQUIRED = "required"  # STARTTLS, or no mail
    IMPLICIT = "implicit"  # TLS from the first byte


_SCHEMES = {
    "smtp": (Security.OFFERED, 25),
    "smtp+starttls": (Security.REQUIRED, 587),
    "smtps": (Security.IMPLICIT, 465),
}
_EXAMPLE = "smtp://user:password@host:587, smtp+starttls://… or smtps://…"


@dataclass(frozen=True, slots=True)
class Relay:
    """A mail server that takes our mail.

    Parameters:
        user: name to log in with, or None: no log-in.
        verify: whether its certificate must be one that this machine trusts.
        chunking: whether BDAT is used where it is offered.
    """

    host: str
    port: int
    security: Security
    user: str | None = None
    password: str = field(default="", repr=False)
    verify: bool = True
    chunking: bool = True

    def __str__(self) -> str:
        """Name it without its credentials, for logs and answers."""
        return f"{self.host}:{self.port}"


def parse_relay(url: str) -> Relay:
    """Read `smtp://user:password@host:587?verify=no`; user and password are percent-decoded.

    Raises:
        SettingError: the URL cannot be used; the message never holds the password.
    """
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise _refused("its host or port cannot be read") from error
    if parts.scheme not in _SCHEMES:
        raise _refused("it does not begin with smtp://, smtp+starttls:// or smtps://")
    if parts.path not in ("", "/") or parts.fragment:
        raise _refused("something follows the host and port; in a password write '/' as %2F, '#' as %23, '?' as %3F")
    if not host:
        raise _refused("it names no host")
    security, usual_port = _SCHEMES[parts.scheme]
    user, password = _credentials(parts.username, parts.password)
    return Relay(host, port or usual_port, security, user, password, *_options(parts.query))


def parse_relays(text: str) -> dict[str, Relay]:
    """Read `smtp_url` with its one URL, or several of the form `name=url`; returns the relays by name.

    Raises:
        SettingError: one cannot be used; the message never holds a password.
    """
    try:
        urls = named_urls(text)
    except ValueError as error:
        raise _refused(str(error)) from error
    return {name: parse_relay(url) for name, url in urls.items()}


def _credentials(user: str | None, password: str | None) -> tuple[str | None, str]:
    if not user:
        return None, ""
    if password is None:
        raise _refused("it has a user and no password; write user:password@ before the host")
    decoded = unquote(user), unquote(password)
    if not all(part.isascii() and part.isprintable() for part in decoded):
        raise _refused("user and password must be of printable ASCII characters")
    return decoded


def _options(query: str) -> tuple[bool, bool]:
    options = dict(parse_qsl(query, keep_blank_values=True))
    verify, chunking = options.pop("verify", "yes"), options.pop("chunking", "yes")
    if options or verify not in ("yes", "no") or chunking not in ("yes", "no"):
        raise _refused(
            "the only options are '?verify=no', for a server with a certificate of its own making, and '?chunking=no', "
            "for one that offers CHUNKING and fails at it"
        )
    return verify == "yes", chunking == "yes"


def _refused(fault: str) -> SettingError:
    return SettingError(f"Setting 'smtp_url' (PHIN_SMTP_URL) cannot be used: {fault}. It looks like {_EXAMPLE}")
