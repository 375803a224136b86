"""A flow's file in JSON Schema: its keys, triggers, exits and goal, as `worker.language.flow.flows` reads them."""

from __future__ import annotations

from worker.domain.flows import FlowStatus, OnceKind
from worker.domain.messages import Kind
from worker.domain.tasks import Priority
from worker.domain.utm import PARTS
from worker.language.flow.flows import KEYS
from worker.language.flow.triggers import EVERY, FORMS, SHORT_TRIGGERS
from worker.language.schema.forms import (
    Form,
    by_language,
    duration,
    group,
    name,
    offset,
    one_of,
    one_or_list,
    percentage,
    text,
    time_of_day,
    told,
    words,
)
from worker.language.schema.names import SchemaNames
from worker.language.schema.steps import STEPS, definitions

NEEDED = ("flow", "trigger", "steps")
EXIT = ("event", "when")
GOAL = ("event", "within", "when")
_ONCE = [kind.value for kind in OnceKind if kind not in (OnceKind.SPAN, OnceKind.EACH)]


def flow_schema(names: SchemaNames) -> Form:
    """Return the schema of a flow's file."""
    forms: dict[str, Form] = {
        "flow": told(name(), "The flow's name: the file's own name without '.yaml'.", "flow: post-purchase"),
        "title": told(by_language(names.languages), "What people call it; the same for everyone."),
        "kind": told(
            words(kind.value for kind in Kind),
            "'marketing' needs the customer's consent; 'transactional' follows from an order or a request.",
        ),
        "topic": told(
            one_of(names.topics), "What its marketing is about; customers may leave a topic out.", "topic: offers"
        ),
        "status": told(
            words(status.value for status in FlowStatus),
            "'live': customers enter. 'draft': checked, never runs. 'paused': nobody enters, nothing is sent.",
        ),
        "trigger": told(_triggers(names), "What starts it; of a list, any.", "trigger: purchase"),
        "when": told(text(), "Who enters: a condition, asked once, at the trigger.", "when: order.total >= 300_000"),
        "once": told(
            {"anyOf": [words(_ONCE), {"type": "string", "pattern": r"^\s*(ever|per\s+\S.*)$"}]},
            "How often a customer may enter.",
            "once: per 30 days",
        ),
        "again": told(words(["restart", "ignore"]), "An entry while a journey is under way starts that one over."),
        "exit": told(one_or_list(_exit(names)), "What ends a journey early.", "exit: [{event: refund}]"),
        "goal": told(_goal(names), "What counts as success.", "goal: {event: purchase, within: 14 days}"),
        "holdout": told(percentage(), "The share that is set aside, so that the lift can be seen.", "holdout: 10%"),
        "utm": told(_utm(), "What its mails' links tell the shop's web statistics.", "utm: {campaign: tet-2027}"),
        "priority": told(
            words(one.value for one in Priority),
            "Whose advertising goes first where a cap leaves an address no room for all.",
            "priority: high",
        ),
        "steps": told(STEPS, "What happens, in order."),
    }
    return {**group(KEYS, forms, NEEDED), "definitions": definitions(names)}


def _triggers(names: SchemaNames) -> Form:
    beside = {
        "offset": told(offset(), "So long before (negative) or after.", "offset: -3 days"),
        "every": told(words(EVERY), "'year' has it come each year."),
        "at": told(time_of_day(), "The time of day; 09:00 where nothing is said."),
        "zone": told(words(["shop"]), "'shop' makes it one moment for all; else each customer's own zone counts."),
        "within": told(duration(), "How old an event may be, when it comes in, that still starts the flow."),
    }
    own = {
        "event": told(one_of(names.events), "An event of the house's or of the shop's own.", "{event: refund}"),
        "date": told(_date(names), "A date in the customer's record, or one day.", "{date: 2027-03-08}"),
        "season": told(one_of(names.seasons), "A season of config/seasons.yaml.", "{season: tet, offset: -21 days}"),
        "segment": told(one_of(names.segments), "When a customer comes into this segment.", "{segment: lapsed}"),
        "schedule": told(text(), "A crontab line: minute, hour, day, month, weekday.", '{schedule: "0 9 * * mon"}'),
    }
    forms = [group((form, *keys), {**own, **beside}, (form,)) for form, keys in FORMS.items()]
    return one_or_list({"anyOf": [words(SHORT_TRIGGERS), *forms]})


def _utm() -> Form:
    parts = {part: told(text(), f"'utm_{part}' in the links.") for part in PARTS}
    return {"anyOf": [{**group(PARTS, parts), "minProperties": 1}, {"const": False}]}


def _date(names: SchemaNames) -> Form:
    field: Form = {"enum": list(names.dates)} if names.dates else {"type": "string"}
    return {"anyOf": [field, {"type": "string", "pattern": r"^\d"}]}


def _exit(names: SchemaNames) -> Form:
    forms = {
        "event": told(one_of(names.events), "The event that ends a journey."),
        "when": told(text(), "A condition; beside an event, 'event' is that event."),
    }
    return {**group(EXIT, forms), "minProperties": 1}


def _goal(names: SchemaNames) -> Form:
    forms = {
        "event": told(one_of(names.events), "The event that is the success."),
        "within": told(duration(), "How long after the flow's last mail it still counts."),
        "when": told(text(), "A condition that it must meet, too."),
    }
    return group(GOAL, forms, ("event", "within"))
