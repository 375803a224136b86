"""The bytes of a mail say what was meant and nothing else, whatever a name, a subject or a text holds."""

from __future__ import annotations

import email
import email.policy
import re
from base64 import b64decode
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.message import Message
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.delivery.enclosures import Enclosed, enclosed
from worker.delivery.mime import LONGEST_LINE, HeaderError, build, clean
from worker.delivery.smtp_mail import on_the_wire
from worker.delivery.templates.rendered import Rendered
from worker.domain.errors import NaiveDatetimeError

MEANT = ["From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type"]
UNSUBSCRIBE = "<https://mail.thecoffee.example/u/k1." + "AbCdEfGhIjKlMnOp" * 12 + ">"
VIETNAMESE = "aăâbcdđeêghiklmnoôơpqrstuưvxyAĂÂĐÊÔƠƯáàảãạấầẩẫậắằẳẵặéèẻẽẹếềểễệíìỉĩịóòỏõọốồổỗộớờởỡợúùủũụứừửữựýỳỷỹỵ ,.!?–…"
TEXTS = st.one_of(
    st.text(VIETNAMESE, max_size=300),
    st.text(max_size=200),
    st.text('=?utf-8QBq_0A\r\n: Bcc<>@"\\,;()ăế\x00\x85\u2028', max_size=120),
    st.just("=?utf-8?q?hello=0A?=Bcc: x@y.example"),
    st.text("ab ", min_size=300, max_size=1500),
)


def mail(**changes: Any) -> bytes:
    """Build a mail of which only what matters is told."""
    parts: dict[str, Any] = {
        "subject": "Xin chào",
        "preheader": "",
        "html": "<p>Xin chào</p>",
        "text": "Xin chào\n",
        "from_name": "The Coffee",
        "from_email": "chao@thecoffee.example",
        "reply_to": None,
        "files": (),
    }
    rest: dict[str, Any] = {
        "to_name": "Lan",
        "to_email": "lan@example.com",
        "message_id": "m1.0123@thecoffee.example",
        "date": datetime(2027, 3, 1, 7, 0, tzinfo=UTC),
        "headers": {},
        "boundary": "0123456789abcdef",
    }
    for name, value in changes.items():
        (parts if name in parts else rest)[name] = value
    return build(Rendered(**parts), **rest)


def parsed(content: bytes) -> Message:
    """Read bytes with the standard library's parser; its older policy decodes nothing by itself."""
    return email.message_from_bytes(content, policy=email.policy.compat32)


def decoded(message: Message, header: str) -> str:
    return str(make_header(decode_header(message[header])))


def second_reading(header: str) -> str:
    """Decode a header's encoded-words as RFC 2047 says, with no library in common."""
    unfolded = re.sub(r"\r?\n(?=[ \t])", "", header)
    joined = re.sub(r"(\?=)[ \t]+(?==\?)", r"\1", unfolded)

    def word(found: re.Match[str]) -> str:
        if found[1].lower() == "b":
            return "\0" + b64decode(found[2]).decode("latin-1") + "\1"
        raw = re.sub(r"=([0-9A-F]{2})", lambda code: chr(int(code[1], 16)), found[2].replace("_", " "))
        return "\0" + raw + "\1"

    octets = re.sub(r"=\?utf-8\?([qQbB])\?([^?]*)\?=", word, joined).replace("\1\0", "")
    return re.sub("\0(.*?)\1", lambda found: found[1].encode("latin-1").decode("utf-8"), octets, flags=re.DOTALL)


def holds_the_wire_rules(content: bytes) -> None:
    """Assert what holds for every mail: ASCII, CRLF, no long line, no long encoded-word."""
    assert on_the_wire(content) == content  # what SMTP then takes as it is (`Outgoing.in_form`)
    assert content.isascii()
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", content)
    assert all(len(line) <= LONGEST_LINE for line in content.split(b"\r\n"))
    head = content.split(b"\r\n\r\n", 1)[0]
    assert all(len(word) <= 75 for word in re.findall(rb"=\?[^?\s]+\?[^?\s]\?[^?\s]*\?=", head))
    assert all(len(line) <= 78 for line in head.split(b"\r\n") if b"=?" in line)


@given(subject=TEXTS, name=TEXTS, sender=TEXTS)
def test_what_goes_in_comes_out(subject: str, name: str, sender: str) -> None:
    """Given any subject and names, when the mail is read by two parsers, then they say what was meant."""
    content = mail(subject=subject, to_name=name, from_name=sender)
    holds_the_wire_rules(content)
    message = parsed(content)
    assert message.keys() == MEANT
    assert decoded(message, "Subject") == clean(subject) == second_reading(message["Subject"])
    for header, value, address in (
        ("To", name, "lan@example.com"),
        ("From", sender, "chao@thecoffee.example"),
    ):
        shown, found = email.utils.parseaddr(message[header])
        assert found == address
        assert str(make_header(decode_header(shown))) == clean(value)


@given(text=TEXTS, html=TEXTS)
def test_bodies_come_out_as_they_went_in(text: str, html: str) -> None:
    """Given any text and HTML, then both parts hold them, text first; line breaks are CRLF."""
    content = mail(text=text, html=html)
    holds_the_wire_rules(content)
    message = parsed(content)
    assert message.get_content_type() == "multipart/alternative"
    parts = cast(list[Message], message.get_payload())
    assert [part.get_content_type() for part in parts] == ["text/plain", "text/html"]
    for part, given_text in zip(parts, (text, html), strict=True):
        expected = re.sub("\r\n|\r|\n", "\r\n", given_text).encode("utf-8", "replace")
        assert part.get_payload(decode=True) == expected
        assert part.get_content_charset() == "utf-8"


NAMES = st.text(st.sampled_from(VIETNAMESE + "'\"()*%;=\\"), min_size=1, max_size=120).map(clean).filter(bool)
FILES = st.lists(
    st.builds(enclosed, NAMES, st.just("application/pdf"), st.just(""), st.binary(max_size=400)), max_size=3
)
PICTURES = st.lists(
    st.builds(enclosed, NAMES, st.just("image/png"), st.just("0a1b@picture.phin"), st.binary(max_size=200)), max_size=2
)


def leaves(message: Message) -> list[Message]:
    return [part for part in message.walk() if not part.is_multipart()]


@given(subject=st.text(VIETNAMESE, max_size=200), text=TEXTS, files=FILES, pictures=PICTURES)
def test_files_come_out_with_their_names(
    subject: str, text: str, files: list[Enclosed], pictures: list[Enclosed]
) -> None:
    """Given any files and pictures, then two parsers read back octets and names, and the rest as without them."""
    content = mail(subject=subject, text=text, html=text, files=(*files, *pictures))
    holds_the_wire_rules(content)
    assert all(len(line) <= 78 for line in content.split(b"\r\n"))
    message = parsed(content)
    assert decoded(message, "Subject") == clean(subject)
    plain, html, *rest = leaves(message)
    bodies = [part.get_payload(decode=True) for part in leaves(parsed(mail(text=text, html=text)))]
    assert [plain.get_payload(decode=True), html.get_payload(decode=True)] == bodies
    assert [part.get_payload(decode=True) for part in rest] == [one.octets for one in (*pictures, *files)]
    assert [part.get_filename() for part in rest] == [one.name for one in (*pictures, *files)]
    newer = email.message_from_bytes(content, policy=email.policy.SMTP)
    assert [part.get_filename() for part in leaves(newer)[2:]] == [one.name for one in (*pictures, *files)]
    assert len({part.get_boundary() for part in message.walk() if part.is_multipart()}) == 1 + bool(files) + bool(
        pictures
    )


def test_a_wide_address_goes_out_as_utf8_where_it_may() -> None:
    """Given an address with letters beyond ASCII before its @, then its header has it raw; all other stays ASCII."""
    content = mail(to_email="lân@càphê.example", to_name="Lân", subject="Chào", wide=True)
    line = next(line for line in content.split(b"\r\n") if b"<l" in line)
    assert line.decode() == " <lân@xn--cph-9ka6c.example>"
    assert content.replace(line, b"").isascii()
    for harmful in (
        "lân\r\nBcc: x@càphê.example",
        "lân, x@càphê.example",
        '"lân x"@càphê.example',
        "lân@",
        "l\u2028ân@x.vn",
    ):
        with pytest.raises(HeaderError):
            mail(to_email=harmful, wide=True)


def test_a_plain_mail_has_no_part_more() -> None:
    """Given a mail without files, then it is text and HTML, and nothing around them."""
    assert [part.get_content_type() for part in parsed(mail()).walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]


def test_an_address_list_cannot_be_smuggled_into_a_name() -> None:
    """Given a name made to look like an address, then the mail still has one recipient, with that name."""
    message = parsed(mail(to_name='Eve" <eve@evil.example>, "Lan'))
    assert email.utils.getaddresses([message["To"]]) == [('Eve" <eve@evil.example>, "Lan', "lan@example.com")]


def test_an_encoded_line_break_makes_no_header() -> None:
    """Given the subject that became a Bcc through the standard library, then there is no Bcc."""
    message = parsed(mail(subject="=?utf-8?q?hello=0A?=Bcc: x@y.example"))
    assert "Bcc" not in message
    assert message.keys() == MEANT


def test_further_headers_stand_raw_and_whole() -> None:
    """Given a long List-Unsubscribe, then it is one raw ASCII line that any mail program finds."""
    headers = {
        "List-Unsubscribe": UNSUBSCRIBE,
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Feedback-ID": "post-purchase:the-coffee:marketing:phin",
        "Auto-Submitted": "auto-generated",
    }
    content = mail(headers=headers)
    assert f"\r\nList-Unsubscribe: {UNSUBSCRIBE}\r\n".encode() in content
    message = parsed(content)
    assert message.keys() == [*MEANT[:5], *headers, *MEANT[5:]]
    assert {name: message[name] for name in headers} == headers


def test_long_headers_fold_after_commas_only() -> None:
    """Given two addresses in a header, then it folds between them and unfolds to what was given."""
    two = f"{UNSUBSCRIBE}, <mailto:stop@thecoffee.example>"
    content = mail(headers={"List-Unsubscribe": two})
    assert f"List-Unsubscribe: {UNSUBSCRIBE},\r\n <mailto:stop@thecoffee.example>\r\n".encode() in content
    assert parsed(content)["List-Unsubscribe"].replace("\r\n", "") == two


@pytest.mark.parametrize(
    "changes",
    [
        {"headers": {"X-Test": "a\r\nBcc: x@y.example"}},
        {"headers": {"X-Test": "a\nb"}},
        {"headers": {"X-Test": "Cà phê"}},
        {"headers": {"X-Test": "a" * 1000}},
        {"headers": {"X Test": "a"}},
        {"headers": {"X-Test:": "a"}},
        {"headers": {"subject": "again"}},
        {"headers": {"Content-Type": "text/plain"}},
        {"headers": {"X-Test": "a", "x-test": "b"}},
        {"to_email": "lan@example.com\r\nBcc: x@y.example"},
        {"to_email": "lan@example.com, eve@evil.example"},
        {"to_email": "lan example.com"},
        {"to_email": "lân@example.com"},
        {"to_email": ""},
        {"to_email": f"{'a' * 250}@example.com"},
        {"reply_to": "a@b.example\n"},
        {"from_email": "Lan <lan@example.com>"},
        {"message_id": "a b@example.com"},
        {"message_id": "a>\r\nBcc: x@y.example"},
        {"boundary": 'abc"; x="'},
        {"boundary": "short"},
    ],
)
def test_what_cannot_be_written_is_refused(changes: dict[str, Any]) -> None:
    """Given a value that would break the mail or write a header of its own, then a clear error without it."""
    with pytest.raises(HeaderError) as caught:
        mail(**changes)
    assert "example" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_domain_beyond_ascii_goes_out_as_punycode() -> None:
    """Given an address at a Vietnamese domain, then the header has its ASCII form."""
    message = parsed(mail(to_email="lan@càphê.example", to_name=None))
    assert message["To"] == "lan@xn--cph-9ka6c.example"


def test_replies_go_where_they_were_asked_to() -> None:
    """Given a reply address, then Reply-To has it, and else there is none."""
    assert parsed(mail(reply_to="hoi@thecoffee.example"))["Reply-To"] == "hoi@thecoffee.example"
    assert parsed(mail())["Reply-To"] is None


def test_the_date_is_shown_with_its_offset_and_needs_one() -> None:
    """Given an aware date, then it is written by RFC 5322; given a naive one, then it is refused."""
    assert parsed(mail())["Date"] == "Mon, 01 Mar 2027 07:00:00 +0000"
    with pytest.raises(NaiveDatetimeError):
        mail(date=datetime(2027, 3, 1))  # noqa: DTZ001 - that is the point


def test_short_ascii_needs_no_encoding() -> None:
    """Given plain ASCII, then it stands as it is: an encoded From that needs none counts against a mail."""
    content = mail(subject="We have your order A1", to_name="Lan Nguyen", from_name="Joe's Coffee, Ltd.")
    assert b"\r\nSubject: We have your order A1\r\n" in content
    assert b"\r\nTo: Lan Nguyen <lan@example.com>\r\n" in content
    assert b'From: "Joe\'s Coffee, Ltd." <chao@thecoffee.example>\r\n' in content


def test_the_same_mail_is_the_same_bytes() -> None:
    """Given the same parts, boundary and date, then a second try sends the very same bytes."""
    assert mail() == mail()
