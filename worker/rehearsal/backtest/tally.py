"""What a backtest counts, and the mails that it keeps as samples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from worker.domain.chance import share
from worker.domain.facts import Facts
from worker.domain.journeys import Journey
from worker.domain.messages import Kind
from worker.domain.steps import Send


@dataclass(frozen=True, slots=True)
class Sample:
    """A mail that would have gone out, with the facts that it would have been made of."""

    mark: float
    step: Send
    kind: Kind
    journey: Journey
    facts: Facts


@dataclass(slots=True)
class Bar:
    """What the customers did by themselves: the goal's rate that the flow has to beat.

    Parameters:
        within: how long after a mail (or the entry, where none would have gone out) the goal counts.
        entries: journeys; `reached`: those of them that came to the goal.
        running: journeys whose time was not over at the end.
        revenue: of the orders that were the goal, by currency.
    """

    event: str
    within: timedelta
    entries: int = 0
    reached: int = 0
    running: int = 0
    revenue: dict[str, Decimal] = field(default_factory=dict)

    @property
    def rate(self) -> float | None:
        """The share that came to the goal, None where nobody entered."""
        return self.reached / self.entries if self.entries else None


@dataclass(slots=True)
class Tally:
    """What a flow would have done.

    Parameters:
        looked_at: customers; `people`: those of them who would have entered; `entered`: journeys; `set_aside`: those
            of them that the holdout takes.
        not_entered: why the others were not, counted by event, or by customer and turn of the clock.
        failing: the parts of `when` that did not hold, as they are written.
        sent: mails by step; `staff`: mails to staff; `held_back`: mails by step and reason.
        days: mails to customers a day, in the shop's zone.
        done: what else steps did, by verb and step.
        ends: how journeys ended, by state and reason; `waiting` those that had not.
        keep: mails kept of each step.
    """

    keep: int = 0
    looked_at: int = 0
    people: int = 0
    entered: int = 0
    set_aside: int = 0
    restarted: int = 0
    not_entered: Counter[str] = field(default_factory=Counter)
    failing: Counter[str] = field(default_factory=Counter)
    sent: Counter[str] = field(default_factory=Counter)
    staff: Counter[str] = field(default_factory=Counter)
    held_back: Counter[tuple[str, str]] = field(default_factory=Counter)
    days: Counter[date] = field(default_factory=Counter)
    done: Counter[tuple[str, str]] = field(default_factory=Counter)
    ends: Counter[tuple[str, str]] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    bar: Bar | None = None
    samples: dict[str, list[Sample]] = field(default_factory=dict)

    @property
    def mails(self) -> int:
        """Mails to customers that would have gone out."""
        return self.sent.total()

    def not_taken(self, reason: str, seen: Iterable[dict[str, object]] = ()) -> None:
        """Count a customer who was not taken in.

        Parameters:
            seen: what decided, as `Reading.explain` tells it.
        """
        self.not_entered[reason] += 1
        self.failing.update(str(part["text"]) for part in seen if not part["holds"])

    def mailed(self, step: Send, kind: Kind, journey: Journey, facts: Facts, day: date) -> None:
        """Count a mail to the customer, and keep it where it falls among the samples."""
        self.sent[step.name] += 1
        self.days[day] += 1
        if not self.keep:
            return
        mark = share("sample", str(journey.customer_id), journey.once_key, step.name)
        kept = self.samples.setdefault(step.name, [])
        if len(kept) < self.keep or mark < kept[-1].mark:
            kept.append(Sample(mark, step, kind, journey, facts))
            kept.sort(key=lambda one: one.mark)
            del kept[self.keep :]

    def chosen(self) -> list[Sample]:
        """Return the samples to show, at most `keep` in all: one of each step, then a second of each."""
        ranked = [(place, step, one) for step, kept in self.samples.items() for place, one in enumerate(kept)]
        order = list(self.samples)
        ranked.sort(key=lambda found: (found[0], order.index(found[1])))
        return [one for _, _, one in ranked[: self.keep]]

    def busiest(self) -> tuple[date, int] | None:
        """Return the (first) day of the most mails, None where there is none."""
        return min(self.days.items(), key=lambda found: (-found[1], found[0]), default=None)


@dataclass(frozen=True, slots=True)
class Window:
    """The time that is played: whoever entered in it is followed to its end."""

    since: datetime
    until: datetime
