"""The forms that settings must have: addresses of mail and of pages, hosts, URLs of servers; nothing is looked up.

Each function returns the value that is used and raises ValueError where it cannot be used; the message goes on
from the setting's name. A URL that may hold a password is never repeated in a message.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import timedelta
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from worker.domain.addresses import normalise_address
from worker.domain.durations import parse_duration
from worker.domain.pacing import parse_quiet_hours

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SELECTOR = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*")
_SENDER = "hello@your-shop.example"


def sender_address(value: str) -> str:
    """Check an address that mails come from, or that answers go to.

    What stands before the `@` is shown as it is written; the domain becomes small letters and punycode, because it
    is part of the mails' identifiers.
    """
    try:
        domain = normalise_address(value).rpartition("@")[2]
    except ValueError as error:
        raise ValueError(f"{error}; write one at a domain of yours, such as {_SENDER}") from error
    local = value.strip().rpartition("@")[0]
    if not local.isascii():
        raise ValueError(f"not every mail server takes letters with marks before the '@'; write one such as {_SENDER}")
    return f"{local}@{domain}"


def mail_domain(value: str) -> str:
    """Check a domain of mail, without an `@`; it becomes small letters and punycode, as it stands on the wire."""
    try:
        return normalise_address(f"x@{value}").rpartition("@")[2]
    except ValueError as error:
        raise ValueError("it is no domain of mail; write one of yours, such as your-shop.example") from error


def selector_label(value: str) -> str:
    """Check a DKIM selector: labels of a domain name (RFC 6376, 3.1), in small letters."""
    small = value.lower()
    if len(small) > 63 or not _SELECTOR.fullmatch(small):
        raise ValueError("it is no selector; write small letters, digits and '-', such as phin")
    return small


def span_of_time(value: str) -> str:
    """Check a span of time, such as `7 days`, no longer than a year."""
    try:
        span = parse_duration(value).span()
    except ValueError as error:
        raise ValueError(str(error)) from error
    if not timedelta() < span <= timedelta(days=366):
        raise ValueError("it must be longer than nothing and no longer than a year; write one such as 7 days")
    return value


def one_line(value: str) -> str:
    """Check a text that stands in a mail's header or in one line of it."""
    if _CONTROL.search(value):
        raise ValueError("it holds a line break or another control character; write it in one line")
    return value


def span_of_hours(value: str) -> str:
    """Check a span of hours, `22:00-07:00`; nothing, or `none`, is none."""
    if value.strip().lower() in ("", "none"):
        return ""
    return str(parse_quiet_hours(value))


def nothing(value: object) -> object:
    """Read `none`, and nothing at all, as None: the setting is off, whatever the profile says."""
    return None if isinstance(value, str) and value.strip().lower() in ("", "none") else value


def short_mark(value: str) -> str:
    """Check a mark that subjects begin with; nothing, or `none`, is none."""
    tag = value.strip()
    if tag.lower() == "none":
        return ""
    if len(tag) > 20:
        raise ValueError("it has more than 20 characters; write one such as [QC]")
    return one_line(tag)


def one_or_more(value: object) -> object:
    """Read one word as a list of it; `none` is an empty list."""
    words = [value] if isinstance(value, str) else value
    if isinstance(words, (list, tuple)) and all(nothing(word) is None for word in words):
        return []
    return words


def page_address(value: str) -> str:
    """Check the address of a page: `http://` or `https://`, a host, no spaces, nothing after `?` or `#`."""
    parts = _split(value)
    if parts is None or parts[0] not in ("http", "https") or not parts[1] or re.search(r"\s", value):
        raise ValueError("it is no address of a page; write one like https://your-shop.example")
    if "?" in value or "#" in value:
        raise ValueError("pages are added to it, so nothing may follow a '?' or '#'")
    return value


def listening_address(value: str) -> str:
    """Check an address that a process listens on: an IP address of this machine, or `localhost`."""
    try:
        ip_address(value)
    except ValueError as error:
        if value != "localhost":
            raise ValueError(
                "it is no address of a machine; write 127.0.0.1 for this machine alone, or 0.0.0.0 for all networks"
            ) from error
    return value


def network(value: str) -> str:
    """Check an address of a machine, or a network of them (`10.0.0.0/8`)."""
    try:
        ip_network(value, strict=False)
    except ValueError as error:
        raise ValueError("it is no address and no network; write one such as 10.0.0.5 or 10.0.0.0/8") from error
    return value


def web_host(value: str) -> str:
    """Check a host of the web, without scheme and path; it becomes small letters and punycode."""
    try:
        return mail_domain(value)
    except ValueError as error:
        raise ValueError("it is no host; write one such as blog.your-shop.example") from error


def server_url(value: str, schemes: Collection[str], example: str) -> str:
    """Check that a URL begins with one of the schemes; what follows is for the parser of the server's kind."""
    scheme = _SCHEME.match(value.strip())
    if scheme is None or scheme[1].lower() not in schemes:
        raise ValueError(f"it does not begin as it should; write {example}")
    return value


def _split(value: str) -> tuple[str, str | None] | None:
    try:
        parts = urlsplit(value)
        _ = parts.port  # a port that is no number is found here
    except ValueError:
        return None
    return parts.scheme, parts.hostname
