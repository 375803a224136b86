"""Where a tracked link may lead: an address of the web that every browser reads in the same way.

A click's redirect is fixed when the mail is made; so this is decided once, then, and never by a request.
"""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

TARGET_LIMIT = 2_000  # characters; what every mail program and browser takes

# Most links are this already: ASCII, a host of letters, and nothing that two programs might read differently.
_PLAIN = re.compile(
    r"https?://[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::\d{1,5})?(?:[/?#][!#$%&'()*+,./0-9:;=?@A-Z\[\]_a-z~-]*)?"
)
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_KEPT = "!#$%&'()*+,/:;=?@[]~"  # reserved characters and the percent sign of what is encoded already


class TargetError(ValueError):
    """A link leads where no redirect may lead; the message says why."""


def target_of(url: str) -> str:
    """Return the address as it is to stand in a Location header: ASCII, international parts encoded.

    Raises:
        TargetError: it is not http or https, names a user, holds control characters or a backslash, or is too long.
    """
    if len(url) <= TARGET_LIMIT and _PLAIN.fullmatch(url):
        return url
    return _encoded(url.strip(" "))


def _encoded(url: str) -> str:
    if _CONTROLS.search(url):
        raise TargetError("it holds control characters")
    if "\\" in url:
        raise TargetError("it holds a backslash, which browsers read in different ways")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise TargetError(f"it is no address of the web: {error}") from error
    if parts.scheme.lower() not in ("http", "https"):
        raise TargetError("it begins with neither http:// nor https://")
    if not host or not url[len(parts.scheme) :].startswith("://"):
        raise TargetError("it names no host")
    if parts.username is not None or parts.password is not None:
        raise TargetError("it names a user before the host")
    place = _host(host) + ("" if port is None else f":{port}")
    rest = url[len(parts.scheme) + 3 + len(parts.netloc) :]
    encoded = f"{parts.scheme.lower()}://{place}{quote(rest, safe=_KEPT)}"
    if len(encoded) > TARGET_LIMIT:
        raise TargetError(f"it has more than {TARGET_LIMIT:,} characters")
    return encoded


def _host(host: str) -> str:
    if ":" in host:  # IPv6; urlsplit has checked it
        return f"[{host}]"
    try:
        ascii_host = host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise TargetError("its host cannot be written in a link") from error
    if not re.fullmatch(r"(?:[A-Za-z0-9_-]+\.)*[A-Za-z0-9_-]+\.?", ascii_host):
        raise TargetError("its host holds characters that no host has")
    return ascii_host.lower()
