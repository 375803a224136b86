"""Expected against seen: line by line, those of one minute in any order, the nearest of what is left side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from worker.domain.flow_tests import Expected, FlowTest, What
from worker.domain.policy import SkipReason
from worker.rehearsal.flow_tests import Played
from worker.rehearsal.timeline import Seen

# what a mail may be said to be skipped for without saying which exit, condition or cap it was
_MAY_BE_SHORT = frozenset({SkipReason.EXIT, SkipReason.CONDITION, SkipReason.CAP, SkipReason.EXPIRED})


@dataclass(frozen=True, slots=True)
class Pair:
    """What was expected and what was seen, one of them None where there is no other.

    Parameters:
        wrong: what differs, in words; empty where the two agree.
    """

    expected: Expected | None
    seen: Seen | None
    wrong: tuple[str, ...] = ()

    @property
    def agrees(self) -> bool:
        """Whether what was expected was seen."""
        return self.expected is not None and self.seen is not None and not self.wrong

    @property
    def at(self) -> datetime:
        """When: of the two the earlier."""
        return min(one.at for one in (self.expected, self.seen) if one is not None)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a test.

    Parameters:
        pairs: in the order of time.
        faults: what is wrong beside the timeline.
    """

    test: FlowTest
    pairs: tuple[Pair, ...]
    faults: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether everything was as expected."""
        return not self.faults and all(pair.agrees for pair in self.pairs)


def judge(test: FlowTest, played: Played) -> Verdict:
    """Hold what was played against what the test expects."""
    faults = [] if played.fault is None else [played.fault]
    for name, wanted in test.finally_.items():
        found = played.customer.get(name)
        if name == "tags" and isinstance(wanted, list):
            wanted = sorted(wanted)
        if found != wanted:
            faults.append(f"at the end customer.{name} is {_shown(found)}, expected {_shown(wanted)}")
    return Verdict(test, tuple(pairs(test.expected, played.seen)), tuple(faults))


def pairs(expected: Sequence[Expected], seen: Sequence[Seen]) -> list[Pair]:
    """Return what belongs together, in the order of time: what agrees, then what is nearly so, then what is alone."""
    left = list(seen)
    found: list[Pair] = []
    lacking: list[Expected] = []
    for one in expected:
        match = next((other for other in left if not _differs(one, other)), None)
        if match is None:
            lacking.append(one)
            continue
        left.remove(match)
        found.append(Pair(one, match))
    for one in lacking:
        near = _nearest(one, left)
        if near is not None:
            left.remove(near)
        found.append(Pair(one, near, _differs(one, near) if near is not None else ("this did not happen",)))
    found += [Pair(None, one, ("this was not expected",)) for one in left]
    return sorted(found, key=lambda pair: pair.at)


def _nearest(one: Expected, left: Sequence[Seen]) -> Seen | None:
    """Return what most likely stands for an expected line: the same at another time, or another at the same."""
    kinds = {What.SEND, What.SKIP} if one.what in (What.SEND, What.SKIP) else {one.what}
    named = [other for other in left if other.what in kinds and (one.name is None or one.name in other.names)]
    if not named:
        named = [other for other in left if _minute(other.at) == one.at]
    if not named and one.what in (What.TASK, What.EXIT):
        named = [other for other in left if other.what is one.what]
    return min(named, key=lambda other: abs(other.at - one.at), default=None)


def _differs(one: Expected, other: Seen) -> tuple[str, ...]:
    """Return what differs between an expected line and what was seen, in words."""
    wrong: list[str] = []
    if _minute(other.at) != one.at:
        wrong.append("time")
    if one.what is not other.what:
        wrong.append(f"{other.what} instead of {one.what}")
    elif one.name is not None and one.name not in other.names:
        wrong.append("name" if one.what is not What.EXIT else "reason")
    else:
        wrong += [key for key, value in one.details.items() if not _same(key, value, other)]
        if one.contains:
            text = other.text
            wrong += [f"the mail does not hold '{part}'" for part in one.contains if part not in text]
    return tuple(wrong)


def _same(key: str, value: str, other: Seen) -> bool:
    found = other.details.get(key, "")
    if key == "due":
        return _minute(datetime.fromisoformat(found)) == datetime.fromisoformat(value) if found else False
    if key == "subject" and value == other.untagged:
        return True  # whatever the shop's mark of advertising is, a test holds
    if key == "reason" and other.what is What.SKIP and value in _MAY_BE_SHORT:
        return found == value or found.startswith(f"{value}: ")
    return found == value


def _minute(moment: datetime) -> datetime:
    return moment - timedelta(seconds=moment.second, microseconds=moment.microsecond)


def _shown(value: object) -> str:
    return "not set" if value is None else repr(value) if isinstance(value, str) else str(value)
