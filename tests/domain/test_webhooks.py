"""Webhooks as the specification asks for: signed so that another's library believes them, tried again on schedule."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook as Receiver
from standardwebhooks import WebhookVerificationError

from worker.domain.webhooks import (
    TRIES,
    WAITS,
    Answer,
    WebhookState,
    is_open,
    judge,
    secret_bytes,
    signature,
)

NOW = datetime(2027, 3, 1, tzinfo=UTC)
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
OTHER = "whsec_" + base64.b64encode(bytes(range(1, 33))).decode()


@given(st.text(max_size=200), st.from_regex(r"journey:[0-9]{1,9}:[a-z-]{1,20}:0", fullmatch=True))
def test_another_library_believes_the_signature(text: str, id_: str) -> None:
    """Given any body and id, when it is signed with two keys, then the specification's own library accepts it with
    either, and refuses it changed."""
    body, now = json.dumps({"text": text}), datetime.now(UTC)  # the library compares with the machine's own clock
    keys = (secret_bytes(SECRET), secret_bytes(OTHER))
    headers = {
        "webhook-id": id_,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signature(keys, id_, now, body.encode()),
    }
    for secret in (SECRET, OTHER):
        receiver = Receiver(secret)
        assert receiver.verify(body, headers) == {"text": text}
        with pytest.raises(WebhookVerificationError):
            receiver.verify(body + " ", headers)


def test_it_is_tried_again_on_schedule_and_given_up() -> None:
    """Given a server that always fails, when each try is judged, then the waits are those of the schedule, a tenth up
    or down, and after the last it is given up."""
    for attempts in range(1, TRIES):
        verdict = judge("journey:1:tell:0", attempts, Answer(500), NOW)
        assert verdict.state is WebhookState.QUEUED and verdict.not_before is not None
        ratio = (verdict.not_before - NOW) / WAITS[attempts - 1]
        assert 0.9 <= ratio <= 1.1
        assert verdict == judge("journey:1:tell:0", attempts, Answer(500), NOW)
    assert judge("journey:1:tell:0", TRIES, Answer(500), NOW).state is WebhookState.FAILED


@pytest.mark.parametrize("code", [200, 202, 204, 299])
def test_a_yes_is_a_yes(code: int) -> None:
    """Given any status of 2xx, when it is judged, then the webhook is delivered."""
    assert judge("k", 1, Answer(code), NOW).state is WebhookState.DELIVERED


@pytest.mark.parametrize("code", [301, 302, 307, 400, 401, 404, 429, 500, 503, None])
def test_everything_else_is_tried_again(code: int | None) -> None:
    """Given a redirect, a refusal, a fault or no answer, when it is judged, then it is tried again."""
    assert judge("k", 1, Answer(code), NOW).state is WebhookState.QUEUED


def test_who_is_gone_is_left_alone() -> None:
    """Given 410, or a fault that no time mends, when it is judged, then it is given up at once."""
    assert judge("k", 1, Answer(410), NOW).state is WebhookState.FAILED
    assert judge("k", 1, Answer(None, "private", final=True), NOW).state is WebhookState.FAILED


def test_a_wish_to_be_left_alone_is_heard_within_reason() -> None:
    """Given Retry-After, when it is judged, then the wait is at least that long, but a day at most."""
    patient = judge("k", 1, Answer(503, retry_after=timedelta(hours=1)), NOW)
    assert patient.not_before == NOW + timedelta(hours=1)
    for_ever = judge("k", 1, Answer(503, retry_after=timedelta(days=900)), NOW)
    assert for_ever.not_before == NOW + timedelta(hours=24)
    assert (judge("k", 1, Answer(503, retry_after=timedelta(days=-9)), NOW).not_before or NOW) > NOW


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "10.0.0.1", "172.16.3.4", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1",
        "224.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "ff02::1",
        "2001:db8::1", "nonsense", "",
    ],
)  # fmt: skip
def test_addresses_inside_are_not_open(address: str) -> None:
    """Given an address of this machine, of a private network, of none, or one that stands for such, when it is asked,
    then it is not open."""
    assert not is_open(address)


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "203.113.131.1", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
)
def test_addresses_of_the_internet_are(address: str) -> None:
    """Given an address of the open internet, when it is asked, then it is open."""
    assert is_open(address)


@pytest.mark.parametrize("secret", ["whsec_", "whsec_????", "whsec_" + base64.b64encode(b"short").decode()])
def test_a_secret_that_cannot_be_used_is_told(secret: str) -> None:
    """Given a secret that is no base64, or too short, when it is read, then it is refused."""
    with pytest.raises(ValueError, match=r"base64|bytes"):
        secret_bytes(secret)
