"""The files of `config/` in JSON Schema: segments, seasons, staff, and the settings out of their own model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from worker.domain.calendars.free_days import known_countries
from worker.domain.settings import Settings
from worker.language.config.seasons import KEYS as SEASON
from worker.language.config.seasons import RULES
from worker.language.config.segments import KEYS as SEGMENT
from worker.language.config.segments import LANGUAGES
from worker.language.config.staff import KEYS as STAFF
from worker.language.config.staff import PERSON
from worker.language.schema.forms import TEXT_TYPES, Form, group, one_or_list, text, time_of_day, told, words
from worker.language.schema.names import SchemaNames
from worker.language.yaml.scalars import WEEKDAYS

_DAYS = ("mon-fri", *WEEKDAYS)
_NAMES: Form = {"pattern": r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"}


def segments_schema(_names: SchemaNames) -> Form:
    """Return the schema of `config/segments.yaml`."""
    forms = {
        "title": told(_titles(), "What your staff call it.", "title: {vi: Khách quen, en: Loyal}"),
        "when": told(text(), "The condition that its customers meet.", "when: customer.orders_count >= 3"),
        "about": told(_titles(), "A word about it."),
    }
    return _named({"anyOf": [text(), group(SEGMENT, forms, ("when",))]}, "A segment: its condition, or a group.")


def seasons_schema(_names: SchemaNames) -> Form:
    """Return the schema of `config/seasons.yaml`."""
    forms = {
        "title": told(_titles(), "What people call it.", "title: {vi: Tết, en: Lunar New Year}"),
        "day": told(_written(r"\d{1,2}-\d{1,2}"), "Month and day of each year.", "day: 12-25"),
        "nth": told(text(), "A weekday of a month.", "nth: fourth thu of november"),
        "easter": told(words(["sunday"]), "Easter of the western churches.", "easter: sunday"),
        "lunar": told(_written(r"\d{1,2}/\d{1,2}"), "Day and month of the Vietnamese lunar calendar.", "lunar: 15/8"),
        "days": told(one_or_list(text()), "Days written down one by one.", "days: [2027-03-08, 2028-03-07]"),
        "shift": told(_written(r"-?\d{1,3}\s+days?"), "Days later, or (with a minus) earlier.", "shift: -1 day"),
    }
    season = {**group(SEASON, forms), "anyOf": [{"required": [rule]} for rule in RULES]}
    return _named(season, "A season: a title and exactly one rule for its day.")


def staff_schema(names: SchemaNames) -> Form:
    """Return the schema of `config/staff.yaml`."""
    forms = {
        "digest": told(time_of_day(), "When each morning's list of what is due is mailed.", 'digest: "08:00"'),
        "hours": _hours("Working hours of everybody who has none of their own."),
        "holidays": told(words(sorted(known_countries())), "The country whose public holidays are free.", "VN"),
        "days_off": _days_off("Days on which nobody works."),
        "people": {
            "type": "object",
            "minProperties": 1,
            "description": "The people, each under a short key.",
            "additionalProperties": group(PERSON, _person(names), ("name", "email")),
        },
        "roles": {
            "type": "object",
            "description": "Names for several people, of whom the next in turn gets a task.",
            "additionalProperties": told(one_or_list(text()), "Who is in it.", "care: [mai, huy]"),
        },
    }
    return group(STAFF, forms, ("people",))


def settings_schema(_names: SchemaNames) -> Form:
    """Return the schema of `config/phin.yaml`, made of the model that reads it."""
    made = Settings.model_json_schema(ref_template="#/definitions/{model}")
    definitions = {name: _loosened(form) for name, form in made.pop("$defs", {}).items()}
    found = _loosened(made)
    found["type"] = ["object", "null"]
    return {**found, "definitions": definitions}


def _person(names: SchemaNames) -> dict[str, Form]:
    return {
        "name": told(text(), "What they are called."),
        "email": told({"type": "string"}, "Where their mails go."),
        "phone": told(text(), "Their telephone."),
        "language": told(words(names.languages), "The language of their mails and pages."),
        "timezone": told({"type": "string"}, "Their IANA time zone, Asia/Ho_Chi_Minh."),
        "hours": _hours("Their own working hours."),
        "days_off": _days_off("When they are on leave."),
    }


def _hours(about: str) -> Form:
    day = one_or_list({"type": "string"})
    days = {key: told(day, "Hours worked, or several of them.", f'{key}: "08:30-17:30"') for key in _DAYS}
    found = {"type": "object", "properties": days, "additionalProperties": day, "minProperties": 1}
    return told(found, about, 'hours: {mon-fri: "08:30-17:30"}')


def _days_off(about: str) -> Form:
    return told(one_or_list(text()), about, "days_off: [2027-02-04 to 2027-02-10]")


def _titles() -> Form:
    titles = {language: told(text(), f"The text in '{language}'") for language in LANGUAGES}
    return {"anyOf": [text(), group(LANGUAGES, titles)]}


def _named(form: Form, about: str) -> Form:
    return {
        "type": ["object", "null"],
        "propertyNames": _NAMES,
        "additionalProperties": told(form, about),
    }


def _written(pattern: str) -> Form:
    return {"type": "string", "pattern": rf"^\s*{pattern}\s*$"}


def _loosened(form: Mapping[str, Any]) -> Form:
    """Return a form of the model as the file may write it: numbers and words in quotes, or nothing at all."""
    kind = form.get("type")
    kept = {key: value for key, value in form.items() if key not in ("title", "format", "default", "type")}
    if isinstance(form.get("default"), (str, int, float, bool)):
        kept["default"] = form["default"]
    for key in ("properties", "patternProperties"):
        if key in kept:
            kept[key] = {name: _loosened(inner) for name, inner in kept[key].items()}
    for key in ("items", "additionalProperties"):
        if isinstance(kept.get(key), Mapping):
            kept[key] = _loosened(kept[key])
    for key in ("anyOf", "allOf", "prefixItems"):
        if key in kept:
            kept[key] = [_loosened(inner) for inner in kept[key]]
    kept.pop("propertyNames", None)
    if "const" in kept:
        kept["enum"] = [kept.pop("const")]
    if "enum" in kept:
        kept["enum"] = [*kept["enum"], None]
    elif kind in ("integer", "number", "boolean"):
        kept["type"] = [kind, "string", "null"]
    elif kind == "string":
        kept["type"] = [*TEXT_TYPES, "null"]
    elif kind is not None:
        kept["type"] = ["null"] if kind == "null" else [kind, "null"]
    if "$ref" in kept and len(kept) > 1:  # in draft 7 nothing beside a reference counts
        kept["allOf"] = [{"$ref": kept.pop("$ref")}]
    return kept
