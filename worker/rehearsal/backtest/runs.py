"""What a backtest plays with: the plan of a flow, the journeys through it, and their mails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from worker.domain.conditions.values import Reading, needs
from worker.domain.facts import CouponFact, Happening, MailFact, Need, ShopFacts, TaskFact
from worker.domain.flows import Flow
from worker.domain.journeys import Journey, JourneyState
from worker.domain.messages import Kind
from worker.domain.routes import Route
from worker.domain.staff import Staff
from worker.domain.steps import Send, TaskStep, Wait, walk


@dataclass(frozen=True, slots=True)
class Plan:
    """What all customers of a backtest share.

    Parameters:
        shop: as conditions see it.
        clicks: the share of mails (0 to 1) that is clicked, two hours after they were sent.
        asks_for_mails: whether a wait's `until` looks at mails, so that a mail's sending is news to it.
        leaves_by_condition: whether an exit is a condition; `watches`: whether a task may close by itself.
        quiet: whether there are hours or days on which advertising waits.
    """

    flow: Flow
    route: Route
    reading: Reading
    shop: ShopFacts
    staff: Staff
    zone: ZoneInfo
    clicks: float
    asks_for_mails: bool
    leaves_by_condition: bool
    watches: bool
    quiet: bool

    @classmethod
    def of(
        cls, flow: Flow, reading: Reading, shop: ShopFacts, staff: Staff, *, clicks: float = 0.0, quiet: bool = False
    ) -> Plan:
        """Return the plan of a flow."""
        steps = tuple(walk(flow.steps))
        untils = [step.until for step in steps if isinstance(step, Wait) and step.until is not None]
        return cls(
            flow,
            Route(flow),
            reading,
            shop,
            staff,
            ZoneInfo(shop.timezone),
            clicks,
            any(Need.MAILS in needs(until.tree) for until in untils),
            any(rule.event is None for rule in flow.exits),
            any(isinstance(step, TaskStep) and step.close_when is not None for step in steps),
            quiet,
        )


@dataclass(slots=True)
class Mailed:
    """A mail that would have gone out, and when it would have been clicked."""

    step: str
    sent_at: datetime
    clicked_at: datetime | None = None

    def fact(self, now: datetime) -> MailFact:
        """Return what is known of it at a moment; who clicks has opened."""
        clicked = self.clicked_at if self.clicked_at is not None and self.clicked_at <= now else None
        return MailFact(self.step, self.sent_at, clicked, clicked)


@dataclass(slots=True)
class Run:
    """One journey as it is played.

    Parameters:
        event: what began it.
        stamp: counts its moves, so that a moment that was noted before is known to be over.
        reason: why it ended, where it did not run to its end.
        unsent: mails that wait for the end of quiet hours.
        held: mails that would not have gone out: step, when, and why.
        reached: whether it came to the flow's goal.
    """

    journey: Journey
    event: Happening | None
    stamp: int = 0
    mails: list[Mailed] = field(default_factory=list)
    unsent: list[Letter] = field(default_factory=list)
    coupons: list[CouponFact] = field(default_factory=list)
    held: list[tuple[str, datetime, str]] = field(default_factory=list)
    tasks: list[tuple[TaskStep, TaskFact]] = field(default_factory=list)
    reached: bool = False
    before: tuple[int, int] = (0, 0)  # mails and tasks from before it was last started over
    reason: str | None = None

    @property
    def waits(self) -> bool:
        """Whether it has not ended."""
        return self.journey.state is JourneyState.WAITING

    def touched(self, before: datetime) -> datetime:
        """Return when the last mail before a moment would have gone out; the entry, where none would have."""
        return max((one.sent_at for one in self.mails if one.sent_at <= before), default=self.journey.entered_at)


@dataclass(eq=False, slots=True)
class Letter:
    """A mail that a step wrote."""

    run: Run
    step: Send
    kind: Kind
    expires_at: datetime | None


Later = Callable[[datetime, Run | Letter, int | None], None]
"""Notes a moment at which a journey is to look again, with the stamp that it must still have.

The stamp is None for a click, which is news in any case, and for a mail that waits.
"""
