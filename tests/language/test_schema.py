"""The JSON Schemas by which editors complete and check: made of what the readers read by, and never stricter."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from tests.language.samples import FULL, VOCABULARY
from tests.support.yaml_core import as_an_editor_has_it
from worker.domain.errors import FileError, Severity
from worker.domain.setting_groups import Shop
from worker.domain.settings import Settings
from worker.language.config.seasons import inspect_seasons
from worker.language.config.segments import read_segments
from worker.language.config.settings import inspect_settings
from worker.language.config.staff import read_staff
from worker.language.flow.flows import KEYS, read_flow
from worker.language.flow.steps import OPTIONS
from worker.language.flow_tests.files import Known, read_flow_tests
from worker.language.schema.files import KINDS, schema_of, written
from worker.language.schema.forms import Form
from worker.language.schema.names import SchemaNames

HOUSE = Path(__file__).parent.parent.parent
NAMES = SchemaNames.of(VOCABULARY, languages=("vi", "en"), templates=["thank-you", "review-invite", "welcome"])
TEMPLATES: dict[str, tuple[str, ...]] = dict.fromkeys(("thank-you", "review-invite", "welcome"), ())


def errors_of_a_flow(text: str, folder: Path) -> list[str]:
    try:
        read_flow(text, "flows/post-purchase.yaml", VOCABULARY, TEMPLATES)
    except FileError as error:
        return [f"{one.message}; {one.hint}" for one in error.problems if one.severity is Severity.ERROR]
    return []


def errors_of_staff(text: str, folder: Path) -> list[str]:
    path = folder / "staff.yaml"
    path.write_text(text, encoding="utf-8")
    try:
        read_staff(path, "staff.yaml", Shop())
    except FileError as error:
        return [f"{one.message}; {one.hint}" for one in error.problems]
    return []


def errors_of_segments(text: str, folder: Path) -> list[str]:
    path = folder / "segments.yaml"
    path.write_text(text, encoding="utf-8")
    return [f"{one.message}; {one.hint}" for one in read_segments(path, "segments.yaml", VOCABULARY).problems]


def errors_of_seasons(text: str, folder: Path) -> list[str]:
    path = folder / "seasons.yaml"
    path.write_text(text, encoding="utf-8")
    return [f"{one.message}; {one.hint}" for one in inspect_seasons(path, "seasons.yaml").problems]


def errors_of_settings(text: str, folder: Path) -> list[str]:
    path = folder / "phin.yaml"
    path.write_text(text, encoding="utf-8")
    return [f"{one.message}; {one.hint}" for one in inspect_settings(path, {})[1]]


def errors_of_tests(text: str, folder: Path) -> list[str]:
    flow, _ = read_flow(FULL, "flows/post-purchase.yaml", VOCABULARY, TEMPLATES)
    known = Known(Settings(), VOCABULARY, {flow.name: flow}, frozenset((flow.name, "welcome")))
    try:
        read_flow_tests(text, "flows/tests/a.yaml", known)
    except FileError as error:
        return [f"{one.message}; {one.hint}" for one in error.problems]
    return []


READERS: dict[str, Callable[[str, Path], list[str]]] = {
    "flow": errors_of_a_flow,
    "staff": errors_of_staff,
    "segments": errors_of_segments,
    "seasons": errors_of_seasons,
    "settings": errors_of_settings,
    "test": errors_of_tests,
}
GOOD = {
    "flow": FULL,
    "staff": 'digest: "08:00"\nhours: {mon-fri: ["08:30-12:00", "13:30-17:30"], sat: "08:30-12:00"}\nholidays: VN\n'
    "days_off: [2027-02-04 to 2027-02-10]\n"
    "people:\n  mai: {name: Mai, email: mai@example.com, phone: 0912345678, language: vi, "
    "timezone: Asia/Ho_Chi_Minh, days_off: 2027-03-08}\nroles: {care: [mai], all-hands: mai}\n",
    "segments": "loyal: customer.orders_count >= 3\n"
    "lapsed: {title: {vi: Lâu chưa mua, en: Lapsed}, when: customer.consent, about: 5}\n",
    "seasons": "tet: {title: Tết, lunar: 1/1, shift: -1 day}\nxmas: {day: 12-25}\n"
    "friday: {nth: fourth thu of november}\ngood: {easter: sunday}\nlisted: {days: [2027-03-08, 2028-03-07]}\n",
    "test": "test: a silent buyer\nflow: post-purchase\nwith: welcome\nfrom: 2027-03-01\nuntil: 2027-04-01\ngiven:\n"
    "  customer: {id: c1, email: lan@example.com, name: Lan, consent: yes}\n  events:\n"
    "    - {at: 2027-03-01 14:00, event: purchase, order: {number: A1, total: 450_000}}\n"
    "  clicks: [{at: 2027-03-02 9:00, send: thank-you}]\n  control: no\n"
    "expect:\n  - {at: 2027-03-01 14:00, send: thank-you, subject: Hello, contains: [A1, Lan]}\n"
    "  - {at: 2027-03-02 14:00, exit: refund}\n  - {at: 2027-03-03 14:00, enter: false, reason: once}\n",
    "settings": 'port: "8787"\nlog: json\nshop: {name: 12, languages: [vi, en], phone: 028 3822}\n'
    "fields: {points: number}\nevents: {tasting.booked: {place: text}}\nrfm: {recency: [30, 60, 90, 120]}\n",
}


VALIDATORS = {kind: Draft7Validator(schema_of(kind, NAMES)) for kind in KINDS}


def refusals(kind: str, text: str) -> list[str]:
    return [error.message for error in VALIDATORS[kind].iter_errors(as_an_editor_has_it(text))]


@pytest.mark.parametrize("kind", KINDS)
def test_each_schema_is_one_of_draft_7(kind: str) -> None:
    """Given the shop's names, then what is made of them is a schema, the same each time, with a word on every key."""
    schema = schema_of(kind, NAMES)

    Draft7Validator.check_schema(schema)
    assert written(schema) == written(schema_of(kind, NAMES))
    if kind != "settings":
        assert [path for path, form in _keys(schema) if not (form.get("description") or "$ref" in form)] == []


@pytest.mark.parametrize("kind", sorted(GOOD))
def test_what_is_read_is_what_the_schema_lets_pass(kind: str, tmp_path: Path) -> None:
    """Given a file with every key of its kind, then neither its reader nor the schema finds anything wrong."""
    assert READERS[kind](GOOD[kind], tmp_path) == []
    assert refusals(kind, GOOD[kind]) == []


def test_the_keys_are_those_of_the_readers() -> None:
    """Given the keys that a flow and its steps are read by, then the schema has exactly these."""
    schema = schema_of("flow", NAMES)

    assert tuple(schema["properties"]) == KEYS
    steps = {name.removesuffix("-step"): form for name, form in schema["definitions"].items() if name != "steps"}
    assert {verb: tuple(form["properties"]) for verb, form in steps.items()} == OPTIONS


# A text with an unknown key in each group that a reader reads, and the way to that group in the schema.
GROUPS = [
    ("flow", "exit: {zzzzz: 1}", "properties/exit/anyOf/0"),
    ("flow", "goal: {zzzzz: 1}", "properties/goal"),
    (
        "flow",
        "steps: [{split: {a: {zzzzz: 1}}}]",
        "definitions/split-step/properties/split/additionalProperties",
    ),
    ("flow", "steps: [{task: A, escalate: {zzzzz: 1}}]", "definitions/task-step/properties/escalate"),
    ("flow", "steps: [{task: A, close_when: {zzzzz: 1}}]", "definitions/task-step/properties/close_when/anyOf/1"),
    ("test", "zzzzz: 1", "anyOf/0"),
    ("test", "given: {zzzzz: 1}", "anyOf/0/properties/given"),
    ("test", "given: {events: {zzzzz: 1}}", "anyOf/0/properties/given/properties/events/anyOf/0"),
    ("test", "given: {opens: {zzzzz: 1}}", "anyOf/0/properties/given/properties/opens/anyOf/0"),
    ("test", "given: {tasks_done: {zzzzz: 1}}", "anyOf/0/properties/given/properties/tasks_done/anyOf/0"),
    ("test", "{from: 2027-03-01, finally: {zzzzz: 1}}", "anyOf/0/properties/finally"),
    ("test", "{given: {from: 2027-03-01}, expect: [{send: a, zzzzz: 1}]}", "anyOf/0/properties/expect/items/anyOf/0"),
    ("segments", "a: {zzzzz: 1}", "additionalProperties/anyOf/1"),
    ("segments", "a: {title: {zzzzz: 1}}", "additionalProperties/anyOf/1/properties/title/anyOf/1"),
    ("seasons", "a: {zzzzz: 1}", "additionalProperties"),
    ("staff", "zzzzz: 1", ""),
    ("staff", "people: {mai: {zzzzz: 1}}", "properties/people/additionalProperties"),
    ("settings", "zzzzz: 1", ""),
    ("settings", "shop: {zzzzz: 1}", "definitions/Shop"),
    ("settings", "sending: {zzzzz: 1}", "definitions/Sending"),
]


@pytest.mark.parametrize(("kind", "text", "way"), GROUPS)
def test_what_a_reader_tells_it_knows_is_what_the_schema_has(kind: str, text: str, way: str, tmp_path: Path) -> None:
    """Given an unknown key in a group, when its reader tells which keys it knows, then the schema has exactly these."""
    (known,) = {
        tuple(found[1].split(", "))
        for one in READERS[kind](text, tmp_path)
        if "'zzzzz'" in one and (found := re.search(r"known here: (.*)$", one))
    }

    form: Any = schema_of(kind, NAMES)
    for part in way.split("/") if way else ():
        form = form[int(part)] if isinstance(form, list) else form[part]
    assert tuple(form["properties"]) == known
    assert form["additionalProperties"] is False


def test_the_shop_s_own_names_are_offered() -> None:
    """Given a shop's templates, fields and events, then they are what may stand, and a slip is refused."""
    flow = schema_of("flow", NAMES)

    assert flow["definitions"]["send-step"]["properties"]["send"]["enum"] == ["review-invite", "thank-you", "welcome"]
    assert refusals("flow", FULL.replace("send: thank-you", "send: thank-yu"))
    assert refusals("flow", FULL.replace("[purchase, {event: order.delivered", "[purchase, {event: order.deliverd"))
    assert not refusals("flow", FULL.replace("trigger: [", "trigger: [{event: tasting.booked}, "))
    anything = schema_of("flow", SchemaNames())
    assert "enum" not in anything["definitions"]["send-step"]["properties"]["send"]


def test_a_name_that_yaml_takes_for_a_number_is_offered_as_both() -> None:
    """Given a template called 2027 and a hold in quotes, then an editor that sees a number or a text takes either."""
    schema = schema_of("flow", SchemaNames(templates=frozenset({"2027"})))
    flow = "flow: a\ntrigger: signup\nsteps: [{send: 2027}, {send: '2027', name: b}, {task: A, hold: 'true'}]\n"

    assert not list(Draft7Validator(schema).iter_errors(as_an_editor_has_it(flow)))


WRONG = ["", "zzzzz", "[1, 2]", "{zzzzz: 1}", "25 days"]


@pytest.mark.parametrize("kind", sorted(GOOD))
def test_a_schema_refuses_nothing_that_is_read(kind: str, tmp_path: Path) -> None:
    """Given a good file with each of its values in turn replaced, what the schema refuses its reader refuses too."""
    refused = 0
    for changed in _changes(kind):
        if refusals(kind, changed):
            refused += 1
            assert READERS[kind](changed, tmp_path), changed
    assert refused >= 8


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_schema_refuses_nothing_that_is_read_of_flows_made_up(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Given a flow whose values are exchanged by chance, then what the schema refuses the check refuses too."""
    value = as_an_editor_has_it(FULL)
    places = list(_places(value))
    for _ in range(data.draw(st.integers(1, 3))):
        owner, key = data.draw(st.sampled_from(places))
        other_owner, other_key = data.draw(st.sampled_from(places))
        if key in owner if isinstance(owner, dict) else key < len(owner):
            owner[key] = copy.deepcopy(_held(other_owner, other_key))
    text = _as_yaml(value)
    if refusals("flow", text):
        assert errors_of_a_flow(text, tmp_path_factory.getbasetemp()), text


def _held(owner: Any, key: Any) -> Any:
    try:
        return owner[key]
    except (KeyError, IndexError):
        return "gone"


def _changes(kind: str) -> Iterator[str]:
    """Yield the good file with one value replaced, or one key renamed."""
    text = GOOD[kind]
    for found in re.finditer(r"(?<=: )([^\s,{}\[\]\"]+)", text):
        for wrong in WRONG:
            yield text[: found.start()] + wrong + text[found.end() :]
    for found in re.finditer(r"([a-z_]+)(?=: )", text):
        yield text[: found.start()] + "zzzzz" + text[found.end() :]


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, held in list(inside):
        yield value, key
        yield from _places(held)


def _as_yaml(value: Any) -> str:
    """Write values in YAML's form in brackets, texts in quotes, the rest bare."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_as_yaml(held)}" for key, held in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_as_yaml, value)) + "]"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return "true" if value is True else "false" if value is False else "" if value is None else str(value)


def _keys(form: Form, way: str = "") -> Iterator[tuple[str, Form]]:
    """Yield each key that a schema knows, with its form."""
    for key, inner in form.get("properties", {}).items():
        yield f"{way}/{key}", inner
        yield from _keys(inner, f"{way}/{key}")
    for key in ("items", "additionalProperties"):
        if isinstance(form.get(key), dict):
            yield from _keys(form[key], f"{way}/{key}")
    for inner in form.get("anyOf", ()):
        yield from _keys(inner, way)
    for key, inner in form.get("definitions", {}).items():
        yield from _keys(inner, key)
