"""The library finds a customer's language, follows edits, survives broken ones, and checks all files."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from tests.delivery.mails import NOW, SHOP, FakeLinks, folder
from worker.delivery.templates.check import FIELDS, LINE
from worker.delivery.templates.errors import TemplateError, UnknownTemplateError
from worker.delivery.templates.library import TemplateLibrary
from worker.delivery.values import shop_values, template_values
from worker.domain.customers import Customer
from worker.domain.errors import Problem, Severity
from worker.domain.facts import Facts, JourneyFacts, ShopFacts
from worker.domain.orders import Order, OrderLine
from worker.domain.setting_groups import Shop


class Hand:
    """A monotonic clock moved by hand."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def hand() -> Hand:
    return Hand()


def text(library: TemplateLibrary, name: str = "mail", language: str = "vi") -> str:
    return library.get(name, language).render({}, FakeLinks()).text.strip()


def edit(path: Path, content: str) -> None:
    """Write a file so that its stamp surely differs, however coarse the file system's times are."""
    before = path.stat().st_mtime_ns if path.exists() else 0
    path.write_text(content, encoding="utf-8")
    os.utime(path, ns=(before + 10**9, before + 10**9))


def mail(body: str) -> str:
    return f"---\nsubject: x\n---\n{body}"


@pytest.mark.parametrize(
    ("asked", "got"),
    [("en", "en"), ("en-GB", "en"), ("EN_us", "en"), ("vi", "vi"), ("fr", "vi"), ("", "vi"), ("f/r", "vi")],
)
def test_the_customers_language_else_the_shops(tmp_path: Path, asked: str, got: str) -> None:
    """Given a mail in vi and en, then each customer gets their own language, and others the shop's."""
    library = TemplateLibrary(folder(tmp_path, {"mail.vi.html": "vi", "mail.en.html": "en"}), SHOP)
    assert library.get("mail", asked).language == got
    assert text(library, language=asked) == got


def test_else_any_language_that_there_is(tmp_path: Path) -> None:
    """Given a mail in French alone, then everybody gets that."""
    assert TemplateLibrary(folder(tmp_path, {"mail.fr.html": "x"}), SHOP).get("mail", "en").language == "fr"


def test_an_unknown_template_names_close_ones(tmp_path: Path) -> None:
    """Given a mistyped name, then the error says what was probably meant."""
    library = TemplateLibrary(folder(tmp_path, {"thank-you.vi.html": "x"}), SHOP)
    with pytest.raises(UnknownTemplateError, match=r"did you mean 'thank-you'\?"):
        library.get("thankyou", "vi")
    with pytest.raises(UnknownTemplateError, match="there are: none"):
        TemplateLibrary(tmp_path / "nowhere", SHOP).get("welcome", "vi")
    with pytest.raises(UnknownTemplateError):
        library.get("../thank-you", "vi")


def test_an_edit_takes_effect_within_a_second(tmp_path: Path, hand: Hand) -> None:
    """Given a mail in use, when its layout is edited, then the next look a second later finds the new text."""
    folder(tmp_path, {"layouts/a.html": "cũ", "mail.vi.html": "{% include 'layouts/a.html' %}"})
    library = TemplateLibrary(tmp_path, SHOP, monotonic=hand)
    first = library.get("mail", "vi")
    edit(tmp_path / "layouts/a.html", "mới")
    hand.seconds += 0.5
    assert library.get("mail", "vi") is first
    hand.seconds += 0.6
    assert text(library) == "mới"
    assert library.get("mail", "vi").hash != first.hash


def test_what_has_not_changed_is_not_compiled_again(tmp_path: Path, hand: Hand) -> None:
    """Given a mail in use, when looked at again and again, then it is the same object."""
    library = TemplateLibrary(folder(tmp_path, {"mail.vi.html": "x", "other.vi.html": "y"}), SHOP, monotonic=hand)
    first = library.get("mail", "vi")
    for _ in range(3):
        edit(tmp_path / "other.vi.html", mail("z"))
        hand.seconds += 2
        assert library.get("mail", "vi") is first


def test_a_file_that_comes_later_is_found(tmp_path: Path, hand: Hand) -> None:
    """Given a mail without English text and a plain footer, when those are added, then they are used."""
    folder(tmp_path, {"layouts/a.html": "plain", "mail.vi.html": "{% include 'layouts/a.html' %}"})
    library = TemplateLibrary(tmp_path, SHOP, monotonic=hand)
    assert (text(library), text(library, language="en")) == ("plain", "plain")
    edit(tmp_path / "layouts/a.vi.html", "tiếng Việt")
    edit(tmp_path / "mail.en.html", mail("English"))
    edit(tmp_path / "mail.vi.txt", "chữ thôi")
    hand.seconds += 2
    assert (text(library), text(library, language="en")) == ("chữ thôi", "English")
    assert "tiếng Việt" in library.get("mail", "vi").render({}, FakeLinks()).html


def test_a_broken_edit_leaves_the_last_good_version_at_work(tmp_path: Path, hand: Hand) -> None:
    """Given a mail in use, when an edit breaks it, then the old text goes out, and the fault is known until mended."""
    folder(tmp_path, {"mail.vi.html": "tốt", "other.vi.html": "khác"})
    library = TemplateLibrary(tmp_path, SHOP, monotonic=hand)
    assert text(library) == "tốt"
    assert library.faults() == []
    edit(tmp_path / "mail.vi.html", mail("{% if %}"))
    hand.seconds += 2
    assert text(library) == "tốt"
    assert [problem.place.file for problem in library.faults()] == ["mail.vi.html"]
    assert text(library, "other") == "khác"
    (tmp_path / "mail.vi.html").unlink()
    hand.seconds += 2
    assert text(library) == "tốt"
    edit(tmp_path / "mail.vi.html", mail("tốt hơn"))
    hand.seconds += 2
    assert text(library) == "tốt hơn"
    assert library.faults() == []


def test_a_template_that_never_worked_fails_alone(tmp_path: Path, hand: Hand) -> None:
    """Given a broken mail at the start, then it fails with its place each time, until it is mended; others work."""
    folder(tmp_path, {"mail.vi.html": "{% if %}", "other.vi.html": "khác"})
    library = TemplateLibrary(tmp_path, SHOP, monotonic=hand)
    for _ in range(2):
        with pytest.raises(TemplateError, match=r"mail\.vi\.html:4"):
            library.get("mail", "vi")
    assert text(library, "other") == "khác"
    edit(tmp_path / "mail.vi.html", mail("nay được rồi"))
    hand.seconds += 2
    assert text(library) == "nay được rồi"


def test_many_threads_share_a_library(tmp_path: Path) -> None:
    """Given many threads that ask while files change, inlined before or after, then each gets a whole mail."""
    after = "<style>.a{color:red}</style><p class='{{ 'a' }}'>sau</p>"
    folder(tmp_path, {"mail.vi.html": "<style>p{color:red}</style><p>trước</p>", "after.vi.html": after})
    ticks = iter(range(10**9))
    library = TemplateLibrary(tmp_path, SHOP, monotonic=lambda: float(next(ticks)))
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for turn in range(15):
                if number == 0:
                    edit(tmp_path / "mail.vi.html", mail(f"<style>p{{color:red}}</style><p>trước</p><!--{turn}-->"))
                name = ("mail", "after")[(turn + number) % 2]
                rendered = library.get(name, "vi").render({}, FakeLinks())
                assert 'style="color:red"' in rendered.html
                assert rendered.text.strip() in ("trước", "sau")
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def told(problems: list[Problem]) -> set[tuple[str, int, str, str]]:
    return {(p.place.file, p.place.line, p.severity.value, f"{p.message}; {p.hint or ''}") for p in problems}


def found(library: TemplateLibrary, words: str) -> list[Problem]:
    return [problem for problem in library.check() if words in f"{problem.message}; {problem.hint}"]


def test_the_check_finds_all_problems_of_all_files(tmp_path: Path) -> None:
    """Given files with faults of every kind, then the check names each with its place, layouts' only once."""
    folder(
        tmp_path,
        {
            "layouts/a.html": "<p>\n{{ shopp.name }}</p>",
            "broken.vi.html": "{% if %}",
            "broken.en.html": "x",
            "one.vi.html": "{% include 'layouts/a.html' %}\n{{ order.totl }}{{ customer.tier }}{{ percent }}",
            "one.en.html": """
            ---
            subject: Hello {{ custommer.name }}
            with: percent, code
            ---
            {% include 'layouts/a.html' %}{{ percent }}{{ code }}{{ colour }}
            {% for line in order.lines %}{{ line.qty }}{{ line.name }}{% endfor %}
            """,
            "two.vi.html": """
            <style>TD.a { color: red } p:not(.b) { color: red } p:nth-child(2) { color: red }</style>
            <a href="/orders">a</a><a href="javascript:x">b</a><a href="{{ shop.website }}">c</a>
            <img src="https://x.example/a.png">
            <img src="https://x.example/a.png" alt="">
            {% if gift is defined %}{{ gift }}{% endif %}{{ colour | default("red") }}
            {{ journey.flow }}{{ event.anything }}
            """,
        },
    )
    library = TemplateLibrary(tmp_path, SHOP, fields=["tier"])
    problems = told(library.check())
    errors = {(file, line, message) for file, line, severity, message in problems if severity == "error"}
    assert errors == {
        ("broken.vi.html", 4, "'if' has no 'endif'; "),
        ("layouts/a.html", 2, "'shopp' is not known; did you mean 'shop'?"),
        ("one.vi.html", 5, "'order.totl' is not known; did you mean 'order.total'?"),
        (
            "one.vi.html",
            5,
            "'percent' is not known; a value from the flow is declared in the front matter: 'with: percent'",
        ),
        ("one.en.html", 2, "'custommer' is not known; did you mean 'customer'?"),
        (
            "one.en.html",
            5,
            "'colour' is not known; a value from the flow is declared in the front matter: 'with: colour'",
        ),
        ("one.en.html", 6, "'line.qty' is not known; did you mean 'line.quantity'?"),
        *(
            (
                "two.vi.html",
                5,
                f"a link leads to '{target}', which nobody can follow from a mail; "
                "write the whole address with https://, or mailto: or tel:",
            )
            for target in ("/orders", "javascript:x")
        ),
    }
    warnings = {(file, message.split(";")[0]) for file, _, severity, message in problems if severity == "warning"}
    assert ("two.vi.html", "template 'two' has no text in 'en'") in warnings
    assert ("two.vi.html", "an image has no alt text") in warnings
    assert len([1 for _, message in warnings if "selector" in message]) == 3


def test_the_check_points_at_the_word(tmp_path: Path) -> None:
    """Given an unknown name in the middle of a line, then the caret stands under it."""
    library = TemplateLibrary(folder(tmp_path, {"mail.vi.html": "<p>Chào {{ customer.nmae }}</p>"}), SHOP)
    (problem,) = found(library, "nmae")
    assert problem.source_line is not None
    start = problem.place.column - 1
    assert problem.source_line[start : start + problem.place.length] == "customer.nmae"
    assert problem.severity is Severity.ERROR


def test_names_lists_what_there_is(tmp_path: Path) -> None:
    """Given mails, layouts and other files, then only the mails are listed, with their languages."""
    library = TemplateLibrary(
        folder(
            tmp_path, {"b.vi.html": "x", "a.vi.html": "x", "a.en.html": "x", "layouts/c.vi.html": "x", "d.html": "x"}
        ),
        SHOP,
    )
    assert library.names() == ("a", "b")
    assert library.languages("a") == ("en", "vi")
    assert library.languages("c") == ()


def test_the_check_knows_what_a_mail_is_given() -> None:
    """Given the values that a sender makes of the facts, then the check knows those names, no more and no less."""
    shop = Shop(name="The Coffee")
    facts = Facts(
        NOW,
        ShopFacts("The Coffee", "Asia/Ho_Chi_Minh", "vi", "VND"),
        Customer(1),
        Order(1, "A1", 1, 1, "VND", "placed", (OrderLine("s", "n"),)),  # type: ignore[arg-type] # any total will do
        None,
        JourneyFacts("f", NOW),
    )
    given = template_values(facts, shop_values(shop), {}, NOW.tzinfo)  # type: ignore[arg-type] # UTC is a zone too
    assert set(given["customer"]) == FIELDS["customer"]
    assert set(given["order"]) == FIELDS["order"]
    assert set(given["order"]["lines"][0]) == LINE
    assert set(given["shop"]) == FIELDS["shop"]
    assert set(given["journey"]) == FIELDS["journey"]


@pytest.mark.parametrize(
    ("body", "needs"),
    [
        ("<p>{{ customer.name }} {{ shop.name }}</p>", set()),
        ("<p>{{ order.total | money(order.currency) }}</p>", {"order"}),
        ("{% for line in order.lines %}<p>{{ line.name }}</p>{% endfor %}", {"order"}),
        ("{% if order is defined and order %}<p>{{ order.number }}</p>{% endif %}", set()),
        ("<p>{{ order.coupon | default('–') }}</p>", set()),
        ("<p>{{ event.place }} {{ event.guests | default(1) }}</p>", {"event.place"}),
        ("<p>{{ percent }} {{ code | default('') }}</p>", {"percent"}),
        ("{% set order = customer %}<p>{{ order.name }}</p>", set()),
        ("<p>{{ coupons.birthday.code }} {{ coupons.birthday.expires_at | date }}</p>", {"coupons.birthday"}),
        ("{% if coupons.birthday is defined %}<p>{{ coupons.birthday.code }}</p>{% endif %}", set()),
        ("<p>{{ coupons.birthday.code | default('') }} {{ coupons.gift.percent }}</p>", {"coupons.gift"}),
    ],
)
def test_a_template_tells_what_its_mails_cannot_be_made_without(tmp_path: Path, body: str, needs: set[str]) -> None:
    """Given what a template shows, then it needs that, unless it provides for the lack of it."""
    (tmp_path / "a.vi.html").write_text("---\nsubject: Chào\nwith: [percent, code]\n---\n" + body)
    (tmp_path / "a.en.html").write_text("---\nsubject: Hi\n---\n<p>Hi</p>")
    (tmp_path / "b.en.html").write_text("no front matter")

    assert TemplateLibrary(tmp_path, SHOP).needs() == {"a": needs, "b": frozenset()}
