"""Reports as mail servers really write them are told apart, with the reason, in whatever language."""

from __future__ import annotations

import pytest

from tests.support.ledger import NOW
from tests.support.reports import SECRET, arf, dsn, plain
from worker.delivery.bounces.reading import read
from worker.delivery.tokens import Tokens
from worker.domain.bounce_words import BounceReason as R
from worker.domain.bounces import BounceClass as C
from worker.domain.bounces import class_failure, soft_too_often

TOKENS = Tokens([SECRET])
POSTFIX = """This is the mail system at host mx.example.com.

I'm sorry to have to inform you that your message could not
be delivered to one or more recipients. It's attached below.

<lan@example.com>: host mx.example.com[192.0.2.1] said: 550 5.1.1
    <lan@example.com>: Recipient address rejected: User unknown (in reply to
    RCPT TO command)
"""
EXIM = """This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  lan@example.com
    host mx.example.com [192.0.2.1]
    SMTP error from remote mail server after RCPT TO:<lan@example.com>:
    552 5.2.2 mailbox is over its quota

------ This is a copy of the message, including all the headers. ------

Received: from shop.example
Message-ID: <0123456789abcdef@shop.example>
From: hello@shop.example
To: lan@example.com
Subject: Your sender reputation policy

Good day
"""
QMAIL = """Hi. This is the qmail-send program at example.com.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<lan@example.com>:
Sorry, no mailbox here by that name. (#5.1.1)

--- Below this line is a copy of the message.
"""
EXCHANGE = """Delivery has failed to these recipients or groups:

lan@example.com
The email address you entered couldn't be found. Please check the recipient's email address and try to resend.

Diagnostic information for administrators:
#550 5.4.1 Recipient address rejected: Access denied. AS(201806281) ##
"""
GMAIL = """** Address not found **

Your message wasn't delivered to lan@gmail.com because the address couldn't be found, or is unable to receive mail.

The response from the remote server was:
550 5.2.1 The email account that you tried to reach is disabled. https://support.google.com/mail/?p=DisabledUser
"""
YAHOO = """Sorry, we were unable to deliver your message to the following address.

<lan@yahoo.com>:
552: 1 Requested mail action aborted, mailbox not found
"""
GMAIL_SPAM = """Your message to lan@gmail.com has been blocked.

550-5.7.1 Our system has detected that this message is likely unsolicited mail.
"""
VIETNAMESE = """Thư của bạn không thể gửi đến người nhận sau:

lan@congty.vn: địa chỉ hộp thư này không tồn tại trên máy chủ của chúng tôi.
"""
VIETNAMESE_FULL = (
    """Hệ thống không chuyển được thư đến lan@congty.vn vì hộp thư của người nhận đã đầy. Vui lòng thử lại sau."""
)
WAITING = """Your message has not yet been delivered to lan@example.com after 4 hours: connection timed out.
No action is required on your part. Delivery attempts will continue for some time."""


@pytest.mark.parametrize(
    ("subject", "text", "kind", "reason", "recipient"),
    [
        ("Undelivered Mail Returned to Sender", POSTFIX, C.HARD, R.NO_MAILBOX, "lan@example.com"),
        ("Mail delivery failed: returning message to sender", EXIM, C.SOFT, R.FULL, "lan@example.com"),
        ("failure notice", QMAIL, C.HARD, R.NO_MAILBOX, "lan@example.com"),
        ("Undeliverable: Good day", EXCHANGE, C.HARD, R.NO_MAILBOX, "lan@example.com"),
        ("Delivery Status Notification (Failure)", GMAIL, C.HARD, R.CLOSED, "lan@gmail.com"),
        ("Failure Notice", YAHOO, C.HARD, R.NO_MAILBOX, "lan@yahoo.com"),
        ("Delivery Status Notification (Failure)", GMAIL_SPAM, C.POLICY, R.SPAM, "lan@gmail.com"),
        ("Thư không gửi được", VIETNAMESE, C.HARD, R.NO_MAILBOX, "lan@congty.vn"),
        ("Thông báo: không chuyển được thư", VIETNAMESE_FULL, C.SOFT, R.FULL, "lan@congty.vn"),
        ("Warning: message delayed", WAITING, C.DELAYED, R.BUSY, "lan@example.com"),
    ],
)
def test_a_report_for_people_only(subject: str, text: str, kind: C, reason: R, recipient: str) -> None:
    """Given a report without a part for programs, then its words tell what it is, of whom, and why."""
    (found,) = read(plain("hello@shop.example", subject, text), TOKENS).findings
    assert (found.kind, found.reason, found.recipient) == (kind, reason, recipient)


@pytest.mark.parametrize(
    ("subject", "text", "kind"),
    [
        ("Automatic reply: Good day", "I am out of the office until Monday.", C.AUTO_REPLY),
        ("Tôi đang đi công tác", "Tôi sẽ trả lời sau.", C.AUTO_REPLY),
        ("Please confirm your message", "Click here to deliver your mail: https://x.example", C.CHALLENGE),
        ("Re: Good day", "Thank you! When does the shop open?", C.UNREADABLE),
    ],
)
def test_what_people_and_their_programs_answer(subject: str, text: str, kind: C) -> None:
    """Given an answer, an automatic one or a person's own, then it is no bounce."""
    (found,) = read(plain("b+x@shop.example", subject, text, "lan@example.com"), TOKENS).findings
    assert found.kind is kind


def test_an_exchange_report_in_html_alone() -> None:
    """Given a report that is a page and nothing else, then its words are read."""
    page = "<style>p {}</style><p>Delivery failed</p><div>lan@example.com<br>550 5.1.10 RESOLVER.ADR not found</div>"
    raw = plain("hello@shop.example", "Undeliverable: x", "x").replace(b'text/plain; charset="utf-8"', b"text/html")
    (found,) = read(raw.replace(b"\nx\n", f"\n{page}\n".encode()), TOKENS).findings
    assert (found.kind, found.reason, found.status) == (C.HARD, R.NO_MAILBOX, "5.1.10")


def test_the_notice_tells_what_the_status_leaves_open() -> None:
    """Given a status that says nothing, then the words for people tell the reason."""
    raw = dsn("x@shop.example", status="5.0.0", diagnostic="unknown", notice="lan@example.com\nmailbox is full")
    (found,) = read(raw, TOKENS).findings
    assert (found.kind, found.reason) == (C.SOFT, R.FULL)


def test_clues_are_found_wherever_a_server_leaves_them() -> None:
    """Given a token in capitals, rewritten by a forwarder, or in a link of the returned mail, then it is found."""
    token = TOKENS.bounce(7)
    for to in (f"b+{token.upper()}@x.example", f"SRS0=ab=cd=x.example=b+{token}@forward.example", f"<b+{token}@x>"):
        assert read(dsn(to), TOKENS).clues.verp == (7,)
    assert read(dsn("x@y.example", returned=f"Return-Path: <b+{token}@x.example>"), TOKENS).clues.verp == (7,)
    quoted = arf(f"From: a@b.example\nX: https://s.example/u/{TOKENS.unsubscribe(9)}")
    assert read(quoted, TOKENS).clues.links == (9,)


@pytest.mark.parametrize(
    ("status", "diagnostic", "kind", "reason"),
    [
        ("5.1.1", "", C.HARD, R.NO_MAILBOX),
        ("5.1.2", "", C.HARD, R.NO_DOMAIN),
        ("5.1.10", "550 5.1.10 RESOLVER.ADR.RecipientNotFound", C.HARD, R.NO_MAILBOX),
        ("5.4.4", "Host or domain name not found. Name service error for name=exmaple.com", C.HARD, R.NO_DOMAIN),
        ("5.2.1", "550 5.2.1 The user is receiving mail too quickly", C.SOFT, R.BUSY),
        ("5.2.1", "550 5.2.1 account disabled", C.HARD, R.CLOSED),
        ("5.2.2", "", C.SOFT, R.FULL),
        ("5.3.4", "552 5.3.4 Message too large", C.SOFT, R.TOO_LARGE),
        ("5.7.26", "550 5.7.26 not authenticated: SPF and DKIM failed", C.POLICY, R.AUTHENTICATION),
        ("5.0.0", "554 blocked using zen.spamhaus.org", C.POLICY, R.BLOCKED),
        ("4.4.7", "delivery time expired; last: 550 5.1.1 user unknown", C.SOFT, R.TOO_LONG),
        ("4.2.2", "452 4.2.2 over quota: user unknown", C.SOFT, R.FULL),
        (None, "something went wrong", C.SOFT, R.UNCLEAR),
        ("5.0.0", "address rejected", C.SOFT, R.UNCLEAR),
    ],
)
def test_codes_and_words_are_classed(status: str | None, diagnostic: str, kind: C, reason: R) -> None:
    """Given a code and an answer, then only what surely speaks of the address, and for good, is hard."""
    assert class_failure(status, diagnostic) == (kind, reason)


def test_softness_is_counted_by_number_and_by_time() -> None:
    """Given nothing that came back yet, then nothing is too often."""
    assert not soft_too_often(0, None, NOW, 1, 1)
    assert soft_too_often(1, NOW, NOW.replace(day=2), 1, 1)
