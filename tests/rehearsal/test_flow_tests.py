"""Tests of flows are played by the engine and the sending rules, and tell exactly what happened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.rehearsed import Rehearsal, rehearsal
from worker.domain.errors import FileError

Open = Callable[..., Rehearsal]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Open]:
    """Opens a rehearsal of some flows."""
    with ExitStack() as stack:

        def opened(**given: Any) -> Rehearsal:
            return stack.enter_context(rehearsal(tmp_path, **given))

        yield opened


SIGNUP = """
    trigger: signup
    goal: {event: purchase, within: 7 days}
    exit: {event: purchase}
    steps:
      - send: hello
      - wait: 2 days
        at: "09:30"
      - if: customer.orders_count == 0
        then:
          - send: offer
            subject: "For {{ customer.name }}"
"""
GIVEN = """
    test: one
    flow: welcome
    given:
      customer: {name: Lan, timezone: Europe/Berlin}
      events:
        - {at: 2027-03-01 14:00, event: signup}
"""


def test_a_timeline_that_is_as_expected_passes(shop: Open) -> None:
    """Given what is seen, each mail at the customer's own time, then the test passes."""
    verdict = shop(welcome=SIGNUP).judge(
        GIVEN
        + """
    expect:
      - {at: 2027-03-01 14:00, send: hello, contains: Chào Lan}
      - {at: 2027-03-03 09:30, send: offer, subject: For Lan}
"""
    )

    assert verdict.passed


@pytest.mark.parametrize(
    ("expected", "wrong"),
    [
        ("- {at: 2027-03-01 14:00, send: hello}", "this was not expected"),
        (
            "- {at: 2027-03-01 14:00, send: hello}\n      - {at: 2027-03-03 09:31, send: offer}",
            "time",
        ),
        (
            "- {at: 2027-03-01 14:00, send: hello}\n      - {at: 2027-03-03 09:30, send: offer, subject: For Mai}",
            "subject",
        ),
        (
            "- {at: 2027-03-01 14:00, send: hello, contains: xyz}\n      - {at: 2027-03-03 09:30, send: offer}",
            "the mail does not hold 'xyz'",
        ),
        (
            "- {at: 2027-03-01 14:00, send: hello}\n      - {at: 2027-03-03 09:30, skip: offer}",
            "send instead of skip",
        ),
        (
            "- {at: 2027-03-01 14:00, send: hello}\n      - {at: 2027-03-03 09:30, send: offer}\n"
            "      - {at: 2027-03-04 09:30, exit: purchase}",
            "this did not happen",
        ),
    ],
)
def test_anything_more_or_less_or_else_fails(shop: Open, expected: str, wrong: str) -> None:
    """Given a line too few, too many, at another time or otherwise, then the test fails and says which."""
    verdict = shop(welcome=SIGNUP).judge(f"{GIVEN}    expect:\n      {expected}\n")

    assert not verdict.passed
    assert [one for pair in verdict.pairs for one in pair.wrong] == [wrong]


def test_a_goal_an_exit_and_what_was_taken_before(shop: Open) -> None:
    """Given an order meanwhile, then the timeline has the goal, credited to its mail, and the exit."""
    verdict = shop(welcome=SIGNUP).judge(
        GIVEN
        + """
        - {at: 2027-03-02 20:00, event: purchase, order: {number: A1, total: 145_000}}
    expect:
      - {at: 2027-03-01 14:00, send: hello}
      - {at: 2027-03-02 20:00, goal: purchase, send: hello}
      - {at: 2027-03-02 20:00, exit: purchase}
"""
    )

    assert verdict.passed


def test_what_was_before_the_test_begins_is_history(shop: Open) -> None:
    """Given an order before 'from', then it starts nothing, is no exit, and counts for conditions."""
    lines = shop(welcome=SIGNUP, thanks="trigger: purchase\nsteps:\n  - send: again\n").lines(
        """
        test: one
        flow: welcome
        with: thanks
        from: 2027-03-01
        given:
          events:
            - {at: 2027-02-01 10:00, event: purchase, order: {number: A1, total: 145_000}}
            - {at: 2027-03-01 14:00, event: signup}
        expect: []
        """
    )

    assert lines == ["2027-03-01 14:00 send hello"]


def test_a_refused_entry_tells_what_was_seen(shop: Open) -> None:
    """Given a condition that does not hold, then the line says so with its reason and the values behind it."""
    played = shop(dear="trigger: purchase\nwhen: order.total >= 300_000\nsteps:\n  - send: hello\n").play(
        """
        test: one
        flow: dear
        given: {events: [{at: 2027-03-01 14:00, event: purchase, order: {number: A1, total: 145_000}}]}
        expect: [{at: 2027-03-01 14:00, enter: false, reason: when}]
        """
    )

    (line,) = played.seen
    assert line.details["reason"] == "when"
    assert line.why == [{"text": "order.total >= 300_000", "seen": {"order.total": 145_000}, "holds": False}]


@pytest.mark.parametrize(
    ("customer", "sent"),
    [
        ("{}", "send hello"),
        ("{consent: no}", "skip hello"),
        ("{consent: unknown}", "skip hello"),
        ("{consent: {marketing: no}}", "skip hello"),
        ("{email: none}", "skip hello"),
    ],
)
def test_the_sending_rules_are_those_of_production(shop: Open, customer: str, sent: str) -> None:
    """Given a customer who may not be written to, then the mail is skipped; by default they may be."""
    lines = shop(welcome="trigger: signup\nsteps:\n  - send: hello\n").lines(
        f"""
        test: one
        flow: welcome
        given: {{customer: {customer}, events: [{{at: 2027-03-01 14:00, event: signup}}]}}
        expect: []
        """
    )

    assert lines == [f"2027-03-01 14:00 {sent}"]


CLICKS = """
    trigger: signup
    steps:
      - send: hello
      - wait: 3 days
        until: clicked("hello")
      - if: clicked("hello")
        then:
          - send: offer
        else:
          - exit: silent
"""


@pytest.mark.parametrize(
    ("given", "last"),
    [
        ("clicks: [{at: 2027-03-02 10:00, send: hello}]", "2027-03-02 10:00 send offer"),
        ("opens: [{at: 2027-03-02 10:00, send: hello}]", "2027-03-04 14:00 exit silent"),
        ("customer: {tracking: no}, clicks: [{at: 2027-03-02 10:00, send: hello}]", "2027-03-04 14:00 exit silent"),
        (
            "unsubscribes: [2027-03-02 10:00], clicks: [{at: 2027-03-02 11:00, send: hello}]",
            "2027-03-02 11:00 skip offer",
        ),
    ],
)
def test_what_the_customer_does_with_a_mail(shop: Open, given: str, last: str) -> None:
    """Given a click, an open or a refusal, then waits and rules hear of it, as far as it may be followed."""
    lines = shop(welcome=CLICKS).lines(
        f"""
        test: one
        flow: welcome
        given: {{{given}, events: [{{at: 2027-03-01 14:00, event: signup}}]}}
        expect: []
        """
    )

    assert lines == ["2027-03-01 14:00 send hello", last]


TASKS = """
    trigger: signup
    steps:
      - task: Call {{ customer.name }}
        name: call
        assign: care
        due: 2 days
        remind: 1 day
        overdue: 1 hour
        escalate: {to: manager, after: 1 day}
        hold: true
      - if: task_done("call")
        then:
          - send: hello
"""


def test_tasks_and_their_reminders(shop: Open) -> None:
    """Given a task that nobody does, then its reminders are told, each in working hours, and to whom it goes on."""
    verdict = shop(welcome=TASKS).judge(
        """
        test: one
        flow: welcome
        until: 2027-03-06
        given: {customer: {name: Lan}, events: [{at: 2027-03-01 14:00, event: signup}]}
        expect:
          - {at: 2027-03-01 14:00, task: Call Lan, to: mai, due: 2027-03-03 14:00}
          - {at: 2027-03-02 14:00, reminder: call, kind: before, to: mai}
          - {at: 2027-03-03 15:00, reminder: call, kind: overdue, to: mai}
          - {at: 2027-03-04 14:00, reminder: call, kind: escalated, to: linh}
        """
    )

    assert verdict.passed, verdict.pairs
    assert [pair.seen.name for pair in verdict.pairs if pair.seen] == ["Call Lan"] * 4  # as staff read it


@pytest.mark.parametrize(("outcome", "after"), [("done", ["send hello"]), ("not reached", [])])
def test_a_task_that_is_done_lets_the_journey_go_on(shop: Open, outcome: str, after: list[str]) -> None:
    """Given staff who close a task, then the journey that waits for it goes on with what came of it."""
    lines = shop(welcome=TASKS).lines(
        f"""
        test: one
        flow: welcome
        given:
          events: [{{at: 2027-03-01 14:00, event: signup}}]
          tasks_done: [{{at: 2027-03-01 16:00, task: call, outcome: {outcome}}}]
        expect: []
        """
    )

    assert lines == ["2027-03-01 14:00 task Call ", *(f"2027-03-01 16:00 {one}" for one in after)]


SPLIT = """
    trigger: signup
    holdout: 10%
    goal: {event: purchase, within: 7 days}
    steps:
      - split:
          plain: {weight: 99, then: [{send: hello}]}
          bold: {weight: 1, then: [{send: offer}]}
        name: tone
"""


@pytest.mark.parametrize(
    ("given", "seen"),
    [("branch: {tone: bold}", ["offer"]), ("branch: {tone: plain}", ["hello"]), ("control: yes", [])],
)
def test_what_falls_to_whom_is_chosen_by_the_test(shop: Open, given: str, seen: list[str]) -> None:
    """Given a split's way, or the holdout, then the test says what otherwise falls by a hash."""
    lines = shop(welcome=SPLIT).lines(
        f"""
        test: one
        flow: welcome
        given: {{{given}, events: [{{at: 2027-03-01 14:00, event: signup}}]}}
        expect: []
        """
    )

    assert lines == [f"2027-03-01 14:00 send {one}" for one in seen]


OWN = """
    trigger: signup
    steps:
      - add: {points: 10}
      - tag: club
      - coupon: welcome
        percent: 10%
      - emit: joined
        with: {place: "{{ customer.name }}"}
      - wait: 5 days
        until: redeemed("welcome")
      - if: redeemed("welcome")
        then:
          - send: hello
"""


def test_coupons_own_events_and_what_the_record_says_at_the_end(shop: Open) -> None:
    """Given a code, an own event and fields, then the timeline and the end have them; an order redeems the code."""
    settings = {"fields": {"points": "number"}, "events": {"joined": {"place": "text"}}}
    verdict = shop(welcome=OWN, settings=settings).judge(
        """
        test: one
        flow: welcome
        given:
          customer: {name: Lan, points: 5, tags: [early]}
          coupons: {welcome: [PHIN-1, PHIN-2]}
          events:
            - {at: 2027-03-01 14:00, event: signup}
            - at: 2027-03-02 10:00
              event: purchase
              order: {number: A1, total: 90_000, coupon: "{{ coupons.welcome.code }}"}
        expect:
          - {at: 2027-03-01 14:00, coupon: welcome, code: PHIN-1}
          - {at: 2027-03-01 14:00, emit: joined, with: {place: Lan}}
          - {at: 2027-03-02 10:00, send: hello}
        finally:
          customer: {points: 15, tags: [club, early]}
        """
    )

    assert verdict.passed, (verdict.faults, verdict.pairs)


def test_the_record_at_the_end_is_told_where_it_is_another(shop: Open) -> None:
    """Given another end than expected, then the test fails and says what it was."""
    verdict = shop(welcome="trigger: signup\nsteps:\n  - tag: club\n").judge(
        """
        test: one
        flow: welcome
        given: {events: [{at: 2027-03-01 14:00, event: signup}]}
        expect: []
        finally: {customer: {tags: [gold]}}
        """
    )

    assert verdict.faults == ("at the end customer.tags is ['club'], expected ['gold']",)


@pytest.mark.parametrize(
    ("trigger", "customer", "seen"),
    [
        (
            '{date: customer.birthday, offset: -3 days, every: year, at: "09:00"}',
            "{birthday: 1990-05-10}",
            "05-07 09:00",
        ),
        ("{date: 2027-05-08}", "{timezone: America/New_York}", "05-08 09:00"),
        ('{schedule: "0 9 * * mon"}', "{}", "05-03 09:00"),
    ],
)
def test_triggers_of_the_clock_come_once_where_no_end_is_said(
    shop: Open, trigger: str, customer: str, seen: str
) -> None:
    """Given a trigger of the clock and no end, then its next turn is played, on the customer's wall."""
    lines = shop(greeting=f"trigger: {trigger}\nsteps:\n  - send: hello\n").lines(
        f"{{test: one, flow: greeting, from: 2027-05-01, given: {{customer: {customer}}}, expect: []}}"
    )

    assert lines == [f"2027-{seen} send hello"]


def test_an_end_bounds_the_turns(shop: Open) -> None:
    """Given an end, then every turn up to it is played; one at which the customer is not taken is told."""
    lines = shop(
        greeting='trigger: {schedule: "0 9 * * mon"}\nwhen: customer.orders_count == 0\nsteps:\n  - send: hello\n'
    ).lines(
        """
        test: one
        flow: greeting
        from: 2027-05-01
        until: 2027-05-17
        given: {events: [{at: 2027-05-12 10:00, event: purchase, order: {number: A1, total: 1}}]}
        expect: []
        """
    )

    assert lines == ["2027-05-03 09:00 send hello", "2027-05-10 09:00 send hello", "2027-05-17 09:00 enter when"]


def test_a_customer_comes_into_a_segment_by_time_and_by_an_event(shop: Open) -> None:
    """Given a segment, then the customer enters when days have passed, and when an order brings them there."""
    segments = """
        lapsed: days_since(customer.last_order_at) >= 30
        repeat: customer.orders_count >= 2
    """
    made = shop(
        segments=segments,
        back="trigger: {segment: lapsed}\nsteps:\n  - send: hello\n",
        club="trigger: {segment: repeat}\nsteps:\n  - send: again\n",
    )
    order = "event: purchase, order: {number: %s, total: 90_000}"
    first, second = order % "A1", order % "A2"

    by_time = f"{{test: a, flow: back, given: {{events: [{{at: 2027-05-01 10:20, {first}}}]}}, expect: []}}"
    assert made.lines(by_time) == ["2027-05-31 11:00 send hello"]
    events = f"{{at: 2027-05-01 10:20, {first}}}, {{at: 2027-05-03 08:15, {second}}}"
    assert made.lines(f"{{test: b, flow: club, given: {{events: [{events}]}}, expect: []}}") == [
        "2027-05-03 08:15 send again"
    ]


def test_who_is_in_a_segment_already_has_not_come_in(shop: Open) -> None:
    """Given a customer whose past puts them into the segment, then nothing starts."""
    made = shop(
        segments="repeat: customer.orders_count >= 1\n", club="trigger: {segment: repeat}\nsteps:\n  - send: again\n"
    )

    lines = made.lines(
        """
        test: a
        flow: club
        from: 2027-05-10
        until: 2027-06-10
        given: {events: [{at: 2027-05-01 10:20, event: purchase, order: {number: A1, total: 90_000}}]}
        expect: []
        """
    )

    assert lines == []


def test_only_the_flow_and_those_beside_it_are_live(shop: Open) -> None:
    """Given another flow of the same trigger, then it runs only where the test names it, and shows no lines."""
    made = shop(
        one='trigger: signup\nwhen: not in_flow("two")\nsteps:\n  - send: hello\n',
        two="trigger: {event: checkout.started}\nsteps:\n  - wait: 5 days\n",
    )
    events = "{at: 2027-03-01 14:00, event: checkout.started}, {at: 2027-03-01 15:00, event: signup}"

    alone = made.lines(f"{{test: a, flow: one, given: {{events: [{events}]}}, expect: []}}")
    beside = made.lines(f"{{test: a, flow: one, with: [two], given: {{events: [{events}]}}, expect: []}}")

    assert alone == ["2027-03-01 15:00 send hello"]
    assert beside == ["2027-03-01 15:00 enter when"]


def test_what_cannot_happen_is_a_fault_with_its_place(shop: Open) -> None:
    """Given a click in a mail that never went out, then the test fails and says where."""
    verdict = shop(welcome=SIGNUP).judge(
        """
        test: one
        flow: welcome
        given:
          events: [{at: 2027-03-01 14:00, event: signup}]
          clicks: [{at: 2027-03-01 15:00, send: offer}]
        expect: [{at: 2027-03-01 14:00, send: hello}]
        """
    )

    assert verdict.faults == ("flows/tests/one.yaml:6:12: no mail 'offer' has gone out by 2027-03-01 15:00",)


def test_one_test_leaves_nothing_to_the_next(shop: Open) -> None:
    """Given a test played twice with another between, then all three see the same shop without a past."""
    made = shop(
        welcome="trigger: signup\nonce: ever\nsteps:\n  - send: hello\n",
        other="trigger: purchase\nsteps:\n  - send: again\n",
    )
    text = "{test: a, flow: %s, given: {events: [{at: 2027-03-01 14:00, event: %s}]}, expect: []}"
    order = "purchase, order: {number: A1, total: 1}"

    seen = [made.lines(text % given) for given in (("welcome", "signup"), ("other", order), ("welcome", "signup"))]

    assert seen == [["2027-03-01 14:00 send hello"], ["2027-03-01 14:00 send again"], ["2027-03-01 14:00 send hello"]]


def test_a_flow_that_is_paused_or_a_draft_can_be_tested(shop: Open) -> None:
    """Given a draft, then its test plays it as if it were live."""
    made = shop(welcome="trigger: signup\nstatus: draft\nsteps:\n  - send: hello\n")

    lines = made.lines("{test: a, flow: welcome, given: {events: [{at: 2027-03-01 14:00, event: signup}]}, expect: []}")

    assert lines == ["2027-03-01 14:00 send hello"]


def test_a_holdout_that_the_flow_does_not_have_is_told(shop: Open) -> None:
    """Given `control` for a flow without a holdout, then the file has an error."""
    with pytest.raises(FileError, match="has no holdout"):
        shop(welcome=SIGNUP).read(GIVEN + "      control: yes\n    expect: []\n")


PAID = """
    trigger: purchase
    kind: transactional
    steps:
      - wait: 2 days
      - send: review-invite
        when: order.status != "cancelled" and not did("refund", within="journey")
      - send: thank-you
        kind: marketing
"""


def test_a_sends_own_condition_is_asked_as_it_goes(shop: Open) -> None:
    """Given an order that is cancelled before its mail goes, then the timeline has the skip; a test may name the
    condition or not; the steps after it go on."""
    test = """
    test: one
    flow: paid
    given:
      customer: {name: Lan}
      events:
        - {at: 2027-03-01 14:00, event: purchase, order: {number: A1, total: 145_000}}
        - {at: 2027-03-02 14:00, event: order.cancelled, order: {number: A1}}
    expect:
      - {at: 2027-03-03 14:00, skip: review-invite, reason: %s}
      - {at: 2027-03-03 14:00, send: thank-you}
"""
    open_shop = shop(paid=PAID)
    whole = """'condition: order.status != "cancelled" and not did("refund", within="journey")'"""
    assert open_shop.judge(test % "condition").passed
    assert open_shop.judge(test % whole).passed
    assert not open_shop.judge(test % "exit").passed


@pytest.mark.parametrize(
    ("subject", "passes"), [("For Lan", True), ('"[QC] For Lan"', True), ("For Mai", False), ('"[AD] For Lan"', False)]
)
def test_a_subject_is_told_with_the_mark_of_advertising_or_without(shop: Open, subject: str, passes: bool) -> None:
    """Given a shop whose advertising is marked, then a test writes a subject as the author did, or as it goes out."""
    opened = shop(settings={"policy": {"subject_tag": "[QC]"}}, welcome=SIGNUP)
    expected = f"""
    expect:
      - {{at: 2027-03-01 14:00, send: hello}}
      - {{at: 2027-03-03 09:30, send: offer, subject: {subject}}}
"""
    assert opened.judge(GIVEN + expected).passed is passes
