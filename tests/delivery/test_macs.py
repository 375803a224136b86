"""Codes with the key taken in beforehand are those of the standard library."""

from __future__ import annotations

import hmac

from hypothesis import given
from hypothesis import strategies as st

from worker.delivery.macs import Mac


@given(st.binary(max_size=200), st.lists(st.binary(max_size=300), max_size=4))
def test_a_code_is_the_standard_librarys(key: bytes, messages: list[bytes]) -> None:
    """Given any key and messages one after the other, then each code is HMAC-SHA256's."""
    mac = Mac(key)
    assert [mac(message) for message in messages] == [hmac.digest(key, message, "sha256") for message in messages]
