"""Tests of flows in JSON Schema, as `worker.language.flow_tests.files` reads them."""

from __future__ import annotations

from worker.domain.tasks import BY_STAFF
from worker.language.flow_tests.expected import KINDS, OPTIONS
from worker.language.flow_tests.files import KEYS, NEEDED
from worker.language.flow_tests.given import GIVEN
from worker.language.schema.forms import Form, group, one_of, one_or_list, text, told, words
from worker.language.schema.names import SchemaNames

EVENT = ("at", "event", "order", "data", "customer")
LOOK = ("at", "send")
DONE = ("at", "task", "outcome", "by")
_MOMENT = r"^\s*\d{4}-\d{2}-\d{2}[ T]\d{1,2}:\d{2}(:\d{2})?\s*$"
_DAY = r"^\s*\d{4}-\d{2}-\d{2}([ T]\d{1,2}:\d{2}(:\d{2})?)?\s*$"


def tests_schema(names: SchemaNames) -> Form:
    """Return the schema of a file of tests: one, or a list of them."""
    forms = {
        "test": told(text(), "What it shows, in a sentence.", "test: a silent buyer gets a call"),
        "flow": told(one_of(names.flows), "The flow that is tested."),
        "with": told(one_or_list(one_of(names.flows)), "Other flows that run beside it."),
        "from": _bound("When the test begins; else with the first thing that is given."),
        "until": _bound("When it ends; else where nothing more is due."),
        "given": told(group(GIVEN, _given(names)), "The customer, and what happens."),
        "expect": told(
            {"type": "array", "items": {"anyOf": _lines()}},
            "The exact timeline: anything more or less fails.",
            "expect:\n  - {at: 2027-03-01 14:00, send: thank-you}",
        ),
        "finally": told(
            group(("customer",), {"customer": _group("Own fields and tags at the end.")}, ("customer",)),
            "What the customer's record says at the end.",
        ),
    }
    return one_or_list(group(KEYS, forms, NEEDED))


def _given(names: SchemaNames) -> dict[str, Form]:
    event = {
        "at": _moment(),
        "event": told(one_of(names.events), "What the shop reports."),
        "order": _group("The order that it is about.", "order: {number: A1, total: 450_000}"),
        "data": _group("The event's own fields."),
        "customer": _group("What the shop says of the customer with it."),
    }
    done = {
        "at": _moment(),
        "task": told(text(), "The step that gave the task."),
        "outcome": told(words(one.value for one in BY_STAFF), "How it was closed."),
        "by": told(text(), "Who closed it."),
    }
    looks = one_or_list(group(LOOK, _look(), LOOK))
    return {
        "customer": _group("The customer; consent and tracking are yes unless given.", "customer: {name: Lan}"),
        "events": told(one_or_list(group(EVENT, event, ("at", "event"))), "What the shop reports."),
        "opens": told(looks, "Mails that the customer opens."),
        "clicks": told(looks, "Mails that the customer clicks in."),
        "tasks_done": told(one_or_list(group(DONE, done, ("at", "task"))), "Tasks that staff close."),
        "unsubscribes": told(
            one_or_list({"anyOf": [_moment(), group(LOOK, _look(), ("at",))]}), "When the customer refuses mail."
        ),
        "confirms": told(
            one_or_list({"anyOf": [_moment(), group(LOOK, _look(), ("at",))]}),
            "When the customer says yes by a mail's button.",
        ),
        "coupons": _group("Codes that the shop loaded, by coupon.", "coupons: {birthday: [A-1, A-2]}"),
        "foretold": _group(
            "What the nightly forecast says of the customer.", "foretold: {alive: 0.8, next_order_at: 2027-03-20 10:00}"
        ),
        "out_of_stock": told(one_or_list(text()), "Articles that the shop has none of, by SKU."),
        "control": told(text(), "yes: the customer is set aside by the flow's holdout."),
        "branch": _group("For a split, the way that is taken.", "branch: {STEP: bold}"),
        "from": _bound("When the test begins."),
        "until": _bound("When it ends."),
    }


def _lines() -> list[Form]:
    forms = {
        "at": _moment(),
        "send": told(text(), "A mail goes out: the step's name."),
        "skip": told(text(), "A mail is held back for good: the step's name."),
        "task": told(text(), "A task comes: its title."),
        "reminder": told(text(), "A reminder of a task goes out: the task's title."),
        "coupon": told(text(), "A coupon is given."),
        "emit": told(text(), "An event is reported."),
        "goal": told(text(), "The goal is reached: its event."),
        "held": told(text(), "The step at which a journey waits for what is lacking."),
        "exit": told(text(), "The journey ends early."),
        "enter": told(text(), "false: the customer does not enter.", "enter: false"),
        "subject": told(text(), "The mail's subject."),
        "contains": told(one_or_list(text()), "What stands in the mail, or the reason's own words."),
        "to": told(text(), "Who of the staff gets it."),
        "reason": told(text(), "Why."),
        "due": _moment(),
        "kind": told(words(KINDS), "Which of its reminders."),
        "code": told(text(), "The coupon's code."),
        "with": _group("The event's fields."),
        "event": told(text(), "The event that would have started it."),
    }
    return [
        group(("at", what.value, *(key for key in options if key != what.value)), forms, ("at", what.value))
        for what, options in OPTIONS.items()
    ]


def _look() -> dict[str, Form]:
    return {"at": _moment(), "send": told(text(), "The step that sent the mail.")}


def _moment() -> Form:
    form: Form = {"type": "string", "pattern": _MOMENT}
    return told(form, "When, as the customer's clock shows it.", "at: 2027-03-01 14:00")


def _bound(about: str) -> Form:
    return told({"type": "string", "pattern": _DAY}, about, "2027-03-01")


def _group(about: str, example: str = "") -> Form:
    return told({"type": "object"}, about, example)
