"""Which mailbox receives reports: an IMAP URL (RFC 5092) and what it says."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import unquote, urlsplit

from worker.domain.errors import SettingError


class Security(StrEnum):
    """How the connection is encrypted."""

    NONE = "none"  # for a server on the same machine
    REQUIRED = "required"  # STARTTLS, or nothing is read
    IMPLICIT = "implicit"  # TLS from the first byte


_SCHEMES = {
    "imap": (Security.NONE, 143),
    "imap+starttls": (Security.REQUIRED, 143),
    "imaps": (Security.IMPLICIT, 993),
}
_EXAMPLE = "imaps://user:password@host/INBOX or imap+starttls://…; in user and password write '@' as %40, '/' as %2F"


@dataclass(frozen=True, slots=True)
class MailboxAddress:
    """A mailbox.

    Parameters:
        verify: whether the server's certificate must be one that this machine trusts.
    """

    host: str
    port: int
    security: Security
    user: str
    password: str = field(repr=False)
    folder: str = "INBOX"
    verify: bool = True

    @property
    def name(self) -> str:
        """What it is known by in the tables."""
        return f"{self.user}@{self.place}"

    @property
    def place(self) -> str:
        """Server and folder, for logs: the user's name may be an address."""
        return f"{self.host}:{self.port}/{self.folder}"


def parse_mailbox(url: str) -> MailboxAddress:
    """Read `imaps://user:password@host:993/INBOX?verify=no`; user, password and folder are percent-decoded.

    Raises:
        SettingError: the URL cannot be used; the message never holds the password.
    """
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise _refused("its host or port cannot be read") from error
    if parts.scheme not in _SCHEMES:
        raise _refused("it does not begin with imaps://, imap+starttls:// or imap://")
    if not host:
        raise _refused("it names no host")
    if not parts.username or not parts.password:
        raise _refused("it needs user and password: user:password@ before the host")
    if parts.query not in ("", "verify=yes", "verify=no") or parts.fragment:
        raise _refused("the only option is '?verify=no', for a server with a certificate of its own making")
    security, usual_port = _SCHEMES[parts.scheme]
    return MailboxAddress(
        host,
        port or usual_port,
        security,
        unquote(parts.username),
        unquote(parts.password),
        unquote(parts.path.strip("/")) or "INBOX",
        parts.query != "verify=no",
    )


def _refused(fault: str) -> SettingError:
    return SettingError(
        f"Setting 'bounces.imap_url' (PHIN_BOUNCES_IMAP_URL) cannot be used: {fault}. It looks like {_EXAMPLE}"
    )
