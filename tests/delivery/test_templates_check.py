"""What the check tells of a template's links, pictures, classes and size, before any mail is made of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.delivery.mails import SHOP, folder
from worker.delivery.templates.check_size import CLIPPED, NEAR
from worker.delivery.templates.errors import UnknownTemplateError
from worker.delivery.templates.library import TemplateLibrary
from worker.domain.setting_groups import Shop

STYLE = "<style>.card { color: #222222; } @media (max-width: 520px) { .phone { display: block !important; } }</style>"


def told(folder: Path, body: str, style: str = STYLE) -> list[str]:
    """Return what is wrong with a mail of this body, as `line:column: severity: message; hint`."""
    (folder / "mail.vi.html").write_text(f"---\nsubject: Chào\n---\n{style}\n{body}\n", encoding="utf-8")
    library = TemplateLibrary(folder, Shop(languages=("vi",)))
    return [
        f"{one.place.line}:{one.place.column}: {one.severity.value}: {one.message}"
        + (f"; {one.hint}" if one.hint else "")
        for one in library.check()
    ]


def test_a_picture_in_the_mail_itself_is_told_at_its_place(tmp_path: Path) -> None:
    """Given a `data:` picture, then the place is the address, and the hint names both ways that work."""
    (found,) = told(tmp_path, '<p>x</p>\n<p><img alt="" src="data:image/png;base64,AA" width="10" height="10"></p>')
    assert found.startswith("6:21: warning: an image stands in the mail itself")
    assert "site" in found and 'below templates/: src="images/NAME.png"' in found


@pytest.mark.parametrize(
    ("tag", "hint"),
    [
        ('{% include "partials/opening-hour.html" %}', "did you mean 'partials/opening-hours.html'?"),
        ('<img src="images/logoo.png" alt="" width="9" height="9">', "did you mean 'images/logo.png'?"),
        ('{% include "partials/far-from-all.html" %}', None),
    ],
)
def test_a_wrong_files_name_is_told_with_the_one_that_was_meant(tmp_path: Path, tag: str, hint: str | None) -> None:
    """Given a part or picture that is not there, then the closest one is named, and no far one."""
    folder(tmp_path, {"partials/opening-hours.vi.html": "8–22", "images/logo.png": "x"})
    (found,) = told(tmp_path, tag)
    assert ("did you mean" in found) == (hint is not None)
    assert found.endswith(hint or "in the folder of templates")


def test_a_text_without_a_mail_is_told(tmp_path: Path) -> None:
    """Given texts beside no HTML, then each is told, with the mail whose name is close; one beside MJML is in order."""
    folder(tmp_path, {"mial.vi.txt": "x", "staff/alone.vi.txt": "x", "README.txt": "x", "mail.vi.txt": "x"})
    library = TemplateLibrary(tmp_path, Shop(languages=("vi",)))
    (tmp_path / "mail.vi.mjml").write_text("---\nsubject: x\n---\n<mjml><mj-body></mj-body></mjml>")
    found = {one.place.file: (one.message, one.hint or "") for one in library.check()}
    assert sorted(found) == ["mial.vi.txt", "staff/alone.vi.txt"]
    assert found["mial.vi.txt"] == ("nothing uses this text: there is no 'mial.vi.html'", "did you mean 'mail.vi.txt'?")
    assert found["staff/alone.vi.txt"][1].startswith("write the mail in 'staff/alone.vi.html'")


def test_an_unknown_template_is_not_taken_for_a_far_one(tmp_path: Path) -> None:
    """Given names that share no more than some letters, then what there is is told, and a slip is understood."""
    folder(tmp_path, {f"{name}.vi.html": "x" for name in ("checkout-last-note", "welcome")})
    library = TemplateLibrary(tmp_path, Shop(languages=("vi",)))
    with pytest.raises(UnknownTemplateError, match="there are: checkout-last-note, welcome"):
        library.get("nope", "vi")
    with pytest.raises(UnknownTemplateError, match="did you mean 'welcome'"):
        library.get("wellcome", "vi")


GOOD = '<p class="card">{0}</p>'
FAULTS = {
    "a link that is relative": (
        '<a href="/shop">x</a>',
        "error: a link leads to '/shop', which nobody can follow from a mail",
    ),
    "a link that runs code": ('<a href="javascript:x()">x</a>', "error: a link leads to 'javascript:x()'"),
    "a link without a host": ('<a href="https:///shop">x</a>', "error: the link 'https:///shop' names no host"),
    "a link to nowhere": ('<a href="#">x</a>', "warning: the link '#' leads nowhere"),
    "a picture without alt": (
        '<img src="https://x.example/a.png" width="10" height="10">',
        "warning: an image has no alt text",
    ),
    "a picture without a size": (
        '<img src="https://x.example/a.png" alt="">',
        "warning: an image has no width",
    ),
    "a picture without a height": (
        '<img src="https://x.example/a.png" alt="" width="10">',
        "warning: an image has no height: the text beneath it jumps as it loads",
    ),
    "a picture without an address": ('<img alt="" width="10" height="10">', "error: an image has no address in 'src'"),
    "a picture of this machine": (
        '<img src="img/a.png" alt="" width="10" height="10">',
        "error: there is no 'img/a.png' in the folder of templates",
    ),
    "a picture in the mail itself": (
        '<img src="data:image/png;base64,AA" alt="" width="10" height="10">',
        "warning: an image stands in the mail itself ('data:'); Gmail and Outlook show none of these",
    ),
    "a class that is a slip": (
        '<p class="crad">x</p>',
        "warning: no rule of the stylesheet names the class 'crad'; did you mean 'card'?",
    ),
    "a class of phones alone": (
        '<p class="card phone">x</p>',
        "warning: the class 'phone' stands only in '@media' rules and the like, which many programs drop; "
        "say in a rule of its own what it looks like without, or that nothing is meant: .phone {}",
    ),
}


@pytest.mark.parametrize(("body", "expected"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_of_the_document_is_told_at_its_line(tmp_path: Path, body: str, expected: str) -> None:
    """Given one fault in a mail's document, then it alone is told, at the line of the template."""
    (found,) = told(tmp_path, body)

    assert found.startswith("5:")
    assert expected in found


def test_rules_for_the_dark_need_a_word_in_the_head(tmp_path: Path) -> None:
    """Given rules for the dark and no word of them in the head, then the check says that they are passed over."""
    rules = "<style>@media (prefers-color-scheme: dark) { p { color: #fff !important } }</style>"
    said = '<meta name="color-scheme" content="light dark">'
    page = "<html><head>{}</head><body><p>x</p></body></html>"
    folder(tmp_path, {"without.vi.html": page.format(rules), "with.vi.html": page.format(said + rules)})
    library = TemplateLibrary(tmp_path, SHOP)
    assert ["passed over" in one.message for one in library.get("without", "vi").problems] == [True]
    assert library.get("with", "vi").problems == ()


SOUND = {
    "links that can be followed": '<a href="https://x.example">a</a> <a href="mailto:a@x.example">b</a> '
    '<a href="tel:+8428">c</a> <a href="{{ shop.website }}/x">d</a> <a href="{{ unsubscribe_url }}">e</a>',
    "a picture whose size its class says": '<img class="logo" src="{{ shop.website }}/a.png" alt="{{ shop.name }}">',
    "a class that is built": '<p class="card {{ message.language }}">x</p>',
    "a class that an empty rule allows": '<p class="card open">x</p>',
    "a class that a rule asks a part of": '<p class="w320">x</p>',
}


@pytest.mark.parametrize("body", SOUND.values(), ids=SOUND.keys())
def test_what_is_in_order_is_not_told(tmp_path: Path, body: str) -> None:
    """Given what mail programs can follow, load and style, then nothing is told of it."""
    style = STYLE.replace(
        "</style>", '.open {} .logo { width: 9px; height: auto } @media print { [class*="w32"] { width: 9px } }</style>'
    )

    assert [one for one in told(tmp_path, body, style) if "inlined again" not in one] == []


def test_rules_that_reach_no_element_are_told(tmp_path: Path) -> None:
    """Given selectors that cannot be inlined and a rule that the element's own style beats, then all are told."""
    style = (
        "<style>.card { color: #222222; padding: 4px; } P.card { margin: 0; } .card::before { content: 'x'; }\n"
        "@media (max-width: 520px) { .card { padding: 2px; color: #000000 !important; } }</style>"
    )

    found = told(tmp_path, GOOD.format("x"), style)

    assert [one.partition("warning: ")[2] for one in found] == [
        "the selector 'P.card' matches nothing: an element's name is written in small letters",
        "the selector '.card::before' is not put into the elements, and many mail programs do not know it",
        "'padding: 2px' of '.card' in '@media' never counts: 'padding: 4px' is in the element; "
        "write: padding: 2px !important",
    ]


@pytest.mark.parametrize(
    ("letters", "expected"),
    [
        (NEAR - 2_000, None),
        (NEAR + 2_000, "from 102 KB on Gmail cuts it off"),
        (CLIPPED, "Gmail cuts it off after 102"),
    ],
)
def test_a_mail_that_gmail_cuts_off_is_told(tmp_path: Path, letters: int, expected: str | None) -> None:
    """Given a mail near or above what Gmail shows, then its size is told; of two ways only the longer one counts."""
    text = "à" * (letters // 2)
    ways = f"{{% if customer.name %}}<p>{text}</p>{{% else %}}<p>{text}</p>{{% endif %}}"

    found = told(tmp_path, f"<body><div>{ways}</div></body>")

    assert len(found) == (expected is not None)
    assert expected is None or (expected in found[0] and found[0].startswith("1:1: warning: the mail's HTML has about"))


def test_of_a_thousand_problems_the_first_hundred_are_told(tmp_path: Path) -> None:
    """Given a mail with a fault in each of a thousand lines, then so many are told as anybody reads."""
    found = told(tmp_path, "<img src='/a.png' alt='' width='9' height='9'>\n" * 1_000)

    assert len(found) == 101
    assert found[-1].endswith("error: there are more problems, which are not shown; mend these first")


def test_what_tracking_adds_counts(tmp_path: Path) -> None:
    """Given a mail of many links, then their tracked addresses count as what they will be long."""
    links = '<a href="https://x.example/a">x</a>' * 500
    assert "Gmail cuts it off" in told(tmp_path, links)[0]
    assert told(tmp_path, '<a href="mailto:a@x.example">x</a>' * 500) == []


BAD = {
    "of another encoding": ("chào".encode("utf-16"), "mail.vi.html:1:1: is UTF-16; save it as UTF-8"),
    "of Windows": (
        "---\nsubject: a\n---\nchào".encode("cp1258"),
        "mail.vi.html:4:1: is not UTF-8 (the byte 0xE0); save it as UTF-8",
    ),
    "of 10 MB": (b"---\nsubject: a\n---\n" + b"<p>x</p>" * 1_250_000, "is longer than 500,000 characters"),
    "cut off in a tag": (b"---\nsubject: a\n---\n<p>{{ customer.na", "mail.vi.html:4"),
    "cut off in an element": (b'---\nsubject: a\n---\n<p class="x', "'<p' is never closed by '>'"),
    "cut off in its head": (b"---\nsubject: a\n", "mail.vi.html"),
    "with a control character in a tag": (b"---\nsubject: a\n---\n<p>{{ \x01 }}</p>", "mail.vi.html:4"),
    "of an expression a thousand deep": (
        b"---\nsubject: a\n---\n<p>{{ " + b"(" * 1_000 + b"1" + b")" * 1_000 + b" }}</p>",
        "it is nested too deep",
    ),
    "of more links than any mail has": (
        b"---\nsubject: a\n---\n" + b"<a href='https://x.example/'>x</a>\n" * 10_000,
        "mail.vi.html:3004:1: the template holds more than 3,000 tags and links",
    ),
    "of more rules than any mail program reads": (
        b"---\nsubject: a\n---\n<style>" + b".a { color: red }\n" * 5_000 + b"</style><p class='a'>x</p>",
        "mail.vi.html:4:1: the stylesheets have 90,000 characters; a mail's may have 60,000",
    ),
    "of a thousand blocks in each other": (
        b"---\nsubject: a\n---\n" + b"{% if a %}" * 1_000 + b"{% endif %}" * 1_000,
        "it is nested too deep",
    ),
}


@pytest.mark.parametrize(("content", "expected"), BAD.values(), ids=BAD.keys())
def test_a_template_that_cannot_be_read_harms_only_itself(tmp_path: Path, content: bytes, expected: str) -> None:
    """Given a template that nobody could read, and editors' copies, then it alone is told with its place."""
    (tmp_path / "good.vi.html").write_text("---\nsubject: Chào\n---\n<p>Chào</p>\n", encoding="utf-8")
    (tmp_path / "mail.vi.html").write_bytes(content)
    for copy in (".mail.vi.html.swp", "mail.vi.html~", "4913", "#mail.vi.html#"):
        (tmp_path / copy).write_bytes(b"\xff\xfe{{")
    library = TemplateLibrary(tmp_path, Shop(languages=("vi",)))

    problems = library.check()

    assert library.names() == ("good", "mail")
    assert {one.place.file for one in problems} == {"mail.vi.html"}
    assert any(expected in f"{one.place}: {one.message}" for one in problems), problems
    assert library.get("good", "vi").name == "good"
