"""A finding: what was looked at, how it stands, and the remedy where something is to be done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How a thing stands."""

    FINE = "fine"
    NOTE = "note"  # good to know; nothing is to be done
    WARNING = "warning"  # works, and something should be done
    FAULT = "fault"  # does not work, or loses mail


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Parameters:
        key: names the kind of finding for programs: `database.reachable`; it never changes with the words.
        subject: what was looked at, in a word or two.
        said: how it stands; holds no e-mail address of a customer, and no secret.
        remedy: a command to run, or a setting to change; None where nothing is to be done.
    """

    level: Level
    key: str
    subject: str
    said: str
    remedy: str | None = None


Findings = Iterator[Finding]


@dataclass(frozen=True, slots=True)
class Check:
    """A part of the examination that is looked at by itself.

    Parameters:
        section: the heading that its findings stand under.
        subject: what is told of where it takes too long.
        look: yields what it finds as it finds it.
        hanging: how bad it is that it takes too long.
    """

    section: str
    subject: str
    look: Callable[[], Iterable[Finding]]
    hanging: Level = Level.WARNING


def fine(key: str, subject: str, said: str) -> Finding:
    """Return that a thing is as it should be."""
    return Finding(Level.FINE, key, subject, said)


def note(key: str, subject: str, said: str, remedy: str | None = None) -> Finding:
    """Return what is good to know."""
    return Finding(Level.NOTE, key, subject, said, remedy)


def warning(key: str, subject: str, said: str, remedy: str) -> Finding:
    """Return what works and should be seen to."""
    return Finding(Level.WARNING, key, subject, said, remedy)


def fault(key: str, subject: str, said: str, remedy: str) -> Finding:
    """Return what does not work."""
    return Finding(Level.FAULT, key, subject, said, remedy)


def span(seconds: float) -> str:
    """Return a length of time as a person says it: `4 s`, `7 min`, `3 h`, `12 days`."""
    for limit, size, unit in ((120, 1, "s"), (7_200, 60, "min"), (172_800, 3_600, "h")):
        if abs(seconds) < limit:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86_400:,.0f} days"


def size(count: float) -> str:
    """Return bytes as a person says them: `12 MB`, `3.4 GB`."""
    for limit, unit in ((1e3, "bytes"), (1e6, "kB"), (1e9, "MB"), (1e12, "GB")):
        if count < limit:
            whole = count / (limit / 1e3)
            return f"{whole:.1f} {unit}" if whole < 10 and unit != "bytes" else f"{whole:.0f} {unit}"
    return f"{count / 1e12:.1f} TB"
