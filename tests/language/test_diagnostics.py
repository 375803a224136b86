"""Problems are shown to people with the line and a caret, and to machines in the forms that they read."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from tests.support.sarif import SARIF
from worker.domain.errors import Place, Problem, Severity
from worker.language.yaml.diagnostics import as_github, as_json, as_sarif, as_text, in_order, summary
from worker.language.yaml.suggestions import closest, did_you_mean

ERROR = Problem(
    Place("flows/a.yaml", 12, 1, 6),
    "unknown key 'triger'",
    Severity.ERROR,
    "did you mean 'trigger'?",
    "triger: purchase",
)
WARNING = Problem(Place("templates/b.vi.html", 1, 1), "template 'b' has no text in 'en'", Severity.WARNING)


def test_a_problem_is_shown_with_its_line_and_a_caret() -> None:
    """Given a problem with its line, then it is shown as FLOWS.md says."""
    assert as_text(ERROR) == (
        "flows/a.yaml:12:1: error: unknown key 'triger'; did you mean 'trigger'?\n"
        "  12 | triger: purchase\n"
        "     | ^^^^^^"
    )


def test_a_corrected_line_is_shown_beneath() -> None:
    """Given a hint that is a line, then it stands beneath the caret, where it can be compared."""
    problem = Problem(Place("a.yaml", 2, 8, 4), "no", hint='write: title: "a: b"', source_line="title: a: b")

    assert as_text(problem).split("\n")[1:] == [
        "   2 | title: a: b",
        "     |        ^^^^",
        '     = write: title: "a: b"',
    ]


def test_a_problem_without_a_line_is_one_line() -> None:
    """Given a problem of a whole file, then nothing but the message is shown; a place in no line has no numbers."""
    assert as_text(WARNING) == "templates/b.vi.html:1:1: warning: template 'b' has no text in 'en'"
    assert as_text(Problem(Place("environment", 0, 0), "no")) == "environment: error: no"


def test_a_long_line_is_shown_around_its_place() -> None:
    """Given a line of ten thousand letters, then what is around the place is shown, and the caret stands there."""
    line = "x" * 5_000 + "HERE" + "y" * 5_000
    shown, caret = as_text(Problem(Place("a", 1, 5_001, 4), "no", source_line=line)).split("\n")[1:]

    assert len(shown) < 140
    assert shown[caret.index("^") : caret.rindex("^") + 1] == "HERE"


def test_nothing_in_a_file_can_move_the_terminal_s_cursor() -> None:
    """Given controls and colours in a line and a message, then they are shown as marks."""
    shown = as_text(Problem(Place("a\x1b[2J", 1, 1), "b\x1b[31m\r\n", hint="c\x07", source_line="d\x1b]0;t\x07\u202e"))

    assert not set(shown) & set("\x1b\x07\r\u202e")


@given(st.text(max_size=200), st.integers(1, 250), st.integers(1, 300))
def test_any_line_and_place_can_be_shown(line: str, column: int, length: int) -> None:
    """Given any line, also a place beyond its end, then it is shown in as many lines as it should be."""
    place = Place("a", 1, column, length)

    assert len(as_text(Problem(place, "no", source_line=line)).split("\n")) == (3 if line else 1)


def test_a_painter_sees_every_part_once() -> None:
    """Given a painter, then it is told the role of each part, and without its colours the text is the same."""
    roles: list[str] = []

    def paint(role: str, text: str) -> str:
        roles.append(role)
        return text

    assert as_text(ERROR, paint) == as_text(ERROR)
    assert roles == ["place", "error", "gutter", "gutter", "caret"]


@pytest.mark.parametrize(
    ("problems", "expected"),
    [
        ([], "no problems in 12 flows (0.2 s)"),
        ([ERROR], "1 error in 12 flows (0.2 s)"),
        ([ERROR, WARNING], "1 error, 1 warning in 12 flows (0.2 s)"),
        ([ERROR, ERROR, WARNING, WARNING], "2 errors, 2 warnings in 12 flows (0.2 s)"),
    ],
)
def test_the_last_line_counts(problems: list[Problem], expected: str) -> None:
    """Given problems, then the last line counts them."""
    assert summary(problems, "12 flows", 0.2345) == expected


def test_json_says_everything() -> None:
    """Given problems, then JSON has each with its place, and the counts."""
    assert json.loads(as_json([ERROR, WARNING], {"flows": 12})) == {
        "errors": 1,
        "warnings": 1,
        "checked": {"flows": 12},
        "problems": [
            {
                "file": "flows/a.yaml",
                "line": 12,
                "column": 1,
                "length": 6,
                "severity": "error",
                "message": "unknown key 'triger'",
                "hint": "did you mean 'trigger'?",
            },
            {
                "file": "templates/b.vi.html",
                "line": 1,
                "column": 1,
                "length": 1,
                "severity": "warning",
                "message": "template 'b' has no text in 'en'",
                "hint": None,
            },
        ],
    }


def test_github_s_annotations_are_escaped() -> None:
    """Given a message with line breaks and percent signs, and a file with a colon, then they are escaped."""
    problem = Problem(Place("a:b,c.yaml", 3, 5, 2), "10%\nmore", hint="x")

    assert as_github(ERROR) == (
        "::error file=flows/a.yaml,line=12,col=1,endColumn=7::unknown key 'triger'; did you mean 'trigger'?"
    )
    assert as_github(problem) == "::error file=a%3Ab%2Cc.yaml,line=3,col=5,endColumn=7::10%25%0Amore; x"


def test_sarif_has_places_in_code_points() -> None:
    """Given problems, then SARIF has a result for each, with its region, and no region for what has no line."""
    log = json.loads(as_sarif([ERROR, Problem(Place("a b.yaml", 0, 0), "no")], "0.1"))

    (run,) = log["runs"]
    assert (log["version"], run["columnKind"]) == ("2.1.0", "unicodeCodePoints")
    first, second = run["results"]
    assert first["level"] == "error"
    assert first["message"]["text"] == "unknown key 'triger'; did you mean 'trigger'?"
    assert first["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "flows/a.yaml", "uriBaseId": "SRCROOT"},
        "region": {"startLine": 12, "startColumn": 1, "endColumn": 7},
    }
    artifact = {"uri": "a%20b.yaml", "uriBaseId": "SRCROOT"}
    assert second["locations"][0]["physicalLocation"] == {"artifactLocation": artifact}


def test_problems_stand_in_the_order_of_files_and_lines() -> None:
    """Given problems in any order, then they are shown by file, line and column."""
    places = [Place("b", 1, 1), Place("a", 10, 1), Place("a", 9, 2), Place("a", 9, 1)]

    assert [problem.place for problem in in_order(Problem(place, "no") for place in places)] == places[::-1]


@pytest.mark.parametrize(
    ("wrong", "known", "meant"),
    [
        ("triger", ["status", "trigger"], "trigger"),
        ("Trigger", ["trigger"], "trigger"),
        ("thank_you", ["thank-you"], "thank-you"),
        ("sned", ["send", "wait"], "send"),
        ("colour", ["status", "trigger"], None),
        ("x", ["y"], None),
        ("", ["a"], None),
        ("a" * 1_000_000, ["a" * 999_999], None),
        ("cat", ["hat", "bat"], "hat"),
    ],
)
def test_only_a_near_name_is_proposed(wrong: str, known: list[str], meant: str | None) -> None:
    """Given a wrong name, then the nearest known one is proposed where it is near, the first of equals."""
    assert closest(wrong, known) == meant
    assert did_you_mean(wrong, known) == (f"did you mean '{meant}'?" if meant else None)


def test_sarif_has_the_form_that_its_standard_says() -> None:
    """Given problems in a line, in none, and outside of the shop's folder, then the document is SARIF 2.1.0."""
    problems = [
        Problem(Place("flows/tết.yaml", 3, 5, 4), "unknown key 'wiat'", Severity.ERROR, "did you mean 'wait'?"),
        Problem(Place("environment", 0, 0), "PHIN_PORT is not a whole number"),
        Problem(Place("/shop/flows/a.yaml", 1, 1), "no text in 'en'", Severity.WARNING),
    ]

    document = json.loads(as_sarif(problems, "0.1"))

    assert [error.message for error in Draft7Validator(SARIF).iter_errors(document)] == []
    (run,) = document["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    for result, problem in zip(run["results"], problems, strict=True):
        assert rules[result["ruleIndex"]] == result["ruleId"] == f"phin-{problem.severity.value}"
        base = result["locations"][0]["physicalLocation"]["artifactLocation"].get("uriBaseId")
        assert (base in run["originalUriBaseIds"]) is not problem.place.file.startswith("/")
    assert run["results"][0]["locations"][0]["physicalLocation"]["region"] == {
        "startLine": 3,
        "startColumn": 5,
        "endColumn": 9,
    }
    assert Draft7Validator(SARIF).is_valid({**document, "version": "2.0.0"}) is False


def test_sarif_tells_a_problem_that_only_moved_from_a_new_one() -> None:
    """Given the same problem in another line, then its fingerprint is the same; another message has another."""
    one, moved, other = (
        Problem(Place("flows/a.yaml", line, 1), message) for line, message in ((1, "a"), (9, "a"), (1, "b"))
    )

    results = json.loads(as_sarif([one, moved, other], "0.1"))["runs"][0]["results"]
    first, second, third = (result["partialFingerprints"] for result in results)

    assert first == second != third
