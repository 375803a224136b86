"""An event or a customer written in YAML to what a shop would send as JSON, with the place of each value."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from worker.domain.conditions.valuetypes import ValueType
from worker.domain.event_check import EventRules
from worker.domain.house_events import HOUSE_EVENTS
from worker.language.yaml.nodes import Mapping, Node, Scalar, Sequence
from worker.language.yaml.source import Span

_WHOLE = re.compile(r"[+-]?\d{1,3}(_\d{3})+|[+-]?\d+")
_NUMBER = re.compile(r"[+-]?(\d{1,3}(_\d{3})+|\d+)(\.\d+)?")
WORDS = {"true": True, "yes": True, "false": False, "no": False}
_OF_ORDER = {"total": "amount", "price": "amount", "quantity": "whole"}
_LAST = re.compile(r"(\.[^.\[]*|\[\d+\])$|^[^.\[]*$")
_KINDS = {ValueType.NUMBER: "number", ValueType.TEXT: "text", ValueType.BOOLEAN: "boolean"}


class Values:
    """Reads nodes to plain values, each by what the shop's settings say it is.

    Parameters:
        rules: the types of own fields and events.
    """

    def __init__(self, rules: EventRules) -> None:
        self._rules = rules
        self._places: dict[str, Span] = {}

    def customer(self, node: Node) -> Any:
        """Return a customer: all texts, but for own fields of another type."""
        return self._value(node, "customer", (), lambda keys: str(self._rules.fields.get(keys[0], "text")))

    def order(self, node: Node) -> Any:
        """Return an order; amounts are decimal texts, pieces whole numbers."""
        return self._value(node, "order", (), lambda keys: _OF_ORDER.get(keys[-1], "text"))

    def data(self, node: Node, event: str) -> Any:
        """Return the data of an event, by its declared fields; of others, what looks like a number is one."""
        house = HOUSE_EVENTS.get(event)
        types = {field.name: _KINDS.get(field.type, "guess") for field in house.fields} if house else {}
        types |= {name: str(kind) for name, kind in self._rules.events.get(event, {}).items()}
        return self._value(node, "data", (), lambda keys: types.get(keys[0], "guess") if len(keys) == 1 else "guess")

    def place_of(self, path: str, otherwise: Span) -> Span:
        """Return where the value of a path such as `order.lines[0].price` stands, or the nearest group around it."""
        while path and path not in self._places:
            path = _LAST.sub("", path)
        return self._places.get(path, otherwise)

    def _value(self, node: Node, path: str, keys: tuple[str, ...], kind: Callable[[tuple[str, ...]], str]) -> Any:
        self._places[path] = node
        if isinstance(node, Mapping):
            return {
                one.key.text: self._value(one.value, f"{path}.{one.key.text}", (*keys, one.key.text), kind)
                for one in node.entries
            }
        if isinstance(node, Sequence):
            return [self._value(one, f"{path}[{at}]", keys, kind) for at, one in enumerate(node.items)]
        return typed(node, kind(keys or ("",)))


def typed(node: Scalar, kind: str) -> Any:
    """Return a text as a value of a kind; as the text that it is where it is none, for the check to tell."""
    text = node.text.strip()
    match kind:
        case "whole" if _WHOLE.fullmatch(text):
            return int(text)
        case "amount" if _NUMBER.fullmatch(text):
            return text.replace("_", "")
        case "number" if _NUMBER.fullmatch(text):
            return _number(text)
        case "boolean" if text.lower() in WORDS:
            return WORDS[text.lower()]
        case "guess" if node.style == "plain":
            if node.missing or text == "null":
                return None
            if text.lower() in WORDS:
                return WORDS[text.lower()]
            return _number(text) if _NUMBER.fullmatch(text) and not re.match(r"[+-]?0\d", text) else text
        case _ if node.missing:
            return None
    return text


def _number(text: str) -> int | float:
    return int(text) if _WHOLE.fullmatch(text) else float(text.replace("_", ""))
