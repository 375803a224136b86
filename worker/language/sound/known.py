"""What is known of conditions at a place of a flow, and what follows from it for another: surely, or nothing.

A condition that was asked and not changed since is known; so is one that cannot be otherwise, such as
`order.total > 5 and order.total < 3`. What is said here is true of every customer: where values may be missing, a
comparison is false and its negation true, as the readers of conditions have it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from worker.domain.conditions.calls import Mailed, TaskDone, read_call
from worker.domain.conditions.faults import ExpressionError
from worker.domain.conditions.tree import And, Call, Is, Literal, Name, Node, Not, Or, walk
from worker.language.expressions.ranges import Claim, claim_of

_STABLE = ("event", "shop", "journey")
_MOST = 200  # conditions that are kept in mind; a flow that asks more is read, and less is said of it


@dataclass(frozen=True, slots=True)
class Fact:
    """That a condition holds or does not, and the line (from 1) that asked it."""

    holds: bool
    line: int


@dataclass(frozen=True, slots=True)
class Known:
    """What is known at one place.

    Parameters:
        facts: conditions without `and`, `or` and `not`, and those whose parts are not known one by one.
        ahead: names of steps that no journey has taken before it comes here.
    """

    facts: Mapping[Node, Fact] = field(default_factory=dict)
    ahead: frozenset[str] = frozenset()

    def learn(self, node: Node, holds: bool, line: int) -> Known:
        """Return what is known where a condition, asked in this line, holds or does not."""
        if len(self.facts) >= _MOST or isinstance(node, Literal):
            return self
        match node:
            case Not(operand=operand):
                return self.learn(operand, not holds, line)
            case And(operands=operands) if holds:
                return self._all(operands, True, line)
            case Or(operands=operands) if not holds:
                return self._all(operands, False, line)
            case And(operands=operands) | Or(operands=operands):
                found = Known({**self.facts, node: Fact(holds, line)}, self.ahead)
                others = [one for one in operands if self.decide(one) is not (not holds)]
                return found.learn(others[0], holds, line) if len(others) == 1 else found
        return Known({**self.facts, node: Fact(holds, line)}, self.ahead)

    def decide(self, node: Node) -> bool | None:
        """Say whether a condition surely holds, surely does not, or (None) may do either."""
        if (fact := self.facts.get(node)) is not None:
            return fact.holds
        match node:
            case Not(operand=operand):
                found = self.decide(operand)
                return None if found is None else not found
            case And(operands=operands):
                return self._chain(operands, True)
            case Or(operands=operands):
                return self._chain(operands, False)
            case Is(operand=operand, test=test, negated=negated):
                there = any(
                    fact.holds and (one := claim_of(of)) and one.subject == operand for of, fact in self._all_of()
                )
                return ((test == "defined") != negated) if there else None
            case Call() if self.never_done(node):
                return False
        claim = claim_of(node)
        return None if claim is None else self._decide(claim)

    def never_done(self, call: Call) -> str | None:
        """Return the name of the step that a call asks about, where no journey has taken that step before."""
        try:
            asked = read_call(call)
        except ExpressionError:
            return None
        return asked.step if isinstance(asked, Mailed | TaskDone) and asked.step in self.ahead else None

    def asked_in(self, node: Node) -> int | None:
        """Return the line of the one condition from which alone it follows whether this one holds, if there is one."""
        wanted = self.decide(node)
        for of, fact in self.facts.items():
            if Known({of: fact}, self.ahead).decide(node) is wanted:
                return fact.line
        return None

    def after(self, name: str) -> Known:
        """Return what is known after a step was taken that may change nothing but what is asked by functions."""
        kept = {node: fact for node, fact in self.facts.items() if not _calls(node)}
        return Known(kept, self.ahead - {name})

    def later(self, name: str = "") -> Known:
        """Return what is still known after a wait, or a step that writes: what the trigger reported stays as it was."""
        kept = {node: fact for node, fact in self.facts.items() if is_stable(node)}
        return Known(kept, self.ahead - {name})

    def _all(self, nodes: Iterable[Node], holds: bool, line: int) -> Known:
        found = self
        for node in nodes:
            found = found.learn(node, holds, line)
        return found

    def _chain(self, nodes: Iterable[Node], holds: bool) -> bool | None:
        """Decide `and` (holds) or `or`: each part is looked at with those before it taken for what leads on to it."""
        known, sure = self, True
        for node in nodes:
            found = known.decide(node)
            if found is (not holds):
                return not holds
            sure = sure and found is holds
            known = known.learn(node, holds, 0)
        return holds if sure else None

    def _all_of(self) -> Iterable[tuple[Node, Fact]]:
        return self.facts.items()

    def _decide(self, wanted: Claim) -> bool | None:
        """Decide a comparison by the others about the same subject."""
        left, there = wanted, False
        outside: Claim | None = None
        for node, fact in self.facts.items():
            claim = claim_of(node)
            if claim is None or not claim.alike(wanted):
                continue
            if fact.holds:
                there, left = True, left.both(claim)
                outside = claim if outside is None else outside.both(claim)
            else:
                left = left.without(claim)
                outside = outside and outside.without(claim)
        if left.empty:
            return False
        return True if there and outside is not None and outside.without(wanted).empty else None


def together(ways: Iterable[Known]) -> Known:
    """Return what is known after a fork, whichever of its ways was taken; nothing of ways that end."""
    found = list(ways)
    if not found:
        return Known()
    facts = {node: fact for node, fact in found[0].facts.items() if all(_same(one, node, fact) for one in found[1:])}
    return Known(facts, frozenset.intersection(*(one.ahead for one in found)))


def is_stable(node: Node) -> bool:
    """Say whether a condition asks only what stays as it was while a journey runs."""
    names = [part for part in walk(node) if isinstance(part, Name)]
    return bool(names) and not _calls(node) and all(name.path[0] in _STABLE for name in names)


def by_time_alone(node: Node) -> bool:
    """Say whether nothing but the time could change a condition."""
    names = [part for part in walk(node) if isinstance(part, Name)]
    calls = [part for part in walk(node) if isinstance(part, Call)]
    timely = any(name.path[0] in ("now", "today") for name in names) or bool(calls)
    lasting = all(name.path[0] in (*_STABLE, "now", "today") for name in names)
    return timely and lasting and all(call.function in ("days_since", "days_until") for call in calls)


def _same(known: Known, node: Node, fact: Fact) -> bool:
    other = known.facts.get(node)
    return other is not None and other.holds is fact.holds


def _calls(node: Node) -> bool:
    return any(isinstance(part, Call) for part in walk(node))
