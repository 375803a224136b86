"""Bodies: JSON in its three forms, packed or not, and a plain word for whatever cannot be read."""

from __future__ import annotations

import gzip
import json
import sys
import threading
import zlib
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.types import Message

from worker.domain.event_data import DOUBLED
from worker.edges.web import bodies
from worker.edges.web.bodies import BodyError, items_of, read_body
from worker.engine.intake import Unreadable

NDJSON = "application/x-ndjson"


def items(body: str | bytes, content_type: str = "application/json") -> list[object]:
    return items_of(body.encode() if isinstance(body, str) else body, content_type)


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        ('{"a": 1}', "application/json", [{"a": 1}]),
        ('[{"a": 1}, 5]', "application/json; charset=utf-8", [{"a": 1}, 5]),
        ("[]", "", []),
        ('\ufeff{"a": "đ"}', "application/x-www-form-urlencoded", [{"a": "đ"}]),
        ('{"a": 1}', NDJSON, [{"a": 1}]),
        ('{"a": 1}\n\n{"a": 2}\r\n', f"{NDJSON}; charset=utf-8", [{"a": 1}, {"a": 2}]),
        ('{"a": 1}\n{"a": 2}\n', "application/json", [{"a": 1}, {"a": 2}]),
        ('{\n  "a": 1\n}\n', "application/json", [{"a": 1}]),
        ('{"a": 1, "a": 2}', "application/json", [{"a": 2, DOUBLED: "a"}]),
    ],
)
def test_one_event_a_list_or_one_a_line(body: str, content_type: str, expected: list[Any]) -> None:
    """Given a body in one of its forms, then its items are read."""
    assert items(body, content_type) == expected


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("", "is empty"),
        (" \n ", "is empty"),
        ('{"id": "1",\n "type": }', "line 2, column 10"),
        ("5", "must be an event"),
        ('"text"', "must be an event"),
        (b'{"a": "\xff"}', "UTF-8 at byte 7"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a": ' + "9" * (sys.get_int_max_str_digits() + 1) + "}", "too many digits"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(body: str | bytes, words: str) -> None:
    """Given a body of which nothing can be read, then the error says why and where."""
    with pytest.raises(BodyError) as caught:
        items(body)
    assert caught.value.status == 400
    assert words in str(caught.value)


def test_a_broken_line_harms_only_itself() -> None:
    """Given lines of which some are broken, by whatever means, then the others are read."""
    lines = [b'{"a": 1}', b'{"a": ', b'{"a": "\xff"}', b"[" * 100_000, b'{"a": 2}']
    found = items(b"\n".join(lines), NDJSON)
    assert [found[0], found[4]] == [{"a": 1}, {"a": 2}]
    errors = [item.error for item in found if isinstance(item, Unreadable)]
    assert [error.split(" ")[1] for error in errors] == ["2", "3", "4"]


def test_lines_are_told_by_themselves_even_when_the_first_is_broken() -> None:
    """Given lines without their content type, the first of which is broken, then they are still read as lines."""
    found = items('{"a": 1\n{"a": 2}\n{"a": 3}')
    assert isinstance(found[0], Unreadable)
    assert found[1:] == [{"a": 2}, {"a": 3}]


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode), st.sampled_from(["", NDJSON]))
def test_no_body_breaks_the_reader(body: bytes, content_type: str) -> None:
    """Given any bytes, then there are items, or an error that can be answered with."""
    try:
        assert isinstance(items(body, content_type), list)
    except BodyError as error:
        assert error.status == 400
        json.dumps([str(error), error.place])


async def unpacked(body: bytes, limit: int = 1_000_000) -> bytes:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    scope = {"type": "http", "method": "POST", "headers": [(b"content-encoding", b"gzip")]}
    return await read_body(Request(scope, receive), limit)


@pytest.mark.anyio
@pytest.mark.parametrize("members", [1, 2, 100])
async def test_gzip_of_several_members_is_one_body(members: int) -> None:
    """Given gzip that was put together from parts, as the format allows, then all of it is read."""
    contents = [f"{number} {'đ' * 2_000}".encode() for number in range(members)]
    assert await unpacked(b"".join(gzip.compress(content) for content in contents)) == b"".join(contents)


@pytest.mark.anyio
async def test_gzip_of_many_members_is_refused_before_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given thousands of tiny members, each of which costs a start, then no more are begun than may be."""
    begun: list[str] = []

    def begin(bits: int) -> Any:
        begun.append(threading.current_thread().name)
        return zlib.decompressobj(bits)

    monkeypatch.setattr(
        bodies, "zlib", SimpleNamespace(decompressobj=begin, MAX_WBITS=zlib.MAX_WBITS, error=zlib.error)
    )
    with pytest.raises(BodyError, match="more than 100 members") as caught:
        await unpacked(gzip.compress(b"") * 50_000)
    assert caught.value.status == 400
    assert len(begun) == 100
    assert threading.main_thread().name not in begun, "others would have to wait for it"


@pytest.mark.anyio
async def test_gzip_in_which_only_the_sum_is_too_long() -> None:
    """Given members that are short one by one and too long together, then the body is refused as too long."""
    with pytest.raises(BodyError) as caught:
        await unpacked(gzip.compress(b" " * 600) * 2, limit=1_000)
    assert caught.value.status == 413
    assert await unpacked(gzip.compress(b" " * 500) * 2, limit=1_000) == b" " * 1_000
