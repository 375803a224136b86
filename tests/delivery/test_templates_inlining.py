"""Inlining once gives the same documents as rendering first and inlining then, or is not done."""

from __future__ import annotations

import re
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jinja2 import BaseLoader, Environment
from lxml import etree
from premailer import Premailer

from tests.delivery.mails import (
    FRONT,
    SHIPPED,
    SHOP,
    FakeLinks,
    both_ways,
    compiled,
    document,
    folder,
    lines,
    values,
)
from tests.delivery.test_templates_marketing import GIVEN
from tests.delivery.test_templates_marketing import values as campaign_mail
from tests.delivery.test_templates_service import MAILS, ORDERED
from tests.delivery.test_templates_service import full as order_mail
from worker.delivery.templates.compile import Compiler
from worker.delivery.templates.environment import Missing
from worker.delivery.templates.filters import filters_for
from worker.delivery.templates.limits import RUN, Run, limited_range
from worker.delivery.templates.rendered import CompiledTemplate

SHIPPED_MAILS = sorted(path.name.removesuffix(".html") for path in SHIPPED.glob("*.html"))
NAMELESS = {"name": None, "first_name": None, "timezone": None}
LINES = {
    "two lines and a delivery fee": None,
    "one line, no fee": lines(("Phin", 1, 535_000)),
    "no lines": [],
    "many lines and a discount": lines(*[(f"Món {n} <b> & “{n}”", n, 90_000) for n in range(1, 9)]),
}
BARE = "a shop without address and phone"
BARE_SHOP = SHOP.model_copy(update={"address": "", "phone": ""})
# each mail as its flow makes it; those of orders with many kinds of orders, all with customers and shops known and not
CASES = [
    *((mail, "the customer unknown") for mail in SHIPPED_MAILS),
    *((mail, BARE) for mail in SHIPPED_MAILS),
    *((mail, lines) for mail in SHIPPED_MAILS if mail.split(".")[0] in ORDERED for lines in LINES),
]


def values_of(name: str, case: str) -> dict[str, Any]:
    """Return the values of a mail as its flow gives them, changed as the case says."""
    known = order_mail(name) if name in MAILS else campaign_mail(name) if name in GIVEN else values()
    known = {**known, "with": GIVEN.get(name, {}), "shop": (BARE_SHOP if case == BARE else SHOP).model_dump()}
    match case:
        case "the customer unknown":
            known["customer"] = {**known["customer"], **NAMELESS}
        case _ if LINES.get(case) is not None:
            known["order"] = {**known["order"], "lines": LINES[case]}
    return known


class FieldsFirst(Environment):
    """Reads `event.items` as the field of that name, as our templates do, and not as what Python's mappings can do."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        return obj[attribute] if isinstance(obj, dict) and attribute in obj else super().getattr(obj, attribute)


class ShopLoader(BaseLoader):
    """Jinja's own way of reading our folder: front matter left out, a layout's language first."""

    def __init__(self, language: str) -> None:
        self._language = language

    def get_source(self, environment: Environment, template: str) -> tuple[str, str | None, None]:
        path = SHIPPED / template
        own = path.with_name(f"{path.stem}.{self._language}{path.suffix}")
        text = (own if own.is_file() else path).read_text(encoding="utf-8")
        return re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL), None, None


@cache
def shipped_both_ways(name: str, language: str, bare: bool) -> tuple[CompiledTemplate, CompiledTemplate]:
    return both_ways(SHIPPED, name, language, BARE_SHOP if bare else SHOP)


def jinja_then_premailer(name: str, language: str, given: dict[str, Any], subject: str, preheader: str) -> str:
    """Render a shipped mail with Jinja's own inheritance, and inline the result: what the fast way must equal."""
    environment = FieldsFirst(loader=ShopLoader(language), autoescape=True, undefined=Missing, finalize=_shown)
    environment.filters.update(filters_for(language, SHOP.currency))
    environment.globals = {"range": limited_range, "shop": Compiler(SHIPPED, SHOP).shop_values}
    links = FakeLinks(plain=True)
    environment.globals |= {**links.pages, RUN: Run(links, given["now"].tzinfo)}
    message = {"language": language, "subject": subject, "preheader": preheader}
    environment.globals |= {"message": message, **given}
    html = environment.get_template(f"{name}.{language}.html").render()
    root = etree.fromstring(html.strip(), etree.HTMLParser())
    options = {"keep_style_tags": True, "strip_important": False, "allow_network": False, "disable_validation": True}
    Premailer(root, **options).transform()
    return str(etree.tostring(root.getroottree(), method="html", encoding="unicode"))


def _shown(value: Any) -> Any:
    return "" if value is None else value


@pytest.mark.parametrize(("mail", "case"), CASES)
def test_shipped_mails_equal_rendering_first(mail: str, case: str) -> None:
    """Given a shipped mail and a customer, then the fast way, the slow way and plain Jinja give one document."""
    name, language = mail.split(".")
    given_values = values_of(name, case)
    once, afterwards = shipped_both_ways(name, language, case == BARE)
    assert once.warnings == ()
    fast = once.render(given_values, FakeLinks(plain=True))
    slow = afterwards.render(given_values, FakeLinks(plain=True))
    assert document(fast.html) == document(slow.html)
    expected = jinja_then_premailer(name, language, given_values, fast.subject, fast.preheader)
    assert document(fast.html) == document(expected)
    assert fast.text == slow.text


STYLE = """<style>
.a { color: red; font-size: 14px } .a .b { color: green; background-color: #abc } p.b { margin: 4px !important }
td { padding: 3px; width: 20px } div > p { text-align: center } #one { color: blue } .c, h1 { font-weight: bold }
.a a { color: #123456 } @media (max-width: 600px) { .a { color: blue !important } td { width: 100% !important } }
</style>"""
TEXTS = st.sampled_from(
    ["chữ", " {{ word }} ", "a &amp; b", "<br>", "<b class='b'>đậm</b>", "{{ number | money }}", " "]
)
ATTRIBUTES = st.sampled_from(
    ["", " class='a'", ' class="b c"', " id='one'", " style='color: navy'", ' title="{{ word }}"']
)
LEAVES = st.one_of(
    TEXTS,
    st.builds("<p{}>{}</p>".format, ATTRIBUTES, TEXTS),
    st.builds(
        "<a{} href='https://x.example/{{{{ word | urlencode }}}}?a=1&amp;b={{{{ number }}}}'>xem</a>".format, ATTRIBUTES
    ),
    st.just("{% set word = word ~ '!' %}"),
    st.builds("<h1{}>{}</h1>".format, ATTRIBUTES, TEXTS),
)


def _nested(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    some = st.lists(inner, max_size=3).map("".join)
    return st.one_of(
        st.builds("<div{}>{}</div>".format, ATTRIBUTES, some),
        st.builds("{{% if flag %}}{}{{% endif %}}".format, some),
        st.builds("{{% if not flag %}}{}{{% else %}}{}{{% endif %}}".format, some, some),
        st.builds("{{% for word in many %}}{}{{% else %}}{}{{% endfor %}}".format, some, some),
        st.builds("<table{}><tr><td>{}</td></tr></table>".format, ATTRIBUTES, some),
        st.builds(
            "<table>{{% for word in many %}}<tr{}><td{}>{}</td></tr>{{% endfor %}}</table>".format,
            ATTRIBUTES,
            ATTRIBUTES,
            some,
        ),
        st.builds("{{% with word = number %}}{}{{% endwith %}}".format, some),
        st.builds("{{% if flag %}}<div{}>{{% endif %}}{}{{% if flag %}}</div>{{% endif %}}".format, ATTRIBUTES, some),
    )


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.recursive(LEAVES, _nested, max_leaves=12),
    flag=st.booleans(),
    many=st.lists(st.sampled_from(["một", "<hai>", "ba & bốn"]), max_size=3),
)
def test_any_template_equals_rendering_first(tmp_path: Path, body: str, flag: bool, many: list[str]) -> None:
    """Given any template and values, then inlining once (where it is done) and afterwards give one document."""
    page = f"<!doctype html><html><head><title>{{{{ word }}}}</title>{STYLE}</head><body>{body}</body></html>"
    folder(tmp_path, {"mail.vi.html": page})
    once, afterwards = both_ways(tmp_path, "mail")
    given_values = {"word": "từ “này”", "number": 1500, "flag": flag, "many": many}
    fast = once.render(given_values, FakeLinks(plain=True))
    slow = afterwards.render(given_values, FakeLinks(plain=True))
    assert document(fast.html) == document(slow.html)
    assert fast.text == slow.text


@pytest.mark.parametrize(
    "html",
    [
        "<style>.p{max-width:100%;height:auto}</style><img class='p' src='https://x' alt='' width='512' height='340'>",
        "<style>.p{height:auto}</style><img class='p' src='https://x' alt='' width='{{ w }}' height='{{ h }}'>",
        "<style>img{width:100%;height:auto}</style><img src='https://x' alt='' width='{{ w }}' height='{{ h }}'>",
    ],
)
def test_a_picture_keeps_its_own_numbers(tmp_path: Path, html: str) -> None:
    """Given rules by which pictures shrink, then the numbers for Outlook stay, inlined once or for each mail."""
    folder(tmp_path, {"mail.vi.html": f"<html><body>{html}</body></html>"})
    once, afterwards = both_ways(tmp_path, "mail")
    assert once.warnings == ()
    for made in (once, afterwards):
        html = made.render({"w": 512, "h": 340}, FakeLinks(plain=True)).html
        (picture,) = etree.fromstring(html, etree.HTMLParser()).iter("img")
        assert (picture.get("width"), picture.get("height")) == ("512", "340")
        assert "height:auto" in (picture.get("style") or "").replace(" ", "")


def test_the_shipped_macro_for_pictures_is_inlined_once(tmp_path: Path) -> None:
    """Given `picture()` as it is documented, then it has its size in numbers, and nothing is told."""
    body = '{{ picture("https://x.example/phin.jpg", "Phin", 512, 340) }}'
    shutil.copytree(SHIPPED, tmp_path, dirs_exist_ok=True)
    extends = '{% extends "layouts/looks/plain.html" %}{% from "layouts/parts.html" import picture %}'
    folder(tmp_path, {"own.vi.html": f"{extends}{{% block body %}}{body}{{% endblock %}}"})
    once, afterwards = both_ways(tmp_path, "own")
    assert once.warnings == ()
    fast, slow = (made.render(values(), FakeLinks(plain=True)).html for made in (once, afterwards))
    assert document(fast) == document(slow)
    assert 'width="512" height="340"' in fast


def test_a_size_that_only_a_rule_gives_is_one_that_outlook_reads(tmp_path: Path) -> None:
    """Given sizes in a rule, then a number becomes an attribute, and `auto` none."""
    html = "<style>.p{width:90px;height:auto}</style><img class='p' src='https://x.example/a.png' alt=''>"
    folder(tmp_path, {"mail.vi.html": f"<html><body>{html}</body></html>"})
    for made in both_ways(tmp_path, "mail"):
        (picture,) = etree.fromstring(made.render({}, FakeLinks(plain=True)).html, etree.HTMLParser()).iter("img")
        assert (picture.get("width"), picture.get("height")) == ("90", None)


def test_what_hinders_is_told_where_it_stands(tmp_path: Path) -> None:
    """Given a rule that replaces what an expression builds, then the warning says which, at that expression."""
    html = "<style>td{background-color:red}</style>\n<table><tr>\n<td bgcolor='{{ colour }}'>1</td></tr></table>"
    folder(tmp_path, {"mail.vi.html": f"---\nsubject: x\nwith: colour\n---\n{html}"})
    (warning,) = both_ways(tmp_path, "mail")[0].warnings
    assert warning.message.startswith("a rule of the stylesheet replaces 'bgcolor', which an expression builds, so")
    assert (warning.place.line, warning.place.column) == (7, 17)


@pytest.mark.parametrize(
    ("html", "reason"),
    [
        ("<style>.a{color:red}</style><p class='{{ x }}'>1</p>", "a class is built by an expression"),
        ("<style>.a{color:red}</style><p class='{% if x %}a{% endif %}'>1</p>", "a class is built by an expression"),
        ("<style>#a{color:red}</style><p id='{{ x }}'>1</p>", "an id is built by an expression"),
        ("<style>{% if x %}.a{color:red}{% endif %}</style><p class='a'>1</p>", "a stylesheet is built by statements"),
        (
            "<style>p{color:red}</style><p style='{% if x %}color:blue{% endif %}'>1</p>",
            "a style attribute is built by",
        ),
        ("<style>p{color:red}</style><p style='width:{{ 5 }}px'>1</p>", "whose style attribute holds a tag"),
        (
            "<style>p{background-color:{{ '#abc' }}}</style><p>1</p>",
            "gives a colour, size or alignment by an expression",
        ),
        (
            "<style>li:first-child{color:red}</style><ul>{% for i in x %}<li>{{ i }}</li>{% endfor %}</ul>",
            "asks for an element's neighbours",
        ),
        ("<style>b + i{color:red}</style>{% if x %}<b>1</b>{% endif %}<i>2</i>", "asks for an element's neighbours"),
        ("<style>a[title='a']{color:red}</style><a title='{{ x }}'>1</a>", "asks for the attribute 'title'"),
        (
            "<style>div p{color:red}</style>{% if x %}<div>{% endif %}<p>1</p>{% if x %}</div>{% endif %}",
            "and end outside",
        ),
        ("<style>p{color:red}</style><ul>{% for i in x %}<li>{{ i }}{% endfor %}</ul>", "and end outside"),
        (
            "<style>div p{color:red}</style>{% set y %}<p>1</p>{% endset %}<div>{{ y }}</div>",
            "'set' or 'filter' stands",
        ),
        ("<style>p{color:red}</style>{% filter upper %}<p>x</p>{% endfilter %}", "'set' or 'filter' stands"),
    ],
)
@pytest.mark.parametrize("x", ["a", ""])
def test_what_cannot_be_inlined_before_is_inlined_after(tmp_path: Path, html: str, reason: str, x: str) -> None:
    """Given a template whose rules cannot be matched yet, then it warns what it costs, and the mail is right."""
    folder(tmp_path, {"mail.vi.html": f"<html><body>{html}</body></html>"})
    once, afterwards = both_ways(tmp_path, "mail")
    assert [reason in warning.message for warning in once.warnings] == [True]
    assert "for each mail" in once.warnings[0].message
    fast, slow = (found.render({"x": x}, FakeLinks(plain=True)) for found in (once, afterwards))
    assert document(fast.html) == document(slow.html)
    assert fast.text == slow.text


def test_a_class_by_expression_gets_its_rule(tmp_path: Path) -> None:
    """Given a class that the customer decides, then the mail has that class's style in the element."""
    mail = compiled(tmp_path, {"mail.vi.html": "<style>.gold{color:#c90}</style><p class='{{ tier }}'>Chào</p>"})
    assert '<p class="gold" style="color:#c90">' in mail.render({"tier": "gold"}, FakeLinks()).html
    assert '<p class="plain">' in mail.render({"tier": "plain"}, FakeLinks()).html


def test_responsive_rules_keep_their_importance(tmp_path: Path) -> None:
    """Given `!important` in a media query, then it is still there, and the style element with it."""
    html = (
        compiled(
            tmp_path,
            {"mail.vi.html": "<style>@media (max-width:600px){.a{color:red !important}}</style><p class='a'>1</p>"},
        )
        .render({}, FakeLinks())
        .html
    )
    assert "@media (max-width:600px){.a{color:red !important}}" in html


def test_an_expression_in_a_stylesheet_reaches_the_elements(tmp_path: Path) -> None:
    """Given a colour by expression, then each element that the rule matches has it, escaped."""
    mail = compiled(
        tmp_path, {"mail.vi.html": "<style>.a{color:{{ ink }}}</style><p class='a'>1</p><b class='a'>2</b>"}
    )
    assert mail.warnings == ()
    assert mail.render({"ink": "#123456"}, FakeLinks()).html.count('style="color:#123456"') == 2


def test_conditional_comments_are_kept(tmp_path: Path) -> None:
    """Given Outlook's comments with values in them, then they come out whole, with the values."""
    source = (
        FRONT
        + "<!--[if mso]><table width='{{ 600 }}'><tr><td><![endif]-->"
        + "<p>x</p><!--[if mso]></td></tr></table><![endif]-->"
    )
    html = compiled(tmp_path, {"mail.vi.html": source}).render({}, FakeLinks()).html
    assert "<!--[if mso]><table width='600'><tr><td><![endif]-->" in html
    assert "<!--[if mso]></td></tr></table><![endif]-->" in html


# In the manner of mails as they are found in the wild: XHTML, resets, attribute selectors in media queries, a
# button drawn by VML, tables in tables, attributes beside styles, entities, uppercase names, tags left open.
FOUND_IN_THE_WILD = """
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"
  "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml"><head>
<meta http-equiv="Content-Type" content="text/html; charset=UTF-8" /><title>{{ word }}</title>
<style type="text/css">
  /* resets */ #outlook a { padding:0; } .ReadMsgBody { width:100% } .ExternalClass * { line-height:115%; }
  img { border:0; max-width:600px; -ms-interpolation-mode:bicubic } table { border-collapse:collapse !important; }
  .wide { width:100%;!important; }
  td { font-family:Arial, sans-serif; color:#5e5e5e; text-align:left; }
  a:hover, a:visited { color:#2b934f } .head, .total td { background-color:#DEDEDE; padding:5px }
  h1,h2{margin:10px 0}
</style>
<style type="text/css" media="only screen and (max-width: 599px)">
  @media only screen and (max-width: 599px) {
    table[class*="w320"] { width:320px !important } *[class*="hide"] { display:none } }
</style></head>
<BODY offset="0" class="body" style="padding:0; background:#ffffff; -webkit-text-size-adjust:none" bgcolor="#ffffff">
<table align="center" width="100%" height="100%"><tr>
<td align=center valign="top" style="background-color:#ffffff"><center>
<table cellspacing="0" width="600" class="w320 wide"><tr>
  <td class="head"><a href="#"><img src="https://x.example/logo.gif?a={{ number }}&amp;b=2" alt="{{ word }}"
    width="224"></a></td>
  {% if flag %}<td class="head" style="color:#fff">{{ word }}<br><br />&nbsp;&copy; {{ number | money }}</td>{% endif %}
</tr></table>
<div><!--[if mso]><v:rect xmlns:v="urn:schemas-microsoft-com:vml" href="https://x.example/{{ number }}"
  style="width:150px;">
<w:anchorlock/><center><![endif]-->
  <a href="https://x.example/{{ word | urlencode }}"
  style="background-color:#2b934f;display:inline-block;width:150px">Xem</a>
  <!--[if mso]></center></v:rect><![endif]--></div>
<table class="wide">
{% for word in many %}<tr class="{% if true %}total{% endif %}"><td>{{ loop.index }}</td><td>{{ word }}
{% else %}<tr><td colspan="2">không có gì</td></tr>{% endfor %}</table>
</center></td></tr></table></BODY></html>
"""


@pytest.mark.parametrize("flag", [True, False])
@pytest.mark.parametrize("many", [[], ["một"], ["một", "hai & ba", "<bốn>"]])
@pytest.mark.parametrize("tidied", [True, False], ids=["well made", "as it is"])
def test_mails_as_they_are_found_equal_rendering_first(
    tmp_path: Path, flag: bool, many: list[str], tidied: bool
) -> None:
    """Given a mail of the old school, then it comes out the same both ways; where its rows balance, inlined once."""
    source = FOUND_IN_THE_WILD
    if tidied:
        source = source.replace('class="{% if true %}total{% endif %}"', 'class="total"')
        source = source.replace("<td>{{ word }}\n{% else", "<td>{{ word }}</td></tr>\n{% else")
    folder(tmp_path, {"mail.vi.html": source})
    once, afterwards = both_ways(tmp_path, "mail")
    assert any("inlined again for each mail" in one.message for one in once.warnings) is not tidied
    given_values = {"word": "từ “này”", "number": 1500, "flag": flag, "many": many}
    fast = once.render(given_values, FakeLinks(plain=True))
    slow = afterwards.render(given_values, FakeLinks(plain=True))
    assert document(fast.html) == document(slow.html)
    assert fast.text == slow.text
    assert fast.html.startswith("<!DOCTYPE html PUBLIC")
    assert "<v:rect" in fast.html
