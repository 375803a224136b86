"""What one version of a flow does otherwise than another, in words; and which step of the one is which of the other.

A step is known by its name. A counted name (`wait-2`) is no identity, since it is another as soon as a wait is put
before it: such a step is the one of the same verb that stands in the same place among the steps with names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from difflib import SequenceMatcher
from itertools import pairwise
from typing import Any

from worker.domain.flows import Flow
from worker.domain.steps import Split, Step, TaskStep, Wait, ways_of
from worker.domain.texts import LocalText
from worker.language.flow.meaning import canonical, same
from worker.language.flow.wording import (
    bare,
    briefly,
    described,
    is_automatic,
    label_of,
    said_by,
    shown,
    shown_change,
    verb_of,
)

ADDED, REMOVED, CHANGED = "added", "removed", "changed"
_NOT_TOLD = ("name", "steps", "meaning")


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is otherwise.

    Parameters:
        kind: `added`, `removed` or `changed`.
        about: the name of the step, as the new version has it (the old one, where it is removed), or a key of the
            flow: `when`, `exit`.
        text: in words: `wait 7 days → 5 days before review-invite`.
        depth: how deep the step stands in a fork that was added or removed with it.
    """

    kind: str
    about: str
    text: str
    depth: int = 0


@dataclass(frozen=True, slots=True)
class _Placed:
    """A step and where it stands.

    Parameters:
        way: the fork that it stands in, and which way of it; none at the outermost.
    """

    step: Step
    way: tuple[str, str] | None
    depth: int


def differences(old: Flow, new: Flow) -> tuple[Change, ...]:
    """Return what the new version does otherwise: who enters, what ends it, then its steps in their order."""
    return (*_of_entry(old, new), *_of_steps(old, new))


def same_steps(old: Flow, new: Flow) -> dict[str, str]:
    """Return for each step of the old version that is in the new one its name there."""
    return _same(_placed(old.steps), _placed(new.steps))


def standing(flow: Flow, name: str | None) -> str:
    """Return in words where a journey stands: `waiting 7 days before review-invite`, `at the start`."""
    if name is None:
        return "at the start"
    steps = _placed(flow.steps)
    at = next((number for number, one in enumerate(steps) if one.step.name == name), None)
    if at is None:
        return f"at '{name}'"
    step = steps[at].step
    if isinstance(step, Wait):
        where = _where(steps, at) if is_automatic(step) else f"({shown(step.name)})"
        return f"waiting {briefly(step).removeprefix('wait ')} {where}"
    if isinstance(step, TaskStep):
        return f"until the {briefly(step)} is closed"
    return f"at {briefly(step)}"


def _of_entry(old: Flow, new: Flow) -> list[Change]:
    found: list[Change] = []
    for field in fields(Flow):
        before, after = getattr(old, field.name), getattr(new, field.name)
        if field.name in _NOT_TOLD or same(before, after):
            continue
        label = label_of(field.name)
        if isinstance(before, tuple) and isinstance(after, tuple):
            found += [Change(REMOVED, label, f"{label} {shown(one)}") for one in _without(before, after)]
            found += [Change(ADDED, label, f"{label} {shown(one)}") for one in _without(after, before)]
        else:
            found += [Change(CHANGED, label, told) for told in _otherwise(label, before, after)]
    return found


def _without(items: Sequence[Any], others: Sequence[Any]) -> list[Any]:
    return [item for item in items if not any(same(item, other) for other in others)]


def _otherwise(label: str, before: Any, after: Any) -> list[str]:
    """Return what is otherwise of one thing; of texts, each language of which the text is."""
    if isinstance(before, LocalText) and isinstance(after, LocalText):
        languages = list(dict.fromkeys([*before.by_language, *after.by_language]))
        texts = [
            (language, before.by_language.get(language), after.by_language.get(language)) for language in languages
        ]
        return [
            f"{label}{f' ({language})' if language else ''} {shown_change(one, other)}"
            for language, one, other in texts
            if not same(one, other)
        ]
    if isinstance(before, float) and isinstance(after, float) and label == "holdout":
        return [f"{label} {before * 100:g} % → {after * 100:g} %"]
    return [f"{label} {shown_change(before, after)}"]


def _of_steps(old: Flow, new: Flow) -> list[Change]:
    before, after = _placed(old.steps), _placed(new.steps)
    match = _same(before, after)
    at_before = {one.step.name: number for number, one in enumerate(before)}
    back = {there: here for here, there in match.items()}
    moved = _moved(before, after, match)
    told: list[tuple[float, Change]] = []
    for number, one in enumerate(after):
        name = one.step.name
        if name not in back:
            depth = _depth(one, {other.step.name for other in after} - back.keys())
            words = _with_place(after, number, described(one.step), depth)
            told.append((number, Change(ADDED, name, words, depth)))
            continue
        was = before[at_before[back[name]]].step
        words = _changed(was, one.step)
        if words:
            told.append((number, Change(CHANGED, name, _with_place(after, number, words))))
        if name in moved:
            told.append((number, Change(CHANGED, name, f"{briefly(one.step)} now stands {_where(after, number)}")))
    gone = {one.step.name for one in before} - match.keys()
    position = -1.0
    for number, one in enumerate(before):
        name = one.step.name
        if name in match:
            position = next(place for place, other in enumerate(after) if other.step.name == match[name])
            continue
        depth = _depth(one, gone)
        words = _with_place(before, number, described(one.step), depth)
        told.append((position + 0.5, Change(REMOVED, name, words, depth)))
    return [change for _, change in sorted(told, key=lambda one: one[0])]


def _changed(was: Step, now: Step) -> str:
    """Return what a step does otherwise, or nothing."""
    if type(was) is not type(now):
        return f"{briefly(was)} → {briefly(now)} ({shown(now.name)})"
    was, now = bare(was), bare(now)
    main, *options = said_by(now)
    words = []
    if not same(getattr(was, main.name), getattr(now, main.name)):
        (*_, words_of_main) = _otherwise(verb_of(now), getattr(was, main.name), getattr(now, main.name))
        words.append(words_of_main)
    for field in options:
        before, after = getattr(was, field.name), getattr(now, field.name)
        if not same(before, after):
            words += _otherwise(label_of(field.name), before, after)
    if not words:
        return ""
    if words[0].startswith(f"{verb_of(now)} "):
        return ", ".join(words)
    return f"{briefly(now)}: {', '.join(words)}"


def _placed(steps: Sequence[Step], way: tuple[str, str] | None = None, depth: int = 0) -> list[_Placed]:
    found: list[_Placed] = []
    for step in steps:
        found.append(_Placed(step, way, depth))
        names = [branch.name for branch in step.branches] if isinstance(step, Split) else []
        for number, inner in enumerate(ways_of(step)):
            found += _placed(inner, (step.name, names[number] if names else str(number)), depth + 1)
    return found


def _same(before: Sequence[_Placed], after: Sequence[_Placed]) -> dict[str, str]:
    there = {one.step.name: number for number, one in enumerate(after) if not is_automatic(one.step)}
    named = [(n, there[one.step.name]) for n, one in enumerate(before) if one.step.name in there]
    named = [(here, at) for here, at in named if not is_automatic(before[here].step)]
    found = {before[here].step.name: after[at].step.name for here, at in named}
    in_order = _longest_rise([at for _, at in named])
    fixed = [(here, at) for here, at in named if at in in_order]
    for (a, c), (b, d) in pairwise([(-1, -1), *fixed, (len(before), len(after))]):
        found |= _same_between([one.step for one in before[a + 1 : b]], [one.step for one in after[c + 1 : d]])
    return found


def _same_between(before: Sequence[Step], after: Sequence[Step]) -> dict[str, str]:
    """Return which counted steps of a stretch between two steps with names are the same: by what they say, and else by
    their verb, the last first, since what matters of a wait is what comes after it."""
    before, after = ([step for step in side if is_automatic(step)] for side in (before, after))
    tokens = [[_token(step) for step in side] for side in (before, after)]
    found: dict[str, str] = {}
    for tag, a, b, c, d in SequenceMatcher(a=tokens[0], b=tokens[1], autojunk=False).get_opcodes():
        if tag == "equal":
            found |= {one.name: other.name for one, other in zip(before[a:b], after[c:d], strict=True)}
        elif tag == "replace":
            left = list(after[c:d])
            for one in reversed(before[a:b]):
                at = next((at for at in range(len(left) - 1, -1, -1) if type(left[at]) is type(one)), None)
                if at is not None:
                    found[one.name] = left[at].name
                    left = left[:at]
    return found


def _token(step: Step) -> tuple[str, str]:
    """Return what a counted step is found by: its verb and what it says."""
    return type(step).__name__, canonical(tuple(getattr(bare(step), one.name) for one in said_by(step)))


def _moved(before: Sequence[_Placed], after: Sequence[_Placed], match: Mapping[str, str]) -> set[str]:
    """Return the steps, as the new version calls them, that stand elsewhere: in another way, or in another order."""
    there = {one.step.name: (number, one.way) for number, one in enumerate(after)}
    kept = [one for one in before if one.step.name in match]
    ways = {
        match[one.step.name]
        for one in kept
        if there[match[one.step.name]][1] != (one.way and (match.get(one.way[0], ""), one.way[1]))
    }
    order = [there[match[one.step.name]][0] for one in kept]
    stay = _longest_rise(order)
    return ways | {after[number].step.name for number in order if number not in stay}


def _longest_rise(numbers: Sequence[int]) -> set[int]:
    """Return the longest subsequence that rises: what keeps its order when as little as possible is moved."""
    best: list[list[int]] = []
    for number in numbers:
        runs: list[list[int]] = [run for run in best if run[-1] < number]
        before: list[int] = max(runs, key=len, default=[])
        best.append([*before, number])
    longest: list[int] = max(best, key=len, default=[])
    return set(longest)


def _depth(one: _Placed, unmatched: set[str]) -> int:
    return 1 if one.way is not None and one.way[0] in unmatched else 0


def _with_place(steps: Sequence[_Placed], at: int, words: str, depth: int = 0) -> str:
    """Return the words with where the step stands, unless they name it, or the fork that it came or went with."""
    return f"{words} {_where(steps, at)}" if is_automatic(steps[at].step) and not depth else words


def _where(steps: Sequence[_Placed], at: int) -> str:
    """Return where a step stands, by the nearest step with a name of its own."""
    for one in steps[at + 1 :]:
        if not is_automatic(one.step):
            return f"before {shown(one.step.name)}"
    for one in reversed(steps[:at]):
        if not is_automatic(one.step):
            return f"after {shown(one.step.name)}"
    return "at the end" if at else "at the start"
