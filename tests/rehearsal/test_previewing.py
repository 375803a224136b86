"""A preview is the mail as it would go out, but for tracking: of a customer in the database, or of a made-up one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html import unescape
from pathlib import Path

import pytest

from tests.support.processes import ROOT
from tests.support.shop import LAN, START, Shop
from worker.delivery.templates.library import TemplateLibrary
from worker.domain.errors import PhinError
from worker.domain.flows import Flow
from worker.domain.messages import Kind
from worker.domain.settings import Settings
from worker.domain.staff import Person, Staff
from worker.language.config.seasons import read_seasons
from worker.language.config.settings import read_settings
from worker.language.flow.flows import read_flow
from worker.language.library import read_library
from worker.rehearsal.previewing import Asked, Previewed, Previewing
from worker.storage.database import Database

SETTINGS = read_settings(ROOT / "config" / "phin.yaml", {})
FLOWS: Mapping[str, Flow] = {name: file.flow for name, file in read_library(ROOT / "flows", None).flows.items()}
TEMPLATE = (
    "---\nsubject: {subject}\npreheader: Soon\n{more}---\n<html><head><title>x</title></head><body>{body}</body></html>"
)


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Previewing:
    cache = tmp_path_factory.mktemp("templates")
    library = TemplateLibrary(ROOT / "templates", SETTINGS.shop, fields=SETTINGS.fields, cache=cache)
    return Previewing(SETTINGS, library, Staff(), read_seasons(ROOT / "config" / "seasons.yaml", "seasons.yaml"))


@pytest.fixture
def templates(tmp_path: Path) -> Path:
    folder = tmp_path / "templates"
    folder.mkdir()
    return folder


def write(folder: Path, name: str, body: str, subject: str = "Hello", more: str = "") -> None:
    """Write a template in both languages."""
    for language in ("vi", "en"):
        (folder / f"{name}.{language}.html").write_text(TEMPLATE.format(subject=subject, more=more, body=body))


def own(folder: Path, settings: Settings = SETTINGS, staff: Staff | None = None) -> Previewing:
    return Previewing(settings, TemplateLibrary(folder, settings.shop, fields=settings.fields), staff or Staff(), {})


def flow_of(text: str) -> dict[str, Flow]:
    return {"f": read_flow(text, "f.yaml", None)[0]}


def in_database(shop: Shop, previewing: Previewing, asked: Asked, flows: Mapping[str, Flow] = FLOWS) -> Previewed:
    with shop.database.reading() as connection:
        return previewing.preview(asked, flows, shop.now, connection)


def shipped_names() -> Iterator[tuple[str, str]]:
    for name in TemplateLibrary(ROOT / "templates", SETTINGS.shop).names():
        yield name, "vi"
        yield name, "en"


@pytest.mark.parametrize(("name", "language"), list(shipped_names()))
def test_every_shipped_template_has_a_preview_of_a_made_up_customer(
    shipped: Previewing, name: str, language: str
) -> None:
    """Given no customer, then the mail is whole in its language, nothing is tracked, nothing is left in brackets."""
    seen = shipped.preview(Asked(name, language=language), FLOWS, START)
    assert seen.language == language
    assert seen.rendered.subject and seen.rendered.text
    assert "/c/" not in seen.rendered.html and "/o/" not in seen.rendered.html
    assert seen.missing == ()
    assert 5_000 < seen.size < 102 * 1024
    told = seen.rendered.html + seen.rendered.text + seen.rendered.subject
    assert "{{" not in told and "None" not in told
    assert ("/u/" in seen.rendered.html) == (seen.kind is Kind.MARKETING)
    assert ("/v/" in seen.rendered.html) == ("/v/" in seen.rendered.text) == (not name.startswith("staff/"))
    first = re.search(r"<body[^>]*>\s*<div([^>]*)>([^<]*)", seen.rendered.html)
    assert first is not None and "display:none" in first[1]
    assert unescape(first[2]).startswith(seen.rendered.preheader) and seen.rendered.preheader


def test_a_customer_of_the_database_is_shown_with_their_latest_order(database: Database, shipped: Previewing) -> None:
    """Given a customer with two orders, then the mail greets them and names the latest, or the one asked for."""
    shop = Shop(database)
    shop.buy("A1", 450_000, {**LAN, "language": "en"})
    shop.buy("A2", 120_000)
    latest = in_database(shop, shipped, Asked("order-confirmation", customer="lan@example.com"))
    assert (latest.language, latest.to_email, latest.scene.made_up) == ("en", "lan@example.com", ())
    assert latest.rendered.subject == "We have your order A2" and "₫120,000" in latest.rendered.text
    asked = in_database(shop, shipped, Asked("order-confirmation", order="A1", language="vi"))
    assert asked.rendered.subject == "Đã nhận đơn hàng A1 của bạn" and "450.000" in asked.rendered.text


def test_the_event_that_was_reported_is_shown(database: Database, shipped: Previewing) -> None:
    """Given a shipment that was reported, then its carrier stands in the mail; without one, it is made up."""
    shop = Shop(database)
    shop.buy("A1")
    before = in_database(shop, shipped, Asked("order-shipped", customer="c1"))
    assert before.scene.made_up == ("event",) and "Giao Hàng Nhanh" in before.rendered.text
    shop.send("order.shipped", order={"number": "A1"}, data={"carrier": "Viettel Post", "tracking_number": "VT1"})
    after = in_database(shop, shipped, Asked("order-shipped", customer="c1"))
    assert after.scene.made_up == () and "Viettel Post" in after.rendered.text


def test_an_order_that_there_is_not_is_made_up_and_told(database: Database, shipped: Previewing) -> None:
    """Given a customer without an order, then a mail about one shows a made-up order, and says so."""
    shop = Shop(database)
    shop.send("signup")
    seen = in_database(shop, shipped, Asked("order-packing", customer="c1"))
    assert "order" in seen.scene.made_up and "Lan" in seen.rendered.text


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (Asked("welcome", customer="nobody"), "no customer is known as 'nobody'"),
        (Asked("welcome", order="A9"), "there is no order 'A9'"),
        (Asked("welcome", customer="c2", order="A1"), "order 'A1' is another customer's"),
        (Asked("wellcome"), "did you mean 'welcome'?"),
        (Asked("welcome", flow="welcom"), "did you mean 'welcome'?"),
        (Asked("welcome", step="welcome"), "name it by --flow"),
        (Asked("birthday", flow="welcome"), "'welcome' does not send 'birthday'; it sends: welcome,"),
        (Asked("welcome", flow="welcome", step="welcom"), "did you mean 'welcome'?"),
    ],
)
def test_what_there_is_not_is_told(sqlite_database: Database, shipped: Previewing, asked: Asked, said: str) -> None:
    """Given a name of something that there is not, then an error says what is known."""
    shop = Shop(sqlite_database)
    shop.buy("A1")
    shop.send("signup", {"id": "c2", "email": "an@example.com"})
    with pytest.raises(PhinError, match=re.escape(said)):
        in_database(shop, shipped, asked)


def test_without_a_database_no_customer_is_looked_up(shipped: Previewing) -> None:
    """Given no database, then a customer that is named is not silently made up."""
    with pytest.raises(PhinError, match="looked up in the database"):
        shipped.preview(Asked("welcome", customer="c1"), FLOWS, START)


def test_the_step_gives_subject_sender_and_values(templates: Path) -> None:
    """Given steps that send one template with words of their own, then the first, or the named one, is shown, with the
    mark of advertising that the shop's subjects begin with."""
    write(templates, "note", "<p>{{ gift }} and {{ other }}</p>", more="with: gift, other\n")
    flows = flow_of(
        "flow: f\ntrigger: signup\nsteps:\n"
        "  - {send: note, with: {gift: phin, other: cup}}\n"
        '  - send: note\n    name: again\n    subject: {vi: "Nữa nhé {{ customer.first_name }}", en: Once more}\n'
        '    from: Mai of the shop\n    with: {gift: "{{ customer.orders_count }}"}\n'
    )
    first = own(templates).preview(Asked("note"), flows, START)
    assert "phin and cup" in first.rendered.text and first.rendered.subject == "[QC] Hello"
    again = own(templates).preview(Asked("note", flow="f", step="again"), flows, START)
    assert again.rendered.subject == "[QC] Nữa nhé Lan" and again.rendered.from_name == "Mai of the shop"
    assert "3 and [other]" in again.rendered.text and again.missing == ("other",)
    alone = own(templates).preview(Asked("note"), {}, START)
    assert "[gift] and [other]" in alone.rendered.text and alone.missing == ("gift", "other")


def test_own_fields_and_own_events_are_made_up_by_their_types(templates: Path) -> None:
    """Given fields and events that the shop declares, then a made-up customer has values of those types."""
    write(templates, "note", "<p>{{ customer.points + 1 }} {{ event.place }} {{ customer.favourite }}</p>")
    flows = flow_of("flow: f\ntrigger: {event: tasting.booked}\nsteps: [{send: note}]\n")
    seen = own(templates).preview(Asked("note", language="en"), flows, START)
    assert "121 a value a value" in seen.rendered.text


def test_links_are_told_and_the_size_is_that_of_a_tracked_mail(templates: Path) -> None:
    """Given links that are counted and others, then each is told once, and the size counts what tracking adds."""
    body = (
        '<a href="https://shop.example/a">One</a> <a href="https://shop.example/a">One</a>'
        '<a href="mailto:hi@shop.example">Write</a>'
        '<a href="https://shop.example/b"><img src="https://x/y.png" alt="Two"></a>'
    )
    write(templates, "note", body)
    seen = own(templates).preview(Asked("note"), {}, START)
    assert [(one.label, one.url, one.counted) for one in seen.links] == [
        ("One", "https://shop.example/a", True),
        ("Write", "mailto:hi@shop.example", False),
        ("Two", "https://shop.example/b", True),
    ]
    assert seen.size > len(seen.rendered.html.encode()) + 200


def test_a_mail_to_staff_goes_to_somebody_of_the_staff(templates: Path) -> None:
    """Given a step that writes to a role, then the first of its people is greeted, in their language, untracked."""
    write(templates, "alarm", "<p>{{ staff.name }}: {{ customer.name }}</p>")
    staff = Staff({"an": Person("an", "An Vo", "an@example.com", "en")}, {"care": ("an",)})
    flows = flow_of("flow: f\ntrigger: signup\nsteps: [{send: alarm, to: care}]\n")
    seen = own(templates, staff=staff).preview(Asked("alarm"), flows, START)
    assert (seen.language, seen.to_email, seen.kind) == ("en", "an@example.com", Kind.TRANSACTIONAL)
    assert "An Vo: Nguyễn Thị Lan" in seen.rendered.text


def test_a_coupon_of_the_flow_has_a_code(templates: Path) -> None:
    """Given a flow that gives a coupon, then its template shows one like those that are made, and so does its text."""
    write(templates, "gift", "<p>{{ coupons.tet.code }} {{ coupons.tet.percent }} {{ said }}</p>", more="with: said\n")
    flows = flow_of(
        "flow: f\ntrigger: signup\nsteps:\n"
        '  - {coupon: tet, percent: 10}\n  - {send: gift, with: {said: "or {{ coupons.tet.code }}"}}\n'
    )
    seen = own(templates).preview(Asked("gift"), flows, START)
    assert "TET-7K2M 10 or TET-7K2M" in seen.rendered.text


@pytest.mark.parametrize("flows", [FLOWS, {}])
@pytest.mark.parametrize("template", ["refusal-confirmed", "confirm-subscription", "confirm-reminder"])
def test_a_mail_that_phin_itself_sends_is_no_advertising(
    shipped: Previewing, template: str, flows: Mapping[str, Flow]
) -> None:
    """Given the mail that confirms a refusal, or asks for a yes, then it is shown as it goes out: without the mark of
    advertising, and without a refusal of what is none, with its flow and where no flow sends it."""
    seen = shipped.preview(Asked(template), flows, START)
    assert seen.kind is Kind.TRANSACTIONAL
    assert not seen.rendered.subject.startswith("[QC]")
    assert "/u/" not in seen.rendered.html


def test_a_mail_that_no_flow_sends_yet_is_taken_for_advertising(templates: Path) -> None:
    """Given a template of the shop's own that no flow sends, then it is shown with what advertising has to carry."""
    write(templates, "news", "<p>Chào</p>")
    assert own(templates).preview(Asked("news"), {}, START).kind is Kind.MARKETING
