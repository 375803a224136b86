"""What was compiled is kept on disk for other processes, and nobody can tell from a mail or a check whether it was."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from lxml import etree

from tests.delivery.mails import SHOP, FakeLinks, folder
from worker.delivery.templates import compile as compiling
from worker.delivery.templates.errors import TemplateError
from worker.delivery.templates.inline import Hindrance, inline_once
from worker.delivery.templates.library import TemplateLibrary
from worker.delivery.templates.protected import Protected
from worker.domain.setting_groups import Shop

FILES = {
    "layouts/frame.html": (
        "<html><head><style>p { color: #123456 } p:nth-child(2) { margin: 0 }</style></head><body>"
        "{% block body %}{% endblock %}</body></html>"
    ),
    "x.png": "a picture, as far as its name tells",
    "files/guide.pdf": "a guide",
    "mail.vi.html": (
        '---\nsubject: "Chào {{ customer.name }}"\nwith: [cup]\nattach: files/guide.pdf\n---\n'
        '{% extends "layouts/frame.html" %}'
        '{% block body %}<p>{{ cup }} {{ event.size }} {{ 1 / n }}</p><a href="https://x.vn/{{ cup }}">Đi</a>'
        '<img src="x.png">{% endblock %}'
    ),
    "own.vi.html": '---\nsubject: x\n---\n<p><a href="https://x.vn">y</a></p>',
    "own.vi.txt": "{{ 'https://y.vn' | link }} {{ 'https://z.vn' | link }}",
    "slow.vi.html": '---\nsubject: x\n---\n<style>.a { color: red }</style><p class="{{ cup }}">a</p>',
}
VALUES = {"customer": {"name": "Lan"}, "cup": "a", "event": {"size": "L"}, "n": 2}


class Counting:
    """Counts how often CSS is put into a template."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.times = 0

        def counted(protected: Protected, root: etree._Element) -> Hindrance | None:
            self.times += 1
            return inline_once(protected, root)

        monkeypatch.setattr(compiling, "inline_once", counted)


@pytest.fixture
def inlinings(monkeypatch: pytest.MonkeyPatch) -> Counting:
    return Counting(monkeypatch)


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    (tmp_path / "var").mkdir()
    return tmp_path / "var" / "cache" / "templates"


@pytest.fixture
def templates(tmp_path: Path) -> Path:
    return folder(tmp_path / "templates", FILES)


def shown(library: TemplateLibrary) -> list[object]:
    """Return all that can be seen of templates: mails, links, hashes, needs and problems."""
    found: list[object] = [library.check(), library.needs()]
    for name in library.names():
        compiled = library.get(name, "vi")
        found += [compiled, compiled.render(VALUES, FakeLinks())]
    with pytest.raises(TemplateError) as fault:
        library.get("mail", "vi").render({**VALUES, "n": 0}, FakeLinks())
    found.append(str(fault.value))
    return found


def test_the_same_comes_out_with_and_without(templates: Path, kept: Path, inlinings: Counting) -> None:
    """Given what one process kept, then another sees, sends and tells the same as without it, and inlines nothing."""
    plainly = shown(TemplateLibrary(templates, SHOP))
    assert shown(TemplateLibrary(templates, SHOP, cache=kept)) == plainly
    inlinings.times = 0
    assert shown(TemplateLibrary(templates, SHOP, cache=kept)) == plainly
    assert inlinings.times == 0


def test_what_templates_need_is_found_without_compiling(templates: Path, inlinings: Counting) -> None:
    """Given templates that nobody compiled, then their needs are those that compiling finds."""
    library = TemplateLibrary(templates, SHOP)
    needs = library.needs()
    assert inlinings.times == 0
    library.check()
    assert library.needs() == needs
    assert needs["mail"] == {"cup", "event.size"}


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("layouts/frame.html", "<p>other</p>{% block body %}{% endblock %}"),
        ("layouts/frame.vi.html", "<p>other</p>{% block body %}{% endblock %}"),
        ("mail.vi.html", "---\nsubject: other\n---\n<p>other</p>"),
    ],
)
def test_a_changed_file_is_compiled_again(templates: Path, kept: Path, file: str, text: str) -> None:
    """Given a change to any file that a template is made of, or that is now preferred, then the kept is not used."""
    TemplateLibrary(templates, SHOP, cache=kept).check()
    (templates / file).write_text(text, encoding="utf-8")
    mail = TemplateLibrary(templates, SHOP, cache=kept).get("mail", "vi").render(VALUES, FakeLinks())
    assert "other" in mail.html


@pytest.mark.parametrize("file", ["x.png", "files/guide.pdf", "files/guide.vi.pdf"])
def test_a_changed_file_that_goes_along_is_read_again(templates: Path, kept: Path, file: str) -> None:
    """Given another picture or attachment, or one that is now preferred, then mails carry that; kept ones the old."""
    before = TemplateLibrary(templates, SHOP, cache=kept).get("mail", "vi")
    again = TemplateLibrary(templates, SHOP, cache=kept).get("mail", "vi")
    assert again.render(VALUES, FakeLinks()).files == before.render(VALUES, FakeLinks()).files
    (templates / file).write_text("another one", encoding="utf-8")
    after = TemplateLibrary(templates, SHOP, cache=kept).get("mail", "vi")
    assert b"another one" in [one.octets for one in after.render(VALUES, FakeLinks()).files]
    assert after.hash != before.hash


def test_another_shop_is_not_given_it(templates: Path, kept: Path) -> None:
    """Given what was kept for one shop, then a shop with another sender compiles its own."""
    TemplateLibrary(templates, SHOP, cache=kept).check()
    other = Shop.model_validate({**SHOP.model_dump(), "sender": {"name": "Khác", "email": "khac@khac.vn"}})
    mail = TemplateLibrary(templates, other, cache=kept).get("own", "vi").render(VALUES, FakeLinks())
    assert mail.from_name == "Khác"


@pytest.mark.parametrize("harm", [b"", b"{}", b"\xff\x00", None])
def test_a_broken_file_is_ignored_and_replaced(
    templates: Path, kept: Path, harm: bytes | None, inlinings: Counting
) -> None:
    """Given kept files that are empty, foreign, or changed in one letter, then the templates are compiled again."""
    plainly = shown(TemplateLibrary(templates, SHOP, cache=kept))
    for path in kept.iterdir():
        path.write_bytes(path.read_bytes().replace(b"</p>", b"</q>") if harm is None else harm)
    assert shown(TemplateLibrary(templates, SHOP, cache=kept)) == plainly
    inlinings.times = 0
    assert shown(TemplateLibrary(templates, SHOP, cache=kept)) == plainly
    assert inlinings.times == 0


def test_where_nothing_can_be_written_all_works(templates: Path, tmp_path: Path) -> None:
    """Given no `var`, or a file in the place of the folder, then nothing is kept, made or said."""
    plainly = shown(TemplateLibrary(templates, SHOP))
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "nowhere" / "cache" / "templates", tmp_path / "file" / "templates"):
        assert shown(TemplateLibrary(templates, SHOP, cache=place)) == plainly
    assert not (tmp_path / "nowhere").exists()


def test_what_belongs_to_no_template_is_removed(templates: Path, kept: Path) -> None:
    """Given a template that is gone and a draft of a process that died, then the next check leaves neither."""
    TemplateLibrary(templates, SHOP, cache=kept).check()
    (templates / "slow.vi.html").unlink()
    (kept / "mail.vi.jsonabc").write_text("half")
    TemplateLibrary(templates, SHOP, cache=kept).check()
    assert {path.name for path in kept.iterdir()} == {"mail.vi.json", "own.vi.json"}


def test_several_at_once_harm_nobody(templates: Path, kept: Path) -> None:
    """Given several who compile, keep and prune at the same time, then each gets what it would get alone."""
    plainly = shown(TemplateLibrary(templates, SHOP))
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: shown(TemplateLibrary(templates, SHOP, cache=kept)), range(8)))
    assert all(one == plainly for one in found)
