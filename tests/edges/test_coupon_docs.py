"""`docs/coupons.md` tells the truth: its flows are good ones, its names are those that there are."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from tests.language.samples import VOCABULARY
from worker.domain.conditions.catalogue import COUPON_PARTS
from worker.edges.web.openapi_coupons import COUPON
from worker.language.flow.flows import read_flow

PAGE = (Path(__file__).parent.parent.parent / "docs" / "coupons.md").read_text()
EXAMPLES = [textwrap.dedent(found) for found in re.findall(r"^ *```yaml\n(.*?)^ *```", PAGE, re.DOTALL | re.MULTILINE)]
TEMPLATES = {"birthday": ("coupons.birthday",), "birthday-reminder": ("coupons.birthday",)}


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_a_good_flow(example: str) -> None:
    """Given an example of the page, then it is read without an error or a warning."""
    if example.startswith("- "):
        example = "flow: birthday\ntrigger: birthday\nsteps:\n" + textwrap.indent(example, "  ")
    flow, problems = read_flow(example, "birthday.yaml", VOCABULARY, TEMPLATES)
    assert problems == ()
    assert flow.steps


def test_the_names_are_those_that_there_are() -> None:
    """Given the page, then it tells each part of a coupon, and each field of the checkout's answer."""
    assert len(EXAMPLES) == 2
    assert set(re.findall(r"^\| `coupons\.NAME\.(\w+)`", PAGE, re.MULTILINE)) == set(COUPON_PARTS)
    assert all(f'"{name}": ' in PAGE for name in COUPON["required"])
