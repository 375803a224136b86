"""What SMTP answers mean: EMAIL.md's table, read on answers as real servers write them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.domain.answers import Blame, Reach, Stage, Taken, class_answer, retry_after

DEAD_ADDRESSES = [
    (550, "5.1.1 The email account that you tried to reach does not exist."),
    (550, "5.1.2 Bad destination system address"),
    (553, "5.1.3 The recipient address is not a valid RFC 5321 address"),
    (551, "5.1.6 Mailbox has moved"),
    (550, "5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup"),
    (550, "5.1.351 Remote server returned unknown recipient or mailbox unavailable"),
    (550, "5.4.1 Recipient address rejected: Access denied. [x.prod.protection.outlook.com]"),
    (550, "5.2.1 The email account that you tried to reach is disabled"),
    (550, "No such user here"),
    (550, "5.1.0 Address rejected: user unknown"),
    (554, "delivery error: dd This user doesn't have a yahoo.com account"),
    (550, "#5.1.1 Address rejected"),
    (550, "Requested action not taken: 5.1.1 is what the other side said"),
]

SOFT = [
    (452, "4.2.2 The email account that you tried to reach is over quota"),
    (552, "5.2.2 Mailbox full"),
    (552, "5.3.4 Message size exceeds fixed limit"),
    (552, "Requested mail action aborted: exceeded storage allocation, quota"),
    (450, "4.7.1 Greylisted, come back in five minutes"),
    (550, "5.2.1 The user you are trying to contact is receiving mail at a rate that prevents more"),
    (550, "5.2.1 receiving too fast"),
    (550, "4.2.1 mailbox busy"),  # the codes disagree: the milder one holds
    (451, "5.1.1 looks dead, but the server says later"),
    (421, "4.4.2 Timeout"),
    (None, "connection refused"),
]

OUR_FAULT = [
    (550, "5.7.1 Message rejected due to content restrictions"),
    (554, "5.7.26 This mail is unauthenticated"),
    (421, "4.7.28 Our system has detected an unusual rate of unsolicited mail"),
    (421, "4.7.0 Messages temporarily deferred due to unexpected volume or user complaints"),
    (530, "5.7.0 Must issue a STARTTLS command first"),
    (535, "5.7.8 Username and Password not accepted"),
    (554, "Your IP is listed by a blocklist; no such user"),
    (550, "relay not permitted"),
    (550, "sender address does not exist"),
]


@pytest.mark.parametrize(("code", "text"), DEAD_ADDRESSES)
def test_an_answer_that_calls_the_address_dead_suppresses_it(code: int, text: str) -> None:
    """Given a hard code or words that leave no doubt, the mail is refused and the address gets nothing more."""
    verdict = class_answer(code, text, Stage.RCPT)
    assert (verdict.taken, verdict.blame, verdict.suppress) == (Taken.REFUSED, Blame.ADDRESS, True)


@pytest.mark.parametrize(("code", "text"), SOFT)
def test_a_passing_trouble_is_tried_again(code: int | None, text: str) -> None:
    """Given a full mailbox or a busy server, whatever its code, the mail goes out later and nothing is suppressed."""
    verdict = class_answer(code, text, Stage.RCPT)
    assert (verdict.taken, verdict.blame, verdict.suppress) == (Taken.TEMPORARY, Blame.PASSING, False)


@pytest.mark.parametrize(("code", "text"), OUR_FAULT)
def test_our_own_fault_never_costs_the_customer_their_mail(code: int, text: str) -> None:
    """Given a refusal for policy, reputation or log-in, the blame is ours and the address stays usable."""
    verdict = class_answer(code, text, Stage.RCPT)
    assert (verdict.blame, verdict.suppress) == (Blame.OURSELVES, False)


M, D, L = Reach.MAIL, Reach.DOMAIN, Reach.RELAY
OURS, PASSING, DEAD, UNCLEAR = Blame.OURSELVES, Blame.PASSING, Blame.ADDRESS, Blame.UNCLEAR

# Answers as receivers write them; whether they are temporary, whose fault, for whom it holds, and whether that is sure.
REAL = [
    # Gmail
    (421, "4.7.28 Gmail has detected an unusual rate of unsolicited mail from your IP", True, OURS, D, True),
    (421, "4.7.0 This message does not have authentication information (SPF, DKIM)", True, OURS, D, True),
    (421, "4.7.26 This mail has been rate limited because it is unauthenticated", True, OURS, D, True),
    (550, "5.7.26 Your email has been blocked because the sender is unauthenticated", True, OURS, D, True),
    (550, "5.7.25 The IP address sending this message does not have a PTR record", True, OURS, D, True),
    (550, "5.7.1 Our system has detected that this message is likely unsolicited mail", False, OURS, D, False),
    (452, "4.2.2 The recipient's inbox is out of storage space and inactive", True, PASSING, M, False),
    (450, "4.2.1 The user you are trying to contact is receiving mail too quickly", True, PASSING, M, False),
    (550, "5.2.1 The email account that you tried to reach is inactive", False, DEAD, M, False),
    # Outlook.com and Exchange Online
    (550, "5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent; part of their network is on our block list "
     "(S3140)", True, OURS, D, True),
    (451, "4.7.650 The mail server [192.0.2.1] has been rate limited due to IP reputation", True, OURS, D, True),
    (421, "RP-001 The mail server IP has exceeded the rate limit allowed", True, OURS, D, True),
    (550, "5.7.509 Access denied, sending domain shop.example does not pass DMARC verification", True, OURS, D, True),
    (550, "5.7.515 Access denied, sending domain does not meet the required authentication level", True, OURS, D, True),
    (550, "5.4.1 Recipient address rejected: Access denied. AS(201806281)", False, DEAD, M, False),
    (550, "5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required", False, OURS, M, False),
    (432, "4.3.2 Concurrent connections limit exceeded", True, PASSING, D, False),
    # Yahoo
    (421, "4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to user complaints", True, OURS, D, True),
    (553, "5.7.2 [TSS09] All messages from 192.0.2.1 will be permanently deferred", True, OURS, D, True),
    (554, "5.7.9 Message not accepted for policy reasons", True, OURS, D, True),
    (554, "30 Sorry, your message cannot be delivered. This mailbox is disabled (554.30)", False, DEAD, M, False),
    # Zoho
    (550, "5.4.6 Unusual sending activity detected. Please try after sometime", True, OURS, D, True),
    (550, "5.1.1 User does not exist - <lan@example.com>", False, DEAD, M, False),
    # Postfix, Exim and Zimbra, as VNPT, FPT and Viettel run them
    (450, "4.2.0 <lan@vnpt.example>: Recipient address rejected: Greylisted", True, PASSING, M, False),
    (450, "4.1.1 <lan@vnpt.example>: Recipient address rejected: unverified address", True, PASSING, M, False),
    (450, "4.7.1 Client host rejected: cannot find your reverse hostname, [192.0.2.1]", True, OURS, D, True),
    (554, "5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org", True, OURS, D, True),
    (554, "5.7.1 <lan@fpt.example>: Relay access denied", True, OURS, L, True),
    (450, "4.1.8 <b+1@shop.example>: Sender address rejected: Domain not found", True, OURS, D, True),
    (550, "5.1.1 <lan@fpt.example>: Recipient address rejected: User unknown in virtual mailbox table", False, DEAD, M,
     False),
    (552, "5.2.2 <lan@viettel.example>: mailbox is full", True, PASSING, M, False),
    (452, "4.3.1 Insufficient system storage", True, PASSING, D, False),
    (451, "Temporary local problem - please try later", True, PASSING, D, False),
    (550, "Unrouteable address", False, UNCLEAR, M, False),
    (550, "Sender verify failed", False, OURS, D, False),
]  # fmt: skip


@pytest.mark.parametrize(("code", "text", "later", "blame", "reach", "certain"), REAL)
def test_a_real_answer_is_read_rightly(
    code: int, text: str, later: bool, blame: Blame, reach: Reach, certain: bool
) -> None:
    """Given an answer to a recipient as a large receiver writes it, the verdict is what its postmaster means."""
    verdict = class_answer(code, text, Stage.RCPT)
    assert (verdict.taken is Taken.TEMPORARY, verdict.blame, verdict.reach, verdict.certain) == (
        later,
        blame,
        reach,
        certain,
    )
    assert verdict.suppress == (blame is DEAD)


@pytest.mark.parametrize(
    ("code", "text", "stage", "reach", "certain"),
    [
        (None, "connection refused", Stage.CONNECT, L, True),
        (None, "the connection broke", Stage.RCPT, L, False),
        (None, "no answer after the final dot", Stage.DOT, M, False),
        (535, "5.7.8 wrong user or password", Stage.CONNECT, L, True),
        (530, "5.7.0 Authentication required", Stage.MAIL, L, True),
        (550, "5.7.1 sender not authorised", Stage.MAIL, L, True),
        (451, "4.3.0 later", Stage.MAIL, L, False),
        (421, "4.3.2 too busy", Stage.CONNECT, L, True),
    ],
)
def test_what_comes_before_the_recipient_is_about_the_relay(
    code: int | None, text: str, stage: Stage, reach: Reach, certain: bool
) -> None:
    """Given an answer at a stage where no recipient was named, it holds for all that goes by the relay."""
    verdict = class_answer(code, text, stage)
    assert (verdict.reach, verdict.certain, verdict.suppress) == (reach, certain, False)


@pytest.mark.parametrize("code", [530, 534, 535, 538])
def test_a_log_in_that_fails_loses_no_mail(code: int) -> None:
    """A wrong password is mended by a person: until then the mails wait."""
    assert class_answer(code, "5.7.8 authentication failed", Stage.CONNECT).taken is Taken.TEMPORARY


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (550, "5.4.1 no answer from host"),  # RFC 3463's meaning, not Microsoft's
        (550, "5.2.1 mailbox not available to you"),
        (550, "Requested action not taken: mailbox unavailable"),  # RFC 5321's own words: policy or no mailbox
        (554, "Transaction failed"),
        (554, "5.6.0 Message content is not acceptable here"),
        (550, "running version 5.1.1.7 of the server"),  # a number that only looks like a code
    ],
)
def test_a_doubtful_refusal_suppresses_nobody(code: int, text: str) -> None:
    """Given a refusal that does not say why, the mail is refused and the address stays."""
    verdict = class_answer(code, text, Stage.RCPT)
    assert (verdict.taken, verdict.blame, verdict.suppress) == (Taken.REFUSED, Blame.UNCLEAR, False)


@pytest.mark.parametrize("stage", [Stage.CONNECT, Stage.MAIL])
def test_an_answer_to_our_own_address_does_not_blame_the_recipient(stage: Stage) -> None:
    """Given 5.1.1 to MAIL FROM, it is the sender that is unknown."""
    verdict = class_answer(550, "5.1.1 unknown user", stage)
    assert (verdict.blame, verdict.suppress) == (Blame.OURSELVES, False)


def test_a_server_that_turns_every_client_away_is_tried_again() -> None:
    """A 554 in place of the greeting says nothing of the mail."""
    assert class_answer(554, "no SMTP service here", Stage.CONNECT).taken is Taken.TEMPORARY


def test_the_enhanced_code_is_kept() -> None:
    """It tells more than the reply code, wherever it stands in the text."""
    assert class_answer(550, "5.1.351 gone").enhanced == "5.1.351"
    assert class_answer(250, "2.0.0 Ok: queued").enhanced == "2.0.0"
    assert class_answer(550, "version 4.9.1, error 5.7.1").enhanced == "5.7.1"
    assert class_answer(550, "no code").enhanced is None


@given(code=st.one_of(st.none(), st.integers(200, 599)), text=st.text(max_size=60), stage=st.sampled_from(Stage))
def test_every_answer_has_a_meaning(code: int | None, text: str, stage: Stage) -> None:
    """Whatever a server says: only a refusal of the recipient suppresses, and only 2xx is acceptance."""
    verdict = class_answer(code, text, stage)
    assert (verdict.taken is Taken.ACCEPTED) == (code is not None and code < 300)
    if verdict.suppress:
        assert verdict.taken is Taken.REFUSED
        assert verdict.blame is Blame.ADDRESS
        assert stage in (Stage.RCPT, Stage.DATA, Stage.DOT)


def test_tries_move_apart() -> None:
    """5 m, 15 m, 30 m, 1 h, 2 h, 4 h, and 4 h from then on."""
    minutes = [retry_after(attempt) / timedelta(minutes=1) for attempt in range(1, 9)]
    assert minutes == [5, 15, 30, 60, 120, 240, 240, 240]


def test_no_attempt_has_no_wait() -> None:
    """Attempts count from 1: zero is a mistake of the caller, told at once."""
    with pytest.raises(ValueError, match="count from 1"):
        retry_after(0)
