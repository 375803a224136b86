"""The flow book of a rehearsal: what is published stands still while a test runs, so nobody asks whether it changed."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection

from worker.domain.flow_tests import What
from worker.domain.steps import Coupon, Emit, TaskStep, walk
from worker.domain.triggers import SegmentTrigger, Timed
from worker.storage.flowbook import Catalogue, FlowBook

OfClock = tuple[tuple[str, Timed | SegmentTrigger], ...]
"""Flows, by their names, with each of their triggers that needs no event."""


class StillFlowBook(FlowBook):
    """The published flows, read when they are told to be read.

    Parameters (once read):
        of_clock: running flows with their triggers of the clock and of segments.
        timed, by_segment: whether there are any of the clock, and any of segments.
        with_staff: whether a flow gives out tasks.
    """

    def __init__(self) -> None:
        super().__init__()
        self._still = False
        self.of_clock: OfClock = ()
        self.timed = self.by_segment = self.with_staff = False
        self._brings: dict[str, frozenset[What]] = {}

    def read(self, connection: Connection) -> None:
        """Read what is published now; segments are kept only where a flow waits for one."""
        self._still = False
        catalogue = self.follow(connection)
        if not catalogue.coming_in:
            self._catalogue = replace(catalogue, kept={}, moving=frozenset())
        self._still = True
        starting = [*catalogue.timed, *catalogue.coming_in]
        self.of_clock = tuple((version.flow.name, trigger) for version, trigger in starting)
        self.timed, self.by_segment = bool(catalogue.timed), bool(catalogue.coming_in)
        self._brings = {}
        for name, version in catalogue.running.items():
            steps = list(walk(version.flow.steps))
            found = {What.GOAL} if version.flow.goal is not None else set()
            found |= {What.TASK for step in steps if isinstance(step, TaskStep)}
            found |= {What.COUPON for step in steps if isinstance(step, Coupon)}
            found |= {What.EMIT for step in steps if isinstance(step, Emit)}
            self._brings[name] = frozenset(found)
        self.with_staff = any(What.TASK in found for found in self._brings.values())

    def follow(self, connection: Connection) -> Catalogue:
        """Return what was published when it was read; before that, what is."""
        return self._catalogue if self._still else super().follow(connection)

    def brings(self, flow: str) -> frozenset[What]:
        """Return what a flow may bring beside mails and exits."""
        return self._brings.get(flow, frozenset())
