"""What an SMTP URL says, and what is wrong with one that cannot be used."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.delivery.smtp_relay import Relay, parse_relay
from worker.domain.errors import SettingError
from worker.domain.server_urls import Security


@pytest.mark.parametrize(
    ("url", "relay"),
    [
        ("smtp://mail.example.com", Relay("mail.example.com", 25, Security.OFFERED)),
        ("smtp://u:p@mail.example.com:587", Relay("mail.example.com", 587, Security.OFFERED, "u", "p")),
        ("smtp+starttls://mail.example.com/", Relay("mail.example.com", 587, Security.REQUIRED)),
        ("smtps://mail.example.com", Relay("mail.example.com", 465, Security.IMPLICIT)),
        ("smtps://[::1]:2465?verify=no", Relay("::1", 2465, Security.IMPLICIT, verify=False)),
        ("smtp://key:@relay.example", Relay("relay.example", 25, Security.OFFERED, "key", "")),
    ],
)
def test_a_url_says_where_and_how(url: str, relay: Relay) -> None:
    """Scheme, host, port, credentials and the option are read; ports have their usual values."""
    assert parse_relay(url) == relay


printable = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1)


@given(user=printable, password=printable)
def test_credentials_are_percent_decoded(user: str, password: str) -> None:
    """Any printable user and password can be written in a URL."""
    relay = parse_relay(f"smtp://{quote(user, safe='')}:{quote(password, safe='')}@host.example")
    assert (relay.user, relay.password) == (user, password)


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("mail.example.com:587", "begin with smtp://"),
        ("http://mail.example.com", "begin with smtp://"),
        ("smtp://", "names no host"),
        ("smtp://mail.example.com:many", "port cannot be read"),
        ("smtp://mail.example.com:99999", "port cannot be read"),
        ("smtp://u:sec/ret@mail.example.com", "cannot be read|as %2F"),
        ("smtp://u:sec#ret@mail.example.com", "cannot be read|as %23"),
        ("smtp://user@mail.example.com", "no password"),
        ("smtp://u:m%C3%A1t@mail.example.com", "ASCII"),
        ("smtp://u:a%0Ab@mail.example.com", "printable"),
        ("smtp://mail.example.com?verify=maybe", "verify=no"),
        ("smtp://mail.example.com?tls=1", "verify=no"),
        ("smtp://[::1", "cannot be read"),
    ],
)
def test_a_bad_url_is_explained(url: str, fault: str) -> None:
    """The message names the setting, the fault, and what a good one looks like, and keeps the password to itself."""
    with pytest.raises(SettingError, match=fault) as raised:
        parse_relay(url)
    assert "PHIN_SMTP_URL" in str(raised.value)
    assert "smtp://user:password@host:587" in str(raised.value)
    assert "sec" not in str(raised.value).replace("second", "")


def test_a_relay_keeps_its_password_to_itself() -> None:
    """Neither its name nor its representation may carry it into a log."""
    relay = parse_relay("smtp://someone:hunter2@mail.example.com:2525")
    assert "hunter2" not in f"{relay} {relay!r}"
    assert "someone" not in str(relay)
