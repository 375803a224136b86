"""What may be named in a condition: the house's names, the shop's own fields and events, and what a place has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from worker.domain.conditions.catalogue import ADDRESS_PARTS, COUPON_PARTS, NAMES, KnownName
from worker.domain.conditions.valuetypes import ValueType, declared
from worker.domain.house_events import HOUSE_EVENTS
from worker.domain.settings import Settings

_OWN_FIELD = "a field of the shop's own"


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What a shop may name.

    Parameters:
        fields: the customers' own fields with their types.
        events: events that are known, each with its fields and their types; others may exist.
        flows, segments, seasons: names of those there are, or None where that is not known and not checked.
        staff: people and roles that a task may go to, by the same rule.
        coupons: those that flows make, by the same rule.
        topics: of marketing, by the same rule.
    """

    fields: Mapping[str, ValueType] = field(default_factory=dict)
    events: Mapping[str, Mapping[str, KnownName]] = field(default_factory=dict)
    flows: frozenset[str] | None = None
    segments: frozenset[str] | None = None
    seasons: frozenset[str] | None = None
    staff: frozenset[str] | None = None
    coupons: frozenset[str] | None = None
    topics: frozenset[str] | None = None

    @classmethod
    def of(
        cls, settings: Settings, *, flows: Iterable[str] | None = None, segments: Iterable[str] | None = None
    ) -> Vocabulary:
        """Return the vocabulary of a shop: the house's events and what `fields` and `events` declare."""
        events: dict[str, dict[str, KnownName]] = {
            house.name: {one.name: KnownName(f"event.{one.name}", one.type, one.about) for one in house.fields}
            for house in HOUSE_EVENTS.values()
        }
        for event, fields in settings.events.items():
            known = events.setdefault(event, {})
            for name, kind in fields.items():
                known[name] = KnownName(f"event.{name}", declared(kind), _OWN_FIELD)
        return cls(
            {name: declared(kind) for name, kind in settings.fields.items()},
            events,
            None if flows is None else frozenset(flows),
            None if segments is None else frozenset(segments),
            topics=frozenset(settings.topics),
        )


@dataclass(frozen=True, slots=True)
class Scope:
    """What there is where a condition stands; customer, shop, now and today are everywhere.

    Parameters:
        events: types of the events of which one is `event`; empty where there is none (a date, a segment).
        order: whether there may be an order.
        journey: whether there is a journey; not yet in a flow's `when`.
        steps: names of the flow's sends, for `sent()` and the like, or None where they are not checked.
        tasks: the same of its tasks, for `task_done()`.
        coupons: those that a journey has there, for `coupons.NAME.code` and the like; None where not checked.
    """

    events: tuple[str, ...] = ()
    order: bool = False
    journey: bool = False
    steps: frozenset[str] | None = None
    tasks: frozenset[str] | None = None
    coupons: frozenset[str] | None = frozenset()

    @classmethod
    def of_events(cls, events: Iterable[str], *, journey: bool, steps: Iterable[str] | None = None) -> Scope:
        """Return the scope of a flow that these events start."""
        types = tuple(events)
        order = any(kind not in HOUSE_EVENTS or HOUSE_EVENTS[kind].order for kind in types)
        return cls(types, order, journey, None if steps is None else frozenset(steps))


SEGMENT = Scope()
"""The scope of a segment: a customer, and no event, order or journey."""


def find_name(path: tuple[str, ...], vocabulary: Vocabulary, scope: Scope) -> KnownName | None:
    """Return what is known of a name in this scope, or None where it cannot exist."""
    name = ".".join(path)
    root = path[0]
    if root in ("order", "event", "journey") and not _has(scope, root):
        return None
    if name in NAMES:
        return NAMES[name]
    if root == "customer" and len(path) == 2 and path[1] in vocabulary.fields:
        return KnownName(name, vocabulary.fields[path[1]], _OWN_FIELD)
    if root == "customer" and len(path) == 3 and path[1] == "address":
        return KnownName(name, ValueType.TEXT, "a part of the postal address")
    if root == "event" and len(path) > 1:
        return _event_field(path, vocabulary, scope)
    if root == "coupons":
        return _coupon_part(path, scope)
    return None


def _coupon_part(path: tuple[str, ...], scope: Scope) -> KnownName | None:
    if len(path) != 3 or path[2] not in COUPON_PARTS or (scope.coupons is not None and path[1] not in scope.coupons):
        return None
    return KnownName(".".join(path), *COUPON_PARTS[path[2]])


def _event_field(path: tuple[str, ...], vocabulary: Vocabulary, scope: Scope) -> KnownName | None:
    """Return a field of the events of which one is there: of the type that all give it, else of any type."""
    name = ".".join(path)
    unknown = KnownName(name, ValueType.ANY, "a field that the shop sends")
    if any(event not in vocabulary.events for event in scope.events):
        return unknown
    if len(path) > 2:
        return None
    found = [vocabulary.events[event][path[1]] for event in scope.events if path[1] in vocabulary.events[event]]
    if not found:
        return None
    return found[0] if all(one.type is found[0].type for one in found) else unknown


def names_in(vocabulary: Vocabulary, scope: Scope) -> dict[str, KnownName]:
    """Return every name that may be written in this scope, with what it is."""
    found = {
        name: known
        for name, known in NAMES.items()
        if known.path[0] not in ("order", "event", "journey") or _has(scope, known.path[0])
    }
    for part in ADDRESS_PARTS:
        found[f"customer.address.{part}"] = KnownName(
            f"customer.address.{part}", ValueType.TEXT, "a part of the postal address"
        )
    for name, kind in vocabulary.fields.items():
        found.setdefault(f"customer.{name}", KnownName(f"customer.{name}", kind, _OWN_FIELD))
    for event in scope.events:
        for known in vocabulary.events.get(event, {}).values():
            found.setdefault(known.name, known)
    return found


def nearest_name(name: str, vocabulary: Vocabulary, scope: Scope) -> str | None:
    """Return the known name that was probably meant, or None: a slip of the keyboard, or a forgotten beginning."""
    known = names_in(vocabulary, scope)
    for full in known:
        if full.rpartition(".")[2] == name:
            return full
    root, _, rest = name.partition(".")
    beside = [full.partition(".")[2] for full in known if full.startswith(f"{root}.")]
    near = get_close_matches(rest, beside, 1, 0.65)
    if near:
        return f"{root}.{near[0]}"
    near = get_close_matches(name, known, 1, 0.85)
    return near[0] if near else None


def _has(scope: Scope, root: str) -> bool:
    return {"order": scope.order, "event": bool(scope.events), "journey": scope.journey}[root]
