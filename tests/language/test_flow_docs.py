"""`docs/flows.md` tells the truth: each of its examples is a good flow, and each key of the language has one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.language.samples import VOCABULARY, told
from worker.language.flows import KEYS, read_flow
from worker.language.steps import OPTIONS
from worker.language.triggers import FORMS

PAGE = (Path(__file__).parent.parent.parent / "docs" / "flows.md").read_text()
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
TEMPLATES: dict[str, tuple[str, ...]] = {"welcome": (), "thank-you": (), "review-invite": ("order",)}


def completed(example: str) -> str:
    """Return an example as a whole flow: steps get the keys of a flow, keys get those that lack."""
    if example.startswith("- "):
        steps = "\n".join(f"  {line}" for line in example.rstrip().split("\n"))
        return f"flow: post-purchase\ntrigger: purchase\nsteps:\n{steps}\n"
    for key, usual in (("flow", "post-purchase"), ("trigger", "purchase"), ("steps", "\n  - send: welcome")):
        if not re.search(rf"^{key}:", example, re.MULTILINE):
            example += f"{key}: {usual}\n"
    return example


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_a_good_flow(example: str) -> None:
    """Given an example of the page, then it is read without an error or a warning."""
    flow, problems = read_flow(completed(example), "post-purchase.yaml", VOCABULARY, TEMPLATES)

    assert problems == ()
    assert flow.steps


def test_every_key_has_an_example() -> None:
    """Given the keys that the language has, then each stands in some example."""
    written = set(re.findall(r"(?:^|[{\s])([a-z_]+):", "\n".join(EXAMPLES)))

    assert {
        *KEYS,
        *FORMS,
        *(key for keys in FORMS.values() for key in keys),
        "when",
        "weight",
        *(key for keys in OPTIONS.values() for key in keys),
    } <= written


def test_the_sample_of_a_problem_is_what_the_check_prints() -> None:
    """Given the page's sample of a problem, then the check says those words."""
    text = "flow: post-purchase\ntrigger: purchase\nsteps: [{send: welcome}]\nwhen: order.totl >= 300_000\n"

    assert "flows/" + f"post-purchase.yaml:{told(text)[0]}" in PAGE
