"""Everything that YAML would read otherwise than it looks is told, with its place and the line as it should be."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.language.samples import flow_of, problems_of, told, with_line, with_step
from worker.domain.errors import FileError
from worker.language.yaml.diagnostics import as_text
from worker.language.yaml.files import load_text

NOTE = "what follows ' #' would be lost as a comment; quote the text, or put the comment in a line of its own"
BRACKETS = "inside { } and [ ], text that holds a comma, bracket or brace must be quoted"

# What stands in line 5 of a small flow, and everything that is told.
LINES = {
    "a key given twice": (
        "trigger: signup",
        "5:1: error: the key 'trigger' is given twice; it stands in line 2 already",
    ),
    "': ' in a text": (
        "title: Welcome: to us",
        "5:8: error: text that holds ': ' must be quoted; write: title: \"Welcome: to us\"",
    ),
    "a colon at a text's end": (
        "title: Welcome:",
        "5:8: error: text that holds ': ' must be quoted; write: title: \"Welcome:\"",
    ),
    "' #' after a text": ("title: Sale # 5", f'5:13: error: {NOTE}; write: title: "Sale # 5"'),
    "' #' after an expression": (
        "when: order.total > 5   # large",
        f'5:25: error: {NOTE}; write: when: "order.total > 5"   # large',
    ),
    "a text that begins with '#'": (
        "title: #1 in coffee",
        "5:1: error: 'title' has no value; text that begins with '#' must be quoted",
    ),
    "[": ("title: [QC] Sale", "5:8: error: text that begins with '[' must be quoted; write: title: \"[QC] Sale\""),
    "%": ("title: %50 off", "5:8: error: text that begins with '%' must be quoted; write: title: \"%50 off\""),
    "@": ("title: @you", "5:8: error: text that begins with '@' must be quoted; write: title: \"@you\""),
    "`": ("title: `x`", "5:8: error: text that begins with '`' must be quoted; write: title: \"`x`\""),
    "- ": (
        "title: - x",
        "5:8: error: a list begins in a line of its own; text that begins with '- ' must be quoted; "
        'write: title: "- x"',
    ),
    "an alias": (
        "title: *SALE*",
        "5:8: error: '*SALE*' is an alias of YAML, which Phin's files do not use; text that begins with '*' must be "
        'quoted; write: title: "*SALE*"',
    ),
    "an anchor": (
        "title: &sale x",
        "5:8: error: '&sale' is an anchor of YAML, which Phin's files do not use; text that begins with '&' must be "
        'quoted; write: title: "&sale x"',
    ),
    "a tag": (
        "title: !Sale x",
        "5:8: error: '!Sale' is a tag of YAML, which Phin's files do not use; text that begins with '!' must be "
        'quoted; write: title: "!Sale x"',
    ),
    "a merge key": (
        "<<: {kind: marketing}",
        "5:1: error: merge keys ('<<') are not used in Phin's files; write the keys out",
    ),
    "an explicit key": ("? title\n: x", "5:3: error: a key that begins with '?' is not used in Phin's files"),
    "a list as a key": ("[a, b]: c", "5:1: error: a key is a word, not a list or a group of keys"),
    "an expression that begins with a quote": (
        'when: "arabica" in order.categories',
        "5:7: error: an expression that begins with a quote must be put in parentheses; "
        'write: when: ("arabica" in order.categories)',
    ),
    "a text that begins with a quote": (
        'title: "Phin" drips',
        "5:8: error: text that begins with a quote must be quoted as a whole; write: title: '\"Phin\" drips'",
    ),
    "a quote in single quotes": (
        "title: 'it's'",
        '5:8: error: a quote within single quotes must be doubled; write: title: "it\'s"',
    ),
    "a quote that is not closed": (
        'title: "Welcome',
        '5:8: error: the quote that opens here is not closed; write: title: "Welcome"',
    ),
    "a backslash in double quotes": (
        r'title: "a \q"',
        r"5:8: error: '\' has a meaning in double quotes; use single ones; write: title: 'a \q'",
    ),
    "a comma in braces": (
        'exit: [{when: did("refund", within="9 days")}]',
        f'5:7: error: {BRACKETS}; write: exit: [{{when: \'did("refund", within="9 days")\'}}]',
    ),
    "a bracket in braces": (
        "exit: [{when: order.status in ['sent']}]",
        f"5:7: error: {BRACKETS}; write: exit: [{{when: \"order.status in ['sent']\"}}]",
    ),
    "a brace that is not closed": (
        "goal: {event: purchase, within: 14 days",
        "5:7: error: the '{' that opens here is not closed; write: goal: {event: purchase, within: 14 days}",
    ),
    "a missing blank": ("title:Welcome", "5:1: error: a space is missing after 'title:'; write: title: Welcome"),
    "a missing colon": (
        "title Welcome\nkind: marketing",
        "5:1: error: the colon after 'title' is missing; write: title: Welcome",
    ),
    "a key that is indented": (
        "title: Welcome\n  kind: marketing",
        "6:3: error: this line's indentation fits none of the lines above; begin it with no spaces, as what stands "
        "in line 5",
    ),
    "a tab": ("title:\tWelcome", "5:7: error: the line holds a tab; write spaces"),
    "tabs": (
        "title:\tWelcome\nkind:\tmarketing",
        "5:7: error: the line holds a tab; write spaces (1 more line holds one)",
    ),
    "an invisible character": (
        "title: ab\u0007",
        "5:10: error: an invisible character, U+0007, that cannot stand in a file; delete it",
    ),
    "an escape for nothing": ('title: "a\\0"', "5:8: error: the text holds a character that cannot be used, U+0000"),
    "a second document": ("---\nflow: b", "5:1: error: a second document begins here; one file holds one"),
    "an empty value": ("title:", "5:1: error: 'title' has no value"),
}

# The same for a step that begins in line 5.
STEPS = {
    "a text that begins with a value": (
        "  - send: welcome\n    name: a\n    subject: {{ customer.name }}, welcome",
        "7:14: error: text that begins with '{{' must be quoted; write: subject: \"{{ customer.name }}, welcome\"",
    ),
    "a text that is a value": (
        "  - send: welcome\n    name: a\n    subject: {{ customer.name }}",
        "7:14: error: text that begins with '{{' must be quoted; write: subject: \"{{ customer.name }}\"",
    ),
    "a value in braces": (
        "  - send: welcome\n    name: a\n    with: {hello: {{ customer.name }}, b: 1}",
        f'7:11: error: {BRACKETS}; write: with: {{hello: "{{{{ customer.name }}}}", b: 1}}',
    ),
    "a text in brackets": (
        "  - exit: [done]",
        "5:11: error: 'exit' is a text, not a list; if it is a text, write it in quotes: \"[done]\"",
    ),
    "a text with a comma in braces": (
        "  - send: thank-you\n    with: {a: hello, world}",
        f'6:11: error: {BRACKETS}; write: with: {{a: "hello, world"}}',
    ),
    "texts with commas in braces": (
        "  - send: thank-you\n    subject: {vi: Chào, bạn, en: Hello, you}",
        f'6:14: error: {BRACKETS}; write: subject: {{vi: "Chào, bạn", en: "Hello, you"}}',
    ),
    "a text with a comma after a group": (
        "  - send: thank-you\n    with: {a: {b: c}, world}",
        f"6:23: error: {BRACKETS}",
    ),
    "aliases in one line": (
        "  - tag: [*a,*b,*c]",
        "5:11: error: '*a' is an alias of YAML, which Phin's files do not use; text that begins with '*' must be "
        'quoted; write: - tag: ["*a","*b","*c"]',
    ),
    "a step that is indented otherwise": (
        " - exit: done",
        "5:2: error: this line's indentation fits none of the lines above; begin it with 2 spaces, as what stands in "
        "line 4",
    ),
    "an option that is indented otherwise": (
        "  - wait: 3 days\n     at: 10:00",
        "6:6: error: this line's indentation fits none of the lines above; begin it with 4 spaces, as what stands in "
        "line 5",
    ),
}


@pytest.mark.parametrize(("line", "expected"), LINES.values(), ids=LINES.keys())
def test_a_fault_in_a_line_is_told_with_its_place_and_remedy(line: str, expected: str) -> None:
    """Given one fault of YAML in a good flow, then it alone is told."""
    assert told(with_line(line)) == [expected]


@pytest.mark.parametrize(("step", "expected"), STEPS.values(), ids=STEPS.keys())
def test_a_fault_in_a_step_is_told_with_its_place_and_remedy(step: str, expected: str) -> None:
    """Given one fault of YAML in a step of a good flow, then it alone is told."""
    assert told(with_step(step)) == [expected]


def test_the_line_that_is_proposed_is_a_good_one() -> None:
    """Given a line that is told with a corrected one, when that is put in its place, then nothing is told."""
    mended = 0
    for line, expected in LINES.values():
        if "; write: " in expected and "&" not in line:
            proposed = expected.split("; write: ")[1]
            assert told(with_line(line.replace(line.split("\n")[0], proposed))) == []
            mended += 1
    assert mended > 15


def test_all_faults_of_a_file_are_told_at_once() -> None:
    """Given faults of YAML and of the language in one file, then YAML's do not hide the others."""
    text = (
        "flow: post-purchase\n"
        "title: Thank you: again\n"
        "triger: purchase\n"
        'when: "arabica" in order.categories\n'
        "steps:\n"
        "  - send: welcome\n"
        "    subject: {{ customer.nam }} – welcome\n"
        "  - wait: 3 dayz\n"
    )

    assert told(text) == [
        "2:8: error: text that holds ': ' must be quoted; write: title: \"Thank you: again\"",
        "3:1: error: unknown key 'triger' in a flow; did you mean 'trigger'?",
        "4:7: error: an expression that begins with a quote must be put in parentheses; "
        'write: when: ("arabica" in order.categories)',
        "7:14: error: text that begins with '{{' must be quoted; write: subject: \"{{ customer.nam }} – welcome\"",
        "7:17: error: 'customer.nam' is not known; did you mean 'customer.name'?",
        "8:11: error: '3 dayz' is no duration; write a whole number and a unit; did you mean '3 days'?",
    ]


def test_what_looks_like_a_comment_after_a_word_number_or_quoted_text_is_one() -> None:
    """Given comments where nothing of a value can be lost, then they are comments."""
    flow = flow_of(
        "# a flow\n"
        "flow: post-purchase   # its name\n"
        'title: "Thanks"   # quoted\n'
        "kind: marketing   # a word\n"
        "trigger: purchase # an event\n"
        "once: per 30 days # a duration\n"
        "exit: [{event: refund}]   # a list\n"
        "steps:   # all of them\n"
        "  # one\n"
        "  - send: welcome   # a template\n"
        "  - wait: 3 days   # a duration\n"
        "    at: 10:30   # a time\n"
        "    until: (ordered())\n"
    )

    assert [step.name for step in flow.steps] == ["welcome", "wait-1"]


def test_scalars_mean_what_they_look_like() -> None:
    """Given texts that YAML would take for numbers, dates and truths, then they stay texts, quoted or not."""
    written = {
        "a": "0912345678",
        "b": "2027-03-08",
        "c": "450_000",
        "d": "10%",
        "e": "09:00",
        "f": "no",
        "g": "~",
        "h": "1e3",
    }
    plain = ", ".join(f"{key}: {value}" for key, value in written.items())
    quoted = ", ".join(f'{key}: "{value}"' for key, value in written.items())

    flows = [flow_of(with_step(f"  - send: welcome\n    name: b\n    with: {{{text}}}")) for text in (plain, quoted)]

    assert {key: text.written for key, text in flows[0].steps[1].values} == written  # type: ignore[attr-defined]
    assert flows[0].meaning == flows[1].meaning


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_line_breaks_of_every_system_and_a_mark_before_the_text_are_read(ending: str) -> None:
    """Given a file as Windows writes it, with a byte order mark, then it is read, and columns do not move."""
    assert told("\ufeff" + with_line("title: x").replace("\n", ending)) == []
    assert told("\ufeff" + "flw: x\n".replace("\n", ending))[0].startswith("1:1: error: unknown key 'flw'")


def test_a_tab_before_a_line_ends_the_reading() -> None:
    """Given a line that is indented by a tab, then that is told, and nothing that follows from it."""
    assert told("flow: post-purchase\ntrigger: purchase\nsteps:\n\t- send: welcome\n\t- snd: x\n") == [
        "4:1: error: the line holds a tab; write spaces (1 more line holds one)"
    ]


def test_nesting_has_an_end() -> None:
    """Given groups nested deeper than anybody writes, then that is told where it begins."""
    text = with_line("exit: " + "[" * 80 + "]" * 80)

    assert told(text)[0].startswith("5:66: error: groups and lists are nested more than 60 deep here")


def test_a_caret_stands_under_a_place_behind_wide_letters() -> None:
    """Given letters that take two cells or none, then the caret stands under the word that is meant."""
    (problem,) = problems_of(with_step('  - send: welcome\n    name: b\n    subject: "🎉 Chào {{ customer.nam }}"'))

    lines = as_text(problem).split("\n")
    assert lines[0].startswith("flows/post-purchase.yaml:7:25: error: 'customer.nam' is not known")
    assert lines[1] == '   7 |     subject: "🎉 Chào {{ customer.nam }}"'
    assert lines[2] == "     | " + " " * 25 + "^" * 12  # the party popper takes two cells


@pytest.mark.parametrize(
    ("written", "place", "caret"),
    [
        ("when: 'order.totl > 1'", "5:8", 10),
        ("when: \"order.coupon == 'a\\\\b' or order.totl > 1\"", "5:34", 10),
        ("when: 'order.coupon == ''a'' or order.totl > 1'", "5:33", 10),
        ("when: order.total > 1\n  and order.totl > 1", "6:7", 10),
        ("when: >-\n  order.total > 1\n  and order.totl > 1", "7:7", 10),
        ("when: |\n  order.total > 1 and\n    order.totl > 1", "7:5", 10),
    ],
)
def test_the_place_in_an_expression_is_exact_however_it_is_written(written: str, place: str, caret: int) -> None:
    """Given an expression in quotes, with escapes or over several lines, then its fault has its own place."""
    (problem,) = problems_of(with_line(written))

    assert problem.message == "'order.totl' is not known"
    assert (f"{problem.place.line}:{problem.place.column}", problem.place.length) == (place, caret)


def load_faults(path: Path) -> list[str]:
    with pytest.raises(FileError) as raised:
        load_text(path, "flows/a.yaml")
    return [f"{problem.place}: {problem.message}" for problem in raised.value.problems]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"flow: a\ntitle: Ch\xe0o\n", "flows/a.yaml:2:10: the byte 0xE0 is not UTF-8; save the file as UTF-8"),
        ("flow: a".encode("utf-16"), "flows/a.yaml:1:1: the file is UTF-16; save it as UTF-8"),
        (b"a: b\n" * 2_000_000, "flows/a.yaml:1:1: the file is larger than 1 MB"),
    ],
    ids=["another encoding", "UTF-16", "10 MB"],
)
def test_a_file_that_is_no_text_is_told(tmp_path: Path, content: bytes, expected: str) -> None:
    """Given bytes that are not UTF-8, or too many, then that is told where it is seen."""
    path = tmp_path / "a.yaml"
    path.write_bytes(content)

    assert load_faults(path) == [expected]


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    """Given a folder, or nothing, where a file should be, then that is told."""
    (tmp_path / "a.yaml").mkdir()

    assert load_faults(tmp_path / "a.yaml") == ["flows/a.yaml:1:1: this is not a file"]
    assert load_faults(tmp_path / "b.yaml") == ["flows/a.yaml:1:1: the file cannot be read: No such file or directory"]
