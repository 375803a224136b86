"""A customer's journeys through the flow that is played: taken on by the domain's own decisions, in memory.

Mails are asked for by the rules at the moment at which they would be sent, tasks stay open unless they close by
themselves, and nobody opens or clicks a mail that never went out, unless a share of clicks is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from worker.domain.advancing import Act, Advance, advance
from worker.domain.chance import share
from worker.domain.conditions.values import Reading, needs
from worker.domain.exits import exit_condition, exit_event, fires
from worker.domain.facts import Facts, Happening, JourneyFacts, MailFact, Need, ShopFacts, TaskFact, UnderWay
from worker.domain.flows import Flow
from worker.domain.hits import HitKind
from worker.domain.journeys import Journey, JourneyState
from worker.domain.messages import Kind
from worker.domain.orders import Order
from worker.domain.own_fields import written
from worker.domain.policy import Pending, skip
from worker.domain.routes import Route
from worker.domain.staff import Staff
from worker.domain.steps import AddToFields, ExitRule, Send, SetFields, Suppress, Tag, TaskStep, Untag, Wait, walk
from worker.domain.tasks import PHIN, Outcome, TaskState
from worker.domain.zones import zone_of
from worker.rehearsal.backtest_past import Past
from worker.rehearsal.backtest_tally import Tally

CLICKED_AFTER = timedelta(hours=2)  # that a mail of the share that is clicked was sent
_MOST = 20  # times that a journey looks again at once after what it did itself

_VERBS = {
    "TaskStep": "task",
    "Coupon": "coupon",
    "SetFields": "set",
    "AddToFields": "add",
    "Tag": "tag",
    "Untag": "untag",
    "Suppress": "suppress",
    "Emit": "emit",
    "Webhook": "webhook",
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What all customers of a backtest share.

    Parameters:
        shop: as conditions see it.
        clicks: the share of mails (0 to 1) that is clicked, two hours after they were sent.
        asks_for_mails: whether a wait's `until` looks at mails, so that a mail's sending is news to it.
        leaves_by_condition: whether an exit is a condition; `watches`: whether a task may close by itself.
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

    @classmethod
    def of(cls, flow: Flow, reading: Reading, shop: ShopFacts, staff: Staff, clicks: float = 0.0) -> Plan:
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
        held: mails that would not have gone out: step, when, and why.
        reached: whether it came to the flow's goal.
    """

    journey: Journey
    event: Happening | None
    stamp: int = 0
    mails: list[Mailed] = field(default_factory=list)
    held: list[tuple[str, datetime, str]] = field(default_factory=list)
    tasks: list[tuple[TaskStep, TaskFact]] = field(default_factory=list)
    reached: bool = False
    reason: str | None = None

    @property
    def waits(self) -> bool:
        """Whether it has not ended."""
        return self.journey.state is JourneyState.WAITING

    def touched(self, before: datetime) -> datetime:
        """Return when the last mail before a moment would have gone out; the entry, where none would have."""
        return max((one.sent_at for one in self.mails if one.sent_at <= before), default=self.journey.entered_at)


Later = Callable[[datetime, Run, int | None], None]


class Journeys:
    """The journeys of one customer.

    Parameters:
        later: notes a moment at which a journey is to look again, with the stamp that it must still have; None for
            a click, which is news in any case.
    """

    def __init__(
        self, plan: Plan, past: Past, tally: Tally, later: Callable[[datetime, Run, int | None], None]
    ) -> None:
        self._plan = plan
        self._past = past
        self._tally = tally
        self._later = later
        self.runs: list[Run] = []
        self.by_key: dict[str, Journey] = {}  # by once-key as they were entered, in that order
        self._waiting: dict[int, Run] = {}

    def under_way(self) -> Iterator[UnderWay]:
        """Yield the journeys that have not ended."""
        return (UnderWay(run.journey.flow, run.journey.order_number) for run in self._waiting.values())

    def begin(self, journey: Journey, event: Happening | None) -> Run:
        """Begin a journey that was entered."""
        run = Run(journey, event)
        self.runs.append(run)
        self.by_key[journey.once_key] = journey
        if run.waits:
            self._waiting[journey.id] = run
            self.look(run, journey.entered_at)
        return run

    def look(self, run: Run, now: datetime) -> None:
        """Take a journey as far as it goes now, again where what it did itself is news to it."""
        for _ in range(_MOST):
            if not run.waits:
                return
            facts = self.facts_of(run, now)
            zone = zone_of(facts.customer.timezone, self._plan.shop.timezone)
            decided = advance(self._plan.route, run.journey, facts, self._plan.reading, zone)
            if decided is None or not self._move(run, decided, now):
                return

    def tell(self, happening: Happening, order: Order | None, now: datetime) -> None:
        """Tell all journeys under way of an event: some end by it, the others look again."""
        for run in list(self._waiting.values()):
            known = self.facts_of(run, now)
            of_event = replace(known, event=happening, order=order or known.order)
            fired = exit_event(self._plan.route, run.journey, of_event, self._plan.reading)
            if fired is None:
                self.look(run, now)
            else:
                reason, entry = fired
                ended = Advance(JourneyState.EXITED, run.journey.step, None, reason, (), (entry,), True)
                self._move(run, ended, now)

    def look_all(self, now: datetime) -> None:
        """Have all journeys look again, since a fact of the customer changed."""
        for run in list(self._waiting.values()):
            self.look(run, now)

    def close_tasks(self, happening: Happening | None, order: Order | None, now: datetime) -> None:
        """Close the tasks that an event closes, or whose condition holds now; of ended journeys too."""
        for run in self.runs if self._plan.watches else ():
            for place, (step, known) in enumerate(run.tasks):
                if known.outcome is None and step.close_when is not None:
                    facts = self.facts_of(run, now)
                    if self._closes(step.close_when, run, facts, happening, order):
                        outcome = Outcome.BY_ITSELF
                        run.tasks[place] = step, TaskFact(step.name, outcome.state, outcome.value, PHIN)

    def clicked(self, now: datetime) -> None:
        """Have the customer's journeys know of a click of just now."""
        self._past.seen(HitKind.CLICK, now)
        self.look_all(now)

    def facts_of(self, run: Run, now: datetime) -> Facts:
        """Return what a journey may look at."""
        of = run.journey
        began_at = run.event.at if run.event is not None else None
        about = JourneyFacts(of.flow, of.entered_at, of.order_number, of.request, began_at, of.day)
        return self._past.facts(
            now,
            order=self._past.orders.get(of.order_number) if of.order_number else None,
            event=run.event,
            journey=about,
            mails=[mail.fact(now) for mail in run.mails],
            tasks=[known for _, known in run.tasks],
            flows=self.under_way(),
        )

    def _closes(self, rule: ExitRule, run: Run, facts: Facts, happening: Happening | None, order: Order | None) -> bool:
        if rule.event is None:
            return rule.when is not None and self._plan.reading.holds(rule.when, facts)
        of_event = replace(facts, event=happening, order=order or facts.order)
        return fires(rule, run.journey, of_event, self._plan.reading)

    def _move(self, run: Run, decided: Advance, now: datetime) -> bool:
        """Let a decision hold; returns whether what was done is news to the journey itself."""
        run.journey = replace(
            run.journey,
            state=decided.state,
            step=decided.step,
            due_at=decided.due_at,
            withdrawn=run.journey.withdrawn or decided.withdraws,
        )
        run.stamp += 1
        mails: list[Act] = []
        for act in decided.acts:
            self._perform(run, act)
            if isinstance(act.step, Send):
                mails.append(act)
        news = [self._send(run, act, now) for act in mails]
        if not run.waits:
            del self._waiting[run.journey.id]
            run.reason = decided.reason
            self._tally.ends[decided.state.value, decided.reason or ""] += 1
        elif run.journey.due_at is not None:
            self._later(run.journey.due_at, run, run.stamp)
        return any(news)

    def _perform(self, run: Run, act: Act) -> None:
        step = act.step
        if not isinstance(step, Send):
            self._tally.done[_VERBS.get(type(step).__name__, type(step).__name__.lower()), step.name] += 1
        match step:
            case TaskStep():
                run.tasks.append((step, TaskFact(step.name, TaskState.OPEN)))
            case SetFields() | AddToFields() | Tag() | Untag():
                self._past.write(written(step, act.facts, self._plan.reading)[0])
            case Suppress():
                self._past.suppress(step.reason)

    def _send(self, run: Run, act: Act, now: datetime) -> bool:
        """Ask the rules for a mail; returns whether the answer is news to the journey."""
        step = act.step
        assert isinstance(step, Send), "only sends make mails"
        flow = self._plan.flow
        facts = self.facts_of(run, now)
        left = exit_condition(self._plan.route, facts, self._plan.reading) if self._plan.leaves_by_condition else None
        expires = now + step.expires.span() if step.expires else None
        if step.to is not None:
            self._tally.staff[step.name] += max(1, len(self._plan.staff.members(step.to)))
            return False
        kind: Kind = step.kind or flow.kind
        reason = skip(Pending(kind, facts.customer, expires, run.journey.withdrawn, left and left[0]), now)
        if reason is not None:
            self._tally.held_back[step.name, reason.value] += 1
            run.held.append((step.name, now, reason.value))
            return left is not None
        mail = Mailed(step.name, now)
        if self._plan.clicks and share("click", *self._names(run), step.name) < self._plan.clicks:
            mail.clicked_at = now + CLICKED_AFTER
            self._later(mail.clicked_at, run, None)
        run.mails.append(mail)
        made = replace(act.facts, customer=facts.customer)
        self._tally.mailed(step, kind, run.journey, made, now.astimezone(self._plan.zone).date())
        return self._plan.asks_for_mails

    def _names(self, run: Run) -> tuple[str, ...]:
        return run.journey.flow, str(run.journey.customer_id), run.journey.once_key
