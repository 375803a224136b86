"""The fields of a small form that anybody may post: urlencoded or multipart, and nothing of whatever else comes."""

from __future__ import annotations

import asyncio
from email.parser import BytesParser
from email.policy import HTTP
from urllib.parse import parse_qs

from starlette.requests import ClientDisconnect, Request

BODY_LIMIT = 64_000  # bytes; nobody's form is longer
READ_WITHIN = 30.0  # seconds that a body may take to arrive
MOST_FIELDS = 100


class FormTooLongError(ValueError):
    """More was sent than a form may hold."""


async def fields_of(request: Request, *, tolerant: bool = False, within: float = READ_WITHIN) -> dict[str, str] | None:
    """Return the fields of a form, each with its first value; None where the body cannot be one, or is too long.

    Parameters:
        tolerant: of a body that is too long, or never comes to its end, what came is read all the same.
        within: seconds that the body may take to arrive.
    """
    try:
        return await read_fields(request, tolerant=tolerant, within=within)
    except FormTooLongError:
        return None


async def read_fields(
    request: Request, *, tolerant: bool = False, within: float = READ_WITHIN
) -> dict[str, str] | None:
    """Do the same for who tells a reader that they wrote too much.

    Raises:
        FormTooLongError: it is longer than `BODY_LIMIT`.
    """
    body = b""
    try:
        async with asyncio.timeout(within):
            async for part in request.stream():
                body += part
                if len(body) > BODY_LIMIT:
                    break
    except (ClientDisconnect, TimeoutError):
        if not tolerant:
            return None
    if len(body) > BODY_LIMIT:
        if not tolerant:
            raise FormTooLongError
        body = body[:BODY_LIMIT]
    kind = request.headers.get("content-type", "")
    try:
        if kind.startswith("application/x-www-form-urlencoded"):
            found = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS)
            return {name: values[0] for name, values in found.items()}
        if kind.startswith("multipart/form-data"):
            return _multipart(kind, body)
    except ValueError:
        return None
    return None


def _multipart(kind: str, body: bytes) -> dict[str, str] | None:
    """Read RFC 7578 with the standard library's parser of MIME."""
    if not kind.isascii() or "\r" in kind or "\n" in kind:
        return None
    whole = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + kind.encode("ascii") + b"\r\n\r\n" + body)
    if not whole.is_multipart():
        return None
    fields: dict[str, str] = {}
    for part in list(whole.iter_parts())[:MOST_FIELDS]:
        name = part.get_param("name", header="content-disposition")
        value = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(value, bytes):
            fields.setdefault(name, value.decode())
    return fields
