"""Pictures that a mail shows and files that it brings: found beneath the folder, encoded once, read back whole."""

from __future__ import annotations

import email
import email.policy
import os
import shutil
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.delivery.mails import SHIPPED, SHOP, FakeLinks, compiled, folder
from worker.delivery import enclosures, mime, outbox
from worker.delivery.enclosures import shown_alone
from worker.delivery.templates import attached
from worker.delivery.templates.errors import TemplateError
from worker.delivery.templates.library import TemplateLibrary
from worker.delivery.templates.rendered import Rendered

PNG = bytes.fromhex("89504e470d0a1a0a") + bytes(range(256)) * 3
PDF = b"%PDF-1.4\r\n" + bytes(range(255, -1, -1)) * 5
FRONT = "---\nsubject: Xin chào\nattach: [{}]\n---\n"
SHOWN = '<p><img src="images/logo.png" alt="The Coffee" width="90" height="30"> {{ name }}</p>'


@pytest.fixture
def templates(tmp_path: Path) -> Path:
    path = tmp_path / "templates"
    for name, content in {"images/logo.png": PNG, "files/Hướng dẫn pha phin.pdf": PDF, "files/menu.pdf": PDF}.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


def mail(path: Path, html: str, attach: str = "") -> Rendered:
    front = FRONT.format(attach) if attach else "---\nsubject: Xin chào\n---\n"
    return compiled(path, {"mail.vi.html": front + html}).render({"name": "Lan"}, FakeLinks())


def read(rendered: Rendered) -> EmailMessage:
    """Send and read back, by the standard library's newer parser."""
    content = mime.build(
        rendered,
        to_name="Lan",
        to_email="lan@example.com",
        message_id="m1@thecoffee.example",
        date=datetime(2027, 3, 1, tzinfo=UTC),
        headers={},
        boundary="0123456789abcdef",
    )
    return email.message_from_bytes(content, policy=email.policy.SMTP)


def kinds(message: EmailMessage) -> object:
    """Return the tree of a mail's parts."""
    parts = [kinds(part) for part in message.iter_parts()]  # type: ignore[arg-type] # of the same kind
    return (message.get_content_type(), parts) if parts else message.get_content_type()


def test_a_picture_stands_beside_the_html_that_shows_it(templates: Path) -> None:
    """Given a picture of the folder, shown twice, then it is one part, found by the Content-ID that the HTML names."""
    message = read(mail(templates, SHOWN + SHOWN))
    assert kinds(message) == (
        "multipart/alternative",
        ["text/plain", ("multipart/related", ["text/html", "image/png"])],
    )
    related = list(message.iter_parts())[1]
    assert related.get_param("type") == "text/html"
    html, picture = related.iter_parts()
    assert picture.get_payload(decode=True) == PNG
    assert picture.get_content_disposition() == "inline"
    assert html.get_content().count(f'src="cid:{picture["Content-ID"].strip("<>")}"') == 2


def test_a_part_may_show_a_picture_too(templates: Path) -> None:
    """Given the shipped part for pictures, called with a file's name, then the file goes along."""
    shutil.copytree(SHIPPED / "layouts", templates / "layouts")
    called = '{% from "layouts/parts.html" import picture %}{{ picture("images/logo.png", "Logo", 90, 30) }}'
    rendered = mail(templates, called)
    assert [one.octets for one in rendered.files] == [PNG]
    assert f'src="cid:{rendered.files[0].cid}" alt="Logo" width="90" height="30"' in rendered.html


def test_attachments_stand_after_all_else_with_their_names(templates: Path) -> None:
    """Given a picture and two files, one with a Vietnamese name, then both are read back with names and octets."""
    message = read(mail(templates, SHOWN, "files/Hướng dẫn pha phin.pdf, files/menu.pdf"))
    assert kinds(message) == (
        "multipart/mixed",
        [
            ("multipart/alternative", ["text/plain", ("multipart/related", ["text/html", "image/png"])]),
            "application/pdf",
            "application/pdf",
        ],
    )
    found = {part.get_filename(): part.get_payload(decode=True) for part in message.iter_attachments()}
    assert found == {"Hướng dẫn pha phin.pdf": PDF, "menu.pdf": PDF}


def test_the_language_has_its_own_file_under_the_common_name(templates: Path) -> None:
    """Given menu.vi.pdf beside menu.pdf, then a Vietnamese mail brings that, and calls it menu.pdf."""
    (templates / "files/menu.vi.pdf").write_bytes(b"cua minh")
    (found,) = mail(templates, "<p>x</p>", "files/menu.pdf").files
    assert (found.name, found.octets) == ("menu.pdf", b"cua minh")


def test_nothing_is_encoded_for_each_mail(templates: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a template that is compiled, then its mails carry the very same bytes, and no file is read or encoded."""
    found = compiled(templates, {"mail.vi.html": FRONT.format("files/menu.pdf") + SHOWN})
    (templates / "files/menu.pdf").unlink()
    (templates / "images/logo.png").unlink()
    monkeypatch.setattr(enclosures, "base64_lines", None)
    one, other = (found.render({"name": name}, FakeLinks()) for name in ("Lan", "Minh"))
    assert len(one.files) == 2
    assert all(here.part is there.part for here, there in zip(one.files, other.files, strict=True))


def test_a_changed_picture_is_seen_at_the_next_look(templates: Path) -> None:
    """Given a library at work, when a picture changes, then the next mails carry the new one, under another hash."""
    now = [0.0]
    folder(templates, {"mail.vi.html": SHOWN})
    library = TemplateLibrary(templates, SHOP, monotonic=lambda: now[0])
    before = library.get("mail", "vi")
    (templates / "images/logo.png").write_bytes(PNG + b"!")
    now[0] += 2
    after = library.get("mail", "vi")
    assert after.render({"name": ""}, FakeLinks()).files[0].octets == PNG + b"!"
    assert after.hash != before.hash


def test_shown_alone_a_mail_has_its_pictures_in_it(templates: Path) -> None:
    """Given a mail to be shown in a browser, or one in the outbox, then its pictures are in the page."""
    rendered = mail(templates, SHOWN)
    (templates / "1-000000000000.eml").write_bytes(bytes(read(rendered)))
    captured = outbox.read(templates, "1-000000000000.eml").html
    for page in (shown_alone(rendered.html, rendered.files), captured):
        assert page
        assert "cid:" not in page
        assert 'src="data:image/png;base64,iVBORw0KGg' in page


@pytest.mark.parametrize(
    ("html", "attach", "said"),
    [
        ("<p>x</p>", "../secret.pdf", "is no file of the folder of templates"),
        ("<p>x</p>", "/etc/passwd.txt", "is no file of the folder of templates"),
        ("<p>x</p>", "files/../../secret.pdf", "is no file of the folder of templates"),
        ("<p>x</p>", "files\\menu.pdf", "is no file of the folder of templates"),
        ("<p>x</p>", "files/link.pdf", "is a link that leads out of the folder"),
        ("<p>x</p>", "linked/secret.pdf", "is a link that leads out of the folder"),
        ("<p>x</p>", "files/folder.pdf", "is no file"),
        ("<p>x</p>", "files/pipe.pdf", "is no file"),
        ("<p>x</p>", "files/empty.pdf", "is empty"),
        ("<p>x</p>", "files/huge.pdf", "is larger than 3,000,000 bytes"),
        ("<p>x</p>", "files/half.pdf, files/other-half.pdf", "have 4.0 MB together; a mail may carry 3 MB"),
        ("<p>x</p>", "files/nothing.pdf", "there is no 'files/nothing.pdf'"),
        ("<p>x</p>", "files/menu.pdf, files/menu.pdf", "is attached twice"),
        ("<p>x</p>", "files/tool.exe", "is refused whole by most mailboxes"),
        ("<p>x</p>", '"files/{{ name }}.pdf"', "takes the paths of files"),
        ('<img src="../secret.png" alt="">', "", "is no file of the folder of templates"),
        ('<img src="%2e%2e/secret.png" alt="">', "", "is no file of the folder of templates"),
        ('<img src="cid:images/none.png" alt="">', "", "there is no 'images/none.png'"),
        ('<img src="files/menu.pdf" alt="">', "", "is no picture that mail programs show"),
    ],
)
def test_what_no_mail_can_carry_is_refused(templates: Path, html: str, attach: str, said: str) -> None:
    """Given a path out of the folder, a link that leads out, no file, or too large a one, then the fault is placed."""
    (templates.parent / "secret.pdf").write_bytes(PDF)
    (templates.parent / "secret.png").write_bytes(PNG)
    (templates / "files/link.pdf").symlink_to(templates.parent / "secret.pdf")
    (templates / "linked").symlink_to(templates.parent)
    (templates / "files/folder.pdf").mkdir()
    os.mkfifo(templates / "files/pipe.pdf")
    (templates / "files/tool.exe").write_bytes(b"MZ")
    (templates / "files/empty.pdf").touch()
    (templates / "files/huge.pdf").write_bytes(bytes(attached.MOST + 1))
    for name in ("half", "other-half"):
        (templates / f"files/{name}.pdf").write_bytes(bytes(2_000_000))
    with pytest.raises(TemplateError) as caught:
        mail(templates, html, attach)
    assert said in str(caught.value)
    assert caught.value.file == "mail.vi.html"


def test_a_link_within_the_folder_is_a_file_like_any(templates: Path) -> None:
    """Given a link from one file of the folder to another, then it is followed."""
    (templates / "files/same.pdf").symlink_to("menu.pdf")
    assert mail(templates, "<p>x</p>", "files/same.pdf").files[0].octets == PDF


def test_heavy_mails_are_told_of(templates: Path) -> None:
    """Given files of 400 KB, then the check says what each mail carries."""
    (templates / "files/menu.pdf").write_bytes(bytes(400_000))
    found = compiled(templates, {"mail.vi.html": FRONT.format("files/menu.pdf") + "<p>x</p>"})
    assert ["each mail carries 0.4 MB" in one.message for one in found.warnings] == [True]
