"""URLs of servers that one logs in to (SMTP, IMAP): `scheme://user:password@host:port/path?option=no` (RFC 3986)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import parse_qsl, unquote, urlsplit


class Security(StrEnum):
    """How the connection is encrypted."""

    NONE = "none"  # not at all, for a server on the same machine
    OFFERED = "offered"  # STARTTLS where the server offers it
    REQUIRED = "required"  # STARTTLS, or nothing goes over it
    IMPLICIT = "implicit"  # TLS from the first byte


@dataclass(frozen=True, slots=True)
class ServerUrl:
    """What such a URL says, percent-decoded.

    Parameters:
        user: None where there is none; `password`: None where only a user stands there.
        path: without slashes at its ends.
        off: the options that are switched off.
    """

    host: str
    port: int
    security: Security
    user: str | None
    password: str | None = field(repr=False)
    path: str
    off: frozenset[str]


def read_server_url(url: str, schemes: Mapping[str, tuple[Security, int]], options: Collection[str]) -> ServerUrl:
    """Read a URL.

    Parameters:
        schemes: how each is encrypted, and its usual port.
        options: what may be switched off by `?option=no`; `yes` is taken too.

    Raises:
        ValueError: what is wrong with it, in words that go on from the setting's name; they never hold the password.
    """
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("its host or port cannot be read") from None
    if parts.scheme not in schemes:
        *others, last = (f"{scheme}://" for scheme in schemes)
        raise ValueError(f"it does not begin with {', '.join(others)} or {last}")
    if parts.fragment:
        raise ValueError("something follows the host and port; in a password write '/' as %2F, '#' as %23, '?' as %3F")
    if not host:
        raise ValueError("it names no host")
    given = dict(parse_qsl(parts.query, keep_blank_values=True))
    if not given.keys() <= set(options) or not set(given.values()) <= {"yes", "no"}:
        known = " and ".join(f"'?{option}=no'" for option in options)
        raise ValueError(f"after '?' it takes only {known}")
    security, usual = schemes[parts.scheme]
    return ServerUrl(
        host,
        port or usual,
        security,
        unquote(parts.username) if parts.username else None,
        None if parts.password is None else unquote(parts.password),
        unquote(parts.path.strip("/")),
        frozenset(option for option, word in given.items() if word == "no"),
    )
