"""A survey's scale in a mail: it brings its own looks, and says before the marks what the ends mean."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.delivery.mails import SHIPPED, FakeLinks, both_ways, document, folder, values

FRAME = "<html><body>HERE</body></html>"
LOOK = '{% extends "layouts/looks/NAME.html" %}{% block body %}HERE{% endblock %}'


@pytest.mark.parametrize(
    ("macro", "ends", "marks"),
    [
        ("nps", "0 = chắc chắn không · 10 = chắc chắn có", range(11)),
        ("csat", "1 = chắc chắn không · 5 = chắc chắn có", range(1, 6)),
    ],
)
@pytest.mark.parametrize("look", ["plain", "letter", "sunrise", "question", None])
def test_a_scale_stands_in_any_layout(tmp_path: Path, look: str | None, macro: str, ends: str, marks: range) -> None:
    """Given a scale in a shipped look or in none, then nothing is told of it, and in HTML and text alike one line says
    what the ends mean, before marks that are all there in their order."""
    shutil.copytree(SHIPPED / "layouts", tmp_path / "layouts")
    shutil.copytree(SHIPPED / "partials", tmp_path / "partials")
    call = f'{{{{ {macro}("asked", "chắc chắn không", "chắc chắn có") }}}}'
    scale = f'{{% from "layouts/survey.html" import {macro} %}}'
    body = (LOOK.replace("NAME", look) if look else FRAME).replace("HERE", call)
    folder(tmp_path, {"mail.vi.html": (body.replace("%}", f"%}}{scale}", 1) if look else scale + body)})
    once, afterwards = both_ways(tmp_path, "mail")
    assert once.warnings == ()
    fast, slow = (made.render(values(), FakeLinks(plain=True)) for made in (once, afterwards))
    assert document(fast.html) == document(slow.html)
    for part in (fast.html, fast.text):
        assert part.count(ends) == 1
        asked = [int(mark) for mark in re.findall(r"/a/asked/(\d+)", part)]
        assert asked == list(marks)
        assert part.index(ends) < part.index("/a/asked/")
