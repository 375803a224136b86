"""What values a comparison allows, as sets: `order.total >= 300_000` allows all numbers from 300,000 on."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from worker.domain.conditions.catalogue import NAMES
from worker.domain.conditions.tree import Compare, Comparison, In, ListOf, Literal, Name, Negative, Node
from worker.domain.conditions.valuetypes import ValueType

_FLIPPED: dict[Comparison, Comparison] = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "==", "!=": "!="}
Mark = tuple[float, int]
"""A cut in the line of numbers: right before one (-1), or right after it (1)."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """A set of numbers: pieces of the line from cut to cut, in order, none touching the next."""

    pieces: tuple[tuple[Mark, Mark], ...]

    def both(self, other: Numbers) -> Numbers:
        """Return what is in both sets."""
        found = [(max(a, c), min(b, d)) for a, b in self.pieces for c, d in other.pieces]
        return Numbers(tuple(sorted(piece for piece in found if piece[0] < piece[1])))

    def without(self, other: Numbers) -> Numbers:
        """Return what is in this set and not in the other."""
        ends = [(-inf, -1), *(mark for piece in other.pieces for mark in piece), (inf, 1)]
        gaps = tuple((ends[at], ends[at + 1]) for at in range(0, len(ends), 2) if ends[at] < ends[at + 1])
        return self.both(Numbers(gaps))

    @property
    def empty(self) -> bool:
        """Whether nothing is in it."""
        return not self.pieces


@dataclass(frozen=True, slots=True)
class Words:
    """A set of texts: these, or (`all_but`) all others."""

    texts: frozenset[str]
    all_but: bool = False

    def both(self, other: Words) -> Words:
        """Return what is in both sets."""
        if self.all_but and other.all_but:
            return Words(self.texts | other.texts, True)
        if self.all_but or other.all_but:
            listed, left_out = (other, self) if self.all_but else (self, other)
            return Words(listed.texts - left_out.texts)
        return Words(self.texts & other.texts)

    def without(self, other: Words) -> Words:
        """Return what is in this set and not in the other."""
        return self.both(Words(other.texts, not other.all_but))

    @property
    def empty(self) -> bool:
        """Whether nothing is in it."""
        return not self.texts and not self.all_but


@dataclass(frozen=True, slots=True)
class Claim:
    """That a subject is there and its value in a set: one of numbers, or one of texts."""

    subject: Node
    numbers: Numbers | None = None
    words: Words | None = None

    def alike(self, other: Claim) -> bool:
        """Say whether both are about the same subject, and the same kind of value."""
        return self.subject == other.subject and (self.numbers is None) == (other.numbers is None)

    def both(self, other: Claim) -> Claim:
        """Return the claim that both hold, of one alike."""
        if self.numbers is not None and other.numbers is not None:
            return Claim(self.subject, numbers=self.numbers.both(other.numbers))
        assert self.words is not None and other.words is not None
        return Claim(self.subject, words=self.words.both(other.words))

    def without(self, other: Claim) -> Claim:
        """Return the claim that this one holds and the other, alike, does not."""
        if self.numbers is not None and other.numbers is not None:
            return Claim(self.subject, numbers=self.numbers.without(other.numbers))
        assert self.words is not None and other.words is not None
        return Claim(self.subject, words=self.words.without(other.words))

    @property
    def empty(self) -> bool:
        """Whether no value could meet it."""
        return bool((self.numbers and self.numbers.empty) or (self.words and self.words.empty))


def claim_of(node: Node) -> Claim | None:
    """Return what a comparison with a written value claims, or None where a node is none.

    Texts count where the name is surely a text: what a shop sends might be a time, which is written in several ways.
    """
    if isinstance(node, In) and isinstance(node.container, ListOf) and _is_text(node.item):
        texts = [item.value for item in node.container.items if isinstance(item, Literal)]
        words = frozenset(text for text in texts if isinstance(text, str))
        whole = len(texts) == len(node.container.items) and len(words) == len(set(texts))
        return Claim(node.item, words=Words(words, node.negated)) if whole else None
    if not isinstance(node, Compare):
        return None
    subject, operator, other = node.left, node.operator, node.right
    if isinstance(subject, Literal | Negative):
        subject, operator, other = node.right, _FLIPPED[node.operator], node.left
    number = _number(other)
    if number is not None and not isinstance(subject, Literal):
        return Claim(subject, numbers=_numbers(operator, number))
    if isinstance(other, Literal) and isinstance(other.value, str) and operator in ("==", "!=") and _is_text(subject):
        return Claim(subject, words=Words(frozenset((other.value,)), operator == "!="))
    return None


def _numbers(operator: Comparison, number: float) -> Numbers:
    start, end, before, after = (-inf, -1), (inf, 1), (number, -1), (number, 1)
    pieces = {
        "<": ((start, before),),
        "<=": ((start, after),),
        ">": ((after, end),),
        ">=": ((before, end),),
        "==": ((before, after),),
        "!=": ((start, before), (after, end)),
    }
    return Numbers(pieces[operator])


def _number(node: Node) -> float | None:
    if isinstance(node, Negative):
        found = _number(node.operand)
        return None if found is None else -found
    if isinstance(node, Literal) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        return float(node.value)
    return None


def _is_text(node: Node) -> bool:
    known = NAMES.get(".".join(node.path)) if isinstance(node, Name) else None
    return known is not None and known.type is ValueType.TEXT
