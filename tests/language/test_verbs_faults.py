"""Whatever is wrong with a verb is told, once, with its place and what to write instead."""

from __future__ import annotations

import pytest

from tests.language.samples import problems_of, told, with_line, with_step

FIELD = "an own field is declared in config/phin.yaml: fields:"
STEPS = {
    # choose
    "choose as a group": (
        "  - choose: {when: ordered(), then: []}",
        "5:13: error: 'choose' is a list of cases, each with 'when' and 'then'; begin each of them with '- when: …'",
    ),
    "no cases": ("  - choose: []", "'choose' holds no cases; for example [{when: ordered(), then: […]}]"),
    "a case without when": ("  - choose: [{then: []}]", "5:15: error: a case of 'choose' needs 'when'"),
    "a case without then": ("  - choose: [{when: ordered()}]", "5:15: error: a case of 'choose' needs 'then'"),
    "a misspelt case": ("  - choose: [{wehn: ordered(), then: []}]", "unknown key 'wehn' in a case of 'choose'; did"),
    "else in the list": (
        "  - choose:\n      - {when: ordered(), then: []}\n      - else: [{exit: x}]",
        "7:9: error: 'else' stands beside 'choose', not in its list; begin it right below 'choose', without '- '",
    ),
    "a wrong condition of a case": (
        "  - choose: [{when: order.totl > 1, then: []}]",
        "5:21: error: 'order.totl' is not known; did you mean 'order.total'?",
    ),
    # coupon
    "a coupon's name with a dash": (
        "  - coupon: thank-you",
        "5:13: error: a coupon's name is made of at most 50 letters (a to z), digits and '_'; 'thank-you' is not; "
        "write: coupon: thank_you",
    ),
    "a coupon's name that templates take for another": ("  - coupon: items", "'items' means something else in temp"),
    "percent and amount": (
        "  - {coupon: a, percent: 10%, amount: 5_000}",
        "5:31: error: a coupon takes off a percentage or an amount, not both; keep one of 'percent' and 'amount'",
    ),
    "more than all": (
        "  - {coupon: a, percent: 110%}",
        "5:26: error: 'percent' is a percentage from 1% to 100%, not '110%'",
    ),
    "less than one percent": ("  - {coupon: a, percent: 0.1}", "'percent' is a percentage from 1% to 100%, not '0.1'"),
    "no amount": ("  - {coupon: a, amount: 0}", "'amount' is more than nothing; for example 50_000"),
    "an amount as people write it": (
        "  - {coupon: a, amount: 50.000đ}",
        "5:25: error: 'amount' is an amount such as 50_000, not '50.000đ'; write: 50_000",
    ),
    "an amount in thousands": ("  - {coupon: a, amount: 50k}", "not '50k'; write: 50_000"),
    "a coupon that is never good": ("  - {coupon: a, expires: 0 days}", "'expires' is longer than nothing"),
    "a prefix in small letters": (
        "  - {coupon: a, prefix: lan-}",
        "5:25: error: 'prefix' is made of the letters A to Z and digits; 'lan-' is not; write: prefix: LAN",
    ),
    "a long prefix": ("  - {coupon: a, prefix: ABCDEFGHIJKLM}", "'prefix' has at most 12 characters"),
    "a coupon twice": (
        "  - coupon: a\n  - coupon: a",
        "6:13: error: a journey that comes here has the coupon 'a' of line 5; give this one another name: coupon: a_2",
    ),
    "a coupon before and in a way": (
        "  - coupon: a\n  - if: ordered()\n    then: [{coupon: a}]",
        "has the coupon 'a' of line 5",
    ),
    "a coupon in a way and after": (
        "  - split: {x: {weight: 1, then: [{coupon: a}]}, y: {weight: 1, then: []}}\n  - coupon: a",
        "has the coupon 'a' of line 5",
    ),
    # where coupons are named
    "a coupon that comes later": (
        "  - {send: b, subject: '{{ coupons.a.code }}'}\n  - coupon: a",
        "5:28: error: a journey has no coupon 'a' here; before this, give one: - coupon: a",
    ),
    "a coupon of another way": (
        "  - if: ordered()\n    then: [{coupon: a}]\n    else: [{task: 'Tell {{ coupons.a.code }}'}]",
        "a journey has no coupon 'a' here",
    ),
    "a part that a coupon has not": (
        "  - coupon: a\n  - {send: b, with: {x: '{{ coupons.a.cod }}'}}",
        "6:29: error: a coupon has no 'cod'; did you mean 'code'?",
    ),
    "a coupon without a part": (
        "  - coupon: a\n  - {send: b, with: {x: '{{ coupons.a }}'}}",
        "a coupon is named with its part: coupons.NAME.code",
    ),
    "a coupon in a condition": (
        "  - coupon: a\n  - {wait: 1 day, until: coupons.a.percent > 5}",
        '6:26: error: coupons stand in texts, not in conditions; ask redeemed("a")',
    ),
    "a coupon in a field": (
        "  - coupon: a\n  - {set: {favourite: '{{ coupons.a.code }}'}}",
        "a journey has no coupon 'a' here",
    ),
    # a send's own condition
    "a condition that names what cannot be": (
        "  - {send: b, when: order.statu == 'paid'}",
        "5:21: error: 'order.statu' is not known; did you mean 'order.status'?",
    ),
    "a condition that cannot be read": ("  - {send: b, when: order.total >}", "5:"),
    # set and add
    "a field that is not declared": (
        "  - set: {level: 3}",
        f"5:11: error: there is no own field 'level'; {FIELD} {{level: number}}",
    ),
    "a field that is not declared, by its looks a date": ("  - set: {born: 2027-03-08}", f"{FIELD} {{born: date}}"),
    "a misspelt field": ("  - set: {favorite: x}", "there is no own field 'favorite'; did you mean 'favourite'?"),
    "a field of the record": (
        "  - set: {name: Lan}",
        "5:11: error: 'name' is part of the customer's record, and no field of your own; only what the shop reports "
        "changes it",
    ),
    "tags as a field": ("  - set: {tags: x}", "write: - tag: …"),
    "nothing to set": ("  - set: {}", "'set' names no field; for example set: {points: 10}"),
    "set as a text": ("  - set: points", "5:10: error: 'set' is a group of own fields with their values, such as"),
    "a text for a number": ("  - set: {points: abc}", "5:19: error: 'points' is a number, not 'abc'; for example"),
    "a percentage for a number": ("  - set: {points: 10%}", "'points' is a number, not '10%'; write: 10"),
    "a word for yes": (
        "  - set: {member: maybe}",
        "5:19: error: 'member' is true or false, not 'maybe'; write true or false",
    ),
    "a misspelt yes": ("  - set: {member: ture}", "did you mean 'true'?"),
    "a day as people write it": (
        "  - set: {member_since: 8/3/2027}",
        "5:25: error: 'member_since' is a date, not '8/3/2027'; write: 2027-03-08",
    ),
    "a day that no month has": ("  - set: {member_since: 2027-02-30}", "'member_since' is a date, not '2027-02-30'"),
    "a day for a time": ("  - set: {called_at: 2027-03-08}", 'for example "2027-03-08T14:00:00+07:00"'),
    "an expression of another type": (
        "  - set: {points: '{{ customer.name }}'}",
        "5:20: error: 'points' is a number, and 'customer.name' is a text",
    ),
    "now for a day": ("  - set: {member_since: '{{ now }}'}", "and 'now' is a time; write {{ today }}"),
    "a list for a text": ("  - set: {favourite: '{{ customer.tags }}'}", "and 'customer.tags' is a list"),
    "a number that is put together": (
        "  - set: {points: '1{{ order.total }}'}",
        "'points' is a number, and this is put together to a text; write one value",
    ),
    "a name in a field that is not known": (
        "  - set: {points: '{{ order.totl }}'}",
        "5:23: error: 'order.totl' is not known; did you mean 'order.total'?",
    ),
    "no value": ("  - set: {favourite: }", "'favourite' has no value; an empty text is written"),
    "adding to a text": (
        "  - add: {favourite: 1}",
        "5:11: error: 'favourite' is a text, and only numbers can be added to; write: - set: {favourite: …}",
    ),
    "adding to what is not declared": ("  - add: {stars: 1}", f"{FIELD} {{stars: number}}"),
    "adding a text": ("  - add: {points: many}", "'points' is a number, not 'many'"),
    "adding to a fact": ("  - add: {orders_count: 1}", "'orders_count' is part of the customer's record"),
    # tags
    "no tag": ("  - tag: []", "'tag' names no tag; for example tag: coffee-club"),
    "a tag of two lines": ('  - tag: "a\\nb"', "'tag' is one line; it holds a line break"),
    "a long tag": (f"  - untag: {'a' * 51}", "a tag has at most 50 characters, this one has 51"),
    "a tag twice": ("  - tag: [a, a]", "5:14: error: the tag 'a' is named twice"),
    "a tag of the customer's": ("  - tag: 'x {{ customer.name }}'", "a tag is the same for everyone"),
    "tags in a group": ("  - tag: {a: b}", "'tag' is a tag such as coffee-club, or a list of them, not a group of"),
    # suppress
    "no reason": ('  - suppress: ""', "5:15: error: 'suppress' is empty"),
    "a reason of the customer's": ("  - suppress: 'x {{ customer.name }}'", "the reason of 'suppress' is the same for"),
    # emit
    "an event of the house": (
        "  - emit: purchase",
        "5:11: error: 'purchase' is an event of the house: the shop reports it, and facts follow from it; report one "
        "of your own, declared in config/phin.yaml: events: {coffee.promised: {}}",
    ),
    "an event that is not declared": (
        "  - emit: coffee.promised",
        "5:11: error: there is no event 'coffee.promised'; an event of your own is declared in config/phin.yaml: "
        "events: {coffee.promised: {}}",
    ),
    "a misspelt event": ("  - emit: tasting.boked", "did you mean 'tasting.booked'?"),
    "a field that the event has not": (
        "  - {emit: tasting.booked, with: {date: 2027-03-08}}",
        "5:35: error: the event 'tasting.booked' has no field 'date'; declare it in config/phin.yaml: "
        "events: {tasting.booked: {date: date}}",
    ),
    "a misspelt field of an event": ("  - {emit: tasting.booked, with: {plase: x}}", "did you mean 'place'?"),
    "what Phin gives an event": (
        "  - {emit: tasting.booked, with: {order_number: x}}",
        "'order_number' is the number of the event's order, which Phin gives it",
    ),
    "a wrong value of an event": ("  - {emit: tasting.booked, with: {seats: two}}", "'seats' is a number, not 'two'"),
    # webhook
    "an address without a scheme": (
        "  - webhook: example.com/hook",
        "5:14: error: 'webhook' is an address that begins with 'https://' or 'http://'; "
        "write: webhook: https://example.com/hook",
    ),
    "an address of another kind": ("  - webhook: ftp://example.com", "'webhook' is an address that begins with"),
    "an address without a host": ("  - webhook: https:///x", "'https:///x' is no address of a web server"),
    "a port that is none": ("  - webhook: https://example.com:eight/x", "is no address of a web server"),
    "an address with a blank": ("  - webhook: https://example.com/a b", "is no address of a web server"),
    "an address with a value": (
        "  - webhook: 'https://example.com/{{ customer.id }}'",
        "the address is the same for everyone; '{{ }}' cannot stand in it; give what differs in 'with'",
    ),
    "an address with a password": ("  - webhook: https://me:secret@example.com", "holds no user and no password"),
    "an address with a fragment": ("  - webhook: https://example.com/#a", "what follows '#' is never sent"),
    "an address that others read": (
        "  - webhook: http://example.com",
        "5:14: warning: whoever is on the way can read and change what is told to an address without https; "
        "write https://",
    ),
    "a value's name": ("  - {webhook: https://example.com, with: {a-b: 1}}", "a value's name is made of letters"),
}


@pytest.mark.parametrize(("step", "expected"), STEPS.values(), ids=STEPS.keys())
def test_a_wrong_verb_is_told(step: str, expected: str) -> None:
    """Given one wrong verb in a good flow, then it alone is told."""
    found = told(with_step(step))

    assert len(found) == 1, found
    assert expected in found[0]


LINES = {
    "holdout: 0%": (
        "5:10: error: 'holdout' is a percentage of more than 0% and less than 100%, not '0%'; for example 10%"
    ),
    "holdout: 100%": "more than 0% and less than 100%, not '100%'",
    "holdout: -5%": "not '-5%'",
    "holdout: some": "not 'some'",
    "holdout: 10": "5:10: error: 'holdout' is a percentage, not '10'; write: holdout: 10%",
    "holdout: 0.1": "'holdout' is a percentage, not '0.1'; write: holdout: 10%",
    "again: restrat": "5:8: error: 'again' is 'ignore' or 'restart', not 'restrat'; did you mean 'restart'?",
    "once: ever\nagain: restart": (
        "6:8: error: with 'once: ever' nobody comes a second time, so that nothing starts over; "
        "let customers enter more often: once: per event"
    ),
    "when: coupons.a.percent > 1": "5:7: error: coupons stand in texts, not in conditions",
}


@pytest.mark.parametrize(("line", "expected"), LINES.items())
def test_a_wrong_holdout_or_again_is_told(line: str, expected: str) -> None:
    """Given a wrong key of a flow, then it alone is told."""
    found = [one for one in told(with_line(line)) if " error: " in one]

    assert len(found) == 1, found
    assert expected in found[0]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (
            "holdout: 10%",
            "5:1: warning: 'holdout' leaves customers out, and without 'goal' there is nothing to compare",
        ),
        ("kind: transactional\nholdout: 10%", "6:1: warning: 'holdout' leaves customers out who wait for these mails"),
    ],
)
def test_a_holdout_that_helps_nobody_is_warned_of(lines: str, expected: str) -> None:
    """Given a holdout without a goal, or of a transactional flow, then a warning tells."""
    (found,) = told(with_line(lines))

    assert found.startswith(expected)


GOOD = [
    "  - if: ordered()\n    then: [{coupon: a, percent: 10}]\n    else: [{coupon: a, amount: 5_000}]\n"
    "  - {send: b, subject: '{{ coupons.a.code }}'}",
    "  - split:\n      x: {weight: 1, then: [{coupon: a}, {send: b, subject: '{{ coupons.a.code }}'}]}\n"
    "      y: {weight: 1, then: [{coupon: a}]}",
    "  - choose: [{when: ordered(), then: [{coupon: a}]}]\n    else: [{coupon: a}]\n"
    "  - task: 'Tell {{ coupons.a.code }}'\n    note: 'Good until {{ coupons.a.expires_at }}'",
    "  - if: ordered()\n    then:\n      - coupon: a\n      - if: order.total > 5\n        then: [{exit: x}]\n"
    "        else: [{exit: y}]\n  - coupon: a",
    "  - set: {favourite: '{{ none }}', points: '{{ none }}', member: TRUE}",
    "  - set: {favourite: '{{ order.total }}', member: '{{ order.total > 5 }}'}",
    "  - set: {member_since: '{{ customer.birthday }}', called_at: '{{ event.at }}'}",
    "  - add: {points: '{{ order.total // 1000 }}', last_total: -0.5}",
    "  - emit: tasting.booked",
    "  - webhook: https://example.com/a?b={c}",
]


@pytest.mark.parametrize("step", GOOD)
def test_what_is_right_is_not_told(step: str) -> None:
    """Given coupons of one name on ways that exclude each other, and values of their types, then nothing is told."""
    assert told(with_step(step)) == []


def test_a_coupon_step_that_cannot_be_read_makes_no_other_problem() -> None:
    """Given a coupon step with a misspelt verb, then a text that shows the coupon is not told too."""
    text = with_step("  - cupon: a\n  - {send: b, subject: '{{ coupons.a.code }}'}")

    assert told(text) == ["5:5: error: there is no step 'cupon'; did you mean 'coupon'?"]


@pytest.mark.parametrize("opens", ["{if: ordered(), then: [", "{choose: [{when: ordered(), then: ["])
def test_forks_a_thousand_deep_are_refused_with_their_place(opens: str) -> None:
    """Given forks within forks, a thousand deep, then one problem says so, where it becomes too much."""
    closes = opens.translate(str.maketrans("{[", "}]", "abcdefghijklmnopqrstuvwxyz:, ()"))[::-1]
    found = problems_of(with_step(f"  - {opens * 1_000}{{exit: x}}{closes * 1_000}"))

    assert [problem.message for problem in found] == ["groups and lists are nested more than 60 deep here"]
    assert (found[0].place.line, found[0].place.column < 1_500) == (5, True)


def test_a_choice_of_hundreds_is_read() -> None:
    """Given a choice of 300 cases, each with a coupon that it shows, then it is read, and a fault in the last told."""
    case = "      - {{when: order.total == {0}, then: [{{coupon: c{0}}}, {{send: b, name: s{0}, subject: '{1}'}}]}}\n"
    shown = [case.format(number, f"{{{{ coupons.c{number}.code }}}}") for number in range(300)]
    shown[-1] = shown[-1].replace("coupons.c299", "coupons.c0")

    assert told(with_step("  - choose:\n" + "".join(shown))) == [
        "305:94: error: a journey has no coupon 'c0' here; before this, give one: - coupon: c0"
    ]


def test_a_flow_of_hundreds_of_steps_after_forks_knows_all_coupons() -> None:
    """Given forks one after the other, each with a coupon in one way, then the texts after them may show each."""
    fork = "  - if: order.total > {0}\n    then: [{{coupon: c{0}}}]\n"
    forks = "".join(fork.format(number) for number in range(40))
    shows = " ".join(f"{{{{ coupons.c{number}.code }}}}" for number in range(40))

    assert told(with_step(forks + f"  - {{task: Call, note: '{shows}'}}")) == []
