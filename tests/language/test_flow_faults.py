"""Whatever a flow's file says wrongly is told, once, with its place and what to write instead."""

from __future__ import annotations

import pytest

from tests.language.samples import VOCABULARY, told, with_line, with_step
from worker.domain.errors import FileError
from worker.language.flow.flows import read_flow

VERBS = (
    "'send', 'wait', 'if', 'choose', 'split', 'task', 'coupon', 'set', 'add', 'tag', 'untag', 'suppress', 'emit', "
    "'webhook' and 'exit'"
)

LINES = {
    "an unknown key": ("titel: x", "5:1: error: unknown key 'titel' in a flow; did you mean 'title'?"),
    "a key that nobody knows": (
        "colour: red",
        "5:1: error: unknown key 'colour' in a flow; known here: flow, title, kind, topic, status, trigger, when, "
        "once, again, exit, goal, holdout, priority, utm, steps",
    ),
    "a wrong kind": (
        "kind: transaktional",
        "5:7: error: 'kind' is 'marketing' or 'transactional', not 'transaktional'; did you mean 'transactional'?",
    ),
    "a topic that the shop has not": (
        "topic: offer",
        "5:8: error: the shop has no topic 'offer'; did you mean 'offers'?",
    ),
    "a wrong status": ("status: on", "5:9: error: 'status' is 'live', 'draft' or 'paused', not 'on'"),
    "a list for a word": (
        "kind: [marketing]",
        "5:7: error: 'kind' is one of 'marketing' or 'transactional', not a list; if it is a text, write it in quotes: "
        '"[marketing]"',
    ),
    "a wrong once": (
        "once: per ordr",
        "5:7: error: 'once' is 'ever', 'per event', 'per order', 'per year' or 'per season', not 'per ordr'; "
        "did you mean 'per order'?",
    ),
    "a once that needs a season": (
        "once: per season",
        "5:7: error: 'per season' needs a trigger by a season, and no other; "
        "for example trigger: {season: tet, offset: -21 days}",
    ),
    "a value in the title": (
        "title: Hello {{ shop.name }}",
        "5:8: error: 'title' is the same for everyone; '{{ }}' cannot stand in it",
    ),
    "a language that is none": (
        "title: {vn: Chào, en: Hello}",
        "5:9: error: 'vn' is no language; did you mean 'vi'?",
    ),
    "a title of two lines": ('title: "a\\nb"', "5:8: error: 'title' is one line; it holds a line break"),
    "an exit as a word": (
        "exit: refund",
        "5:7: error: an exit is an event or a condition: {event: refund} or {when: customer.orders_count >= 2}; write: "
        "{event: refund}",
    ),
    "an exit without anything": (
        "exit: [{}]",
        "5:8: error: an exit needs 'event' or 'when'; for example {event: refund}",
    ),
    "an unknown event": ("exit: {event: refunt}", "5:15: error: there is no event 'refunt'; did you mean 'refund'?"),
    "an event that is not declared": (
        "exit: {event: lottery.won}",
        "5:15: error: there is no event 'lottery.won'; an event of your own is declared in config/phin.yaml: "
        "events: {lottery.won: {}}",
    ),
    "an event's name that cannot be one": (
        "exit: {event: Order Shipped!}",
        "5:15: error: an event's name is made of small letters, digits, '.', '_' and '-'; 'Order Shipped!' is not; "
        "did you mean 'order.shipped'?",
    ),
    "a goal without a window": ("goal: {event: purchase}", "5:8: error: 'goal' needs 'within'"),
    "a goal as a word": (
        "goal: purchase",
        "5:7: error: 'goal' is a group of keys, such as {event: purchase, within: 14 days}, not a text",
    ),
    "a goal's window": (
        "goal: {event: purchase, within: 14 dayz}",
        "5:33: error: '14 dayz' is no duration; write a whole number and a unit; did you mean '14 days'?",
    ),
    "a name that is not there yet": (
        "when: journey.flow == 'a'",
        "5:7: error: there is no journey here; there is 'journey' in steps, exits and goals, not yet in 'when'",
    ),
    "a flow that is not there": (
        'when: in_flow("welcom")',
        "5:15: error: there is no flow 'welcom'; did you mean 'welcome'?",
    ),
}


@pytest.mark.parametrize(("line", "expected"), LINES.values(), ids=LINES.keys())
def test_a_wrong_line_is_told(line: str, expected: str) -> None:
    """Given one wrong key or value in a good flow, then it alone is told."""
    assert told(with_line(line)) == [expected]


TRIGGERS = {
    "an unknown one": ("purchse", "2:10: error: there is no trigger 'purchse'; did you mean 'purchase'?"),
    "an event that cannot stand alone": (
        "order.shipped",
        "2:10: error: only 'purchase', 'signup' and 'birthday' can stand alone; another event is named by 'event'; "
        "write: trigger: {event: order.shipped}",
    ),
    "no event": (
        "{within: 2 days}",
        "2:10: error: a trigger needs one of 'event', 'date', 'season', 'segment' or 'schedule'; "
        "for example {event: purchase}",
    ),
    "none": ("[]", "2:10: error: 'trigger' names nothing that starts the flow; for example: trigger: purchase"),
    "the same twice": (
        "[purchase, {event: purchase}]",
        "2:21: error: the event 'purchase' starts this flow already; name it once",
    ),
    "a list in a list": (
        "[[purchase]]",
        "2:11: error: a trigger is a group of keys, such as {event: cart.updated}, not a list",
    ),
}


@pytest.mark.parametrize(("trigger", "expected"), TRIGGERS.values(), ids=TRIGGERS.keys())
def test_a_wrong_trigger_is_told(trigger: str, expected: str) -> None:
    """Given one wrong trigger, then it is told first, and nothing is told that only follows from it."""
    text = f"flow: post-purchase\ntrigger: {trigger}\nwhen: order.total > 1\nsteps:\n  - send: welcome\n"

    assert told(text)[0] == expected
    assert all(problem.startswith("2:") for problem in told(text))


STEPS = {
    "no verb": ("  - sned: b", "5:5: error: there is no step 'sned'; did you mean 'send'?"),
    "a verb that nobody knows": ("  - teleport: b", f"5:5: error: there is no step 'teleport'; the verbs are {VERBS}"),
    "options only": (
        "  - name: b",
        f"5:5: error: a step needs a verb: {VERBS.replace(' and ', ' or ')}",
    ),
    "two verbs": (
        "  - send: b\n    wait: 3 days",
        "6:5: error: a step has one verb; this one has 'send' and 'wait'; begin a step of its own: - wait: …",
    ),
    "a word": (
        "  - exit",
        f"5:5: error: a step is a verb with a value, such as 'send: thank-you'; the verbs are {VERBS}",
    ),
    "an option of another verb": (
        "  - send: b\n    until: ordered()",
        "6:5: error: unknown key 'until' in a 'send' step;"
        " known here: send, name, subject, from, with, when, expires, kind, to",
    ),
    "no template": ("  - send:", "5:5: error: 'send' has no value"),
    "the same template twice": (
        "  - send: welcome",
        "5:11: error: the step in line 4 is called 'welcome' already; the same template is sent twice; name this step: "
        "'name: welcome-2'",
    ),
    "the same name twice": (
        "  - wait: 1 day\n    name: welcome",
        "6:11: error: the step in line 4 is called 'welcome' already; give this step another name",
    ),
    "a name that cannot be one": (
        "  - wait: 1 day\n    name: chờ một ngày",
        "6:11: error: 'name' is made of letters (a to z), digits, '-', '_' and '.'; 'chờ một ngày' is not",
    ),
    "a transactional mail in a marketing flow": (
        "  - send: b\n    kind: transactional",
        "6:11: error: a marketing flow cannot send a transactional mail; send it from a flow of its own with "
        "'kind: transactional'",
    ),
    "an address in from": (
        "  - send: b\n    from: Lan <lan@example.com>",
        "6:11: error: 'from' is the name that the mail comes from, without an address; the address is "
        "shop.sender.email in config/phin.yaml",
    ),
    "with as a text": (
        "  - send: b\n    with: hello",
        "6:11: error: 'with' is a group of values for the template, such as {percent: 10}",
    ),
    "a value's name that cannot be one": (
        "  - send: b\n    with: {my-value: 1}",
        "6:12: error: a value's name is made of letters (a to z), digits and '_'; 'my-value' is not",
    ),
    "a value's name that is taken": (
        "  - send: b\n    with: {customer: Lan}",
        "6:12: error: 'customer' has a meaning in every template; name this value otherwise",
    ),
    "a value that is not known": (
        "  - send: b\n    subject: Hi {{ customer.nme }}",
        "6:20: error: 'customer.nme' is not known; did you mean 'customer.name'?",
    ),
    "a value that is not closed": (
        "  - send: b\n    subject: Hi {{ customer.name }",
        "6:17: error: '{{' is not closed; close it with '}}'",
    ),
    "a unit": (
        "  - wait: 3 dayz",
        "5:11: error: '3 dayz' is no duration; write a whole number and a unit; did you mean '3 days'?",
    ),
    "a unit in Vietnamese": (
        "  - wait: 2 tuần",
        "5:11: error: '2 tuần' is no duration; write a whole number and a unit; did you mean '2 weeks'?",
    ),
    "a short unit": (
        "  - wait: 1d",
        "5:11: error: '1d' is no duration; write a whole number and a unit; did you mean '1 day'?",
    ),
    "no unit": (
        "  - wait: 3",
        "5:11: error: '3' is no duration; write a whole number and a unit; for example '3 days' or '2 hours'",
    ),
    "a wait backwards": (
        "  - wait: -3 days",
        "5:11: error: 'wait' is longer than nothing and at most 10 years, not '-3 days'",
    ),
    "a wait for ever": (
        "  - wait: 900 years",
        "5:11: error: 'wait' is longer than nothing and at most 10 years, not '900 years'",
    ),
    "a wait beyond numbers": (
        f"  - wait: {'9' * 70} days",
        f"5:11: error: '{'9' * 60}' is no duration; write a whole number and a unit; for example '3 days' or '2 hours'",
    ),
    "an hour that no day has": (
        "  - wait: 1 day\n    at: 24:00",
        "6:9: error: '24:00' is no time of day; write hours and minutes; for example \"09:00\"",
    ),
    "a weekday in full": (
        "  - wait: 1 day\n    on: [monday]",
        "6:10: error: 'monday' is no weekday; write 'mon', 'tue', 'wed', 'thu', 'fri', 'sat' or 'sun'; "
        "did you mean 'mon'?",
    ),
    "a weekday twice": ("  - wait: 1 day\n    on: [mon, mon]", "6:15: error: 'mon' is named twice"),
    "no weekday": ("  - wait: 1 day\n    on: []", "6:9: error: 'on' names no day; for example [mon, fri]"),
    "a click in a step that is not there": (
        '  - wait: 1 day\n    until: clicked("welcom")',
        "6:20: error: there is no step that sends 'welcom'; did you mean 'welcome'?",
    ),
    "an if without then": ("  - if: ordered()", "5:5: error: an 'if' step needs 'then'"),
    "a misspelt then": (
        "  - if: ordered()\n    than: [{exit: x}]",
        "6:5: error: unknown key 'than' in an 'if' step; did you mean 'then'?",
    ),
    "then without a list": (
        "  - if: ordered()\n    then:\n      exit: x",
        "7:7: error: 'then' is a list of steps; begin each step with '- '",
    ),
    "no steps": ("  - if: ordered()\n    then: []", "6:11: error: 'then' holds no steps"),
    "a comparison that cannot hold": (
        "  - if: order.total >= 'much'\n    then: [{exit: x}]",
        None,
    ),
    "one branch": (
        "  - split: {a: {weight: 1, then: []}}",
        "5:12: error: 'split' needs at least two branches; for example {plain: {weight: 1, then: […]}, bold: "
        "{weight: 1, then: […]}}",
    ),
    "a weight": (
        "  - split: {a: {weight: 0, then: []}, b: {weight: 1, then: []}}",
        "5:25: error: 'weight' is a number above 0 such as 1, or a percentage such as 30%, not '0'",
    ),
    "percentages that make no hundred": (
        "  - split: {a: {weight: 10%, then: []}, b: {weight: 20%, then: []}}",
        "5:5: error: the percentages of this split make 30 %, not 100 %",
    ),
    "percentages and numbers": (
        "  - split: {a: {weight: 10%, then: []}, b: {weight: 2, then: []}}",
        "5:5: error: the weights of a split are all numbers or all percentages",
    ),
    "a branch without steps": (
        "  - split: {a: {weight: 1}, b: {weight: 2, then: []}}",
        "5:17: error: the branch 'a' needs 'then'",
    ),
    "an exit with no reason": ('  - exit: ""', "5:11: error: 'exit' is empty"),
    "a step that nobody reaches": (
        "  - exit: done\n  - send: b\n  - send: c",
        "6:3: warning: no journey comes to this step: all have ended by line 5",
    ),
    "a step that no branch leads to": (
        "  - if: ordered()\n    then: [{exit: a}]\n    else: [{exit: b}]\n  - send: b",
        "8:3: warning: no journey comes to this step: all have ended by line 5",
    ),
    "a branch on opens": (
        "  - if: opened('welcome')\n    then: [{send: b}]",
        "5:9: warning: a branch on 'opened': many mail programs load pictures by themselves, others never do; ask for "
        "clicked(), which only a person does",
    ),
    "a negated click": (
        "  - if: not clicked('welcome')\n    then: [{send: b}]",
        "5:13: warning: 'not clicked()' also holds for every customer who did not agree to tracking; add "
        "'customer.tracking and …' if that is not meant",
    ),
}


@pytest.mark.parametrize(("step", "expected"), STEPS.values(), ids=STEPS.keys())
def test_a_wrong_step_is_told(step: str, expected: str | None) -> None:
    """Given one wrong step in a good flow, then it alone is told."""
    found = told(with_step(step))

    assert len(found) == 1
    assert expected is None or found == [expected]


def test_an_if_that_may_go_on_ends_nothing() -> None:
    """Given an `if` with one way that ends, then the steps after it are reached."""
    assert told(with_step("  - if: ordered()\n    then: [{exit: a}]\n  - send: b")) == []


@pytest.mark.parametrize("kind", ["marketing", "transactional"])
def test_a_transactional_flow_may_send_a_marketing_mail(kind: str) -> None:
    """Given a transactional flow, then a step of it may be marketing."""
    text = with_step(f"  - send: b\n    kind: {kind}").replace("trigger:", "kind: transactional\ntrigger:")

    assert told(text) == []


def test_templates_that_are_not_there_are_told_where_they_are_known() -> None:
    """Given the names of the templates, then a send of another one is told."""
    text = with_step("  - send: thankyou\n  - send: farewell")

    assert told(text) == []
    assert told(text, templates={"welcome": (), "thank-you": ()}) == [
        "5:11: error: there is no template 'thankyou'; did you mean 'thank-you'?",
        "6:11: error: there is no template 'farewell'; make templates/farewell.vi.html",
    ]


@pytest.mark.parametrize(
    ("trigger", "needs", "step", "expected"),
    [
        ("purchase", ["order"], "- send: a", []),
        (
            "signup",
            ["order"],
            "- send: a",
            [
                "4:11: error: the template 'a' shows 'order', and 'signup' tells of no order; send another template, "
                "or let this one ask '{% if order is defined %}'"
            ],
        ),
        (
            "{event: tasting.booked}",
            ["order"],
            "- send: a",
            [
                "4:11: warning: the template 'a' shows 'order', which 'tasting.booked' may come without; send another "
                "template, or let this one ask '{% if order is defined %}'"
            ],
        ),
        ("{event: tasting.booked}", ["event.place", "event.at"], "- send: a", []),
        (
            "{event: tasting.booked}",
            ["event.plce"],
            "- send: a",
            [
                "4:11: error: the template 'a' shows 'event.plce', and 'tasting.booked' has no 'plce'; declare it in "
                "config/phin.yaml, or send another template, or let this one ask '{% if event.plce is defined %}'"
            ],
        ),
        (
            "[{event: tasting.booked}, {event: signup}]",
            ["event.place"],
            "- send: a",
            [
                "4:11: warning: the template 'a' shows 'event.place', which 'signup' comes without; send another "
                "template, or let this one ask '{% if event.place is defined %}'"
            ],
        ),
        ("purchase", ["percent"], "- {send: a, with: {percent: 10}}", []),
        (
            "purchase",
            ["percent"],
            "- {send: a, with: {percnt: 10}}",
            [
                "4:12: error: the template 'a' shows 'percent', which this step does not give it; add to 'with' of the "
                "step: percent: …"
            ],
        ),
        (
            "purchase",
            ["goods_vi", "order", "goods_en", "until"],
            "- send: a",
            [
                "4:11: error: the template 'a' shows 'goods_en', 'goods_vi' and 'until', which this step does not give "
                "it; add to the step: with: {goods_en: …, goods_vi: …, until: …}"
            ],
        ),
    ],
)
def test_a_send_that_can_never_be_made_is_told(trigger: str, needs: list[str], step: str, expected: list[str]) -> None:
    """Given what a template needs, then a send that cannot give it is an error, one that may not a warning."""
    text = f"flow: post-purchase\ntrigger: {trigger}\nsteps:\n  {step}\n"

    assert told(text, templates={"a": needs}) == expected


def test_a_flow_is_called_as_its_file() -> None:
    """Given a file of another name, then that is told."""
    assert told(with_line(""), file="flows/purchase.yaml") == [
        "1:7: error: the flow is called 'post-purchase' and its file 'purchase.yaml'; write: flow: purchase, or rename "
        "the file"
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "1:1: error: the file is empty"),
        ("# nothing yet\n", "1:1: error: the file is empty"),
        ("hello\n", "1:1: error: a flow is keys and values, such as 'flow: welcome'"),
        ("- send: a\n", "1:1: error: a flow is keys and values, such as 'flow: welcome'"),
        ("{}\n", "1:1: error: a flow needs 'flow', 'trigger' and 'steps'"),
        ("title: x\n", "1:1: error: a flow needs 'flow', 'trigger' and 'steps'"),
        ("flow: post-purchase\ntrigger: purchase\nsteps: []\n", "3:8: error: 'steps' holds no steps"),
        ("flow: post-purchase\ntrigger: purchase\nsteps: soon\n", "3:8: error: 'steps' is a list of steps"),
        ("flow: post-purchase\ntrigger: purchase\nsteps:\n", "3:1: error: 'steps' has no value"),
    ],
)
def test_a_file_that_is_no_flow_is_told(text: str, expected: str) -> None:
    """Given a file that lacks what every flow has, then that is told."""
    assert told(text) == [expected]


def test_a_step_that_cannot_be_read_makes_no_other_problem() -> None:
    """Given a step with a wrong verb that sends, then a click on what it sends is not called unknown."""
    text = with_step("  - sned: b\n  - wait: 1 day\n    until: clicked('b')")

    assert told(text) == ["5:5: error: there is no step 'sned'; did you mean 'send'?"]


def test_a_stored_version_is_read_when_the_shop_has_changed() -> None:
    """Given a version whose event and field the shop has declared no more, when it is read without a vocabulary,
    then it is read: its journeys go on."""
    text = with_line("when: customer.gone == 'a'\nexit: {event: lottery.won}")

    with pytest.raises(FileError):
        read_flow(text, "post-purchase.yaml", VOCABULARY)
    flow, problems = read_flow(text, "post-purchase.yaml", None)

    assert (flow.exits[0].event, problems) == ("lottery.won", ())


def test_no_more_than_a_hundred_problems_are_told() -> None:
    """Given a file with a thousand faults, then the first hundred are told, and how many there are."""
    found = told(with_step("  - sned: b\n" * 1_000))

    assert len(found) == 101
    assert found[-1].endswith("error: 900 more problems are not shown; mend these first")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("when: order.totl > 5 # big ones", ["'order.totl'", "' #'"]),
        ("when: order.total > # 5", ["' #'"]),
        ("title: Thanks # 1", ["' #'"]),
    ],
)
def test_what_a_hash_cuts_off_does_not_hide_what_stands_before_it(line: str, expected: list[str]) -> None:
    """Given unquoted words with a ' #', then that is told, and a wrong name before it too, but not where they end."""
    problems = told(with_line(line))

    assert len(problems) == len(expected)
    assert all(part in problem for part, problem in zip(expected, problems, strict=True)), problems
