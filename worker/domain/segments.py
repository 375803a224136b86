"""Segments: named conditions on a customer, and what can be told of them without asking a customer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import timedelta
from typing import Any

from worker.domain.conditions.calls import Bought, Days, Did, InFlow, InSegment, read_call
from worker.domain.conditions.tree import Call, Expression, Name, Node, walk
from worker.domain.rfm import RfmLimits

LARGEST = 2_000  # nodes of a condition, those of the segments that it names put in

_CLASS = ("customer", "rfm")
_FORETOLD = {("customer", "alive"), ("customer", "predicted_next_order_at")}  # anew each night
_MOVING = {("now",), ("today",), _CLASS, *_FORETOLD}


@dataclass(frozen=True, slots=True)
class Segment:
    """The customers for whom a condition holds.

    Parameters:
        title, about: by language; one that was written without languages stands under `""`.
    """

    name: str
    when: Expression
    title: Mapping[str, str] = field(default_factory=dict)
    about: Mapping[str, str] = field(default_factory=dict)

    def titled(self, language: str) -> str:
        """Return the title in a language, else in any, else the name."""
        return in_language(self.title, language) or self.name


def in_language(texts: Mapping[str, str], language: str) -> str | None:
    """Return a text in a language, else in any there is."""
    return texts.get(language) or texts.get("") or next(iter(texts.values()), None)


def named(tree: Node) -> Iterator[tuple[str, Call]]:
    """Yield the segments that a condition names, each with the call that does."""
    for node in walk(tree):
        if isinstance(node, Call) and node.function == "in_segment":
            asked = read_call(node)
            assert isinstance(asked, InSegment), "in_segment() asks for a segment"
            yield asked.segment, node


def circle(name: str, segments: Mapping[str, Expression]) -> tuple[str, ...]:
    """Return the way by which a segment comes back to itself, `("a", "b", "a")`; empty where it does not."""
    ways: list[tuple[str, ...]] = [(name,)]
    seen: set[str] = set()
    while ways:
        way = ways.pop(0)  # the shortest first
        for other, _ in named(segments[way[-1]].tree):
            if other == name:
                return (*way, name)
            if other in segments and other not in seen:
                seen.add(other)
                ways.append((*way, other))
    return ()


def size(tree: Node, segments: Mapping[str, Expression]) -> int:
    """Return how many nodes a condition has once the segments that it names are put in; there must be no circle."""
    known: dict[str, int] = {}

    def count(node: Node) -> int:
        total = sum(1 for _ in walk(node))
        for other, _ in named(node):
            if other in segments:
                if other not in known:
                    known[other] = count(segments[other].tree)
                total += known[other]
        return total

    return count(tree)


def readable(tree: Node) -> None:
    """See that this Phin knows every function of a condition that was checked by another.

    Raises:
        ExpressionError: it does not.
    """
    for node in walk(tree):
        if isinstance(node, Call):
            read_call(node)


def meaning(name: str, segments: Mapping[str, Expression], limits: RfmLimits) -> str:
    """Return a hash (SHA-256, hex) of what it takes to be in a segment; spaces, quotes and numbers' forms make none.

    Parameters:
        limits: of RFM, which count where the segment, or one that it names, asks for the class.
    """
    trees: dict[str, Any] = {}
    waiting, by_class = [name], False
    while waiting:
        one = waiting.pop()
        if one in segments and one not in trees:
            trees[one] = _canonical(segments[one].tree)
            waiting += [other for other, _ in named(segments[one].tree)]
            by_class |= any(isinstance(n, Name) and n.path == _CLASS for n in walk(segments[one].tree))
    own = trees.pop(name, None)
    said = [own, sorted(trees.items()), _canonical(limits) if by_class else None]
    return hashlib.sha256(json.dumps(said, ensure_ascii=True).encode("ascii")).hexdigest()


def _canonical(value: Any) -> Any:
    """Return a tree as lists, without the places of its nodes."""
    if is_dataclass(value) and not isinstance(value, type):
        return [type(value).__name__, *(_canonical(getattr(value, one.name)) for one in fields(value) if one.compare)]
    return [_canonical(one) for one in value] if isinstance(value, tuple) else value


def moves(tree: Node, segments: Mapping[str, Expression]) -> bool:
    """Say whether a condition may come to hold, or no longer hold, though no fact of the customer changes.

    Time moves it; journeys too, which begin and end by themselves.
    """
    waiting, seen = [tree], set[str]()
    while waiting:
        for node in walk(waiting.pop()):
            if isinstance(node, Name) and node.path in _MOVING:
                return True
            asked = read_call(node) if isinstance(node, Call) else None
            if isinstance(asked, Days | InFlow):
                return True
            if isinstance(asked, Bought | Did) and isinstance(asked.within, timedelta):
                return True
            if isinstance(asked, InSegment) and asked.segment in segments and asked.segment not in seen:
                seen.add(asked.segment)
                waiting.append(segments[asked.segment].tree)
    return False
