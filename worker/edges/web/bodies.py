"""Reading a request's body: within limits, unpacked, as JSON or as one JSON object a line."""

from __future__ import annotations

import asyncio
import json
import zlib
from typing import Any

from starlette.requests import Request

from worker.domain.errors import PhinError
from worker.domain.event_data import DOUBLED
from worker.engine.intake import Unreadable

READ_WITHIN = 30.0  # seconds that a body may take to arrive
MEMBERS = 100  # of one gzip body; a shop that packs sends one, or a few that it put together
PIECE = 65_536  # bytes that are unpacked at a time
LINES = ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines")


class BodyError(PhinError):
    """A body that cannot be taken; `status` is the HTTP status that says so, `place` where in the body it is wrong."""

    def __init__(self, status: int, message: str, **place: int) -> None:
        self.status = status
        self.place = place
        super().__init__(message)


async def read_body(request: Request, limit: int) -> bytes:
    """Return the body, unpacked; neither what comes nor what it unpacks to may be longer than the limit in bytes.

    Raises:
        BodyError: it is too long (413), too slow (408), or packed in a way that cannot be unpacked (415, 400).
        ClientDisconnect: the client went away.
    """
    packed = request.headers.get("content-encoding", "identity").strip().lower()
    if packed not in ("", "identity", "gzip", "x-gzip"):
        raise BodyError(415, f"content-encoding '{packed[:40]}' is not known; send gzip, or nothing packed")
    announced = request.headers.get("content-length", "0")
    if announced.isascii() and announced.isdecimal() and int(announced[:20]) > limit:
        raise _too_long(limit)
    parts, length = [], 0
    try:
        async with asyncio.timeout(READ_WITHIN):
            async for part in request.stream():
                length += len(part)
                if length > limit:
                    raise _too_long(limit)
                parts.append(part)
    except TimeoutError:
        raise BodyError(408, f"the body did not arrive within {READ_WITHIN:.0f} seconds") from None
    body = b"".join(parts)
    # in a thread: even within the limit, unpacking takes long enough for others to notice
    return await asyncio.to_thread(_unpacked, body, limit) if packed.endswith("gzip") else body


def items_of(body: bytes, content_type: str) -> list[object]:
    """Return the events of a body: one, a list, or one a line; a line that cannot be read stands as `Unreadable`.

    Lines are told by the content type, or by themselves: several, each of which begins an object.

    Raises:
        BodyError: nothing could be read (400).
    """
    if content_type.partition(";")[0].strip().lower() in LINES:
        return _lines(body)
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BodyError(400, f"the body is not UTF-8 at byte {error.start}", byte=error.start) from None
    if not text.strip():
        raise BodyError(400, "the body is empty; send an event, a list of events, or one event a line")
    try:
        value = _json(text)
    except json.JSONDecodeError as error:
        if _looks_like_lines(text):
            return _lines(body)
        raise BodyError(
            400, f"the body is no JSON: {_sentence(error)}", line=error.lineno, column=error.colno
        ) from None
    except RecursionError:
        raise BodyError(400, "the body is nested too deeply") from None
    except ValueError:
        raise BodyError(400, "the body holds a number of too many digits") from None
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        return [value]
    raise BodyError(400, "the body must be an event, a list of events, or one event a line")


def _lines(body: bytes) -> list[object]:
    items: list[object] = []
    for number, line in enumerate(body.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            items.append(_json(line.decode()))
        except UnicodeDecodeError as error:
            items.append(Unreadable(f"line {number} is not UTF-8 at byte {error.start}"))
        except json.JSONDecodeError as error:
            items.append(Unreadable(f"line {number} is no JSON: {error.msg} at column {error.colno}"))
        except RecursionError:
            items.append(Unreadable(f"line {number} is nested too deeply"))
        except ValueError:
            items.append(Unreadable(f"line {number} holds a number of too many digits"))
    if not items:
        raise BodyError(400, "the body is empty; send one event a line")
    return items


def _json(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_object)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object; a key that stands twice is marked, so that the check refuses this item alone."""
    made = dict(pairs)
    if len(made) != len(pairs):
        seen: set[str] = set()
        made[DOUBLED] = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
    return made


def _looks_like_lines(text: str) -> bool:
    lines = [line for line in text.split("\n") if line.strip()]
    return len(lines) > 1 and all(line.lstrip().startswith("{") for line in lines)


def _sentence(error: json.JSONDecodeError) -> str:
    return f"{error.msg} at line {error.lineno}, column {error.colno}"


def _unpacked(body: bytes, limit: int) -> bytes:
    """Unpack gzip of one member or several (RFC 1952, section 2.2), piece by piece: what is left is never copied."""
    packed, at, members = memoryview(body), 0, 0
    parts, length = [], 0
    while at < len(packed):
        members += 1
        if members > MEMBERS:
            raise BodyError(400, f"the body is gzip of more than {MEMBERS} members; pack it as one")
        inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)
        while not inflate.eof:
            piece = packed[at : at + PIECE]
            if not piece:
                raise BodyError(400, "the body is gzip that breaks off")
            try:
                part = inflate.decompress(piece, limit - length + 1)
            except zlib.error:
                raise BodyError(400, "the body is no gzip") from None
            length += len(part)
            if length > limit:
                raise _too_long(limit)
            parts.append(part)
            at += len(piece) - len(inflate.unused_data)
    return b"".join(parts)


def _too_long(limit: int) -> BodyError:
    return BodyError(413, f"the body is longer than {limit:,} bytes; send it in parts")
