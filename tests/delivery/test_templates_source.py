"""Templates are read as Jinja reads them: front matter, inheritance, inclusion, macros; faults are placed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.delivery.mails import SHOP, FakeLinks, compiled, folder, rendered_html, values
from worker.delivery.templates.errors import TemplateError
from worker.delivery.templates.library import TemplateLibrary

LAYOUT = """
<html><head><title>{% block title %}{{ message.subject }}{% endblock %}</title></head>
<body>{% block outer %}<h1>{% block inner %}layout{% endblock %}</h1>{% endblock %}<p>{{ shop.name }}</p></body></html>
"""


def test_front_matter_is_jinja_text(tmp_path: Path) -> None:
    """Given values in the front matter, when the mail is rendered, then its headers hold them."""
    mail = compiled(
        tmp_path,
        {
            "mail.vi.html": """
            ---
            subject: "{{ customer.first_name }} ơi, đơn {{ order.number }}: {{ order.total | money }}"
            preheader: Chỉ một phút thôi
            from_name: Lan ở {{ shop.name }}
            from_email: lan@thecoffee.example
            reply_to: hoi@thecoffee.example
            ---
            <title>{{ message.subject }}</title><p>{{ message.preheader }} – {{ message.language }}</p>
            """
        },
    ).render(values(), FakeLinks())
    assert mail.subject == "Lan ơi, đơn TC/20418: 535.000 ₫"
    assert mail.preheader == "Chỉ một phút thôi"
    assert (mail.from_name, mail.from_email) == ("Lan ở The Coffee", "lan@thecoffee.example")
    assert mail.reply_to == "hoi@thecoffee.example"
    assert "<title>Lan ơi, đơn TC/20418: 535.000 ₫</title>" in mail.html
    assert "Chỉ một phút thôi – vi" in mail.text


def test_the_sender_is_the_shops_unless_said(tmp_path: Path) -> None:
    """Given no sender in the front matter, then the mail is from the shop."""
    mail = compiled(tmp_path, {"mail.vi.html": "<p>x</p>"}).render({}, FakeLinks())
    assert (mail.from_name, mail.from_email, mail.reply_to) == ("The Coffee", "chao@thecoffee.example", None)


def test_a_subject_stays_one_line(tmp_path: Path) -> None:
    """Given a name with line breaks, then the subject has none."""
    source = {"mail.vi.html": "---\nsubject: Chào {{ customer.name }}\n---\n<p>x</p>"}
    mail = compiled(tmp_path, source).render({"customer": {"name": "Lan\r\nBcc: x"}}, FakeLinks())
    assert mail.subject == "Chào Lan Bcc: x"


@pytest.mark.parametrize(
    ("front", "line", "message"),
    [
        ("---\nsubjcet: x\n---\n", 2, "unknown key 'subjcet'; did you mean 'subject'?"),
        ("---\nsubject: x\nsubject: y\n---\n", 3, "'subject' is given twice"),
        ("---\npreheader: x\n---\n", 1, "a mail needs a subject"),
        ("---\nsubject: {{ customer.name }}\n---\n", 2, "'subject' is no text"),
        ("---\nsubject: a: b: c\n---\n", 2, "cannot be read"),
        ("---\nsubject: [a]\n---\n", 2, "'subject' is no text"),
        ("---\nsubject: '{{ a'\n---\n", 2, "never closed"),
        ("<!-- no front matter -->\n", 1, "has no front matter"),
    ],
)
def test_faults_in_the_front_matter_are_placed(tmp_path: Path, front: str, line: int, message: str) -> None:
    """Given a fault above the mail, then the error names file and line and what to write."""
    (tmp_path / "mail.vi.html").write_text(f"{front}<p>x</p>", encoding="utf-8")
    with pytest.raises(TemplateError) as caught:
        TemplateLibrary(tmp_path, SHOP).get("mail", "vi")
    assert (caught.value.file, caught.value.line) == ("mail.vi.html", line)
    assert message in str(caught.value)


def test_blocks_inherit_over_three_levels(tmp_path: Path) -> None:
    """Given a mail that extends a look that extends a layout, then each fills what the one above left."""
    mail = compiled(
        tmp_path,
        {
            "layouts/mail.html": LAYOUT,
            "layouts/look.html": '{% extends "layouts/mail.html" %}{% block inner %}look {{ super() }}{% endblock %}',
            "mail.vi.html": """
            {% extends "layouts/look.html" %}
            {% set name = customer.name %}
            {% block title %}{{ name }}{% endblock %}
            {% block outer %}{{ super() }}<p>{{ name }} after</p>{% endblock %}
            """,
        },
    ).render(values(), FakeLinks())
    assert "<title>Nguyễn Thị Lan</title>" in mail.html
    assert "look layout" in mail.text
    assert mail.text.index("look layout") < mail.text.index("Nguyễn Thị Lan after") < mail.text.index("The Coffee")


def test_what_a_block_or_an_included_file_sets_stays_its_own(tmp_path: Path) -> None:
    """Given a value set in a block and in an included file, then it is not seen outside, as in Jinja."""
    html = rendered_html(
        folder(
            tmp_path,
            {
                "layouts/part.html": "{% set seen = 'part' %}<i>{{ seen }}</i>",
                "layouts/mail.html": "{% block a %}{% endblock %}<b>{{ seen | default('nothing') }}</b>",
            },
        ),
        '{% extends "layouts/mail.html" %}{% block a %}{% set seen = "block" %}{{ seen }}'
        '{% include "layouts/part.html" %}<u>{{ seen }}</u>{% endblock %}',
    )
    assert "<i>part</i>" in html
    assert "<u>block</u>" in html
    assert "<b>nothing</b>" in html


def test_a_layout_speaks_the_mails_language(tmp_path: Path) -> None:
    """Given a footer in two languages, then each mail includes its own, and the plain file where there is none."""
    files = {
        "layouts/footer.vi.html": "<p>Ngừng nhận thư</p>",
        "layouts/footer.html": "<p>Unsubscribe</p>",
        "mail.vi.html": '{% include "layouts/footer.html" %}',
        "mail.en.html": '{% include "layouts/footer.html" %}',
    }
    assert "Ngừng" in compiled(tmp_path, files).render({}, FakeLinks()).html
    assert "Unsubscribe" in compiled(tmp_path, files, language="en").render({}, FakeLinks()).html


def test_macros_are_put_in_place_of_their_calls(tmp_path: Path) -> None:
    """Given imported macros with defaults and names, then their HTML stands where they are called, inlined."""
    mail = compiled(
        tmp_path,
        {
            "layouts/parts.html": """
            {% macro button(url, label="Mua ngay", colour="red") %}
            <a class="b" href="{{ url }}" title="{{ colour }}">{{ label }}</a>{% endmacro %}
            {% macro two(first) %}{{ button(first) }}{{ button(first ~ "/2", label=first) }}{% endmacro %}
            """,
            "mail.vi.html": """
            {% import "layouts/parts.html" as parts %}{% from "layouts/parts.html" import button as knob, two %}
            <style>.b { color: green }</style>
            {{ parts.button("https://a.example", colour="blue") }}
            {{ knob(label="Xem, \\"ngay\\" (đi)", url=shop.website) }}
            {{ two("https://c.example") }}
            """,
        },
    )
    rendered = mail.render({}, FakeLinks(plain=True))
    assert rendered.html.count('style="color:green"') == 4
    assert '<a class="b" href="https://a.example" title="blue" style="color:green">Mua ngay</a>' in rendered.html
    assert 'Xem, "ngay" (đi): https://thecoffee.example' in rendered.text.replace("&#34;", '"')
    assert "https://c.example/2" in rendered.text
    assert [link.label for link in mail.links] == ["Mua ngay", 'Xem, "ngay" (đi)', "Mua ngay", "https://c.example"]


def test_a_raw_text_and_entities_are_never_read_as_tags(tmp_path: Path) -> None:
    """Given braces that are text, written raw or as entities, then they come out as text."""
    html = rendered_html(tmp_path, "<p>{% raw %}{{ a }} {% b %}{% endraw %} &#123;&#123; c }} &#123;% d %}</p>")
    assert "{{ a }} {% b %} {{ c }} {% d %}" in html


@pytest.mark.parametrize(
    ("files", "place", "message"),
    [
        ({"mail.vi.html": "{% extends 'layouts/no.html' %}"}, ("mail.vi.html", 4), "there is no 'layouts/no.html'"),
        ({"mail.vi.html": "{% include '../secret.html' %}"}, ("mail.vi.html", 4), "is no file of the folder"),
        ({"mail.vi.html": "{% include '/etc/passwd.html' %}"}, ("mail.vi.html", 4), "is no file of the folder"),
        (
            {"mail.vi.html": "<p>\n{% include order.number %}"},
            ("mail.vi.html", 5),
            "needs the name of a file in quotes",
        ),
        ({"mail.vi.html": "<p>\n{% block a %}</p>"}, ("mail.vi.html", 5), "has no 'endblock'"),
        ({"mail.vi.html": "{% endblock %}"}, ("mail.vi.html", 4), "'endblock' without"),
        ({"mail.vi.html": "<p>\n\n{{ a b }}</p>"}, ("mail.vi.html", 6), "expected token"),
        ({"mail.vi.html": "<p>{{ a | mony }}</p>"}, ("mail.vi.html", 4), "no filter named 'mony'"),
        ({"mail.vi.html": "<p>{{ a is evn }}</p>"}, ("mail.vi.html", 4), "no test named 'evn'"),
        ({"mail.vi.html": "<p>{% do x %}</p>"}, ("mail.vi.html", 4), "'do' is no tag"),
        ({"mail.vi.html": "{% autoescape false %}{% endautoescape %}"}, ("mail.vi.html", 4), "is no tag"),
        ({"mail.vi.html": "{{ _run }}"}, ("mail.vi.html", 4), "begins with an underscore"),
        ({"mail.vi.html": "{{ 'x' | _tracked(1) }}"}, ("mail.vi.html", 4), "begins with an underscore"),
        ({"mail.vi.html": "{{ }}"}, ("mail.vi.html", 4), "an empty tag"),
        ({"mail.vi.html": "<p>{{ a </p>"}, ("mail.vi.html", 4), "'{{' is never closed"),
        ({"mail.vi.html": "{% if a %}<p>"}, ("mail.vi.html", 4), "'if' has no 'endif'"),
        ({"mail.vi.html": "{% if a %}{% endfor %}"}, ("mail.vi.html", 4), "'endfor' without a 'for'"),
        ({"mail.vi.html": '<a href="{% if a %}x">{% endif %}</a>'}, ("mail.vi.html", 4), "in the same place"),
        ({"mail.vi.html": "<p {% if a %}class='x'{% endif %}>"}, ("mail.vi.html", 4), "between attributes"),
        ({"mail.vi.html": "<p\n class={{ a }}>"}, ("mail.vi.html", 5), "needs quotes"),
        ({"mail.vi.html": "<{{ tag }}>"}, ("mail.vi.html", 4), "name of an element"),
        ({"mail.vi.html": "<script>alert(1)</script>"}, ("mail.vi.html", 4), "a script"),
        ({"mail.vi.html": "<p>\n<td class"}, ("mail.vi.html", 5), "never closed"),
        (
            {"mail.vi.html": "{% extends 'layouts/a.html' %}\n\n<p>lost</p>", "layouts/a.html": "x"},
            ("mail.vi.html", 6),
            "outside every block",
        ),
        (
            {"mail.vi.html": "{% include 'layouts/a.html' %}", "layouts/a.html": "<p>\n{% include 'layouts/a.html' %}"},
            ("layouts/a.html", 2),
            "leads back to itself",
        ),
        (
            {"mail.vi.html": "{% include 'layouts/a.html' %}", "layouts/a.html": "<p>\n\n{{ x | nofilter }}"},
            ("layouts/a.html", 3),
            "no filter named 'nofilter'",
        ),
        ({"mail.vi.html": "{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}"}, ("mail.vi.html", 4), "without an end"),
        ({"mail.vi.html": "{% macro a(b) %}x{% endmacro %}{{ a() }}"}, ("mail.vi.html", 4), "needs a value for 'b'"),
        ({"mail.vi.html": "{% macro a(b) %}x{% endmacro %}{{ a(1, 2) }}"}, ("mail.vi.html", 4), "does not take '2'"),
        ({"mail.vi.html": "{% macro a %}x{% endmacro %}"}, ("mail.vi.html", 4), "needs a name and brackets"),
        ({"mail.vi.html": "{% macro a() %}x"}, ("mail.vi.html", 4), "has no 'endmacro'"),
        (
            {"mail.vi.html": "{% from 'layouts/a.html' import c %}", "layouts/a.html": "{% macro b() %}{% endmacro %}"},
            ("mail.vi.html", 4),
            "no macro 'c'",
        ),
    ],
)
def test_faults_are_placed(tmp_path: Path, files: dict[str, str], place: tuple[str, int], message: str) -> None:
    """Given a template that cannot be compiled, then the error says where, and shows the line."""
    with pytest.raises(TemplateError) as caught:
        compiled(tmp_path, files)
    assert (caught.value.file, caught.value.line) == place
    assert message in str(caught.value)
    assert caught.value.source_line is not None
    assert caught.value.problem.place.line == place[1]


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """Given bytes that are no UTF-8, then the error names the file."""
    (tmp_path / "mail.vi.html").write_bytes(b"---\nsubject: \xff\n---\n")
    with pytest.raises(TemplateError, match=r"mail\.vi\.html:2: is not UTF-8 \(the byte 0xFF\)"):
        TemplateLibrary(tmp_path, SHOP).get("mail", "vi")


def test_the_hash_is_of_all_files(tmp_path: Path) -> None:
    """Given a mail with a layout, when the layout changes, then so does the hash, and back again."""
    files = {"layouts/mail.html": LAYOUT, "mail.vi.html": '{% extends "layouts/mail.html" %}'}
    before = compiled(tmp_path, files).hash
    changed = compiled(tmp_path, {**files, "layouts/mail.html": LAYOUT + "<!-- -->"}).hash
    assert changed != before
    assert compiled(tmp_path, files).hash == before
