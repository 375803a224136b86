"""Handing mail over to servers that misbehave: whatever happens, no mail that was taken is called untaken."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pytest

from tests.support.certificate import certified, server_context
from tests.support.handing import Notes, a_mail, check_answers, hand_over, some_mails
from tests.support.misbehaving_smtp import MisbehavingSmtp, RefusedPort
from tests.support.smtp_conversation import Drop, Hang, Manners, Script, Step, say
from worker.delivery.smtp import SmtpTransport
from worker.delivery.transport import Answer, Outcome, Outgoing
from worker.domain.answers import Stage

A, T, R, U = Outcome.ACCEPTED, Outcome.TEMPORARY, Outcome.REFUSED, Outcome.UNKNOWN

TLS = ("PIPELINING", "STARTTLS")


def run(
    manners: Manners, mails: Sequence[Outgoing], *, scheme: str = "smtp", userinfo: str = "", query: str = "",
    timeout: float = 20.0, notes: Notes | None = None,
) -> tuple[list[Answer], MisbehavingSmtp]:  # fmt: skip
    """Hand the mails over in one call, end the server, and hold the answers against what it took."""
    with MisbehavingSmtp(manners=manners) as server:
        transport = SmtpTransport(server.url(scheme, userinfo, query), timeout=timeout)
        answers = hand_over(transport, mails, notes)
        transport.close()
    check_answers(server, mails, answers)
    return answers, server


# What the server does, and what becomes of three mails.
CASES: dict[str, tuple[Script, list[Outcome]]] = {
    "turns us away": ({"connect": say("421 4.3.2 too busy", close=True)}, [T, T, T]),
    "turns everybody away": ({"connect": say("554 no SMTP service here", close=True)}, [T, T, T]),
    "hangs up at once": ({"connect": Drop()}, [T, T, T]),
    "greets with nonsense": ({"connect": say("hello there", close=True)}, [T, T, T]),
    "dislikes our greeting": ({"ehlo": say("501 5.5.2 what a name", close=True)}, [T, T, T]),
    "refuses the sender for now": ({"mail": [say("451 4.3.0 later")]}, [T, A, A]),
    "wants a log-in": ({"mail": say("530 5.7.0 Authentication required")}, [T, T, T]),
    "refuses a recipient for now": ({"rcpt": [None, say("451 4.7.1 greylisted")]}, [A, T, A]),
    "knows no such user": ({"rcpt": [None, say("550-5.1.1 no such", "550 5.1.1 user")]}, [A, R, A]),
    "finds a mailbox full": ({"rcpt": [say("552 5.2.2 mailbox full")]}, [T, A, A]),
    "says 421 at the first mail": ({"mail": [say("421 4.3.2 shutting down", close=True)]}, [T, T, T]),
    "says 421 at a later mail": ({"mail": [None, say("421 4.3.2 enough", close=True)]}, [A, A, A]),
    "slows us down": ({"mail": [None, say("421 4.7.28 unusual rate", close=True)]}, [A, T, T]),
    "hangs up at a later sender": ({"mail": [None, Drop()]}, [A, A, A]),
    "hangs up at every sender": ({"mail": [None, Drop(), Drop(), Drop()]}, [A, T, T]),
    "hangs up at a recipient": ({"rcpt": [None, Drop("reset")]}, [A, A, A]),
    "hangs up at the first recipient": ({"rcpt": [Drop()]}, [T, A, A]),
    "hangs up at one recipient again and again": ({"rcpt": [None, Drop(), Drop()]}, [A, T, A]),
    "refuses DATA": ({"data": [say("451 4.3.1 disk full")]}, [T, A, A]),
    "answers DATA with nonsense": ({"data": [None, say("250 thanks")]}, [A, A, A]),
    "refuses in the body": ({"body": [None, say("554 5.6.0 no such words here")]}, [A, R, A]),
    "hangs up in a body whose dot was under way": ({"body": [None, Drop()]}, [A, U, T]),
    "refuses at the dot": ({"dot": [say("554 5.6.0 no")]}, [R, A, A]),
    "blames us at the dot": ({"dot": [say("550 5.7.1 spam")]}, [R, A, A]),
    "says 421 between mails": ({"dot": [say("250 ok", "421 4.3.2 closing", close=True, take=True)]}, [A, A, A]),
    "wants it later at the dot": ({"dot": [None, say("451 4.3.0 later")]}, [A, T, A]),
    "says 421 at the dot": ({"dot": [None, say("421 4.3.2 shutting down", close=True)]}, [A, T, A]),
    "hangs up at the dot, not taken": ({"dot": [Drop()]}, [U, T, T]),
    "hangs up at the dot, taken": ({"dot": [None, Drop(take=True)]}, [A, U, T]),
    "resets at the dot, taken": ({"dot": [None, Drop("reset", take=True)]}, [A, U, T]),
    "closes its direction at the dot": ({"dot": [None, Drop("half", take=True)]}, [A, U, T]),
    "answers the dot with nonsense": ({"dot": [None, say("tak€n, thanks", take=True)]}, [A, U, T]),
    "answers the dot with 354": ({"dot": [None, say("354 more", take=True)]}, [A, U, T]),
    "answers the dot with two codes": ({"dot": [say("250-taken", "550 or not", take=True)]}, [U, T, T]),
    "answers the dot with half a line": ({"dot": [say("250-taken", close=True, take=True)]}, [U, T, T]),
    "answers the dot at great length": ({"dot": say("250-" + "x" * 2000, "250 " + "y" * 2000, take=True)}, [A, A, A]),
    "refuses at great length": ({"rcpt": [say(*["550-5.1.1 " + "no " * 250] * 20, "550 5.1.1 no")]}, [R, A, A]),
    "takes and hangs up": ({"dot": [None, say("250 ok", close=True, take=True)]}, [A, A, A]),
    "answers QUIT badly": ({"quit": say("500 never")}, [A, A, A]),
    "hangs up at QUIT": ({"quit": Drop()}, [A, A, A]),
}


WAYS = {"pipelining": ("PIPELINING", "SIZE 9999999"), "one by one": ("8BITMIME",), "chunks": ("PIPELINING", "CHUNKING")}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("case", CASES)
def test_what_becomes_of_mails_when_a_server(case: str, way: str) -> None:
    """Given the behaviour that the case names, each of three mails has the answer that is true of it."""
    script, outcomes = CASES[case]
    if way == "chunks" and case == "answers DATA with nonsense":
        outcomes = [A, U, T]  # there is no DATA: it is nonsense in answer to the last octet
        script = {"data": [None, say("354 thanks")]}
    answers, _ = run(Manners(script, WAYS[way]), some_mails(3))
    assert [answer.outcome for answer in answers] == outcomes
    assert all(answer.text for answer in answers)


def too_long() -> str:
    """Return more text than the network layers of both ends hold."""
    return "\r\n".join(["x" * 998] * 16_000)


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_connection_that_breaks_in_the_body_leaves_the_mail_untaken(how: Literal["close", "reset"]) -> None:
    """Given a break while the content is being written, it is temporary for this mail, and the next go on."""
    notes = Notes()
    mails = [a_mail(1), a_mail(2, body=too_long()), a_mail(3)]
    answers, server = run(Manners({"body": [None, Drop(how)]}), mails, notes=notes)
    assert [answer.outcome for answer in answers] == [A, T, A]
    assert "before the final dot" in answers[1].text
    assert notes.handed == [1, 3]
    assert server.connections == 2


def test_a_server_that_refuses_and_hangs_up_in_the_body_is_heard() -> None:
    """Given a 5xx written in the midst of a large content, its words decide, not the broken connection."""
    too_big = say("552 5.3.4 too big for this server", close=True)
    answers, _ = run(Manners({"body": [too_big]}), [a_mail(1, body=too_long())])
    assert answers[0].outcome is T
    if answers[0].code is not None:  # a reset may overtake the words
        assert (answers[0].code, answers[0].text) == (552, "5.3.4 too big for this server")


@pytest.mark.parametrize(("step", "tries"), [("connect", 1), ("ehlo", 1), ("mail", 1), ("rcpt", 3), ("data", 3)])
def test_a_server_that_falls_silent_before_the_dot_leaves_the_mail_untaken(step: Step, tries: int) -> None:
    """Given silence at a step, the time-out ends it; no further mail is tried against a server that sleeps, where
    silence at recipients means so after three."""
    answers, server = run(Manners({step: Hang()}), some_mails(5), timeout=0.5)
    assert [answer.outcome for answer in answers] == [T] * 5
    assert [answer.stage for answer in answers[tries:]] == [Stage.CONNECT] * (5 - tries)
    assert server.connections == tries


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("step", ["rcpt", "body"])
@pytest.mark.parametrize("place", [0, 2])
def test_a_server_that_hangs_for_one_mail_holds_up_no_other(way: str, step: Step, place: int) -> None:
    """Given a server that never answers to one mail's recipient, or takes no content of one, when a burst is handed
    over, then that mail waits, and the others of the burst are sent within the same call."""
    script: Script = {step: [*[None] * place, Hang()]}
    mails = some_mails(6)
    if step == "body":  # so long that writing it ends by the time-out, with no final dot gone
        mails[place] = a_mail(place + 1, body=too_long())
    answers, server = run(Manners(script, WAYS[way]), mails, timeout=0.5)
    assert [answer.outcome for answer in answers] == [*[A] * place, T, *[A] * (5 - place)]
    assert answers[place].stage is (Stage.RCPT if step == "rcpt" else Stage.DATA)
    assert server.connections == 2


@pytest.mark.parametrize("taken", [True, False])
def test_a_server_that_falls_silent_after_the_dot_leaves_one_mail_unknown(taken: bool) -> None:
    """Given silence after the dot, nobody knows of this mail, and only of this one."""
    answers, server = run(Manners({"dot": [None, Hang(take=taken)]}), some_mails(3), timeout=1)
    assert [answer.outcome for answer in answers] == [A, U, T]
    assert server.connections == 1


def test_a_server_that_drips_its_answer_is_not_waited_for_endlessly() -> None:
    """Given an answer that never ends, the time-out holds for the whole of it, and so does a limit of its length."""
    endless = say(*["250-and so on"] * 20_000, take=True)
    answers, _ = run(Manners({"dot": [endless]}), some_mails(2), timeout=5)
    assert [answer.outcome for answer in answers] == [U, T]


def test_where_nobody_listens_each_mail_waits() -> None:
    """Given a refused connection, every mail is temporary, and the words name the relay and the setting."""
    with RefusedPort() as port:
        transport = SmtpTransport(f"smtp://user:secret@127.0.0.1:{port}", timeout=20)
        answers = hand_over(transport, some_mails(2))
    assert [(answer.outcome, answer.code, answer.stage) for answer in answers] == [(T, None, Stage.CONNECT)] * 2
    assert f"127.0.0.1:{port}" in answers[0].text
    assert "smtp_url" in answers[0].text
    assert "secret" not in answers[0].text


def test_a_host_that_does_not_exist_is_named() -> None:
    """Given a name that no DNS knows (RFC 2606), the words say so."""
    transport = SmtpTransport("smtp://mail.invalid", timeout=20)
    [answer] = hand_over(transport, [a_mail()])
    assert answer.outcome is T
    assert "mail.invalid" in answer.text


@pytest.mark.parametrize(
    ("script", "stages"),
    [
        ({"rcpt": say("421 4.3.2 bye", close=True)}, [Stage.RCPT, Stage.CONNECT, Stage.CONNECT]),
        ({"dot": Drop()}, [Stage.DOT, Stage.CONNECT, Stage.CONNECT]),
        ({"mail": [None, say("421 4.7.28 slow", close=True)]}, [Stage.DOT, Stage.MAIL, Stage.CONNECT]),
        ({"rcpt": [None, say("550 5.1.1 no")]}, [Stage.DOT, Stage.RCPT, Stage.DOT]),
    ],
    ids=["421 at the recipient", "lost at the dot", "slowed down", "refused"],
)
def test_only_a_mail_that_was_begun_is_answered_for(script: Script, stages: list[Stage]) -> None:
    """Given a connection that ends early, mails that the server was never told of are answered as if there had been
    no connection, so that they need not count it as a try."""
    answers, _ = run(Manners(script), some_mails(3))
    assert [answer.stage for answer in answers] == stages


def test_a_wrong_password_is_our_own_fault() -> None:
    """Given 535, no mail is lost, the code is kept for the verdict, and the password is in no text."""
    answers, server = run(Manners(login=("shop", "right")), some_mails(3), userinfo="shop:wr0ng@")
    assert [(answer.outcome, answer.code, answer.stage) for answer in answers] == [(T, 535, Stage.CONNECT)] * 3
    assert server.connections == 1
    assert "wr0ng" not in "".join(answer.text for answer in answers)


def test_a_password_for_a_server_that_asks_for_none_is_explained() -> None:
    """Given no AUTH offered, the words say what the URL asks for."""
    answers, _ = run(Manners(), some_mails(1), userinfo="shop:pw@")
    assert [answer.outcome for answer in answers] == [T]
    assert "AUTH" in answers[0].text


@pytest.mark.parametrize(
    ("scheme", "manners", "words"),
    [
        ("smtp", Manners(starttls="offered", tls=server_context()), "verify=no"),
        ("smtps", Manners(implicit_tls=True, tls=server_context()), "verify=no"),
        ("smtp+starttls", Manners(), "STARTTLS"),
        ("smtp", Manners({"starttls": say("454 4.7.0 TLS not available")}, starttls="offered"), "TLS not available"),
        ("smtps", Manners({"connect": say("220 plain words")}), "TLS|reach"),
    ],
    ids=["untrusted STARTTLS", "untrusted TLS", "no STARTTLS", "STARTTLS out of order", "no TLS"],
)
def test_tls_that_fails_sends_nothing_and_says_what_to_do(scheme: str, manners: Manners, words: str) -> None:
    """Given a certificate of its own making, or no TLS where it is demanded, mails wait and a person reads why."""
    answers, server = run(manners, some_mails(2), scheme=scheme, timeout=3)
    assert [answer.outcome for answer in answers] == [T, T]
    assert any(word in answers[0].text for word in words.split("|"))
    assert server.accepted == []


@pytest.mark.parametrize("scheme", ["smtp", "smtp+starttls", "smtps"])
@pytest.mark.parametrize(
    ("certificate", "word"), [({}, ""), ({"elsewhere": True}, "mismatch"), ({"expired": True}, "expired")]
)
def test_a_certificate_must_be_the_servers_and_of_today(
    certificate: dict[str, bool], word: str, scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a certificate of an authority that this machine trusts, mail goes only if it names the host and holds."""
    tls, pem = certified(**certificate)
    (tmp_path / "trusted.pem").write_bytes(pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "trusted.pem"))
    implicit = scheme == "smtps"
    manners = Manners(tls=tls, implicit_tls=implicit, starttls=None if implicit else "offered")
    answers, server = run(manners, some_mails(1), scheme=scheme, timeout=5)
    assert [answer.outcome for answer in answers] == [T if word else A]
    assert word in answers[0].text
    assert len(server.accepted) == (0 if word else 1)


def test_a_server_in_the_midst_that_strips_starttls_gets_no_mail_where_it_is_required() -> None:
    """Given somebody who takes STARTTLS out of the greeting, then with `smtp+starttls` nothing is said of the mail."""
    answers, server = run(Manners(login=("shop", "pw")), some_mails(2), scheme="smtp+starttls", userinfo="shop:pw@")
    assert [answer.outcome for answer in answers] == [T, T]
    assert not [line for line in server.manners.commands if not line.startswith(("EHLO", "ehlo"))]


@pytest.mark.parametrize("size", [100, 300_000])
def test_no_final_dot_is_written_when_the_lease_is_over(size: int) -> None:
    """Given a claim that ran out (the process had been stopped), the server never sees the mail's last line."""
    mails = [
        a_mail(1),
        a_mail(2, body="x" * 60 + "\r\n" + "\r\n".join(["y" * 60] * (size // 62)) + "\r\nLAST"),
        a_mail(3),
    ]
    notes = Notes(lease_over_at={2})
    answers, server = run(Manners(), mails, notes=notes)
    assert [answer.outcome for answer in answers] == [A, T, T]
    assert notes.handed == [1]
    assert server.accepted == ["m1@shop.example"]
    assert all(b"LAST" not in content for content in server.manners.torn)
    assert server.connections == 1


def test_a_journal_that_cannot_write_stops_the_mail() -> None:
    """Given a full disk under the journal, the error comes through and no final dot goes out."""
    with MisbehavingSmtp() as server:
        transport = SmtpTransport(server.url(), timeout=20)
        with pytest.raises(OSError, match="No space"):
            list(transport.send(some_mails(3), Notes(failing_at={2})))
        [answer] = hand_over(transport, [a_mail(9)])
        transport.close()
    assert answer.outcome is A
    assert server.accepted == ["m1@shop.example", "m9@shop.example"]


def test_the_servers_words_are_made_fit_for_a_line() -> None:
    """Given control characters and broken UTF-8 in an answer, what is kept is printable and not long."""
    answers, _ = run(Manners({"dot": [say("550 5.6.0 a\x1b[31mb\tc " + "x" * 2000)]}), some_mails(1))
    assert answers[0].outcome is R
    assert answers[0].text.isprintable()
    assert len(answers[0].text) <= 500
