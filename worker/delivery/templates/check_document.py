"""What can be wrong with a template's links and pictures."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml import etree

from worker.delivery.templates.links import Anchor
from worker.delivery.templates.protected import TAG, Element, Protected
from worker.delivery.templates.sources import Sources
from worker.domain.errors import Problem, Severity

_NO_HOST = re.compile(r"https?://(?=[/?#]|\Z)", re.IGNORECASE)
_LOADED = ("http://", "https://", "cid:", TAG)
_SIZES = {name: re.compile(rf"(?:^|;)\s*(?:max-)?{name}\s*:") for name in ("width", "height")}


def link_problems(protected: Protected, sources: Sources) -> Iterator[Problem]:
    """Report links that nobody can follow from a mail."""
    for anchor in protected.anchors:
        if not anchor.followable:
            yield sources.problem(
                anchor.line,
                f"a link leads to '{anchor.url}', which nobody can follow from a mail",
                near=anchor.url,
                hint="write the whole address with https://, or mailto: or tel:",
            )
        elif _NO_HOST.match(anchor.url):
            hint = "write the whole address: https://your-shop.example/…"
            yield sources.problem(anchor.line, f"the link '{anchor.url}' names no host", near=anchor.url, hint=hint)
        elif anchor.url == "#":
            yield _nowhere(anchor, sources)


def picture_problems(protected: Protected, root: etree._Element, sources: Sources) -> Iterator[Problem]:
    """Report pictures that say nothing where they are not loaded, cannot be loaded, or have no size.

    Parameters:
        root: the document with its CSS in the elements.
    """
    pictures = [element for element in protected.elements if element.name == "img"]
    found = list(root.iter("img"))
    for at, element in enumerate(pictures):
        alike = found[at] if len(found) == len(pictures) else None
        if "alt" not in element.attributes:
            yield sources.problem(
                element.line,
                "an image has no alt text; where images are off, its reader sees nothing",
                Severity.WARNING,
                near="<img",
                hint='say what it shows, or write alt="" for one that says nothing',
            )
        if (problem := _source(element, sources)) is not None:
            yield problem
        if not _sized("width", element, alike):
            yield sources.problem(
                element.line,
                "an image has no width: Outlook shows it as large as the file is, and the text jumps as it loads",
                Severity.WARNING,
                near="<img",
                hint='write width="560", and the height beside it',
            )
        elif not _sized("height", element, alike):
            yield sources.problem(
                element.line,
                "an image has no height: the text beneath it jumps as it loads",
                Severity.WARNING,
                near="<img",
                hint='write height="280" beside the width; "height: auto" in a style lets it shrink on a phone',
            )


def _sized(name: str, element: Element, inlined: etree._Element | None) -> bool:
    """Say whether an image has a width or a height, of its own or by a rule."""
    styled = _SIZES[name].search
    if name in element.attributes or styled(element.attributes.get("style", "")):
        return True
    return inlined is not None and bool(name in inlined.attrib or styled(inlined.get("style", "")))


def _nowhere(anchor: Anchor, sources: Sources) -> Problem:
    message = "the link '#' leads nowhere"
    return sources.problem(anchor.line, message, Severity.WARNING, near='"#"', hint="write the address of a page")


def _source(element: Element, sources: Sources) -> Problem | None:
    address = element.attributes.get("src", "").strip()
    start = address.lower()
    if start.startswith(_LOADED):
        return None
    if not address:
        return sources.problem(element.line, "an image has no address in 'src'", near="<img")
    if start.startswith("data:"):
        message = "an image stands in the mail itself ('data:'); Gmail and Outlook show none of these"
        hint = 'put the file on the shop\'s site and write its address, or below templates/: src="images/NAME.png"'
        return sources.problem(element.line, message, Severity.WARNING, near="data:", hint=hint)
    shown = address[:60].replace(TAG, "…")
    message = f"an image is loaded from '{shown}', where no mail program finds it"
    return sources.problem(element.line, message, near=address, hint="write the whole address with https://")
