"""The mailbox of reports, on a real IMAP server and on one that hangs: nothing is lost, nothing counts twice."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from imapclient import IMAPClient
from sqlalchemy import select

from tests.support.dovecot import PASSWORD, USER, Dovecot, DovecotMissingError
from tests.support.reports import LATER, Counter, dsn
from worker.delivery.bounces.parcel import KEPT
from worker.domain.errors import SettingError
from worker.domain.server_urls import Security
from worker.domain.work import Work
from worker.edges.bounce_imap import BounceMailbox
from worker.edges.imap_address import parse_mailbox
from worker.storage.database import Database
from worker.storage.tables import bounce_mailbox


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Dovecot]:
    try:
        running = Dovecot(tmp_path)
    except DovecotMissingError as error:
        pytest.skip(str(error))
    yield running
    running.close()


def mailbox_of(counter: Counter, url: str, *, done: str | None = None, within: float = 20.0) -> BounceMailbox:
    told: list[Work] = []
    return BounceMailbox(
        parse_mailbox(url), counter.database, counter.bounces, lambda: LATER, told.append, done=done, within=within
    )


def failure(database: Database) -> str | None:
    with database.reading() as connection:
        return connection.execute(select(bounce_mailbox.c.failure)).scalar()


def folders(server: Dovecot) -> dict[str, tuple[int, int]]:
    """Return how many mails each folder has, and how many of them nobody has seen."""
    with IMAPClient("127.0.0.1", server.port, ssl=False) as client:
        client.login(USER, PASSWORD)
        found = {name: client.folder_status(name, ["MESSAGES", "UNSEEN"]) for _, _, name in client.list_folders()}
    return {name: (told[b"MESSAGES"], told[b"UNSEEN"]) for name, told in found.items()}


def test_mails_are_kept_and_marked_and_read_once(database: Database, server: Dovecot) -> None:
    """Given reports in a mailbox, then each is a row and seen; looked at again, or renumbered, none counts twice."""
    counter = Counter(database)
    first, second = counter.mail(), counter.mail("minh@example.com")
    server.deliver("1", dsn(counter.verp(first)))
    server.deliver("2", b"Subject: hello\n\nnothing that is a report\n")
    mailbox = mailbox_of(counter, server.url)

    assert mailbox.look() == 2
    assert [counter.state(number) for number in (first, second)] == ["bounced", "sent"]
    assert folders(server) == {"INBOX": (2, 0)}
    assert mailbox.look() == 0

    server.deliver("3", dsn(counter.verp(second), "minh@example.com"))
    server.renumber()
    assert mailbox.look() == 3, "all of them have other numbers now"
    assert counter.state(second) == "bounced"
    assert len(counter.rows()) == 3
    assert failure(database) is None


def test_mails_go_to_a_folder_once_they_are_kept(sqlite_database: Database, server: Dovecot) -> None:
    """Given a folder for what is done, then mails go there, also one whose reader died before it had moved it."""
    counter = Counter(sqlite_database)
    server.deliver("1", dsn(counter.verp(counter.mail())))
    assert mailbox_of(counter, server.url).look() == 1  # and not moved
    server.deliver("2", b"Subject: two\n\n")
    assert mailbox_of(counter, server.url, done="Done").look() == 1
    assert {name: count for name, (count, _) in folders(server).items()} == {"INBOX": 0, "Done": 2}


def test_of_a_huge_mail_only_its_beginning_is_fetched(sqlite_database: Database, server: Dovecot) -> None:
    """Given a report that returns a mail of 20 MB, then it is read by its beginning."""
    counter = Counter(sqlite_database)
    number = counter.mail()
    server.deliver("1", dsn(counter.verp(number)) + b"x" * 70 + (b"\n" + b"x" * 79) * 250_000)
    server.deliver("2", b"Subject: huge\n\n" + (b"x" * 79 + b"\n") * 250_000)
    assert mailbox_of(counter, server.url).look() == 2
    assert counter.state(number) == "bounced"
    assert [row.size > 19_000_000 for row in counter.rows()] == [True, True]
    assert len(counter.rows()[1].raw) == KEPT


def test_a_wrong_password_is_told(sqlite_database: Database, server: Dovecot) -> None:
    """Given a password that is refused, then it stands in the tables, without the password, until it is right."""
    counter = Counter(sqlite_database)
    assert mailbox_of(counter, server.url.replace(PASSWORD, "another")).look() == 0
    assert failure(sqlite_database) == "the server refuses user and password"
    mailbox_of(counter, server.url).look()
    assert failure(sqlite_database) is None


GREETING = b"* OK ready\r\n"
ABLE = b"* CAPABILITY IMAP4rev1 MOVE\r\nTAG OK done\r\n"


def silent(line: socket.socket) -> None:
    line.recv(1000)
    threading.Event().wait(20)


def dripping(line: socket.socket) -> None:
    """Send a byte now and then, so that no silence is ever long."""
    for _ in range(400):
        line.sendall(b"*")
        time.sleep(0.05)


def silent_after(*answers: bytes) -> Callable[[socket.socket], None]:
    """Answer so many commands, and no more."""

    def talk(line: socket.socket) -> None:
        line.sendall(GREETING)
        for answer in answers:
            tag = line.recv(1000).split(b" ")[0]
            line.sendall(answer.replace(b"TAG", tag))
        silent(line)

    return talk


@contextmanager
def hanging(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server that says what it is told to, and then hangs."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        held: list[socket.socket] = []

        def serve() -> None:
            line, _ = listener.accept()
            held.append(line)
            with suppress(OSError):  # cut by the reader
                talk(line)

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        for line in held:
            line.close()


LOGGED_IN = b"TAG OK done\r\n"
SELECTED = b"* OK [UIDVALIDITY 7] x\r\n* 1 EXISTS\r\nTAG OK [READ-WRITE] done\r\n"
FOUND = b"* SEARCH 1\r\nTAG OK done\r\n"


@pytest.mark.parametrize(
    ("talk", "scheme"),
    [
        (silent, "imap"),
        (silent, "imaps"),
        (dripping, "imap"),
        (silent_after(ABLE), "imap"),
        (silent_after(ABLE, LOGGED_IN), "imap"),
        (silent_after(ABLE, LOGGED_IN, SELECTED), "imap"),
        (
            silent_after(
                ABLE, LOGGED_IN, SELECTED, ABLE, FOUND, b"* 1 FETCH (UID 1 RFC822.SIZE 9 BODY[]<0> {9}\r\nSub"
            ),
            "imap",
        ),
    ],
    ids=["greeting", "tls", "dripping", "login", "select", "search", "fetch"],
)
def test_a_server_that_hangs_never_holds_the_clock(
    sqlite_database: Database, talk: Callable[[socket.socket], None], scheme: str
) -> None:
    """Given a server that hangs at any stage, then a look begins at once, ends by itself, and says what happened."""
    counter = Counter(sqlite_database)
    with hanging(talk) as port:
        mailbox = mailbox_of(counter, f"{scheme}://{USER}:{PASSWORD}@127.0.0.1:{port}/?verify=no", within=1.0)
        assert mailbox.begin()
        assert not mailbox.begin(), "one look at a time"
        mailbox.join(15)
    assert "1 second" in (failure(sqlite_database) or "")
    assert counter.rows() == []


def test_a_server_that_sends_more_than_was_asked_for_is_left(sqlite_database: Database) -> None:
    """Given a server that announces a gigabyte, then nothing of it is read."""
    answer = b"* 1 FETCH (UID 1 RFC822.SIZE 9 BODY[]<0> {1000000000}\r\n"
    with hanging(silent_after(ABLE, LOGGED_IN, SELECTED, ABLE, FOUND, answer)) as port:
        mailbox_of(Counter(sqlite_database), f"imap://{USER}:{PASSWORD}@127.0.0.1:{port}/", within=10.0).look()
    assert "1,000,000,000 bytes, which was not asked for" in (failure(sqlite_database) or "")


def test_the_address_of_a_mailbox() -> None:
    """Given a URL, then its parts are decoded, and the password is never shown; a wrong one says what to write."""
    found = parse_mailbox("imaps://b%40shop.example:p%2Fw@mail.shop.example/Phin%20reports")
    assert (found.user, found.password, found.folder, found.port) == ("b@shop.example", "p/w", "Phin reports", 993)
    assert (found.security, found.verify) == (Security.IMPLICIT, True)
    assert "p/w" not in repr(found) + found.name
    for wrong in (
        "imaps://mail.shop.example/INBOX",
        "pop3://u:secret@h/",
        "imaps://u:secret@h/?x=1",
        "imaps://u:s@h:x/",
    ):
        with pytest.raises(SettingError, match="PHIN_BOUNCES_IMAP_URL") as raised:
            parse_mailbox(wrong)
        assert "secret" not in str(raised.value)
