"""`phin preview` and `phin send-test`, typed in a shop's folder."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from sqlalchemy import func, select

from tests.support.browser import chromium
from tests.support.misbehaving_smtp import MisbehavingSmtp, RefusedPort
from tests.support.shop import Shop
from tests.support.shop_folder import phin, shop_folder
from tests.support.smtp_conversation import Script, say
from tests.support.smtp_sink import SmtpSink
from worker.delivery.outbox import OutboxTransport
from worker.delivery.smtp import SmtpTransport
from worker.delivery.transport import Outgoing
from worker.domain.errors import FileError
from worker.edges.environment import read_home
from worker.edges.preview_page import in_scheme, preview_page, write_preview
from worker.edges.previews import make_preview
from worker.rehearsal.mail_to_oneself import NotTakenError, hand_over, mail_to_oneself
from worker.rehearsal.previewing import Asked
from worker.storage.database import Database
from worker.storage.tables import hit, journey, message


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return shop_folder(tmp_path / "shop")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


def own_template(folder: Path, body: str) -> None:
    """Give the folder one template of its own in place of the shipped ones."""
    (folder / "templates").unlink()
    (folder / "templates").mkdir()
    text = f"---\nsubject: Hello\n---\n<html><head><title>x</title></head><body>\n{body}\n</body></html>\n"
    (folder / "templates" / "note.vi.html").write_text(text)


def subject_of(mail: Message) -> str:
    return str(make_header(decode_header(str(mail["Subject"]))))


def without_tokens(text: str) -> str:
    """Return a preview's text without what signs the links to its own pages, which each run signs anew."""
    return re.sub("/[vu]/[\\w-]+", "/…", text).strip()


def test_a_preview_is_told_and_written(folder: Path) -> None:
    """Given a template, then its subject, size and links are told, and three files are written."""
    shown = phin(folder, "preview", "order-shipped", "--language", "en", "--no-open")
    assert shown.returncode == 0, shown.stderr
    for said in (
        "Order A1042 is on its way to you",
        "of 102 KB",
        "tracking/GHN5318207",
        "order-shipped, step",
        "made up",
    ):
        assert said in shown.stdout
    written = {path.name for path in (folder / "var" / "preview").iterdir()}
    assert written == {"order-shipped.en.html", "order-shipped.en.mail.html", "order-shipped.en.txt"}
    assert not (folder / "var" / "phin.db").exists()
    text = phin(folder, "preview", "order-shipped", "--language", "en", "--text")
    kept = (folder / "var" / "preview" / "order-shipped.en.txt").read_text()
    assert without_tokens(text.stdout) == without_tokens(kept)


def test_a_customer_of_the_database_is_shown(folder: Path, database: Database) -> None:
    """Given a customer with an order, then `--customer` shows theirs; without a database that is told."""
    Shop(database).buy("A7")
    url = database.engine.url.render_as_string(hide_password=False)
    shown = phin(folder, "preview", "order-confirmation", "--customer", "c1", "--no-open", PHIN_DATABASE_URL=url)
    assert "Đã nhận đơn hàng A7" in shown.stdout, shown.stderr
    without = phin(folder, "preview", "order-confirmation", "--customer", "c1", "--no-open")
    assert without.returncode == 1 and "'phin up' or 'phin release' makes it" in without.stderr


@pytest.mark.parametrize(
    ("body", "place", "said"),
    [
        ("<p>{{ customer.name | moeny }}</p>", "templates/note.vi.html:5:", "moeny"),
        ("<p>{% if customer.name %}</p>", "templates/note.vi.html:", "endif"),
        ("<p>{{ customer.name | money }}</p>", "templates/note.vi.html:5:", "'money' needs a number"),
    ],
)
def test_a_fault_has_its_place(folder: Path, body: str, place: str, said: str) -> None:
    """Given a template that cannot be read, or not rendered for this customer, then file, line and fault are told."""
    own_template(folder, body)
    with pytest.raises(FileError) as error:
        make_preview(read_home({"PHIN_HOME": str(folder)}), Asked("note"))
    assert place in str(error.value) and said in str(error.value)


def test_a_fault_is_told_in_the_terminal(folder: Path) -> None:
    """Given a template with a fault, then the command shows its line, and no traceback."""
    own_template(folder, "<p>{{ customer.name | moeny }}</p>")
    shown = phin(folder, "preview", "note", "--no-open")
    assert shown.returncode == 1 and "   5 | <p>{{ customer.name | moeny }}</p>" in shown.stderr
    assert "Traceback" not in shown.stderr


def test_a_mail_that_gmail_cuts_off_is_told(folder: Path) -> None:
    """Given a mail of more than 102 KB, then the page tells its size with what follows from it."""
    own_template(folder, "<p>" + "coffee " * 20_000 + "</p>")
    page = preview_page(make_preview(read_home({"PHIN_HOME": str(folder)}), Asked("note")))
    assert "Gmail cuts it off" in page


@pytest.mark.browser
def test_the_page_shows_both_widths_in_light_and_dark(folder: Path, browser: Browser) -> None:
    """Given a preview, then a browser shows the mail at 640 and 360 pixels, whole, and in the dark when asked."""
    phin(folder, "preview", "win-back", "--no-open")
    page = browser.new_page(viewport={"width": 1200, "height": 900}, color_scheme="light")
    try:
        page.goto((folder / "var" / "preview" / "win-back.vi.html").as_uri())
        assert page.title() == "Preview · win-back · vi"
        frames = page.locator(".views.light iframe")
        assert [frames.nth(n).evaluate("f => f.contentWindow.innerWidth") for n in (0, 1)] == [640, 360]
        whole = "f => f.contentDocument.documentElement.scrollHeight <= f.clientHeight + 1"
        page.wait_for_function(f"[...document.querySelectorAll('.views.light iframe')].every({whole})")
        colour = "f => getComputedStyle(f.contentDocument.body).backgroundColor"
        light = frames.first.evaluate(colour)
        page.get_by_text("Dark", exact=True).click()
        dark = page.locator(".views.dark iframe").first
        assert dark.is_visible() and not frames.first.is_visible()
        assert sum(map(int, light[4:-1].split(","))) > 600 > 300 > sum(map(int, dark.evaluate(colour)[4:-1].split(",")))
    finally:
        page.close()


@pytest.mark.browser
def test_a_watched_page_shows_what_was_made_anew(folder: Path, browser: Browser) -> None:
    """Given a page of `--watch`, when the preview is written again, then the page shows it by itself."""
    own_template(folder, "<p>before</p>")
    home = read_home({"PHIN_HOME": str(folder)})
    written = write_preview(folder / "var" / "preview", make_preview(home, Asked("note")), watched=True)
    page = browser.new_page()
    try:
        page.goto(written.page.as_uri())
        assert page.locator("pre").inner_text().strip() == "before"
        path = folder / "templates" / "note.vi.html"
        path.write_text(path.read_text().replace("before", "after"))
        write_preview(folder / "var" / "preview", make_preview(home, Asked("note")), watched=True)
        page.get_by_text("after", exact=True).wait_for()
    finally:
        page.close()


def test_a_scheme_is_shown_whatever_the_browser_is_in() -> None:
    """Given media queries for light and dark, then those of the scheme hold always, and the others never."""
    mail = "<head></head>@media (prefers-color-scheme: dark) {a{}} @media (prefers-color-scheme:light) {b{}}"
    assert "@media (min-width: 0) {a{}} @media (max-width: 0) {b{}}" in in_scheme(mail, "dark")
    assert "@media (max-width: 0) {a{}} @media (min-width: 0) {b{}}" in in_scheme(mail, "light")


def test_a_test_goes_out_by_the_relay_marked_and_uncounted(folder: Path, database: Database) -> None:
    """Given a relay and a customer, then one marked mail goes to the named address alone, and no row is written."""
    shop = Shop(database)
    shop.buy("A7")
    url = database.engine.url.render_as_string(hide_password=False)
    with database.reading() as connection:
        before = [connection.scalar(select(func.count()).select_from(one)) for one in (message, hit, journey)]
    with SmtpSink() as sink:
        relay = f"smtp://127.0.0.1:{sink.port}"
        sent = phin(
            folder,
            *("send-test", "welcome", "--to", "Me@Example.org", "--customer", "c1", "--language", "vi"),
            PHIN_SMTP_URL=relay,
            PHIN_DATABASE_URL=url,
        )
        assert sent.returncode == 0, sent.stderr
        (mail,) = sink.mails
    assert mail.recipients == ("me@example.org",)
    parsed = message_from_bytes(mail.content)
    assert subject_of(parsed) == "[Thử] [QC] Chào mừng bạn đến với The Coffee"
    assert parsed["X-Phin-Test"] == "yes" and parsed["Auto-Submitted"] == "auto-generated"
    assert parsed["List-Unsubscribe"] is None and parsed["Feedback-ID"] is None
    html = parsed.get_payload()[1].get_payload(decode=True).decode()  # type: ignore[union-attr,index]
    assert "Lan" in html and "/c/" not in html and "/o/" not in html
    with database.reading() as connection:
        after = [connection.scalar(select(func.count()).select_from(one)) for one in (message, hit, journey)]
    assert after == before


def test_another_language_than_was_asked_for_is_told(folder: Path) -> None:
    """Given a language that a template has no text in, when a test is sent, then it says in which it went."""
    own_template(folder, "<p>Hello</p>")
    sent = phin(folder, "send-test", "note", "--to", "me@example.org", "--language", "fr")
    assert sent.returncode == 0, sent.stderr
    assert "There is no text of 'note' in 'fr'; this is the one in 'vi'." in sent.stderr


def test_without_a_relay_a_test_is_captured(folder: Path) -> None:
    """Given no smtp_url, then the outbox has the mail, and the command says where; a second one is a second mail."""
    sent = phin(folder, "send-test", "birthday", "--to", "me@example.org", "--language", "en")
    assert sent.returncode == 0 and "nothing left this machine" in sent.stdout, sent.stderr
    assert "There is no text" not in sent.stderr
    outbox = folder / "var" / "outbox"
    seen = make_preview(read_home({"PHIN_HOME": str(folder)}), Asked("birthday", language="en"))
    mail = mail_to_oneself(
        seen, "me@example.org", read_home({"PHIN_HOME": str(folder)}).settings.shop, seen.scene.facts.now
    )
    hand_over(OutboxTransport(outbox), mail, "the outbox")
    mails = sorted(outbox.glob("*.eml"))
    assert len(mails) == 2
    assert all(subject_of(message_from_bytes(one.read_bytes())).startswith("[Test] ") for one in mails)


@pytest.fixture(scope="module")
def marked_mail(tmp_path_factory: pytest.TempPathFactory) -> Outgoing:
    folder = shop_folder(tmp_path_factory.mktemp("home") / "shop")
    home = read_home({"PHIN_HOME": str(folder)})
    seen = make_preview(home, Asked("birthday"))
    return mail_to_oneself(seen, "me@example.org", home.settings.shop, seen.scene.facts.now)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ({"rcpt": say("550 5.1.1 no such user")}, "does not take the address that you named: 550 5.1.1 no such user"),
        ({"mail": say("550 5.7.1 sender refused")}, "look at shop.sender in config/phin.yaml"),
        ({"dot": say("451 4.3.0 try again")}, "did not take the mail: 451 4.3.0 try again; that may pass"),
    ],
)
def test_what_the_relay_answers_is_told(marked_mail: Outgoing, script: Script, said: str) -> None:
    """Given a relay that refuses, then its words are told plainly, with what to look at."""
    with MisbehavingSmtp(script) as server, pytest.raises(NotTakenError, match=re.escape(said)):
        hand_over(SmtpTransport(server.url(), timeout=10), marked_mail, "the relay")


def test_a_relay_that_is_not_there_is_told(marked_mail: Outgoing) -> None:
    """Given no relay where one should be, then the error says what to check."""
    with RefusedPort() as port, pytest.raises(NotTakenError, match="check smtp_url"):
        hand_over(SmtpTransport(f"smtp://127.0.0.1:{port}", timeout=10), marked_mail, "the relay")


def test_what_is_no_address_is_told(folder: Path) -> None:
    """Given something that is no address, then the command says so and sends nothing."""
    nobody = phin(folder, "send-test", "birthday", "--to", "nobody")
    assert nobody.returncode == 1 and "--to cannot be used" in nobody.stderr
