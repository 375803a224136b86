"""A preview as one HTML file: the mail at a desktop's and at a phone's width, light and dark, its text, its links."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from worker.delivery.enclosures import shown_alone
from worker.rehearsal.previewing import CLIPPED_AT, Previewed

_HERE = Path(__file__).parent
_DESKTOP, _PHONE = 640, 360  # pixels
_HEAD = re.compile(r"<head\b[^>]*>", re.I)
_SCHEME = re.compile(r"\(\s*prefers-color-scheme\s*:\s*(light|dark)\s*\)", re.I)
_META = re.compile(r'(<meta\s+name="(?:supported-)?color-schemes?"\s+content=")[^"]*(")', re.I)
_NEW_WINDOW = '<base target="_blank">'
# The mail's own scripts never run: its frame is sandboxed.
_POLICY = (
    "default-src 'none'; img-src http: https: data:; style-src 'unsafe-inline'; font-src http: https: data:; "
    "script-src 'unsafe-inline' file:; base-uri 'none'; form-action 'none'"
)


@dataclass(frozen=True, slots=True)
class Written:
    """The files of one preview.

    Parameters:
        page: what a browser shows.
        html, text: the mail's two parts as they are.
    """

    page: Path
    html: Path
    text: Path


def write_preview(folder: Path, seen: Previewed, *, dark: bool = False, watched: bool = False) -> Written:
    """Write a preview; one of the same template and language takes the place of the last.

    Parameters:
        folder: made where there is none.
        dark: whether the page shows the mail in the dark at first.
        watched: whether the page loads itself again when the preview is made anew.
    """
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{seen.template.replace('/', '-')}.{seen.language}"
    paths = Written(*(folder / f"{name}{ending}" for ending in (".html", ".mail.html", ".txt")))
    stamp = folder / f"{name}.stamp.js"
    paths.html.write_text(shown_alone(seen.rendered.html, seen.rendered.files), encoding="utf-8")
    paths.text.write_text(seen.rendered.text, encoding="utf-8")
    made = str(paths.html.stat().st_mtime_ns)
    page = preview_page(seen, dark=dark, stamp=(stamp.name, made) if watched else None)
    paths.page.write_text(page, encoding="utf-8")
    stamp.unlink(missing_ok=True)
    if watched:
        stamp.write_text(f"stamped({json.dumps(made)});\n", encoding="utf-8")
    return paths


def preview_page(seen: Previewed, *, dark: bool = False, stamp: tuple[str, str] | None = None) -> str:
    """Return the page.

    Parameters:
        stamp: the script that says when the preview was made, and what it says now; None: the page never looks again.
    """
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    palette = (_HERE / "web" / "pages" / "palette.css").read_text(encoding="utf-8")
    html = shown_alone(seen.rendered.html, seen.rendered.files)
    return environment.get_template("preview_page.html").render(
        seen=seen,
        facts=facts_of(seen),
        palette=Markup(palette),
        policy=_POLICY,
        schemes=[(scheme, in_scheme(html, scheme)) for scheme in ("light", "dark")],
        widths=[("Desktop", _DESKTOP), ("Phone", _PHONE)],
        dark=dark,
        size=size_of(seen),
        full=min(100, round(100 * seen.size / CLIPPED_AT)),
        clipped=seen.size > CLIPPED_AT,
        links=[(link, _short(link.url)) for link in seen.links],
        stamp=stamp,
    )


def facts_of(seen: Previewed) -> list[tuple[str, str]]:
    """Return what there is to say about a preview beside subject and size, each with its name."""
    scene, rendered = seen.scene, seen.rendered
    made_up = "customer" in scene.made_up
    customer = scene.facts.customer
    known = customer.external_id or f"#{customer.id}"
    whose = f"{customer.name or 'no name'} · " + ("made up" if made_up else known)
    about = []
    if scene.facts.order is not None:
        about.append(f"order {scene.facts.order.number}" + _made_up(scene.made_up, "order"))
    if scene.facts.event is not None:
        about.append(f"event {scene.facts.event.type}" + _made_up(scene.made_up, "event"))
    facts = [
        ("from", f"{rendered.from_name} <{rendered.from_email}>".strip()),
        ("customer", whose + (f" · {scene.note}" if scene.note else "")),
        ("about", " · ".join(about)),
        ("sent by", str(seen.occasion) if seen.occasion is not None else "no flow yet"),
        ("kind", seen.kind.value),
        ("not given", f"{', '.join(seen.missing)}: made up, as no step gives them" if seen.missing else ""),
    ]
    return [(name, value) for name, value in facts if value]


def size_of(seen: Previewed) -> str:
    """Return the size against Gmail's limit: `38.2 of 102 KB`."""
    return f"{seen.size / 1024:.1f} of {CLIPPED_AT // 1024} KB"


def in_scheme(html: str, scheme: str) -> str:
    """Return a mail as a program in a light or dark scheme shows it, whatever scheme the looking browser is in.

    Its media queries for the scheme are replaced by ones that always, or never, hold.
    """
    fixed = _SCHEME.sub(lambda found: "(min-width: 0)" if found[1].lower() == scheme else "(max-width: 0)", html)
    fixed = _META.sub(rf"\g<1>{scheme}\g<2>", fixed)
    head = _HEAD.search(fixed)
    at = head.end() if head else 0
    return fixed[:at] + _NEW_WINDOW + fixed[at:]


def _made_up(made_up: tuple[str, ...], what: str) -> str:
    return " (made up)" if what in made_up and "customer" not in made_up else ""


def _short(url: str) -> str:
    """Return an address to read: without a token's long tail."""
    parts = urlsplit(url)
    return url if len(url) <= 80 else f"{parts.scheme}://{parts.netloc}{parts.path[:24]}…"
