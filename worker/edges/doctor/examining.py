"""Runs the checks side by side, each for a limited time, and gives their findings section by section.

What hangs is told and left behind: its thread is a daemon's, and ends with the process.
"""

from __future__ import annotations

import os
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from worker.edges.cli.running import TRACEBACK
from worker.edges.doctor.findings import Check, Finding, Level, fault, note
from worker.edges.doctor.patient import AwayError
from worker.storage.database import told

LOOK_EVERY = 0.05  # seconds


@dataclass(slots=True)
class Examined:
    """A section, with what was found in it."""

    name: str
    findings: list[Finding] = field(default_factory=list)


@dataclass(slots=True)
class _Run:
    check: Check
    thread: threading.Thread | None = None
    findings: list[Finding] = field(default_factory=list)

    def look(self) -> None:
        try:
            for finding in self.check.look():
                self.findings.append(finding)
        except AwayError as error:
            said = f"not looked at: {error}"
            self.findings.append(note("not-looked-at", self.check.subject, said))
        except Exception as error:
            words = f"looking failed: {told(error)}"
            if os.environ.get(TRACEBACK):
                traceback.print_exc()
            self.findings.append(
                fault("look-failed", self.check.subject, words, f"{TRACEBACK}=1 phin doctor tells more")
            )


def examine(
    checks: Sequence[Check], within: float, waiting: Callable[[Sequence[str], float], None] = lambda _on, _for: None
) -> Iterator[Examined]:
    """Run all checks at once, and yield each section when all of its checks have ended, or had their time.

    Parameters:
        within: seconds that all of it may take.
        waiting: told again and again which subjects are still looked at, and for how many seconds so far.
    """
    began = time.monotonic()
    runs = [_Run(check) for check in checks]
    for run in runs:
        run.thread = threading.Thread(target=run.look, name=f"doctor {run.check.subject}", daemon=True)
        run.thread.start()
    for name in dict.fromkeys(check.section for check in checks):
        section = Examined(name)
        for run in (one for one in runs if one.check.section == name):
            assert run.thread is not None
            while run.thread.is_alive() and time.monotonic() - began < within:
                waiting(
                    [one.check.subject for one in runs if one.thread and one.thread.is_alive()],
                    time.monotonic() - began,
                )
                run.thread.join(LOOK_EVERY)
            section.findings += list(run.findings)
            if run.thread.is_alive():
                said = f"had not ended after {within:.0f} s, and was left"
                remedy = (
                    f"give it longer: phin doctor --within {2 * within:.0f}; where that is too short as well, it hangs"
                )
                section.findings.append(Finding(run.check.hanging, "took-too-long", run.check.subject, said, remedy))
        yield section


def worst(sections: Sequence[Examined]) -> Level:
    """Return the worst level of all findings; notes are fine."""
    levels = {finding.level for section in sections for finding in section.findings}
    for level in (Level.FAULT, Level.WARNING):
        if level in levels:
            return level
    return Level.FINE
