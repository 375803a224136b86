"""Advertising says who sends it, how to reach them and how to refuse more, or the check says that it does not."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from worker.delivery.templates.library import TemplateLibrary
from worker.domain.settings import Settings
from worker.language.flow.flows import read_flow
from worker.rehearsal.imprints import imprint_problems, settings_lack

NOW = datetime(2027, 3, 1, 7, 0, tzinfo=UTC)
SHOP = {"name": "The Coffee", "address": "12 Lý Tự Trọng, TP. Hồ Chí Minh", "phone": "028 3822 0000"}
FOOTER = "{{ shop.address }} {{ shop.phone }} {% if unsubscribe_url %}<a href='{{ unsubscribe_url }}'>x</a>{% endif %}"
LACKS = ("does not show the shop's address", "does not say how to reach the shop", "shows no way to refuse more")


def told(folder: Path, body: str, flow: str = "trigger: signup\nsteps: [{send: mail}]", **shop: str) -> list[str]:
    """Return what is told of a template that a flow sends."""
    settings = Settings.model_validate({"shop": {**SHOP, **shop}})
    (folder / "mail.vi.html").write_text(f"---\nsubject: Chào\n---\n<html><body>{body}</body></html>")
    flows = {"f": read_flow(f"flow: f\n{flow}\n", "f.yaml", None)[0]}
    found = imprint_problems(settings, TemplateLibrary(folder, settings.shop), flows, {}, NOW)
    assert all(problem.place.file == "mail.vi.html" for problem in found)
    return [*(one[0] for one in settings_lack(settings, flows)), *(problem.message for problem in found)]


def test_a_bare_mail_lacks_all_three(tmp_path: Path) -> None:
    """Given advertising without a footer, then each thing that it lacks is told, with the flow that sends it."""
    found = told(tmp_path, "<p>Chào</p>")
    assert [message.partition(", and f, step ")[0].removeprefix("the mail ") for message in found] == list(LACKS)


@pytest.mark.parametrize(
    ("body", "flow"),
    [
        (f"<p>Chào</p>{FOOTER}", "trigger: signup\nsteps: [{send: mail}]"),
        ("<p>Chào</p>", "kind: transactional\ntrigger: purchase\nsteps: [{send: mail}]"),
        ("<p>Chào</p>", "trigger: signup\nsteps: [{send: other}]"),
    ],
)
def test_what_says_it_or_need_not_is_in_order(tmp_path: Path, body: str, flow: str) -> None:
    """Given a footer, a mail about an order, or one that nobody sends, then nothing is told."""
    assert told(tmp_path, body, flow) == []


def test_what_is_written_out_counts(tmp_path: Path) -> None:
    """Given a template whose author wrote address and telephone out, then only what is not there is told."""
    body = f"<p>{SHOP['address'].replace(' ', '&#32;')}</p><p>{SHOP['phone']}</p>"
    (found,) = told(tmp_path, body)
    assert LACKS[2] in found


def test_what_is_shown_only_sometimes_is_looked_for_in_a_mail(tmp_path: Path) -> None:
    """Given a footer that a condition hides, where a name is missing, then the finished mail decides."""
    body = f"{SHOP['address']} {{% if customer.phone == 'never' %}}{{{{ shop.phone }}}}{{% endif %}}"
    assert [one for one in told(tmp_path, body) if LACKS[1] in one]


def test_settings_without_an_address_are_told_once(tmp_path: Path) -> None:
    """Given a shop that says not where it is, then the settings are told of, not each template."""
    found = told(tmp_path, FOOTER, address="", phone="")
    assert [message.split(" is empty")[0] for message in found] == ["shop.address", "shop.phone"]


@pytest.mark.parametrize(
    ("text", "lacking"),
    [
        ("Chào bạn\n", LACKS),
        ("Chào bạn\n{{ shop.address }}\n{{ shop.phone }}\n", LACKS[2:]),
        ("{{ shop.address }} {{ shop.phone }} {% if unsubscribe_url %}{{ unsubscribe_url }}{% endif %}", ()),
        (f"{SHOP['address']} {SHOP['phone']} {{{{ unsubscribe_url }}}}", ()),
    ],
)
def test_a_text_part_of_ones_own_is_held_to_the_same(tmp_path: Path, text: str, lacking: tuple[str, ...]) -> None:
    """Given HTML in order beside a text of the author's own, then what the text lacks is told, in its file."""
    settings = Settings.model_validate({"shop": SHOP})
    (tmp_path / "mail.vi.html").write_text(f"---\nsubject: Chào\n---\n<html><body>{FOOTER}</body></html>")
    (tmp_path / "mail.vi.txt").write_text(text)
    flows = {"f": read_flow("flow: f\ntrigger: signup\nsteps: [{send: mail}]\n", "f.yaml", None)[0]}
    found = imprint_problems(settings, TemplateLibrary(tmp_path, settings.shop), flows, {}, NOW)
    assert [one.message.partition(", and f, step ")[0] for one in found] == [
        f"the mail's text part {what}" for what in lacking
    ]
    assert {(one.place.file, one.place.line) for one in found} <= {("mail.vi.txt", 1)}
