"""What the docs tell of conditions and events is what there is: every example on the pages is read and checked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.condition_facts import JOURNEY, SETTINGS
from worker.domain.conditions.catalogue import FUNCTIONS, NAMES
from worker.domain.conditions.check import check, check_text
from worker.domain.conditions.vocabulary import Vocabulary
from worker.domain.errors import Severity
from worker.domain.house_events import HOUSE_EVENTS
from worker.language.expressions.expressions import parse_expression, parse_text

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "conditions.md").read_text()
EXAMPLES = [
    line for block in re.findall(r"```jinja\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines() if line.strip()
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_each_example_is_sound(example: str) -> None:
    """Given an example of the page, then it is read and checked without an error."""
    vocabulary = Vocabulary.of(SETTINGS)
    scope = type(JOURNEY)(JOURNEY.events, True, True)
    if "{{" in example:
        found = check_text(parse_text(example), vocabulary, scope)
    else:
        found = check(parse_expression(example), vocabulary, scope)
    assert [fault for fault in found if fault.severity is Severity.ERROR] == []


def test_there_are_examples_of_every_function() -> None:
    """Given the page, then each function of the language is in one of its examples."""
    for name in FUNCTIONS:
        assert any(f"{name}(" in example for example in EXAMPLES), name


def test_the_tables_are_those_of_the_catalogue() -> None:
    """Given the page, then it lists every name with its type, and every function, as the catalogue has them."""
    rows = set(PAGE.splitlines())
    for known in NAMES.values():
        assert f"| `{known.name}` | {known.type.value} | {known.about} |" in rows
    for function in FUNCTIONS.values():
        assert f"| `{function.example}` | {function.about} |" in rows


def test_the_events_are_those_of_the_house() -> None:
    """Given the page of events, then it lists every event of the house with its fields."""
    rows = {line.split("|")[1].strip(): line for line in (DOCS / "events.md").read_text().splitlines() if "| `" in line}
    assert set(rows) == {f"`{name}`" for name in HOUSE_EVENTS}
    for event in HOUSE_EVENTS.values():
        row = rows[f"`{event.name}`"]
        assert event.about in row
        for field in event.fields:
            assert f"`{field.name}` ({field.type.value}): {field.about}" in row
