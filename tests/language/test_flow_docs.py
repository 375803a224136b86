"""`docs/flows.md` tells the truth: each of its examples is a good flow, and each key of the language has one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.language.samples import VOCABULARY, told
from worker.language.flow.entry import AGAIN
from worker.language.flow.flows import KEYS, read_flow
from worker.language.flow.forks import BRANCH, CASE
from worker.language.flow.steps import OPTIONS
from worker.language.flow.triggers import FORMS

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "flows.md").read_text()
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


def groups(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every group of keys of an example."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from groups(inner)


READ = [YAML(typ="base", pure=True).load(example) for example in EXAMPLES]
GROUPS = [group for example in READ for group in groups(example)]


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_a_good_flow(example: str) -> None:
    """Given an example of the page, then it is read without an error or a warning."""
    flow, problems = read_flow(completed(example), "post-purchase.yaml", VOCABULARY, TEMPLATES)

    assert problems == ()
    assert flow.steps


def test_the_cookbooks_webhook_fits_into_the_flow_that_it_names() -> None:
    """Given the example of telling another system, then in its place in the flow it is read without a warning."""
    cookbook = (ROOT / "docs" / "cookbook.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```yaml\n(- webhook.*?)```", cookbook, re.DOTALL)
    steps = "".join(f"  {line}\n" for line in example.splitlines())
    shipped = (ROOT / "flows" / "delivery-incident.yaml").read_text(encoding="utf-8")
    flow, problems = read_flow(
        shipped.replace("  - task:\n", f"{steps}  - task:\n"), "delivery-incident.yaml", VOCABULARY
    )

    assert problems == ()
    assert [type(step).__name__ for step in flow.steps][:4] == ["Send", "Tag", "Webhook", "TaskStep"]


@pytest.mark.parametrize("key", KEYS)
def test_every_key_of_a_flow_is_told_and_has_an_example(key: str) -> None:
    """Given a key of a flow, then the page has a line and a section about it, and an example with it."""
    assert f"| `{key}` |" in PAGE
    assert f"\n### `{key}`\n" in PAGE or key in ("flow", "steps")
    assert any(key in example for example in READ if isinstance(example, dict))


@pytest.mark.parametrize(
    ("verb", "option"), [(verb, option) for verb, options in OPTIONS.items() for option in options if option != "name"]
)
def test_every_verb_and_option_is_told_and_has_an_example(verb: str, option: str) -> None:
    """Given a verb and one of its options, then its section tells of it, and an example has the two together."""
    section = PAGE.split(f"\n### `{verb}`\n")[-1].split("\n### ")[0]

    assert f"`{option}`" in section or option == verb
    assert any(verb in group and option in group for group in GROUPS), f"no example of '{option}' with '{verb}'"


def test_names_forms_and_what_stands_in_lists_have_examples() -> None:
    """Given the keys within triggers, cases, branches and rules, then each stands beside its own in an example."""
    together = [(form, key) for form, keys in FORMS.items() for key in (form, *keys)]
    together += [*(("when", key) for key in CASE), *(("weight", key) for key in BRANCH), ("event", "when")]
    together += [("to", "after"), ("send", "name"), ("event", "within")]

    for one, other in together:
        assert any(one in group and other in group for group in GROUPS), (one, other)


@pytest.mark.parametrize(
    "rule", ["ever", "per event", "per order", "per year", "per season", "per 30 days"], ids=lambda rule: rule
)
def test_every_form_of_once_is_told_and_has_an_example(rule: str) -> None:
    """Given a rule of entry, then the page tells of it, and an example has it."""
    assert f"| `{rule}`" in PAGE
    assert any(group.get("once") == rule for group in GROUPS)


def test_both_words_of_again_are_told() -> None:
    """Given what `again` may be, then the page tells of each."""
    for word in AGAIN:
        assert f"`again: {word}`" in PAGE


def test_the_sample_of_a_problem_is_what_the_check_prints() -> None:
    """Given the page's sample of a problem, then the check says those words."""
    text = "flow: post-purchase\ntrigger: purchase\nsteps: [{send: welcome}]\nwhen: order.totl >= 300_000\n"

    assert "flows/" + f"post-purchase.yaml:{told(text)[0]}" in PAGE
