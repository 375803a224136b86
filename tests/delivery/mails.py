"""What the tests of templates share: folders of templates, links, a customer with an order, documents compared."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from lxml import etree

from worker.delivery.templates.compile import Compiler
from worker.delivery.templates.library import TemplateLibrary
from worker.delivery.templates.links import PAGES
from worker.delivery.templates.rendered import CompiledTemplate
from worker.delivery.templates.sources import Sources
from worker.domain.setting_groups import Sender, Shop

SHIPPED = Path(__file__).parent.parent.parent / "templates"
SHOP = Shop(
    name="The Coffee",
    address="12 Nguyễn Huệ, TP. Hồ Chí Minh",
    phone="028 3823 1234",
    website="https://thecoffee.example",
    sender=Sender(name="The Coffee", email="chao@thecoffee.example", reply_to=None),
)
NOW = datetime(2027, 3, 1, 7, 5, tzinfo=UTC)
FRONT = "---\nsubject: Xin chào\n---\n"


@dataclass
class FakeLinks:
    """Links that show what they were asked for."""

    pixel: str | None = None
    honeypot: str | None = None
    unsubscribe: str | None = "https://mail.example/u/1"
    plain: bool = False
    asked: list[tuple[int, str]] = field(default_factory=list)

    def tracked(self, number: int, url: str) -> str:
        self.asked.append((number, url))
        return url if self.plain else f"https://mail.example/c/{number}"

    def survey(self, name: str, mark: int | None = None) -> str:
        return f"https://mail.example/a/{name}/{mark}"

    @property
    def pages(self) -> dict[str, str | None]:
        others = {name: f"https://mail.example/{name}" for name in PAGES - {"unsubscribe_url"}}
        return {"unsubscribe_url": self.unsubscribe, **others}


def folder(path: Path, files: Mapping[str, str]) -> Path:
    """Write templates; a text without front matter gets one where it is a mail's."""
    for name, text in files.items():
        target = path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        dedented = textwrap.dedent(text).lstrip("\n")
        mail = "/" not in name and name.endswith(".html") and not dedented.startswith("---")
        target.write_text((FRONT if mail else "") + dedented, encoding="utf-8")
    return path


def compiled(path: Path, files: Mapping[str, str], name: str = "mail", language: str = "vi") -> CompiledTemplate:
    """Compile one template of a folder that is written first."""
    return TemplateLibrary(folder(path, files), SHOP).get(name, language)


def both_ways(
    path: Path, name: str, language: str = "vi", shop: Shop = SHOP
) -> tuple[CompiledTemplate, CompiledTemplate]:
    """Compile a template as it is used, and so that it is rendered first and inlined then."""
    compiler = Compiler(path, shop)
    return (
        compiler.compile(name, language, Sources(path, language)),
        compiler.compile(name, language, Sources(path, language), afterwards=True),
    )


def rendered_html(path: Path, html: str, values: Mapping[str, Any] | None = None) -> str:
    """Compile and render one mail of that HTML."""
    return compiled(path, {"mail.vi.html": html}).render(values or {}, FakeLinks()).html


def lines(*amounts: tuple[str, int, int]) -> list[dict[str, Any]]:
    """Return order lines of names, quantities and prices."""
    return [
        {
            "name": name,
            "sku": f"SKU {number}",
            "category": "arabica",
            "quantity": quantity,
            "price": Decimal(price),
            "amount": Decimal(quantity * price),
        }
        for number, (name, quantity, price) in enumerate(amounts, 1)
    ]


def values(**changes: Any) -> dict[str, Any]:
    """Return what a mail about an order is rendered with."""
    found = lines(("Cà phê Arabica Cầu Đất 250 g", 2, 225_000), ("Phin nhôm", 1, 85_000))
    given: dict[str, Any] = {
        "customer": {
            "id": "c1",
            "name": "Nguyễn Thị Lan",
            "first_name": "Lan",
            "email": "lan@example.com",
            "language": "vi",
            "timezone": "Asia/Ho_Chi_Minh",
        },
        "order": {
            "number": "TC/20418",
            "total": Decimal(535_000),
            "currency": "VND",
            "status": "placed",
            "lines": found,
            "placed_at": NOW,
        },
        "now": NOW,
        "today": NOW.date(),
    }
    given.update(changes)
    return given


def document(html: str) -> list[Any]:
    """Return a document as nested lists that compare equal where two documents say the same."""
    return _node(etree.fromstring(html, etree.HTMLParser()))


def _node(element: etree._Element) -> list[Any]:
    children: list[Any] = [element.text or ""]
    for child in element:
        tag: Any = child.tag  # of a comment it is a function
        if isinstance(tag, str):
            children.append(_node(child))
            children.append(child.tail or "")
        else:
            children[-1] += child.tail or ""
    texts = [" ".join(part.split()) if isinstance(part, str) else part for part in children]
    attributes = sorted((str(name), _value(str(name), str(value))) for name, value in element.attrib.items())
    return [element.tag, attributes, [part for part in texts if part != ""]]


def _value(name: str, value: str) -> str:
    if name == "style":
        return "; ".join(re.sub(r"\s*:\s*", ":", part.strip()) for part in value.split(";") if part.strip())
    return " ".join(value.split())
