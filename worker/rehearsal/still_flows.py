"""The flow book of a rehearsal: what is published stands still while a test runs, so nobody asks whether it changed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from sqlalchemy import Connection

from worker.domain.flow_tests import What
from worker.domain.steps import Coupon, Emit, Send, TaskStep, walk
from worker.domain.triggers import SegmentTrigger, Timed, goes_by
from worker.storage.flowbook import Catalogue, FlowBook

OfClock = tuple[tuple[str, Timed | SegmentTrigger], ...]
"""Flows, by their names, with each of their triggers that needs no event."""


class StillFlowBook(FlowBook):
    """The published flows, read when they are told to be read; of them some run.

    Parameters (of those that run):
        of_clock: flows with their triggers of the clock and of segments.
        timed, by_segment: whether there are any of the clock, and any of segments.
        with_staff: whether a flow gives out tasks.
    """

    def __init__(self) -> None:
        super().__init__()
        self._still: Catalogue | None = None
        self._whole = Catalogue(-1)
        self.of_clock: OfClock = ()
        self.timed = self.by_segment = self.with_staff = False

    def read(self, connection: Connection) -> None:
        """Read what is published now."""
        self._still = None
        self._whole = self.follow(connection)

    def run(self, names: Collection[str]) -> None:
        """Have these flows run, and no others; of the segments those are kept that start one of them."""
        whole = self._whole
        timed = tuple(one for one in whole.timed if one[0].flow.name in names)
        coming_in = tuple(one for one in whole.coming_in if one[0].flow.name in names)
        wanted = {trigger.segment for _, trigger in coming_in}
        self._catalogue = self._still = replace(
            whole,
            running={name: version for name, version in whole.running.items() if name in names},
            listening={
                event: found
                for event, versions in whole.listening.items()
                if (found := tuple(version for version in versions if version.flow.name in names))
            },
            timed=timed,
            coming_in=coming_in,
            dates=frozenset().union(*(goes_by(trigger) for _, trigger in timed)),
            kept={name: number for name, number in whole.kept.items() if name in wanted},
            moving=whole.moving & wanted,
        )
        self.of_clock = tuple((version.flow.name, trigger) for version, trigger in (*timed, *coming_in))
        self.timed, self.by_segment = bool(timed), bool(coming_in)
        self.with_staff = any(What.TASK in self.brings(name) for name in names)

    def follow(self, connection: Connection) -> Catalogue:
        """Return what runs; before anything was told to, what is published."""
        return self._still or super().follow(connection)

    def brings(self, flow: str) -> frozenset[What]:
        """Return what a flow may bring beside mails and exits."""
        version = self._catalogue.running.get(flow)
        if version is None:
            return frozenset()
        found = {What.GOAL} if version.flow.goal is not None else set()
        for step in walk(version.flow.steps):
            found |= {What.TASK} if isinstance(step, TaskStep) else set()
            found |= {What.COUPON, What.HELD} if isinstance(step, Coupon) else set()
            found |= {What.HELD} if isinstance(step, Send) and step.to is not None else set()
            found |= {What.EMIT} if isinstance(step, Emit) else set()
        return frozenset(found)

    def coupons(self, flow: str) -> dict[str, str]:
        """Return the coupon of each step of a flow that gives one."""
        version = self._catalogue.running.get(flow)
        steps = () if version is None else walk(version.flow.steps)
        return {step.name: step.coupon for step in steps if isinstance(step, Coupon)}
