"""A mail on the wire: dots, line breaks, envelope lines."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.handing import a_mail
from worker.delivery.smtp_mail import (
    Envelope,
    Offers,
    before_and_with_dot,
    before_and_with_end,
    envelope,
    in_lines,
    on_the_wire,
)
from worker.delivery.transport import Answer, Outcome
from worker.domain.answers import Stage

contents = st.lists(st.sampled_from([b"a", b".", b"\r\n", b"\n", b"\r", b"..", b"text"]), max_size=30).map(b"".join)


@given(content=contents)
def test_a_receiver_reads_back_what_was_meant(content: bytes) -> None:
    """Given any content, undoing the dots line by line gives the content with its breaks as CRLF."""
    lines = on_the_wire(content).split(b"\r\n")
    assert lines.pop() == b""
    meant = re.split(rb"\r\n|\r|\n", content)
    assert [line[1:] if line.startswith(b".") else line for line in lines] == (
        meant if meant[-1] else meant[:-1] or meant
    )


@given(content=contents)
def test_no_content_ends_a_mail_early(content: bytes) -> None:
    """Nowhere does a lone dot stand on a line, nor a break that only some servers take for one."""
    wired = on_the_wire(content)
    assert b"\r\n.\r\n" not in b"\r\n" + wired
    assert wired.count(b"\r") == wired.count(b"\n") == wired.count(b"\r\n")
    assert wired.endswith(b"\r\n")


@given(
    lines=st.lists(st.binary(max_size=80).map(lambda line: line.translate(None, b"\r\n")), max_size=60),
    fold=st.booleans(),
)
def test_the_last_line_goes_with_the_final_dot(lines: list[bytes], fold: bool) -> None:
    """Given a mail of any length, its parts make up the whole, and the second begins a line and is never empty."""
    filler = [b"x" * 998] * 300 if fold else []
    wired = on_the_wire(b"\r\n".join([*filler, *lines]))
    head, tail = before_and_with_dot(wired)
    assert head + tail == wired
    assert tail
    assert head == b"" or head.endswith(b"\r\n")
    assert (head != b"") == (len(wired) > 128 * 1024)


def test_a_long_mail_of_one_line_is_not_split() -> None:
    """There is no line before its last."""
    assert before_and_with_dot(on_the_wire(b"x" * 200_000))[0] == b""


def test_the_envelope_says_what_the_server_wants_to_know() -> None:
    """Given SIZE and SMTPUTF8 offered, they are used where they are needed."""
    mail = a_mail()
    plain = envelope(mail, Offers(smtputf8=True))
    assert isinstance(plain, Envelope)
    assert plain.group == b"MAIL FROM:<b@shop.example>\r\nRCPT TO:<lan1@example.com>\r\nDATA\r\n"
    wide = envelope(a_mail(recipient="hạnh@example.com"), Offers(smtputf8=True, size=True))
    assert isinstance(wide, Envelope)
    size = len(a_mail().content)
    assert wide.mail == f"MAIL FROM:<b@shop.example> SIZE={size} SMTPUTF8\r\n".encode()
    assert wide.rcpt == "RCPT TO:<hạnh@example.com>\r\n".encode()


@pytest.mark.parametrize(
    ("recipient", "sender", "stage"),
    [
        ("a@b.example>\r\nRCPT TO:<c@d.example", "b@shop.example", Stage.RCPT),
        ("a b@example.com", "b@shop.example", Stage.RCPT),
        ("a@example.com", "x\n@shop.example", Stage.MAIL),
        ("hạnh@example.com", "b@shop.example", Stage.RCPT),
        ("a@example.com", "hạnh@shop.example", Stage.MAIL),
    ],
)
def test_an_address_that_cannot_be_written_is_refused(recipient: str, sender: str, stage: Stage) -> None:
    """Given a break, a space or a letter that the server cannot take, no line is made, and the answer says why."""
    refusal = envelope(a_mail(recipient=recipient, sender=sender), Offers())
    assert isinstance(refusal, Answer)
    assert (refusal.outcome, refusal.stage, refusal.code) == (Outcome.REFUSED, stage, 553)
    assert "not sent" in refusal.text


def test_the_null_sender_is_an_address() -> None:
    """RFC 5321, 4.5.5: a report goes out with an empty path."""
    made = envelope(a_mail(sender=""), Offers())
    assert isinstance(made, Envelope)
    assert made.mail == b"MAIL FROM:<>\r\n"


def test_letters_beyond_ascii_are_told_beforehand_and_only_then() -> None:
    """RFC 6152: BODY=8BITMIME for a content that has them; where it is not offered the mail is refused, with reason."""
    plain, wide = a_mail(), a_mail(body="Xin chào")
    offers = Offers(eight_bit=True)
    assert [b"BODY=8BITMIME" in made.mail for made in (envelope(plain, offers), envelope(wide, offers))
            if isinstance(made, Envelope)] == [False, True]  # fmt: skip
    refusal = envelope(wide, Offers())
    assert isinstance(refusal, Answer)
    assert (refusal.outcome, refusal.code, refusal.ours) == (Outcome.REFUSED, 554, True)
    assert "8BITMIME" in refusal.text


@given(content=contents)
def test_a_chunk_is_as_long_as_it_says(content: bytes) -> None:
    """Given any content, BDAT names the number of octets that follow, and dots stand as they are."""
    lined = in_lines(content)
    head, tail = before_and_with_end(lined)
    command, _, octets = (head + tail).partition(b"\r\n")
    assert command == b"BDAT %d LAST" % len(octets)
    assert octets == lined
    assert tail
    assert lined.count(b"\r") == lined.count(b"\n") == lined.count(b"\r\n")
