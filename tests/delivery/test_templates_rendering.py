"""A compiled mail shows a customer's values, its links lead where they should, and its text reads well."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from tests.delivery.mails import SHOP, FakeLinks, compiled, folder, rendered_html, values
from worker.delivery.templates.errors import TemplateError
from worker.delivery.templates.library import TemplateLibrary

NEVER_TRACKED = """
<p><a href="mailto:hoi@thecoffee.example">viết thư</a> <a href="tel:0909">gọi</a> <a href="#top">lên đầu</a>
<a href="{{ unsubscribe_url }}">ngừng</a> <a href="{{ elsewhere }}">thôi</a></p>
"""


def test_links_are_numbered_and_tracked_in_both_parts(tmp_path: Path) -> None:
    """Given web links, static and by expression, then HTML and text lead through the same counted addresses."""
    mail = compiled(
        tmp_path,
        {
            "mail.vi.html": """
            <a href="https://thecoffee.example/a?b=1&amp;c=2">Một</a>
            <a href='{{ shop.website }}/orders/{{ order.number | urlencode }}'>Hai</a>
            {% if order %}
            <a href="{% if order.total > 1 %}https://x.example/y{% else %}https://x.example/n{% endif %}">Ba</a>
            {% endif %}
            """
        },
    )
    links = FakeLinks()
    rendered = mail.render(values(), links)
    assert links.asked == [
        (1, "https://thecoffee.example/a?b=1&c=2"),
        (2, "https://thecoffee.example/orders/TC%2F20418"),
        (3, "https://x.example/y"),
    ]
    for number, label in enumerate(("Một", "Hai", "Ba"), 1):
        assert f'<a href="https://mail.example/c/{number}">{label}</a>' in rendered.html
        assert f"{label}: https://mail.example/c/{number}" in rendered.text
    assert [(link.number, link.label) for link in mail.links] == [(1, "Một"), (2, "Hai"), (3, "Ba")]
    assert mail.links[1].url == "{{ shop.website }}/orders/{{ order.number | urlencode }}"


def test_a_link_in_a_loop_has_one_number_and_many_targets(tmp_path: Path) -> None:
    """Given a link for each order line, then each leads to its own product under the same number."""
    links = FakeLinks()
    source = "{% for line in order.lines %}<a href='https://x.example/{{ line.sku | urlencode }}'>xem</a>{% endfor %}"
    compiled(tmp_path, {"mail.vi.html": source}).render(values(), links)
    assert links.asked == [(1, "https://x.example/SKU%201"), (1, "https://x.example/SKU%202")]


def test_some_links_are_never_tracked(tmp_path: Path) -> None:
    """Given addresses for mail, phone and places, and the one for unsubscribing, then they stay as they are."""
    links = FakeLinks()
    mail = compiled(tmp_path, {"mail.vi.html": NEVER_TRACKED})
    rendered = mail.render({"elsewhere": links.unsubscribe}, links)
    assert links.asked == []
    for address in ("mailto:hoi@thecoffee.example", "tel:0909", "#top", "https://mail.example/u/1"):
        assert f'href="{address}"' in rendered.html
    assert "ngừng: https://mail.example/u/1" in rendered.text


def test_links_are_numbered_alike_when_inlined_afterwards(tmp_path: Path) -> None:
    """Given a template that is inlined for each mail, then its links are tracked in both parts all the same."""
    mail = compiled(
        tmp_path,
        {"mail.vi.html": "<style>.a{color:red}</style><p class='{{ x }}'><a href='https://x.example'>Xem</a></p>"},
    )
    rendered = mail.render({"x": "a"}, FakeLinks(pixel="https://mail.example/o/1.gif"))
    assert 'href="https://mail.example/c/1"' in rendered.html
    assert rendered.text == "Xem: https://mail.example/c/1\n"
    assert "o/1.gif" in rendered.html


@pytest.mark.parametrize(
    "target", ["javascript:alert(1)", "/orders", "", "data:text/html,x", "ftp://x.example", "//x.example"]
)
def test_a_link_that_leads_nowhere_fails_that_mail(tmp_path: Path, target: str) -> None:
    """Given an address from an event that is no web address, then this mail fails, and the error names the link."""
    mail = compiled(tmp_path, {"mail.vi.html": "<p>\n<a href='{{ event.url }}'>Xem</a></p>"})
    with pytest.raises(TemplateError, match="link 1 leads to no http") as caught:
        mail.render({"event": {"url": target}}, FakeLinks())
    assert (caught.value.file, caught.value.line) == ("mail.vi.html", 5)
    assert target == "" or target not in str(caught.value)


def test_the_pixel_stands_last_in_the_body(tmp_path: Path) -> None:
    """Given a pixel, then it is the body's last element; given none, then there is none."""
    mail = compiled(tmp_path, {"mail.vi.html": "<html><body><p>x</p></body></html>"})
    html = mail.render({}, FakeLinks(pixel="https://mail.example/o/1.gif?a=1&b=2")).html
    last = list(etree.fromstring(html, etree.HTMLParser()).iter("*"))[-1]
    assert (last.tag, last.get("src"), last.get("alt")) == ("img", "https://mail.example/o/1.gif?a=1&b=2", "")
    assert "<img" not in mail.render({}, FakeLinks(pixel=None)).html


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.text(max_size=60))
def test_values_cannot_write_html(tmp_path: Path, value: str) -> None:
    """Given any text from a customer, then the document keeps its elements and shows that text."""
    source = (
        '<html><head><title>{{ x }}</title></head><body><p title="{{ x }}">'
        "<a href='https://x.example/{{ x | urlencode }}'>{{ x }}</a></p></body></html>"
    )
    mail = compiled(tmp_path, {"mail.vi.html": source})
    root = etree.fromstring(mail.render({"x": value}, FakeLinks(plain=True)).html, etree.HTMLParser())
    assert [element.tag for element in root.iter("*")] == ["html", "head", "title", "body", "p", "a"]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ 450000 | money }}", "450.000 ₫"),
        ("{{ total | money('USD') }}", "12,50 US$"),
        ("{{ 1234.5 | number }}", "1.234,5"),
        ("{{ at | date }}", "2 tháng 3, 2027"),
        ("{{ at | date('d/M') }}", "2/3"),
        ("{{ day | date }}", "1 tháng 3, 2027"),
        ("{{ at | time }}", "01:30"),
        ("{{ at | datetime }}", "01:30 2 thg 3, 2027"),
        ("{{ '2027-03-01T18:30:00+00:00' | time }}", "01:30"),
        ("{{ '2027-03-01' | date }}", "1 tháng 3, 2027"),
        ("{{ 2 }} {{ 2 | plural('bag', 'bags') }}", "2 bags"),
        ("{{ none | default('bạn') }}", "bạn"),
        ("{{ '' | default('bạn') }}", "bạn"),
        ("{{ 0 | default('bạn') }}", "0"),
        ("{{ nobody.name | default('bạn') }}", "bạn"),
        ("{{ customer.nickname | default(customer.name) | default('bạn') }}", "Lan"),
        ("{{ customer.nothing }}|", "|"),
        ("{{ 'a' if nobody is defined else 'b' }}", "b"),
        ("{{ box.items }}", "3"),
        ("{{ box['items'] + 1 }}", "4"),
        ("{{ names | join(', ') | upper }}", "AN, BÌNH"),
        ("{{ 7 / 2 }} {{ 7 // 2 }} {{ 7 % 2 }} {{ 2 ** 3 }} {{ 'a' ~ 1 }}", "3.5 3 1 8 a1"),
        ("{{ 'Chào' + ' ' + customer.name }}", "Chào Lan"),
        ("{% for a, b in box.items2.items() %}{{ a }}{{ b }}{% endfor %}", "x1"),
        ("{% for n in names %}{{ loop.index }}{{ n }}{{ loop.cycle('-', '.') }}{% endfor %}", "1An-2Bình."),
        ("{{ 2.567 | round(1) }}", "2.6"),
        ("{{ names | map('upper') | list | length }}", "2"),
    ],
)
def test_values_are_written_for_people(tmp_path: Path, source: str, expected: str) -> None:
    """Given an expression of the language, then the mail shows what a person expects to read."""
    given_values = {
        "total": Decimal("12.5"),
        "at": datetime(2027, 3, 1, 18, 30, tzinfo=UTC),
        "day": date(2027, 3, 1),
        "customer": {"name": "Lan", "nothing": None, "timezone": "Asia/Ho_Chi_Minh"},
        "box": {"items": 3, "items2": {"x": 1}},
        "names": ["An", "Bình"],
    }
    assert (
        compiled(tmp_path, {"mail.vi.html": f"<p>{source}</p>"}).render(given_values, FakeLinks()).text
        == f"{expected}\n"
    )


def test_times_are_the_customers(tmp_path: Path) -> None:
    """Given customers in other zones, then each reads their own clock; an unknown zone reads the shop's."""
    mail = compiled(tmp_path, {"mail.vi.html": "<p>{{ now | time }}</p>"})
    now = datetime(2027, 3, 1, 7, 5, tzinfo=UTC)
    for zone, shown in (("Asia/Tokyo", "16:05"), ("Europe/Paris", "08:05"), (None, "14:05"), ("Mars/Base", "14:05")):
        assert mail.render({"now": now, "customer": {"timezone": zone}}, FakeLinks()).text == f"{shown}\n"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{{ custmer.name }}", "'custmer.name' is not known here"),
        ("{{ customer.nmae }}", "'nmae' is not known here; did you mean 'name'?"),
        ("{{ customer.address.city.name }}", "'address.city.name' is not known here"),
        ("{% if order %}x{% endif %}", "'order' is not known here"),
        ("{% for line in order.lines %}x{% endfor %}", "'order.lines' is not known here"),
        ("{{ customer.name | money }}", "'money' needs a number, not str"),
        ("{{ customer.name | date }}", "this text is no date"),
        ("{{ naive | time }}", "without a time zone"),
        ("{{ day | time }}", "a day has no time"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("{{ customer.name + 1 }}", "concatenate"),
        ("{{ names[0][1][2].x }}", "names"),
    ],
)
def test_a_missing_or_wrong_value_fails_that_mail(tmp_path: Path, source: str, message: str) -> None:
    """Given a template that asks for what is not there, then that mail fails with file, line and name."""
    mail = compiled(tmp_path, {"mail.vi.html": f"<p>Chào</p>\n\n<p>{source}</p>"})
    given_values: dict[str, Any] = {
        "customer": {"name": "Lan", "email": "lan@example.com"},
        "naive": datetime(2027, 3, 1),  # noqa: DTZ001 - that is the point
        "day": date(2027, 3, 1),
    }
    with pytest.raises(TemplateError) as caught:
        mail.render(given_values, FakeLinks())
    assert message in caught.value.message or message in (caught.value.source_line or "")
    assert (caught.value.file, caught.value.line) == ("mail.vi.html", 6)
    assert "Lan" not in str(caught.value)


def test_a_fault_in_a_layout_is_told_with_the_layouts_line(tmp_path: Path) -> None:
    """Given a mail that fails in what it includes, then the error names the included file and its line."""
    files = {
        "layouts/a.html": "<p>x</p>\n<p>{{ missing }}</p>",
        "mail.vi.html": "<p>1</p>{% include 'layouts/a.html' %}",
    }
    with pytest.raises(TemplateError) as caught:
        compiled(tmp_path, files).render({}, FakeLinks())
    assert (caught.value.file, caught.value.line, caught.value.column) == ("layouts/a.html", 2, 7)
    assert caught.value.source_line == "<p>{{ missing }}</p>"


def test_one_mails_failure_harms_no_other(tmp_path: Path) -> None:
    """Given a mail that failed for one customer, then the next one is rendered."""
    mail = compiled(tmp_path, {"mail.vi.html": "<p>{{ 10 / n }}</p>"})
    with pytest.raises(TemplateError):
        mail.render({"n": 0}, FakeLinks())
    assert mail.render({"n": 4}, FakeLinks()).text == "2.5\n"


def test_the_text_reads_like_a_letter(tmp_path: Path) -> None:
    """Given headings, lists, tables, hidden parts, images and conditions, then the text has them in lines."""
    mail = compiled(
        tmp_path,
        {
            "mail.vi.html": """
            <html><head><style>.hide { display: none }</style></head><body>
            <div class="hide">preheader {{ customer.first_name }}</div><span aria-hidden="true">★★★</span>
            <h1>Chào   {{ customer.first_name }}</h1>
            <p>Dòng một<br>dòng hai, <b>đậm</b> và&nbsp;<i>nghiêng</i>.</p>
            {% if order.total > 1 %}<p>Có.</p>{% endif %}{% if order.total < 1 %}<p>Không.</p>{% endif %}
            <ul>{% for line in order.lines %}<li>{{ line.name }}</li>{% endfor %}</ul>
            <table>{% for line in order.lines %}<tr><td>{{ line.name }}</td><td></td><td>× {{ line.quantity }}</td></tr>
            {% endfor %}</table>
            <table role="presentation"><tr><td>trái</td><td>phải</td></tr></table>
            <a href="https://x.example/{{ order.number | urlencode }}"><img src="https://x.example/a.png" alt="Ảnh"></a>
            <a href="https://y.example"></a> <a href="https://z.example">https://z.example</a>
            <hr><p>hết</p></body></html>
            """
        },
    )
    assert mail.render(values(), FakeLinks(plain=True)).text == (
        "Chào Lan\n\nDòng một\ndòng hai, đậm và\u00a0nghiêng.\n\nCó.\n\n"
        "- Cà phê Arabica Cầu Đất 250 g\n- Phin nhôm\n\n"
        "Cà phê Arabica Cầu Đất 250 g · × 2\nPhin nhôm · × 1\n\ntrái\nphải\n\n"
        "Ảnh: https://x.example/TC%2F20418 https://y.example https://z.example\n\n---\n\nhết\n"
    )


def test_a_text_of_ones_own_is_taken_with_its_links(tmp_path: Path) -> None:
    """Given NAME.vi.txt, then it is the text part; `link` tracks an address in it, numbered after the HTML's."""
    mail = compiled(
        tmp_path,
        {
            "mail.vi.html": "<a href='https://x.example'>x</a>",
            "mail.vi.txt": """
            Chào {{ customer.first_name }} <3
            {% if order %}
            Đơn {{ order.number }}: {{ (shop.website ~ "/orders") | link }}
            {% endif %}
            {% include "layouts/end.txt" %}
            """,
            "layouts/end.txt": "Hẹn gặp lại, {{ shop.name }}\n",
        },
    )
    links = FakeLinks()
    text = mail.render(values(), links).text
    assert text.splitlines() == ["Chào Lan <3", "Đơn TC/20418: https://mail.example/c/2", "Hẹn gặp lại, The Coffee"]
    assert links.asked == [(1, "https://x.example"), (2, "https://thecoffee.example/orders")]
    assert [link.number for link in mail.links] == [1, 2]


def test_html_without_a_frame_is_completed(tmp_path: Path) -> None:
    """Given a fragment, then the mail is a whole document."""
    html = rendered_html(tmp_path, "<p>Xin chào</p>")
    assert "<html>" in html
    assert "<body>" in html


def test_the_shop_is_escaped_in_html_and_as_it_is_in_the_text(tmp_path: Path) -> None:
    """Given a shop whose name is no HTML, then HTML shows it escaped and the text as it is, filters too."""
    shop = SHOP.model_copy(update={"name": "Cà phê <&> trà", "phone": None})
    html = "<p>{{ shop.name }}{% if shop.phone %}, {{ shop.phone }}{% endif %}. {{ shop.name | upper }}</p>"
    folder(tmp_path, {"mail.vi.html": html})
    mail = TemplateLibrary(tmp_path, shop).get("mail", "vi").render({}, FakeLinks())
    assert "<p>Cà phê &lt;&amp;&gt; trà. CÀ PHÊ &lt;&amp;&gt; TRÀ</p>" in mail.html
    assert mail.text == "Cà phê <&> trà. CÀ PHÊ <&> TRÀ\n"


@pytest.mark.parametrize(
    "html",
    [
        "{% for shop in [{'name': 'Quán bên'}] %}<p>{{ shop.name }}</p>{% endfor %}",
        "{% set shop = {'name': 'Quán bên'} %}<p>{{ shop.name }}</p>",
        "{% macro tên(shop) %}{{ shop.name }}{% endmacro %}<p>{{ tên({'name': 'Quán bên'}) }}</p>",
    ],
)
def test_a_template_may_call_something_else_shop(tmp_path: Path, html: str) -> None:
    """Given a template that gives the name `shop` to something of its own, then that is what it shows."""
    assert "<p>Quán bên</p>" in rendered_html(tmp_path, html)
