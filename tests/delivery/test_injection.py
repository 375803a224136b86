"""Names, subjects and addresses made to break a mail: it says what was meant, or is not sent, and harms no other."""

from __future__ import annotations

import email
import email.policy
import re
from email.header import decode_header, make_header
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from tests.delivery.test_headers import ALWAYS, OF_MARKETING, SENDER, WELCOME, parsed
from tests.delivery.test_mime import TEXTS, mail
from tests.support.post import Office
from tests.support.shop import LAN, YES, Shop
from worker.delivery.envelope import return_path, wire_address
from worker.delivery.mime import HeaderError, clean
from worker.delivery.smtp_mail import Envelope, Offers, envelope, in_lines
from worker.delivery.tokens import Tokens
from worker.delivery.transport import Answer, Outgoing
from worker.storage.database import Database
from worker.storage.tables import customer

MEANT = {"From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type"}
TOKENS = Tokens([b"a secret of the test"])
HOSTILE = (
    "Lan\r\nBcc: eve@evil.example",
    "Lan\nBcc: eve@evil.example",
    "Lan\rBcc: eve@evil.example",
    "Lan\x00Bcc: eve@evil.example",
    "Lan\u2028Bcc: eve@evil.example\u2029\x85\x0b\x0c",
    "=?utf-8?q?Lan=0D=0ABcc:_eve@evil.example?=",
    "=?utf-8?q?=0A?==?utf-8?q?Bcc:x?=",
    'Lan" <eve@evil.example>, "',
    "Lan\\",
    "Lan <eve@evil.example>",
    "Lan,;:()[]",
    "👩‍🌾 Lan ☕️ 🇻🇳",
    "Nguyễn Thị Ngọc Lan " * 400,
    "L" * 60_000,
    "\ud800Lan\udfff",
    "\u202eLan\u2066",
)
LOCALS = st.one_of(
    st.text("abcxyz019.!#$%&'*+/=?^_`{|}~-", min_size=1, max_size=70),
    st.text('ab "\\@<>,;:()[]\r\n\x00\u2028', min_size=1, max_size=20),
    st.text("lânếđ😀ｌ\u202e", min_size=1, max_size=20),
)
DOMAINS = st.one_of(
    st.sampled_from(
        ["example.com", "cà-phê.example", "例え.example", "xn--c-ph-0na7d.example", "😀.example", "[127.0.0.1]"]
    ),
    st.text("ab.-_@ \r\n<>ế😀", min_size=1, max_size=20),
)
HEADER = re.compile(rb"([!-9;-~]+):")


def headers_of(content: bytes) -> list[str]:
    """Return the names of a mail's headers, read line by line with no library."""
    head = content.split(b"\r\n\r\n", 1)[0]
    found = []
    for line in head.split(b"\r\n"):
        if line[:1] not in (b" ", b"\t"):
            match = HEADER.match(line)
            assert match is not None, line
            found.append(match[1].decode())
    return found


@given(name=st.sampled_from(HOSTILE) | TEXTS, subject=st.sampled_from(HOSTILE) | TEXTS, to=st.tuples(LOCALS, DOMAINS))
def test_no_name_subject_or_address_writes_a_header_or_a_command(name: str, subject: str, to: tuple[str, str]) -> None:
    """Given any name, subject and address, then a mail with its own headers alone comes of it, or a clear refusal."""
    address = "@".join(to)
    try:
        content = mail(to_name=name, subject=subject, to_email=address, wide=not address.isascii())
    except HeaderError as error:
        assert address not in str(error)
        assert "\n" not in str(error)
        return
    assert set(headers_of(content)) == MEANT
    assert len(headers_of(content)) == len(MEANT)
    message = email.message_from_bytes(content, policy=email.policy.compat32)
    assert str(make_header(decode_header(message["Subject"]))) == clean(subject)
    outgoing = Outgoing(7, return_path(TOKENS, "b.example", 7), wire_address(address), content, "m@x.example")
    lines = envelope(outgoing, Offers(smtputf8=True, eight_bit=True, size=True))
    assert isinstance(lines, Envelope)
    for line, verb in ((lines.mail, b"MAIL FROM:<"), (lines.rcpt, b"RCPT TO:<")):
        assert line.startswith(verb)
        assert line.count(b"\r") == line.count(b"\n") == 1
        assert line.endswith(b"\r\n")
    assert b"> " not in lines.rcpt
    assert lines.rcpt.partition(b"@")[2].isascii()
    assert in_lines(content) == content
    anywhere = envelope(outgoing, Offers(eight_bit=True))
    assert isinstance(anywhere, Envelope if outgoing.recipient.isascii() else Answer)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_only_a_name(sqlite_database: Database, tmp_path: Path, name: str) -> None:
    """Given a customer of that name, who stands in To and in the subject, then the mail goes to them alone."""
    shop = Shop(sqlite_database, **SENDER)
    shop.publish(welcome=WELCOME)
    office = Office(shop, tmp_path)
    shop.send("signup")
    with sqlite_database.writing() as connection:
        connection.execute(update(customer).values(name=name.encode("utf-8", "replace").decode()))
    office.send()
    (sent,) = office.post.mails
    assert sorted(headers_of(sent.content)) == sorted([*ALWAYS, *OF_MARKETING])
    assert sent.recipient == "lan@example.com"
    assert email.utils.getaddresses([parsed(sent)["To"]])[0][1] == "lan@example.com"
    assert len(email.utils.getaddresses([parsed(sent)["To"]])) == 1
    assert len(sent.content.split(b"\r\n\r\n", 1)[0]) < 16_000


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ('"lan tran"@example.com', "none that a mail can carry"),
        ('lan"x\\"@example.com', "none that a mail can carry"),
        ("lan@😀.example", "none that a mail can carry"),
        ("lan@example.com\r\nBcc: eve@evil.example", "none that a mail can carry"),
        ("lan@example.com>\r\nRCPT TO:<eve@evil.example", "none that a mail can carry"),
        ("lan@", "none that a mail can carry"),
    ],
)
def test_an_address_that_no_mail_can_carry_harms_its_own_mail_alone(
    sqlite_database: Database, tmp_path: Path, address: str, reason: str
) -> None:
    """Given such an address among others, which an older version may have let in, then it fails alone, and why."""
    shop = Shop(sqlite_database, **SENDER)
    shop.publish(welcome=WELCOME)
    office = Office(shop, tmp_path)
    for number in range(3):
        shop.send("signup", LAN | {"id": f"c{number}", "email": f"c{number}@example.com"})
    with sqlite_database.writing() as connection:
        connection.execute(update(customer).where(customer.c.external_id == "c1").values(email=address))
        connection.exec_driver_sql("insert into address (email, marketing) values (?, 'subscribed')", (address,))
    office.send()
    assert [one.recipient for one in office.post.mails] == ["c0@example.com", "c2@example.com"]
    failed = shop.messages()[1]
    assert failed.state == "failed"
    assert reason in failed.reason
    assert "evil" not in failed.reason


@pytest.mark.parametrize("address", ['"lan tran"@example.com', "lan@😀.example", "lan@example.com\r\nBcc: x@y.example"])
def test_such_an_address_is_refused_where_it_comes_in(sqlite_database: Database, address: str) -> None:
    """Given an event with such an address, then it is refused, and the shop is told why."""
    shop = Shop(sqlite_database)
    event = {"id": "e", "type": "signup", "time": shop.now.isoformat(), "customer": {"email": address, "consent": YES}}
    receipt, _ = shop.receive(event)
    assert len(receipt.refused) == 1


def test_a_domain_beyond_ascii_is_punycode_in_header_and_envelope(sqlite_database: Database, tmp_path: Path) -> None:
    """Given a customer and a sender at Vietnamese domains, then both go over the wire in ASCII."""
    shop = Shop(sqlite_database, shop={"sender": {"name": "Cà phê"}})
    shop.publish(welcome=WELCOME)
    office = Office(shop, tmp_path)
    template = tmp_path / "templates" / "welcome.vi.html"
    template.write_text(template.read_text().replace("---\n", "---\nfrom_email: chao@cà-phê.example\n", 1))
    shop.send("signup", LAN | {"email": "Lan@Cà-Phê.example"})
    office.send()
    (sent,) = office.post.mails
    assert sent.content.isascii()
    assert (sent.sender, sent.recipient) == ("chao@xn--c-ph-0na7d.example", "lan@xn--c-ph-0na7d.example")
    assert "<chao@xn--c-ph-0na7d.example>" in parsed(sent)["From"]


def test_letters_before_the_at_need_a_server_that_takes_them(sqlite_database: Database, tmp_path: Path) -> None:
    """Given such an address, then its mail is whole, and refused by us where the server does not offer SMTPUTF8."""
    shop = Shop(sqlite_database, **SENDER)
    shop.publish(welcome=WELCOME)
    office = Office(shop, tmp_path)
    shop.send("signup", LAN | {"email": "lân😀@cà-phê.example"})
    office.send()
    (sent,) = office.post.mails
    assert "To: Lan <lân😀@xn--c-ph-0na7d.example>\r\n".encode() in sent.content
    refused = envelope(sent, Offers(eight_bit=True))
    assert isinstance(refused, Answer)
    assert "SMTPUTF8" in refused.text
    taken = envelope(sent, Offers(eight_bit=True, smtputf8=True))
    assert isinstance(taken, Envelope)
    assert taken.mail.endswith(b" SMTPUTF8\r\n")
