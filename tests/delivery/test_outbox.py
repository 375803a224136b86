"""The outbox: mail is captured once, whole, and can be looked at."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.header import Header
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.handing import Notes, a_mail, hand_over, some_mails
from worker.delivery.outbox import NotCapturedError, OutboxTransport, captured, file_name, read
from worker.delivery.transport import Outcome, Outgoing

SUBJECT = "Đơn hàng A1 của chị Lan đã được xác nhận, cảm ơn chị đã mua cà phê ở quán nhà mình"


def a_full_mail(number: int = 1, subject: str = SUBJECT) -> Outgoing:
    """Return a mail in two parts, with a Vietnamese subject in encoded words."""
    written = Header(subject, "utf-8", maxlinelen=74).encode(linesep="\r\n")
    content = (
        f"From: {Header('Quán Cà Phê', 'utf-8').encode()}\r\n <hello@shop.example>\r\nTo: lan@example.com\r\n"
        f"Subject: {written}\r\nDate: Mon, 01 Mar 2027 14:00:00 +0700\r\nMessage-ID: <m{number}@shop.example>\r\n"
        'MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        "Xin ch=C3=A0o\r\n"
        "--b\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        "PHA+WGluIGNow6BvPC9wPg==\r\n--b--\r\n"
    )
    return Outgoing(number, "b@shop.example", "lan@example.com", content.encode("ascii"), f"m{number}@shop.example")


def test_mails_are_captured_byte_for_byte(tmp_path: Path) -> None:
    """Given mails, when handed over, each is one file with its very bytes, and nothing else lies there."""
    folder = tmp_path / "var" / "outbox"
    transport = OutboxTransport(folder)
    notes = Notes()
    mails = some_mails(3)
    answers = hand_over(transport, mails, notes)
    transport.close()
    assert [(answer.outcome, answer.code) for answer in answers] == [(Outcome.ACCEPTED, 250)] * 3
    assert notes.handed == [1, 2, 3]
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        file_name(mail): mail.content for mail in mails
    }
    assert sorted(path.name for path in folder.iterdir())[0] == "0000000001-m1@shop.example.eml"


def test_a_mail_captured_twice_is_one_file(tmp_path: Path) -> None:
    """Given a mail handed over again after a crash, there is one file, with what was written last."""
    transport = OutboxTransport(tmp_path)
    hand_over(transport, [a_mail(1)])
    again = replace(a_mail(1, body="again"))
    hand_over(transport, [again])
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [again.content]


@given(first=st.text(max_size=150), second=st.text(max_size=150))
def test_any_message_id_names_a_file_of_its_own(first: str, second: str) -> None:
    """Given any Message-IDs, the names are safe to use, and two are the same only for the same mail."""
    names = [file_name(replace(a_mail(7), message_id=message_id)) for message_id in (first, second)]
    assert (names[0] == names[1]) == (first == second)
    for name in names:
        assert len(name) < 150
        assert name.isascii()
        assert not {"/", "\\", "\0"} & set(name)


def test_a_full_disk_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a disk that takes no more for a while, those mails are tried later, others are captured."""

    turns = count(1)

    def full(descriptor: int) -> None:
        if next(turns) == 2:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    notes = Notes()
    answers = hand_over(OutboxTransport(tmp_path), some_mails(3), notes)
    assert [answer.outcome for answer in answers] == [Outcome.ACCEPTED, Outcome.TEMPORARY, Outcome.ACCEPTED]
    assert "No space left" in answers[1].text
    assert notes.handed == [1, 3]
    assert len(list(tmp_path.iterdir())) == 2


def test_nothing_is_captured_when_the_lease_is_over(tmp_path: Path) -> None:
    """Given a claim that ran out midway, that mail and those after it are left to others."""
    answers = hand_over(OutboxTransport(tmp_path), some_mails(3), Notes(lease_over_at={2}))
    assert [answer.outcome for answer in answers] == [Outcome.ACCEPTED, Outcome.TEMPORARY, Outcome.TEMPORARY]
    assert [path.name for path in tmp_path.iterdir()] == [file_name(a_mail(1))]


def test_a_captured_mail_can_be_looked_at(tmp_path: Path) -> None:
    """Given a Vietnamese mail of two parts, its headers and both bodies come back as they were meant."""
    mail = a_full_mail()
    hand_over(OutboxTransport(tmp_path), [mail])
    found = read(tmp_path, file_name(mail))
    assert found.header("subject") == SUBJECT
    assert found.header("From") == "Quán Cà Phê <hello@shop.example>"
    assert found.header("List-Unsubscribe") == ""
    assert found.text == "Xin chào"
    assert found.html == "<p>Xin chào</p>"
    assert found.raw == mail.content


@given(
    subject=st.text(
        st.sampled_from('aăâbcdđeêghiklmnoôơpqrstuưvxyắằẵặấầẩậếềễệộởỡợựừ AĐ ,.!?"'), min_size=1, max_size=120
    )
)
def test_every_subject_comes_back(tmp_path_factory: pytest.TempPathFactory, subject: str) -> None:
    """Given any Vietnamese subject, decoding loses and adds no space."""
    subject = " ".join(subject.split()) or "x"
    folder = tmp_path_factory.mktemp("outbox")
    mail = a_full_mail(subject=subject)
    hand_over(OutboxTransport(folder), [mail])
    assert read(folder, file_name(mail)).header("Subject") == subject
    assert captured(folder)[0][0].subject == subject


def test_the_list_is_in_the_order_of_the_times_that_it_shows(tmp_path: Path) -> None:
    """Given more mails than a page holds, captured in another order than they are dated, each page has its own, the
    latest first, those of one second by their numbers, with the number of all."""
    transport = OutboxTransport(tmp_path)
    hours = {1: 11, 2: 12, 3: 10, 4: 13, 5: 13, 6: 14, 7: 13}
    mails = [
        replace(mail, content=mail.content.replace(b"14:00:00", f"{hour}:00:00".encode()))
        for number, hour in hours.items()
        for mail in [a_full_mail(number)]
    ]
    hand_over(transport, mails)
    (tmp_path / ".8-1-1.part").write_text("being written")
    (tmp_path / "notes.txt").write_text("not a mail")
    (tmp_path / "linked.eml").symlink_to("/etc/hostname")
    pages = [captured(tmp_path, offset=offset, limit=3) for offset in (0, 3, 6, 9)]
    assert {total for _, total in pages} == {7}
    shown = [int(entry.name[:10]) for entries, _ in pages for entry in entries]
    assert shown == [6, 7, 5, 4, 2, 1, 3]
    dates = [entry.date for entries, _ in pages for entry in entries]
    assert dates == sorted(dates, reverse=True)
    entry = pages[0][0][0]
    assert entry.subject == SUBJECT
    assert (entry.sender, entry.to) == ("Quán Cà Phê <hello@shop.example>", "lan@example.com")
    assert entry.date == datetime(2027, 3, 1, 7, 0, tzinfo=UTC)
    assert entry.size == len(mails[5].content)


def test_an_empty_outbox_is_an_empty_list(tmp_path: Path) -> None:
    """Given no folder yet, or nothing in it, the list is empty."""
    assert captured(tmp_path / "nowhere") == ([], 0)
    assert captured(tmp_path) == ([], 0)


def test_a_broken_mail_is_shown_as_far_as_it_goes(tmp_path: Path) -> None:
    """Given headers and bodies that no program can read, the rest is shown."""
    raw = (
        b"Subject: =?utf-8?b?broken*?= =?nonsense?q?x?=\r\nDate: tomorrow\r\n"
        b"Content-Type: text/plain; charset=klingon\r\n\r\n\xff text\r\n"
    )
    (tmp_path / "a.eml").write_bytes(raw)
    found = read(tmp_path, "a.eml")
    assert found.text is not None
    assert "text" in found.text
    assert found.html is None
    [entry], _ = captured(tmp_path)
    assert "nonsense" in entry.subject
    assert abs(entry.date - datetime.now(UTC)) < timedelta(minutes=5)


@pytest.mark.parametrize(
    "name",
    ["../secret.eml", "/etc/passwd", "..", "", "missing.eml", "a/../secret.eml", ".hidden.eml", "link.eml", "a\0.eml"],
)
def test_no_name_leads_out_of_the_outbox(tmp_path: Path, name: str) -> None:
    """Given a name made to read another file, there is no such mail."""
    folder = tmp_path / "outbox"
    folder.mkdir()
    (tmp_path / "secret.eml").write_text("Subject: secret\r\n\r\n")
    (folder / ".hidden.eml").write_text("Subject: hidden\r\n\r\n")
    (folder / "link.eml").symlink_to(tmp_path / "secret.eml")
    with pytest.raises(NotCapturedError):
        read(folder, name)
