"""MJML is compiled once, and gives the same mail as rendering first and compiling then; what would not is refused."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from jinja2 import DictLoader, Environment
from lxml import etree
from mjml import mjml2html
from premailer import Premailer

from tests.delivery.mails import SHIPPED, SHOP, FakeLinks, compiled, document, folder
from worker.delivery.templates.errors import TemplateError
from worker.delivery.templates.library import TemplateLibrary

FILES = {
    "layouts/frame.mjml": """
        <mjml>
          <mj-head>
            <mj-title>{{ message.subject }}</mj-title>
            <mj-preview>{{ message.preheader }}</mj-preview>
            <mj-style>.soft { color: #666; margin: 4px }
              @media (max-width: 480px) { .soft { color: #333 !important } }</mj-style>
            <mj-attributes><mj-all font-family="Arial" /><mj-class name="big" font-size="20px" /></mj-attributes>
          </mj-head>
          <mj-body background-color="#f5f0e8">
            {% block body %}{% endblock %}
            <mj-include path="layouts/foot.mjml" />
          </mj-body>
        </mjml>""",
    "layouts/foot.mjml": """
        <mj-section><mj-column><mj-text>{{ shop.name }}<br>{% if refuse %}
          <a href="{{ refuse }}">Thôi</a>{% endif %}</mj-text></mj-column></mj-section>""",
    "layouts/parts.mjml": """
        {% macro cta(url, label, ink) %}
        <mj-button href="{{ url }}" background-color="{{ ink }}">{{ label }}</mj-button>
        {% endmacro %}
        """,
    "mail.vi.mjml": """
        ---
        subject: Chào {{ name }}
        preheader: Mời vào
        ---
        {% extends "layouts/frame.mjml" %}
        {% from "layouts/parts.mjml" import cta %}
        {% block body %}
        <mj-wrapper><mj-section css-class="soft">
          <mj-column width="60%">
            <mj-text mj-class="big"><h1>Chào {{ name }}!</h1>{% if gold %}
              <p class="soft">Cảm &amp; ơn {{ name }}</p>{% endif %}</mj-text>
            {% for good in goods %}
            <mj-text>{{ good }} <a href="https://x.example/{{ good | urlencode }}">xem</a></mj-text>
            {% else %}<mj-divider border-color="#ddd" />{% endfor %}
          </mj-column>
          <mj-column>
            <mj-table>{% for good in goods %}<tr><td style="color: {{ ink }}">{{ good }}</td></tr>
            {% endfor %}</mj-table>
            <mj-raw><p title="{{ name }}">&nbsp;</p></mj-raw>
          </mj-column>
        </mj-section></mj-wrapper>
        {% if gold %}
        <mj-section><mj-column>
          <mj-image src="https://x.example/{{ 'a b' | urlencode }}.png" alt="{{ name }}" width="9px" href="{{ url }}" />
          {{ cta(url, "Mua ngay", ink) }}
          <mj-social><mj-social-element name="facebook" href="{{ url }}">Facebook</mj-social-element></mj-social>
        </mj-column></mj-section>
        {% else %}
        <mj-hero background-color="#fff"><mj-text>{{ name }}</mj-text></mj-hero>
        {% endif %}
        {% endblock %}""",
}
VALUES = [
    {"name": 'Lan <b> & "Mai"', "gold": True, "goods": ["Phin nhôm", "a < b"]},
    {"name": "Nguyễn Thị Lan", "gold": False, "goods": []},
    {"name": "0", "gold": True, "goods": ["một"]},
]
REST = {"url": "https://x.example/?a=1&b=2", "ink": "#123456", "refuse": "https://x.example/u"}


def compiled_afterwards(given: dict[str, Any], subject: str, preheader: str) -> str:
    """Render by Jinja's own inheritance, then compile MJML and put the author's rules into the elements."""
    files = {
        name: re.sub(r'<mj-include path="([^"]+)" />', r'{% include "\1" %}', re.sub(r"(?s)\A\s*---.*?---\n", "", text))
        for name, text in FILES.items()
    }
    environment = Environment(loader=DictLoader(files), autoescape=True)
    message = {"subject": subject, "preheader": preheader}
    shop = SHOP.model_dump()
    mjml = environment.get_template("mail.vi.mjml").render(message=message, shop=shop, **given)
    html = mjml2html(mjml.strip().replace("<mjml>", '<mjml lang="vi">'), fonts={})
    html = re.sub(r"<style[^>]*>(?!\.soft)", '<style data-premailer="ignore">', html)
    root = etree.fromstring(html, etree.HTMLParser())
    options = {"keep_style_tags": True, "strip_important": False, "allow_network": False, "disable_validation": True}
    Premailer(root, **options).transform()
    return str(etree.tostring(root.getroottree(), method="html", encoding="unicode"))


def body(html: str) -> list[Any]:
    """Return the body; the head's media rules are those of all columns that there may be."""
    return next(part for part in document(html)[2] if part[0] == "body")


def rules(html: str) -> set[str]:
    return set(re.findall(r"\.mj-column-per-[\w-]+ \{[^}]*\}", html))


@pytest.mark.parametrize("given", VALUES)
def test_it_equals_rendering_first(tmp_path: Path, given: dict[str, Any]) -> None:
    """Given MJML with layouts, parts, conditions and loops, then the mail is what compiling after rendering makes."""
    found = compiled(tmp_path, FILES)
    assert found.parts.inlined
    fast = found.render({**given, **REST}, FakeLinks(plain=True))
    expected = compiled_afterwards({**given, **REST}, fast.subject, fast.preheader)
    assert body(fast.html) == body(expected)
    assert rules(fast.html) >= rules(expected)
    assert '<html lang="vi"' in fast.html
    assert "fonts.googleapis" not in fast.html
    assert fast.subject == f"Chào {given['name']}"


def test_links_are_tracked_in_html_and_text(tmp_path: Path) -> None:
    """Given links of MJML's elements and of HTML within, then each has a number, and the text names them."""
    mail = compiled(tmp_path, FILES).render({**VALUES[0], **REST}, FakeLinks())
    assert "Mua ngay: https://mail.example/c/" in mail.text
    assert "https://x.example/?a" not in mail.html.split("</head>")[1]


SOUND = "<mjml><mj-body><mj-section><mj-column>{}</mj-column></mj-section></mj-body></mjml>"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (SOUND.format("\n<mj-txt>a</mj-txt>"), 2, "'mj-txt' is no element of MJML; did you mean 'mj-text'?"),
        (SOUND.format("\n<mj-text>a\n</mj-button>"), 3, "'</mj-button>' closes nothing here; '<mj-text>' is open"),
        (SOUND.format("\n<mj-text><p>a</mj-text>"), 2, "'</mj-text>' closes nothing here; '<p>' is open"),
        (SOUND.format("\n<mj-text>a < b</mj-text>"), 2, "'<' begins no element here"),
        ("<mjml><mj-body>\n<mj-section>\n<mj-text>a</mj-text></mj-section></mj-body></mjml>", 3, "cannot stand in"),
        ("<mjml><mj-body>\n<mj-section>", 2, "'<mj-section>' is never closed"),
        ("\n<p>a</p>", 2, "'<p>' cannot begin a file of MJML"),
        ("a", 1, "this stands outside the mail's body"),
        ("\n", 2, "begins with '<mjml>'"),
        (SOUND.format('\n<mj-image width="{{ w }}" src="https://x" />'), 2, "MJML counts with it, once for all mails"),
        (SOUND.format('\n<mj-text color="{% if w %}red{% endif %}">a</mj-text>'), 2, "is built by statements"),
        (SOUND.format("\n<mj-text {{ w }}>a</mj-text>"), 2, "a tag of the template stands between attributes"),
        (SOUND.format("\n{% if w %}<mj-text>{% endif %}a</mj-text>"), 2, "closes what was opened outside"),
        (SOUND.format("\n<mj-text>{% if w %}</mj-text>a{% endif %}"), 2, "begins inside '<mj-text>' and ends outside"),
        (
            "<mjml><mj-body><mj-section>\n{% if w %}<mj-column></mj-column>{% endif %}</mj-section></mj-body></mjml>",
            2,
            "MJML counts how many there are",
        ),
        (SOUND.format("<mj-social>\n{% if w %}{% endif %}</mj-social>"), 2, "makes a box of each thing in it"),
        ("<mjml><mj-head>\n{{ w }}</mj-head><mj-body></mj-body></mjml>", 2, "where MJML keeps nothing"),
        (SOUND.format('\n<mj-include path="../x.mjml" />'), 2, "is no file of the folder of templates"),
        (SOUND.format('\n<mj-include path="mail.vi.mjml" />'), 2, "leads back to itself"),
    ],
)
def test_faults_are_placed(tmp_path: Path, text: str, line: int, said: str) -> None:
    """Given MJML that is broken, or that counts with what is not known yet, then the error names file and line."""
    with pytest.raises(TemplateError) as caught:
        compiled(tmp_path, {"mail.vi.mjml": f"---\nsubject: x\n---\n{text}"})
    assert said in str(caught.value)
    assert (caught.value.file, caught.value.line) == ("mail.vi.mjml", line + 3)


def test_html_and_mjml_of_one_name_are_one_too_many(tmp_path: Path) -> None:
    """Given both files, then nobody has to guess which one is sent."""
    files = {"mail.vi.html": "<p>a</p>", "mail.vi.mjml": f"---\nsubject: x\n---\n{SOUND}"}
    with pytest.raises(TemplateError, match=r"stands beside 'mail\.vi\.html'"):
        compiled(tmp_path, files)


def test_the_manuals_example_is_sound(tmp_path: Path) -> None:
    """Given the example of MJML in docs/templates.md, then it is a mail without a fault."""
    manual = (SHIPPED.parent / "docs" / "templates.md").read_text(encoding="utf-8")
    example = re.search(r"```mjml\n(.*?)```", manual, re.DOTALL)
    assert example
    folder(tmp_path, {f"mail.{language}.mjml": example[1] for language in ("vi", "en")})
    library = TemplateLibrary(tmp_path, SHOP)
    assert library.check() == []
    customer = {"first_name": "Lan"}
    order = {"lines": [{"name": "Phin nhôm", "quantity": 2}], "number": "A1"}
    mail = library.get("mail", "vi").render({"customer": customer, "order": order}, FakeLinks())
    assert "Phin nhôm" in mail.text
    assert "https://mail.example/u/1" in mail.html
