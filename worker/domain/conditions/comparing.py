"""What may stand beside what: the check of comparisons, memberships and calculations by the types of their sides."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

from worker.domain.conditions.faults import Fault
from worker.domain.conditions.readings import date_of, time_of
from worker.domain.conditions.tree import Compare, In, Literal, Name, Node
from worker.domain.conditions.valuetypes import ValueType
from worker.domain.rfm import RfmClass

T = ValueType


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison.

    Parameters:
        written: as it stands in the expression.
        stored: whether it is a time that the database keeps as text: an own field, or a field of an event.
    """

    node: Node
    type: ValueType
    written: str
    stored: bool = False

    @property
    def literal_text(self) -> str | None:
        """The text, where it is one that stands in the expression."""
        return self.node.value if isinstance(self.node, Literal) and isinstance(self.node.value, str) else None

    @property
    def named(self) -> str:
        """The side in a sentence: a name in single quotes, a text or a number as it stands."""
        return self.written if isinstance(self.node, Literal) else f"'{self.written}'"

    def fault(self, message: str, hint: str | None = None) -> Fault:
        """Return a fault at this place."""
        return Fault(message, self.node.at, self.node.length, hint)


def compare_faults(node: Compare, left: Side, right: Side) -> list[Fault]:
    """Return what is wrong with a comparison."""
    for side, other in ((left, right), (right, left)):
        if side.type is T.NOTHING:
            test = f"{other.written} is {'not none' if node.operator == '!=' else 'none'}"
            return [_over(node, "a comparison with none is never true", f"write {test}")]
        if side.type is T.LIST:
            return [side.fault(f"{side.named} is a list, which cannot be compared", "ask with 'in'")]
    if left.node == right.node:
        return [_over(node, f"{left.named} is compared with itself", None)]
    if T.BOOLEAN in (left.type, right.type) and node.operator not in ("==", "!="):
        return [_over(node, f"true and false have no order, so '{node.operator}' is never true", "write == or !=")]
    return _beside(left, right)


def membership_faults(node: In, item: Side, container: Side | tuple[Side, ...]) -> list[Fault]:
    """Return what is wrong with `in` or `not in`; a container that is a tuple is a list in brackets."""
    if item.type is T.NOTHING:
        return [item.fault("none is in nothing", "write 'is none'")]
    if item.type is T.LIST:
        return [item.fault(f"{item.named} is a list, and cannot be in one", "ask for each with 'in'")]
    if isinstance(container, tuple):
        if not container:
            return [_over(node.container, "the list is empty", "put something into it")]
        found: list[Fault] = []
        for side in container:
            if side.type in (T.NOTHING, T.LIST):
                found.append(side.fault(f"{side.named} cannot stand in a list", "write texts or numbers"))
            else:
                found += _beside(item, side)
        return found
    if container.type not in (T.LIST, T.TEXT, T.ANY):
        hint = "write a list: [1, 2]" if container.type is T.NUMBER else None
        return [container.fault(f"{container.named} is {container.type.described}, and holds nothing", hint)]
    if container.type is not T.ANY and item.type not in (T.TEXT, T.ANY):
        whole = "a list of texts" if container.type is T.LIST else "a text"
        return [item.fault(f"{container.named} is {whole}, and {item.named} is {item.type.described}")]
    return []


def number_faults(side: Side) -> list[Fault]:
    """Return what is wrong with one side of a calculation."""
    if side.type in (T.NUMBER, T.ANY):
        return []
    hint = None
    if side.type in (T.DATE, T.TIME):
        hint = f"write days_since({side.written}) or days_until({side.written})"
    elif side.type is T.TEXT:
        hint = "texts are put together where they are used: '{{ a }} {{ b }}'"
    return [side.fault(f"{side.named} is {side.type.described}, and cannot be counted with", hint)]


def moment_faults(side: Side) -> list[Fault]:
    """Return what is wrong with what `days_since` and `days_until` are asked for."""
    if side.literal_text is not None:
        return _as_moment(side, T.TIME)
    if side.type in (T.DATE, T.TIME, T.ANY):
        return []
    return [side.fault(f"{side.named} is {side.type.described}, not a date or a time")]


def article_faults(side: Side) -> list[Fault]:
    """Return what is wrong with what `in_stock` is asked for."""
    if side.type in (T.TEXT, T.LIST, T.ANY):
        return []
    return [side.fault(f"{side.named} is {side.type.described}, not a SKU or a list of them")]


def _beside(left: Side, right: Side) -> list[Fault]:
    """Return what is wrong with two sides that are to be equal, or smaller and larger."""
    if T.ANY in (left.type, right.type):
        return []
    for side, other in ((left, right), (right, left)):
        if other.type in (T.DATE, T.TIME) and side.literal_text is not None:
            return _as_moment(side, other.type)
    for side, other in ((left, right), (right, left)):
        if isinstance(side.node, Name) and side.node.path == ("customer", "rfm") and other.literal_text is not None:
            return _as_class(other)
    if left.type is right.type:
        if left.stored and right.stored:
            return [
                right.fault(
                    "two times of own fields cannot be compared", f"write days_since({left.written}) and the same here"
                )
            ]
        return []
    message = f"{left.named} is {left.type.described} and {right.named} is {right.type.described}"
    for side, other in ((left, right), (right, left)):
        if other.type is T.NUMBER and side.literal_text is not None:
            number = side.literal_text.strip().isdecimal()
            return [side.fault(message, f"write {side.literal_text if number else 'a number'} without quotes")]
        if other.type is T.BOOLEAN and side.literal_text is not None:
            return [side.fault(message, "write true or false without quotes")]
        if other.type is T.DATE and side.type is T.TIME:
            return [right.fault(message, f"write days_since({side.written}) == 0 for 'today'")]
    return [right.fault(message, "they are never equal, and neither comes first")]


def _as_class(side: Side) -> list[Fault]:
    text, known = side.literal_text or "", [one.value for one in RfmClass]
    if text in known:
        return []
    near = get_close_matches(text.casefold(), known, 1)
    return [side.fault(f"there is no class '{text}'", f"did you mean '{near[0]}'?" if near else ", ".join(known))]


def _as_moment(side: Side, kind: ValueType) -> list[Fault]:
    text = side.literal_text or ""
    if date_of(text) is not None or (kind is T.TIME and time_of(text) is not None):
        return []
    hint = 'write one like "2027-03-01"'
    if kind is T.TIME:
        hint += ' or "2027-03-01T14:00:00+07:00"'
    return [side.fault(f"'{text}' is no {kind.value}", hint)]


def _over(node: Node, message: str, hint: str | None) -> Fault:
    return Fault(message, node.at, node.length, hint)
