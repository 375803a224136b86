"""The steps of a flow in JSON Schema: each verb with its options, as `worker.language.flow.steps` reads them."""

from __future__ import annotations

from worker.domain.messages import Kind
from worker.domain.tasks import Priority, TaskType
from worker.language.flow.steps import OPTIONS
from worker.language.schema.forms import (
    Form,
    by_language,
    duration,
    group,
    name,
    one_of,
    one_or_list,
    percentage,
    text,
    time_of_day,
    told,
    values,
    weekdays,
    words,
)
from worker.language.schema.names import SchemaNames

STEPS = {"$ref": "#/definitions/steps"}
RULE = ("event", "when")  # of an event that closes a task
HAND_ON = ("to", "after")
BRANCH = ("weight", "then")
CASE = ("when", "then")


def definitions(names: SchemaNames) -> dict[str, Form]:
    """Return the definitions that steps refer to: `steps`, and one for each verb."""
    forms = _forms(names)
    verbs = {
        verb: group(options, forms[verb], ("if", "then") if verb == "if" else (verb,))
        for verb, options in OPTIONS.items()
        if verb in forms
    }
    for verb, form in verbs.items():
        form["title"] = verb
    steps: Form = {
        "type": "array",
        "description": "Steps, in order; each begins with '- ' and has exactly one verb.",
        "items": {"anyOf": [{"$ref": f"#/definitions/{verb}-step"} for verb in verbs]},
    }
    return {"steps": steps, **{f"{verb}-step": form for verb, form in verbs.items()}}


def _forms(names: SchemaNames) -> dict[str, dict[str, Form]]:
    """Return the forms of each verb's options."""
    called = told(
        name(), "The step's name: unique in the flow, and it survives edits. Customers under way stand at it."
    )
    forms = {
        "send": _send(names),
        "wait": {
            "wait": told(duration(), "A pause: minutes, hours, days, weeks, months or years.", "- wait: 3 days"),
            "at": told(time_of_day(), "The time of day at which it ends, in the customer's own zone.", 'at: "09:00"'),
            "on": told(weekdays(), "The weekdays on which it may end.", "on: [mon, fri]"),
            "until": told(text(), "A condition that ends it early, at once if it holds already.", "until: ordered()"),
        },
        "if": {
            "if": told(text(), "The condition that chooses the way.", "- if: order.total >= 1_000_000"),
            "then": told(STEPS, "The steps where it holds."),
            "else": told(STEPS, "The steps where it does not."),
        },
        "choose": {
            "choose": told(
                {"type": "array", "items": group(CASE, _case(), CASE)},
                "Several ways, each with its condition: the first that holds is taken.",
                "- choose:\n    - {when: order.total >= 1_000_000, then: [{send: vip}]}\n"
                "    - {when: order.total >= 300_000, then: [{send: thanks}]}",
            ),
            "else": told(STEPS, "The steps where none of the conditions holds."),
        },
        "split": {
            "split": told(
                {"type": "object", "minProperties": 2, "additionalProperties": group(BRANCH, _branch(), BRANCH)},
                "Named branches of which each journey takes one, always the same, by chance as their weights say.",
                "- split:\n    plain: {weight: 1, then: []}\n    bold: {weight: 1, then: [{send: welcome}]}",
            )
        },
        "task": _task(names),
        "coupon": {
            "coupon": told(name(), "A code of the customer's own, by name: {{ coupons.NAME.code }} in templates."),
            "percent": told(text(), "What it takes off, in percent."),
            "amount": told(text(), "What it takes off, in the shop's currency."),
            "expires": told(duration(), "How long it is good for."),
            "prefix": told(text(), "What made codes begin with."),
        },
        "set": {"set": values("Writes the customer's own fields.", _fields(names), others=names.fields is None)},
        "add": {"add": values("Adds to own fields that are numbers.", _fields(names), others=names.fields is None)},
        "tag": {"tag": told(one_or_list(text()), "Gives the customer a tag, or several.", "- tag: coffee-club")},
        "untag": {"untag": told(one_or_list(text()), "Takes a tag from the customer, or several.")},
        "suppress": {"suppress": told(text(), "No more marketing until they subscribe, click or buy; the reason.")},
        "emit": {
            "emit": told(one_of(names.events), "Reports an event of your own, which other flows may start on."),
            "with": values("The event's fields."),
        },
        "webhook": {
            "webhook": told(text(), "Tells another system by a signed POST to this address."),
            "with": values("What it is told."),
        },
        "exit": {"exit": told(text(), "Ends the journey, with a reason.", "- exit: has ordered again")},
    }
    return {verb: {"name": called, **options} for verb, options in forms.items()}


def _case() -> dict[str, Form]:
    return {"when": told(text(), "The condition of this way."), "then": told(STEPS, "Its steps.")}


def _branch() -> dict[str, Form]:
    weight = told(percentage(), "Its weight beside the others: a number, or percentages that make a hundred.")
    return {"weight": weight, "then": told(STEPS, "Its steps; the list may be empty.")}


def _fields(names: SchemaNames) -> dict[str, Form]:
    return {field: told(text(), f"The customers' own field '{field}' ({kind})") for field, kind in names.own_fields}


def _send(names: SchemaNames) -> dict[str, Form]:
    return {
        "send": told(one_of(names.templates), "Sends this template.", "- send: thank-you"),
        "subject": told(by_language(names.languages), "Another subject than the template's."),
        "from": told(text(), "Another sender's name than the template's; the address stays."),
        "with": values("Values for the template, by name."),
        "when": told(
            text(),
            "Asked as it goes out; where it does not hold, nothing is sent.",
            'when: order.status != "cancelled"',
        ),
        "expires": told(duration(), "A mail that could not go out so long after this step is skipped."),
        "kind": told(words(kind.value for kind in Kind), "'marketing' for a mail within a transactional flow."),
        "to": told(one_of(names.staff), "A person or role of the staff who get it, instead of the customer."),
    }


def _task(names: SchemaNames) -> dict[str, Form]:
    rule = {
        "event": told(one_of(names.events), "An event of the journey's own order or request."),
        "when": told(text(), "A condition in which 'event' is that event."),
    }
    hand_on = {
        "to": told(one_of(names.staff), "Who gets it then: a person or a role."),
        "after": told(duration(), "How long after it was due."),
    }
    return {
        "task": told(
            by_language(names.languages),
            "Something for the staff to do: its title.",
            "- task: Call {{ customer.name }}\n  assign: care\n  due: 2 days",
        ),
        "note": told(by_language(names.languages), "More than the title, in one line or several."),
        "assign": told(one_of(names.staff), "Who does it: a person, or a role, of which the next in turn gets it."),
        "due": told(duration(), "How long after it came it is to be done."),
        "remind": told(one_or_list(duration()), "How long before it is due it is reminded of.", "remind: [1 day]"),
        "overdue": told(duration(), "How long after it was due its assignee is told that it is late."),
        "escalate": told(group(HAND_ON, hand_on, HAND_ON), "Hands it on to somebody else when it is late."),
        "type": told(words(one.value for one in TaskType), "What kind of work it is."),
        "priority": told(words(one.value for one in Priority), "How urgent it is."),
        "close_when": told(
            {"anyOf": [text(), group(RULE, rule, ("event",))]},
            "What closes it by itself: a condition, or an event.",
            "close_when: {event: support.closed}",
        ),
        "hold": told(words(["true", "false"]), "Whether the journey waits until it is closed."),
    }
