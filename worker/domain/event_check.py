"""Holding one incoming item against the models of an event and against the shop's settings.

What passes comes back in the one form that it is kept in, with a hash of its content that tells a repetition
from a contradiction; what does not comes back as one fault for each faulty field.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from worker.domain.conditions.valuetypes import ValueType
from worker.domain.event_data import DOUBLED, check_json, doubled, shown, typed
from worker.domain.events import ConsentGiven, CustomerGiven, IncomingEvent, LineGiven, OrderGiven
from worker.domain.house_events import HOUSE_EVENTS
from worker.domain.settings import FieldType, Settings

# what an explicit null takes away from the customer's record; elsewhere null means the same as absent
TAKEN_AWAY = ("name", "first_name", "phone", "birthday", "language", "timezone", "tags")
ID_SHOWN = 200  # characters of a refused item's id that the answer repeats

_EXPECTED = {
    "missing": "is needed",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
}
_OF_CUSTOMER = frozenset(CustomerGiven.model_fields)
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode
_PARTS: dict[tuple[str, ...], type[BaseModel]] = {
    (): IncomingEvent,
    ("customer",): CustomerGiven,
    ("customer", "consent"): ConsentGiven,
    ("order",): OrderGiven,
    ("order", "lines"): LineGiven,
}


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one field: its path with dots (empty for the item), and a sentence that goes on from it."""

    field: str
    error: str


@dataclass(frozen=True, slots=True)
class EventRules:
    """What a shop's settings say of its events.

    Parameters:
        fields: the customers' own fields with their types.
        events: the shop's own events with the types of their data.
        ahead: how far in the future an event may lie.
    """

    fields: Mapping[str, FieldType]
    events: Mapping[str, Mapping[str, FieldType]]
    ahead: timedelta

    @classmethod
    def of(cls, settings: Settings) -> EventRules:
        """Take from the settings what concerns events."""
        return cls(settings.fields, settings.events, timedelta(seconds=settings.intake.ahead))


@dataclass(frozen=True, slots=True)
class CheckedEvent:
    """An event that may be taken in.

    Parameters:
        content_hash: the same for the same content, however it was written.
        customer_key, email_key: what its customer may be found by, `id:…` and `email:…`, or None.
        payload: `customer` (own fields under `fields`), `order` and `data` as JSON; amounts are decimal texts, times
            are in UTC; a null of the customer takes away what is known.
    """

    id: str
    type: str
    time: datetime
    history: bool
    content_hash: str
    customer_key: str | None
    email_key: str | None
    order_number: str | None
    request: str | None
    payload: dict[str, Any]


def item_id(item: object) -> str | None:
    """Return the id that an item gives itself, as far as it has one that can be shown."""
    found = item.get("id") if isinstance(item, dict) else None
    if isinstance(found, bool) or not isinstance(found, str | int):
        return None
    return str(found)[:ID_SHOWN].encode("utf-8", "replace").decode()


def type_warning(event_type: str, rules: EventRules) -> str | None:
    """Return what is odd about a type that is neither the house's nor declared; it is taken in all the same."""
    if event_type in HOUSE_EVENTS or event_type in rules.events:
        return None
    near = _near(event_type, (*HOUSE_EVENTS, *rules.events))
    declare = f"declare it in config/phin.yaml: events: {{{event_type}: {{}}}}"
    hint = f"did you mean '{near}'?" if near else declare
    return f"'{event_type}' is not declared; {hint}"


@lru_cache(maxsize=1_000)
def _near(event_type: str, known: tuple[str, ...]) -> str | None:
    """Return the known type that a type is like; remembered, since a shop sends the same one thousands of times."""
    return next(iter(get_close_matches(event_type, known, 1)), None)


def check_event(item: object, rules: EventRules, now: datetime) -> CheckedEvent | tuple[Fault, ...]:
    """Hold one item, as JSON gave it, against models and settings.

    Parameters:
        now: when it came in, in UTC.

    Returns:
        The event as it is to be kept, or its faults, one for each faulty field.
    """
    if not isinstance(item, dict):
        return (Fault("", "must be an object"),)
    faults: list[Fault] = []
    event: IncomingEvent | None = None
    try:
        event = IncomingEvent.model_validate(item)
    except ValidationError as error:
        faults += [_told(detail) for detail in error.errors(include_url=False)]
    customer = item.get("customer")
    own, own_faults = _own_fields(customer, rules) if isinstance(customer, dict) else ({}, [])
    faults += own_faults
    data = item.get("data")
    if isinstance(data, dict):
        faults += _data_faults(data, item.get("type"), rules)
    if event is not None:
        faults += _rule_faults(event, rules, now)
    if faults or event is None:
        return tuple(faults)
    return _kept(event, item["customer"], own, now)


def _rule_faults(event: IncomingEvent, rules: EventRules, now: datetime) -> list[Fault]:
    faults = []
    latest = now + rules.ahead
    if event.time is not None and event.time > latest:
        faults.append(Fault("time", f"lies too far in the future; at most {_span(rules.ahead)} after now is taken"))
    consent = event.customer.consent
    if consent is not None and consent.at is not None and consent.at > latest:
        faults.append(Fault("customer.consent.at", "lies in the future"))
    if event.customer.birthday is not None and event.customer.birthday > latest.date():
        faults.append(Fault("customer.birthday", "lies in the future"))
    if event.type == "purchase" and event.order is None:
        faults.append(Fault("order", "is needed: a purchase has an order with a number"))
    return faults


def _kept(event: IncomingEvent, given: Mapping[str, Any], own: dict[str, Any], now: datetime) -> CheckedEvent:
    told = event.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    customer = {name: value for name, value in told["customer"].items() if name in _OF_CUSTOMER}
    customer |= {name: None for name in TAKEN_AWAY if name in given and given[name] is None}
    told["customer"] = customer | ({"fields": own} if own else {})
    content = _CANONICAL(told)
    request = event.data.get("request")
    return CheckedEvent(
        id=event.id,
        type=event.type,
        time=event.time or now,
        history=event.history,
        content_hash=hashlib.sha256(content.encode()).hexdigest(),
        customer_key=None if event.customer.id is None else f"id:{event.customer.id}",
        email_key=None if event.customer.email is None else f"email:{event.customer.email}",
        order_number=None if event.order is None else event.order.number,
        request=None if request is None else str(request),
        payload={name: told[name] for name in ("customer", "order", "data") if name in told},
    )


def _own_fields(customer: Mapping[str, Any], rules: EventRules) -> tuple[dict[str, Any], list[Fault]]:
    """Read the customer's fields that are not the house's: those declared in the settings, by their types."""
    fields: dict[str, Any] = {}
    faults: list[Fault] = []
    for name, value in customer.items():
        if name in _OF_CUSTOMER:
            continue
        if name == DOUBLED or name not in rules.fields:
            faults.append(_unknown(("customer",), name, value, (*CustomerGiven.model_fields, *rules.fields)))
        else:
            try:
                fields[name] = None if value is None else typed(value, rules.fields[name])
            except PydanticCustomError as error:
                faults.append(Fault(f"customer.{name}", error.message()))
    return fields, faults


def _data_faults(data: dict[str, Any], event_type: object, rules: EventRules) -> list[Fault]:
    wrong = doubled(data) or check_json(data)
    if wrong is not None:
        return [Fault(*wrong)]
    faults = []
    request = data.get("request")
    if request is not None and (
        isinstance(request, bool) or not isinstance(request, str | int) or not 0 < len(str(request)) <= ID_SHOWN
    ):
        faults.append(Fault("data.request", f"must be text of at most {ID_SHOWN} characters"))
    known = str(event_type)
    own = rules.events.get(known, {})
    for name in _numbers(known):
        value = data.get(name)
        if (
            name not in own
            and value is not None
            and (isinstance(value, bool) or not isinstance(value, int | float) or value < 0)
        ):
            faults.append(Fault(f"data.{name}", "must be a number, and not negative"))
    for name, kind in own.items():
        if data.get(name) is not None:
            try:
                typed(data[name], kind)
            except PydanticCustomError as error:
                faults.append(Fault(f"data.{name}", error.message()))
    return faults


def _numbers(event_type: str) -> list[str]:
    """Return the fields of a house event that are numbers: amounts, prices, marks, which somebody will reckon with."""
    known = HOUSE_EVENTS.get(event_type)
    return [field.name for field in known.fields if field.type is ValueType.NUMBER] if known is not None else []


def _told(detail: ErrorDetails) -> Fault:
    """Turn one of pydantic's errors into a field's path and a sentence."""
    place = detail["loc"]
    if detail["type"] == "extra_forbidden":
        names = tuple(part for part in place[:-1] if isinstance(part, str))
        return _unknown(place[:-1], str(place[-1]), detail["input"], tuple(_PARTS[names].model_fields))
    field = _path(place)
    if detail["type"] == "greater_than_equal":
        return Fault(field, f"must be at least {detail['ctx']['ge']}")
    if detail["type"] == "less_than_equal":
        return Fault(field, f"must be at most {detail['ctx']['le']:,}")
    return Fault(field, detail["msg"] if detail["type"] == "fault" else _EXPECTED.get(detail["type"], detail["msg"]))


def _unknown(where: tuple[int | str, ...], name: str, value: Any, known: tuple[str, ...]) -> Fault:
    if name == DOUBLED:
        return Fault(_path(where), f"has '{shown(str(value))}' twice")
    field = _path((*where, shown(name)))
    near = get_close_matches(name[:100], known, 1)
    meant = f"; did you mean '{near[0]}'?" if near else ""
    if where == ("customer",):
        return Fault(field, "is not known" + (meant or "; to keep it, declare it under 'fields' in config/phin.yaml"))
    return Fault(field, "is not known" + (meant or f"; what is: {', '.join(known)}"))


def _path(place: tuple[int | str, ...]) -> str:
    path = ""
    for part in place:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path


def _span(length: timedelta) -> str:
    seconds = int(length.total_seconds())
    for name, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= size and seconds % size == 0:
            count = seconds // size
            return f"{count} {name if count != 1 else name[:-1]}"
    return f"{seconds} seconds"
