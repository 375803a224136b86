"""Whatever stands in a file, reading it ends soon, with a flow or with problems that have their places."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.language.samples import EVERY_VERB, FULL, VOCABULARY, problems_of
from worker.domain.errors import FileError
from worker.language.flow.flows import read_flow
from worker.language.yaml.diagnostics import as_github, as_text

PIECES = st.sampled_from(
    [
        "- ",
        ": ",
        ":",
        "#",
        " #",
        "{",
        "}",
        "[",
        "]",
        "{{",
        "}}",
        "{%",
        '"',
        "'",
        "&a ",
        "*a",
        "!t ",
        "|\n",
        ">\n",
        "---\n",
        "...\n",
        "? ",
        "\n",
        "  ",
        "\t",
        "%",
        "@",
        "`",
        ",",
        "\\",
        "\\x",
        "\ufeff",
        "\r\n",
        "\x00",
        "\u2028",
        "steps:",
        "send: ",
        "if: ",
        "then:\n",
        "when: ",
        "ơ",
        "🎉",
        "<<: ",
        "9" * 400,
        "- - - ",
        "\ud800",
        '"\\ud800"',
    ]
)


PUT_IN = st.one_of(PIECES, st.text(max_size=8))


def holds(text: str) -> None:
    """Read a text; every problem can be shown, and its place lies in the text."""
    try:
        _, problems = read_flow(
            text, "flows/post-purchase.yaml", VOCABULARY, {"welcome": ["order", "event.place", "percent"]}
        )
    except FileError as error:
        problems = error.problems
        assert problems
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for problem in problems:
        assert 1 <= problem.place.line <= len(lines)
        assert 1 <= problem.place.column <= len(lines[problem.place.line - 1]) + 1
        assert as_text(problem) and as_github(problem)


@given(st.lists(st.one_of(PIECES, st.text(max_size=5)), max_size=30).map("".join))
@settings(max_examples=300, deadline=None)
def test_any_text_gives_a_flow_or_problems(text: str) -> None:
    """Given any text, when it is read as a flow, then nothing but a FileError is raised."""
    holds(text)


@given(st.sampled_from([FULL, EVERY_VERB]), st.integers(0, 2_000), st.integers(0, 12), PUT_IN)
@settings(max_examples=400, deadline=None)
def test_a_damaged_flow_gives_a_flow_or_problems(text: str, at: int, length: int, put_in: str) -> None:
    """Given a good flow with a part replaced by anything, as an editor leaves it, then the same holds."""
    at %= len(text) + 1
    holds(text[:at] + put_in + text[at + length :])


@given(st.integers(0, len(FULL)))
@settings(max_examples=100, deadline=None)
def test_a_flow_that_is_half_written_gives_a_flow_or_problems(at: int) -> None:
    """Given a flow of which an editor has written the beginning only, then the same holds."""
    holds(FULL[:at])


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [x, x]\n" + "".join(f"b{n}: &b{n} [*b{n - 1}, *b{n - 1}]\n" for n in range(1, 20)),
        "a: &a [*a, *a]\n",
        "[" * 500_000,
        "{a: " * 200_000,
        "- " * 100_000,
        "[" + "*a," * 300_000 + "]",
        "x: " + "a: " * 300_000,
        'x: "' + "{{ a }}" * 20_000 + '"',
        "".join(f"k{n}: a: b\n" for n in range(5_000)),
        "steps:\n" + "  - snd: x\n" * 5_000,
        " " * 100_000 + "x",
        "a" * 200_000,
        "a " * 50_000 + ": b",
        "a: 'x\n" * 3_000,
        "when: " + "(" * 100_000,
    ],
    ids=[
        "aliases",
        "circle",
        "brackets",
        "braces",
        "dashes",
        "many aliases",
        "colons",
        "values",
        "mends",
        "steps",
        "blanks",
        "word",
        "words",
        "quotes",
        "parentheses",
    ],
)
def test_a_bomb_costs_little_and_is_told(text: str) -> None:
    """Given a text that is made to be costly, when it is read, then it is refused before it is expanded."""
    problems = problems_of(text)

    assert 0 < len(problems) <= 101


def test_ten_megabytes_are_refused_at_once() -> None:
    """Given 10 MB, then one problem says that the file is too large."""
    assert [problem.message for problem in problems_of("a: b\n" * 2_000_000)] == ["the file is larger than 1 MB"]
