"""Templates as others publish them: compiled once, each gives the document of rendering first and inlining then."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment
from lxml import etree
from premailer import Premailer

from tests.delivery.mails import FRONT, FakeLinks, both_ways, document, folder

FOUND = Path(__file__).parent.parent / "data" / "templates"
TEMPLATES = sorted(path for path in FOUND.glob("*/*.html"))
# What Phin refuses and says so: a script, and conditions between attributes (a column's width and alignment).
LEFT_OUT = (r"(?s)<% if \(locals\.goToAction\).*\Z", r"(?s)<% if ?\(tableItem\.columns[^%]*%>.*?<% \} %>")
# A colour and a height that an expression gives are written out: they stand in style attributes that rules add to.
WRITTEN_OUT = {"<%- actionButton.color %>": "#22bc66", "<%- product.logoHeight %>": "40px"}
EXPRESSIONS = (
    (r"\blocals\.", ""),
    (r"(\w+)\.charAt\(0\)\.toUpperCase\(\) \+ \1\.slice\(1\)", r"\1 | capitalize"),
    (r"(\w+)\.length\b", r"\1 | length"),
    (r"!== 0", "!= 0"),
    (r"!= null", "is not none"),
    (r"&&", "and"),
)
FULL: dict[str, Any] = {
    "product": {
        "name": "The Coffee",
        "link": "https://x.example/",
        "logo": "https://x.example/l.png",
        "logoHeight": "40px",
        "copyright": "©",
    },
    "title": "Chào <Lan> & “Mai”",
    "intro": ["Một", "Hai & ba"],
    "dictionary": {"ngày": "1/3", "địa chỉ": "12 Nguyễn Huệ"},
    "table": [
        {"title": "Đơn hàng", "data": [{"món": "Phin", "giá": "85.000 ₫"}, {"món": "Cà phê", "giá": "225.000 ₫"}]}
    ],
    "action": [
        {
            "instructions": "Xem đơn:",
            "button": [
                {"color": "#22bc66", "text": "Xem", "link": "https://x.example/?a=1&b=2", "fallback": {"text": "Nút?"}}
            ],
        }
    ],
    "outro": ["Hẹn gặp lại"],
    "signature": "Thân mến",
    "textDirection": "ltr",
    "greeting": "Chào",
    "name": "Lan",
}
EMPTY: dict[str, Any] = {
    **dict.fromkeys(FULL, ""),
    "product": {"name": "The Coffee", "link": "https://x.example/", "logo": "", "copyright": ""},
    "action": [],
    "textDirection": "rtl",
}


def jinja_of(text: str) -> str:
    """Turn EJS, as these themes use it, into Jinja."""
    text = re.sub(r"(?s)\A<%.*?%>\s*", "", text)
    for pattern in LEFT_OUT:
        text = re.sub(pattern, "", text)
    for code, value in WRITTEN_OUT.items():
        text = text.replace(code, value)
    ends: list[str] = []

    def turned(found: re.Match[str]) -> str:
        code = found[2].strip()
        for pattern, instead in EXPRESSIONS:
            code = re.sub(pattern, instead, code)
        if found[1]:
            return f"{{{{ {code} }}}}"
        if code.startswith("} else"):
            return "{% else %}"
        if code.startswith("}"):
            return f"{{% {ends.pop()} %}}"
        if asked := re.fullmatch(r"if ?\((.*)\) ?\{", code):
            ends.append("endif")
            return f"{{% if {asked[1]} %}}"
        ends.append("endfor")
        if each := re.fullmatch(r"(.+)\.forEach\(function ?\((\w+).*", code):
            return f"{{% for {each[2]} in {each[1]} %}}"
        each = re.fullmatch(r"for ?\((?:var )?(\w+) in (.+)\) ?\{", code)
        assert each, code
        items = f"range({each[2]} | length)" if each[1] == "i" else each[2]
        return f"{{% for {each[1]} in {items} %}}"

    turned_text = re.sub(r"(?s)<%([-=]?)(.*?)-?%>", turned, text)
    assert not ends
    # the template without placeholders gets some where a shop would put them
    return turned_text.replace("Hi there,", "{% if name %}Hi {{ name }},{% endif %}").replace(
        'href="http://htmlemail.io"', 'href="{{ product.link }}"'
    )


@cache
def prepared(path: Path) -> str:
    return jinja_of(path.read_text(encoding="utf-8"))


def test_there_are_some_with_their_licences() -> None:
    """Given the folder of found templates, then each project has its licence, and placeholders were put in all."""
    assert len(TEMPLATES) == 5
    assert all((path.parent / "LICENSE").is_file() for path in TEMPLATES)
    assert all(prepared(path).count("{{") > 0 for path in TEMPLATES)


@pytest.mark.parametrize("given", [FULL, EMPTY], ids=["full", "empty"])
@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_it_equals_rendering_first(tmp_path: Path, path: Path, given: dict[str, Any]) -> None:
    """Given a template of others and values, or none, then fast way, slow way and plain Jinja give one document."""
    source = prepared(path)
    folder(tmp_path, {"mail.vi.html": FRONT + source})
    once, afterwards = both_ways(tmp_path, "mail")
    fast = once.render(given, FakeLinks(plain=True))
    slow = afterwards.render(given, FakeLinks(plain=True))
    assert once.parts.inlined
    environment = Environment(autoescape=True, finalize=lambda value: "" if value is None else value)
    root = etree.fromstring(environment.from_string(source).render(**given).strip(), etree.HTMLParser())
    options = {"keep_style_tags": True, "strip_important": False, "allow_network": False, "disable_validation": True}
    own = {element: {name: element.get(name) for name in ("width", "height")} for element in root.iter("*")}
    Premailer(root, **options).transform()
    for element, sizes in own.items():  # an element's own size stays, and Outlook knows no 'auto'
        for name, size in sizes.items():
            if size is not None:
                element.set(name, size)
            elif element.get(name) == "auto":
                del element.attrib[name]
    expected = etree.tostring(root.getroottree(), method="html", encoding="unicode")
    assert document(fast.html) == document(slow.html) == document(expected)
    assert fast.text == slow.text
