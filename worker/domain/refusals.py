"""Why nobody entered a flow: what it said of many events, or of many customers, gathered by what decided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from worker.domain.conditions.tree import Compare, Comparison, Expression, Name, Node
from worker.domain.conditions.tree import walk as parts_of

Side = Literal["highest", "lowest"]

_WANTS_MORE: dict[Comparison, Side] = {">": "highest", ">=": "highest", "<": "lowest", "<=": "lowest"}
_TURNED: dict[Comparison, Comparison] = {">": "<", ">=": "<=", "<": ">", "<=": ">=", "==": "==", "!=": "!="}
MOST_SEEN = 3  # values that are told of a part which compares no sizes


@dataclass(frozen=True, slots=True)
class Failed:
    """One part of a condition that did not hold, and how near it came.

    Parameters:
        text: the part as written, `order.total >= 300_000`.
        times: how often it failed.
        side, extreme: the value that came nearest, where the part compares sizes.
        missing: how often what it asks for was not known.
        seen: the most frequent values else, with how often each was seen.
    """

    text: str
    times: int
    side: Side | None = None
    extreme: float | int | str | None = None
    missing: int = 0
    seen: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """What a flow said of the events of one type.

    Parameters:
        events: how many it was offered; `entered`: into how many journeys they led.
        reasons: how many it refused for each reason other than its `when`.
        failed: the parts of `when` that did not hold, the most frequent first; one event may fail several.
    """

    events: int = 0
    entered: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    failed: tuple[Failed, ...] = ()


@dataclass(slots=True)
class _Part:
    times: int = 0
    missing: int = 0
    numbers: list[float | int | str] = field(default_factory=list)
    values: Counter[str] = field(default_factory=Counter)


def gather(when: Expression | None, said: Iterable[Mapping[str, Any]]) -> Refused:
    """Gather what a flow said.

    Parameters:
        when: the flow's condition as it is now; a part that it no longer has is told without how near it came.
        said: lines of the traces of events, as `worker.engine.entering` keeps them.
    """
    events = entered = 0
    reasons: Counter[str] = Counter()
    parts: dict[str, _Part] = {}
    sides = sides_of(when)
    for line in said:
        events += 1
        if "journey" in line:
            entered += 1
            continue
        reason = str(line.get("reason", ""))
        if reason != "when":
            reasons[reason] += 1
            continue
        for part in line.get("seen") or ():
            if not part.get("holds", False):
                _count(parts.setdefault(str(part["text"]), _Part()), part.get("seen") or {}, sides.get(part["text"]))
    failed = [_failed(text, part, sides.get(text)) for text, part in parts.items()]
    failed.sort(key=lambda one: (-one.times, one.text))
    return Refused(events, entered, dict(reasons.most_common()), tuple(failed))


def sides_of(when: Expression | None) -> dict[str, tuple[str, Side]]:
    """Return for each part of a condition that compares a name's size: the name, and which of its values is nearest."""
    found: dict[str, tuple[str, Side]] = {}
    for node in parts_of(when.tree) if when is not None else ():
        if not isinstance(node, Compare):
            continue
        for side, operator in ((node.left, node.operator), (node.right, _TURNED[node.operator])):
            if isinstance(side, Name) and operator in _WANTS_MORE and _plain(_other(node, side)):
                assert when is not None
                found[when.written(node)] = (".".join(side.path), _WANTS_MORE[operator])
    return found


def _other(node: Compare, side: Node) -> Node:
    return node.right if side is node.left else node.left


def _plain(node: Node) -> bool:
    return not any(isinstance(part, Name) for part in parts_of(node))


def _count(part: _Part, seen: Mapping[str, Any], side: tuple[str, Side] | None) -> None:
    part.times += 1
    if seen and all(value is None for value in seen.values()):
        part.missing += 1
        return
    if side is not None and isinstance(seen.get(side[0]), int | float | str):
        part.numbers.append(seen[side[0]])
        return
    for value in seen.values():
        for one in value if isinstance(value, list) else [value]:
            part.values["nothing" if one is None else str(one)] += 1
        if value == []:
            part.values["nothing"] += 1


def _failed(text: str, part: _Part, side: tuple[str, Side] | None) -> Failed:
    extreme = None
    if side is not None and part.numbers:
        numbers = [one for one in part.numbers if not isinstance(one, str)]
        words = [one for one in part.numbers if isinstance(one, str)]
        choose = max if side[1] == "highest" else min
        extreme = choose(numbers) if numbers else choose(words)
    seen = tuple(part.values.most_common(MOST_SEEN))
    return Failed(text, part.times, side[1] if side and extreme is not None else None, extreme, part.missing, seen)
