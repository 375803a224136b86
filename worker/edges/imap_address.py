"""Which mailbox receives reports: an IMAP URL (RFC 5092) and what it says."""

from __future__ import annotations

from dataclasses import dataclass, field

from worker.domain.errors import SettingError
from worker.domain.server_urls import Security, read_server_url

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
        said = read_server_url(url, _SCHEMES, ("verify",))
    except ValueError as error:
        raise _refused(str(error)) from error
    if not said.user or not said.password:
        raise _refused("it needs user and password: user:password@ before the host")
    verify = "verify" not in said.off
    return MailboxAddress(said.host, said.port, said.security, said.user, said.password, said.path or "INBOX", verify)


def _refused(fault: str) -> SettingError:
    return SettingError(
        f"Setting 'bounces.imap_url' (PHIN_BOUNCES_IMAP_URL) cannot be used: {fault}. It looks like {_EXAMPLE}"
    )
