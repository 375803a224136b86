"""Where mail is relayed to: an SMTP URL and what it says."""

from __future__ import annotations

from dataclasses import dataclass, field

from worker.domain.errors import SettingError
from worker.domain.relays import named_urls
from worker.domain.server_urls import Security, read_server_url

_SCHEMES = {
    "smtp": (Security.OFFERED, 25),
    "smtp+starttls": (Security.REQUIRED, 587),
    "smtps": (Security.IMPLICIT, 465),
}
# a certificate of its own making; CHUNKING offered and failed at; few connections taken
_OPTIONS = ("verify", "chunking", "second")
_EXAMPLE = "smtp://user:password@host:587, smtp+starttls://… or smtps://…"


@dataclass(frozen=True, slots=True)
class Relay:
    """A mail server that takes our mail.

    Parameters:
        user: name to log in with, or None: no log-in.
        verify: whether its certificate must be one that this machine trusts.
        chunking: whether BDAT is used where it is offered.
        second: whether many mails may go over two connections.
    """

    host: str
    port: int
    security: Security
    user: str | None = None
    password: str = field(default="", repr=False)
    verify: bool = True
    chunking: bool = True
    second: bool = True

    def __str__(self) -> str:
        """Name it without its credentials, for logs and answers."""
        return f"{self.host}:{self.port}"


def parse_relay(url: str) -> Relay:
    """Read `smtp://user:password@host:587?verify=no`; user and password are percent-decoded.

    Raises:
        SettingError: the URL cannot be used; the message never holds the password.
    """
    try:
        said = read_server_url(url, _SCHEMES, _OPTIONS)
    except ValueError as error:
        raise _refused(str(error)) from error
    if said.path:
        raise _refused("something follows the host and port; in a password write '/' as %2F, '#' as %23, '?' as %3F")
    if said.user is not None and said.password is None:
        raise _refused("it has a user and no password; write user:password@ before the host")
    user, password = said.user, (said.password or "") if said.user is not None else ""
    if not all(part.isascii() and part.isprintable() for part in (user or "x", password or "x")):
        raise _refused("user and password must be of printable ASCII characters")
    verify, chunking, second = (option not in said.off for option in _OPTIONS)
    return Relay(said.host, said.port, said.security, user, password, verify, chunking, second)


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


def _refused(fault: str) -> SettingError:
    return SettingError(f"Setting 'smtp_url' (PHIN_SMTP_URL) cannot be used: {fault}. It looks like {_EXAMPLE}")
