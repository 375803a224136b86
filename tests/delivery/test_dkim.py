"""Signatures that another implementation verifies, and that hold what the mail says of itself."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import dkim
import pytest
from dkim.canonicalization import Relaxed
from hypothesis import given
from hypothesis import strategies as st

from tests.delivery.test_mime import TEXTS, mail
from worker.delivery.dkim import OVERSIGNED, SIGNED, DkimSigner, relaxed_body
from worker.delivery.smtp_mail import on_the_wire
from worker.domain.settings import Settings
from worker.edges.dkim_keys import dkim_signer, key_records, read_dkim_keys

NOW = datetime(2024, 3, 1, 7, 0, tzinfo=UTC)
SHOP = {"sender": {"name": "The Coffee", "email": "chao@thecoffee.example"}}
HEADERS = {
    "Auto-Submitted": "auto-generated",
    "Feedback-ID": "welcome:thecoffee.example:marketing:phin-0123abcd",
    "List-Id": "<news.thecoffee.example>",
    "List-Unsubscribe": "<https://mail.thecoffee.example/u/" + "AbCdEfGhIjKl" * 12 + ">",
    "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
}
BITS_OF_BODY = st.lists(st.sampled_from([b" ", b"\t", b"\r\n", b"a", b"=C3=A0", b"--x", b"\xe1\xba\xbf"]))


@dataclass
class Signed:
    """A shop that signs, with the records that it has published."""

    signer: DkimSigner
    records: dict[str, str]

    def verified(self, content: bytes) -> list[bool]:
        """Return for each signature whether dkimpy holds it to be good."""
        checker = dkim.DKIM(content)
        count = content.split(b"\r\n\r\n", 1)[0].count(b"DKIM-Signature:")
        return [bool(_quiet(checker, index, self._dns)) for index in range(count)]

    def _dns(self, name: bytes, timeout: int = 5) -> bytes | None:
        found = self.records.get(name.decode().rstrip("."))
        return None if found is None else found.encode()


def _quiet(checker: dkim.DKIM, index: int, dns: Callable[..., bytes | None]) -> bool:
    try:
        return bool(checker.verify(index, dnsfunc=dns))
    except dkim.DKIMException:
        return False


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Signed:
    return signing(tmp_path_factory.mktemp("var"))


def signing(var: Path, **dkim_settings: str) -> Signed:
    """Make the keys of a shop as it starts for the first time."""
    settings = Settings.model_validate({"var": var, "shop": SHOP, "dkim": {"sign": True, **dkim_settings}})
    signer = dkim_signer(settings, {})
    assert signer is not None
    records = key_records(settings, read_dkim_keys({}, var))
    return Signed(signer, {record.name: record.value for record in records})


@given(subject=TEXTS, name=TEXTS, text=TEXTS)
def test_what_is_signed_is_verified(shop: Signed, subject: str, name: str, text: str) -> None:
    """Given any mail, Vietnamese too, then both its signatures are good by dkimpy's measure."""
    content = mail(subject=subject, to_name=name, text=text, headers=HEADERS)
    signed = shop.signer.sign(content, NOW)
    assert shop.verified(signed) == [True, True]
    assert signed.endswith(content)
    assert all(len(line) <= 78 for line in signed.removesuffix(content).split(b"\r\n"))


@given(BITS_OF_BODY.map(b"".join))
def test_a_body_is_hashed_as_another_implementation_does(body: bytes) -> None:
    """Given any lines, spaces and line breaks, then what is hashed is what dkimpy hashes (RFC 6376, 3.4.4)."""
    assert relaxed_body(body) == Relaxed.canonicalize_body(on_the_wire(body))


@given(BITS_OF_BODY.map(b"".join))
def test_any_body_is_verified(shop: Signed, body: bytes) -> None:
    """Given a mail of any body, an empty one too, then its signatures are good."""
    content = mail(headers=HEADERS).partition(b"\r\n\r\n")[0] + b"\r\n\r\n" + body
    assert shop.verified(on_the_wire(shop.signer.sign(content, NOW))) == [True, True]


def test_what_is_signed_stands_in_the_signature(shop: Signed) -> None:
    """Given a mail of advertising, then each of its headers is signed, and some can be added by nobody."""
    signed = shop.signer.sign(mail(headers=HEADERS, reply_to="hoi@thecoffee.example"), NOW)
    signatures = re.findall(rb"DKIM-Signature: (.*?)\r\n(?=\S)", signed, re.DOTALL)
    assert [re.search(rb"a=([a-z0-9-]+)", one)[1] for one in signatures] == [b"rsa-sha256", b"ed25519-sha256"]  # type: ignore[index] # it is there
    for one in signatures:
        assert b"c=relaxed/relaxed; d=thecoffee.example;" in one
        listed = re.search(rb"h=([^;]+);", one)
        assert listed is not None
        names = re.sub(rb"\s", b"", listed[1]).decode().split(":")
        assert sorted(names) == sorted([*SIGNED, *OVERSIGNED])
        assert {name.lower() for name in HEADERS} | {"from", "to", "subject", "date", "message-id"} <= set(names)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"List-Unsubscribe: <https://mail.", b"List-Unsubscribe: <https://evil."),
        (b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n", b""),
        (b"List-Id: <news.", b"List-Id: <old."),
        (b"From: The Coffee", b"From: The Bank"),
        (b"Subject: ", b"Subject: Re: "),
        (b"\r\nSubject: ", b"\r\nFrom: eve@evil.example\r\nSubject: "),
        (b"\r\nSubject: ", b"\r\nReply-To: eve@evil.example\r\nSubject: "),
        (b"\r\nSubject: ", b"\r\nSubject: Win\r\nSubject: "),
        (b"WGlu", b"WGlv"),
        (b"\r\n--=_0123456789abcdef--\r\n", b"\r\n--=_0123456789abcdef--\r\nmore"),
    ],
)
def test_what_was_changed_on_the_way_is_found(shop: Signed, old: bytes, new: bytes) -> None:
    """Given a signed mail, when a header or its body is changed, taken out or added, then no signature holds."""
    signed = shop.signer.sign(mail(headers=HEADERS), NOW)
    assert shop.verified(signed) == [True, True]
    assert old in signed
    assert shop.verified(signed.replace(old, new, 1)) == [False, False]


def test_what_a_server_may_do_is_no_change(shop: Signed) -> None:
    """Given a signed mail, when servers fold headers anew, add their own and end it with empty lines, then it holds."""
    signed = shop.signer.sign(mail(headers=HEADERS), NOW)
    moved = signed.replace(b"Feedback-ID: ", b"feedback-id:\r\n\t ").replace(b"\r\n\r\n", b"\r\nX-Seen: yes\r\n\r\n", 1)
    assert moved != signed
    assert shop.verified(b"Received: from a by b\r\n" + moved + b"\r\n\r\n") == [True, True]


def test_one_key_signs_once_and_by_the_selectors_that_were_named(tmp_path: Path) -> None:
    """Given one key and names of our own, then there is one signature, of that domain, found under that name."""
    made = signing(tmp_path, selector="K1.mail", domain="Thecoffee.Example")
    assert set(made.records) == {"k1.mail._domainkey.thecoffee.example", "phin-ed25519._domainkey.thecoffee.example"}
    pem = (tmp_path / "secrets" / "dkim_rsa.pem").read_text()
    given_settings = {"var": tmp_path / "other", "shop": SHOP, "dkim": {"sign": True, "selector": "k1.mail"}}
    signer = dkim_signer(Settings.model_validate(given_settings), {"PHIN_DKIM_RSA_KEY": pem})
    assert signer is not None
    assert made.verified(signer.sign(mail(), NOW)) == [True]
    assert not (tmp_path / "other").exists()
