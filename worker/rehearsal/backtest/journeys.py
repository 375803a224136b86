"""A customer's journeys through the flow that is played: taken on by the domain's own decisions, in memory.

Mails are asked for by the rules at the moment at which they would be sent, tasks stay open unless they close by
themselves, and nobody opens or clicks a mail that never went out, unless a share of clicks is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from worker.domain.advancing import Act, Advance, advance
from worker.domain.chance import share
from worker.domain.coupons import good_until, prefix_of
from worker.domain.customers import Suppression
from worker.domain.exits import exit_condition, exit_event, fires
from worker.domain.facts import (
    CouponFact,
    Facts,
    Happening,
    JourneyFacts,
    TaskFact,
    UnderWay,
)
from worker.domain.hits import HitKind
from worker.domain.journeys import Journey, JourneyState
from worker.domain.matching import under_way
from worker.domain.messages import Kind
from worker.domain.orders import Order
from worker.domain.own_fields import written
from worker.domain.policy import Pending, SkipReason, skip
from worker.domain.steps import (
    AddToFields,
    Coupon,
    ExitRule,
    Send,
    SetFields,
    Suppress,
    Tag,
    TaskStep,
    Untag,
)
from worker.domain.tasks import PHIN, Outcome, TaskState
from worker.domain.zones import zone_of
from worker.rehearsal.backtest.pace import Pace
from worker.rehearsal.backtest.past import Past
from worker.rehearsal.backtest.runs import Later, Letter, Mailed, Plan, Run
from worker.rehearsal.backtest.tally import Tally

CLICKED_AFTER = timedelta(hours=2)  # that a mail of the share that is clicked was sent
_SAMPLE_CODE = "SAMPLE"
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


class Journeys:
    """The journeys of one customer.

    Parameters:
        pace: of the customer's advertising.
        later: notes moments at which something is to be looked at again.
    """

    def __init__(self, plan: Plan, past: Past, tally: Tally, pace: Pace, later: Later) -> None:
        self._pace = pace
        self._plan = plan
        self._past = past
        self._tally = tally
        self._later = later
        self.runs: list[Run] = []
        self.by_key: dict[str, Journey] = {}  # by once-key as they were entered, in that order
        self._waiting: dict[int, Run] = {}

    def standing(self, key: str, order_number: str | None, request: str | None) -> Run | None:
        """Return the journey that an entry under this key would come on top of, or None where there is none."""
        waiting = [run.journey for run in reversed(self._waiting.values())]
        found = under_way(self._plan.flow, waiting, key, order_number, request)
        return None if found is None else self._waiting[found.id]

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

    def begin_again(self, run: Run, journey: Journey, event: Happening | None) -> None:
        """Start a journey over that is under way; what it has not sent yet is taken back."""
        run.journey, run.event = journey, event
        run.stamp += 1
        run.unsent.clear()
        run.before = len(run.mails), len(run.tasks)
        self.by_key[journey.once_key] = journey
        self.look(run, journey.entered_at)

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
        for run in [run for run in self._withheld() if not run.journey.withdrawn]:
            of_event = replace(self.facts_of(run, now), event=happening)
            of_event = replace(of_event, order=order or of_event.order)
            if exit_event(self._plan.route, run.journey, of_event, self._plan.reading) is not None:
                run.journey = replace(run.journey, withdrawn=True)

    def _withheld(self) -> list[Run]:
        """Return ended journeys of which a mail still waits: an exit that comes before it takes it back."""
        return [run for run in self.runs if run.unsent and not run.waits] if self._plan.quiet else []

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
            mails=[mail.fact(now) for mail in run.mails[run.before[0] :]],
            tasks=[known for _, known in run.tasks[run.before[1] :]],
            coupons=run.coupons,
            flows=self.under_way(),
        )

    def _coupon(self, step: Coupon, facts: Facts) -> CouponFact:
        """Return a coupon as one would have been given, with a code that is none."""
        currency = self._plan.shop.currency if step.amount is not None else None
        until = good_until(step.expires, facts.now, self._plan.zone)
        code = f"{prefix_of(step)}-{_SAMPLE_CODE}"
        return CouponFact(step.coupon, code, step.percent, step.amount, currency, until, own=True)

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
                self._past.customer = written(step, act.facts, self._plan.reading)[0]
            case Coupon():
                run.coupons.append(self._coupon(step, act.facts))
            case Suppress():
                self._past.suppress(Suppression(step.reason, act.facts.now, run.journey.id))

    def _send(self, run: Run, act: Act, now: datetime) -> bool:
        """Write a mail and ask the rules for it; returns whether the answer is news to the journey."""
        step = act.step
        assert isinstance(step, Send), "only sends make mails"
        if step.to is not None:
            self._tally.staff[step.name] += max(1, len(self._plan.staff.members(step.to)))
            return False
        kind = step.kind or self._plan.flow.kind
        stop = act.facts.customer.consent.marketing_suppressed
        if kind is Kind.MARKETING and stop is not None and stop.journey == run.journey.id:
            self._hold(run, step, now, SkipReason.SUPPRESSED.value)  # by a step before this one
            return False
        expires = now + step.expires.span() if step.expires else None
        return self.send(Letter(run, step, kind, expires), now)

    def send(self, letter: Letter, now: datetime) -> bool:
        """Ask the rules for a mail; one that is to wait is asked for again. Returns whether that is news."""
        run, step, plan = letter.run, letter.step, self._plan
        if letter in run.unsent:
            run.unsent.remove(letter)
        facts = self.facts_of(run, now)
        left = exit_condition(plan.route, facts, plan.reading) if plan.leaves_by_condition else None
        unmet = step.when.text if step.when is not None and not plan.reading.holds(step.when, facts) else None
        pending = Pending(
            letter.kind,
            facts.customer,
            letter.expires_at,
            run.journey.withdrawn,
            left and left[0],
            run.journey.id,
            unmet,
        )
        reason = skip(pending, now, opt_out=self._pace.opt_out)
        held: datetime | str | None = None if reason is None else reason.value
        if reason is SkipReason.CONDITION:
            held = f"{reason.value}: {unmet}"
        if held is None and letter.kind is Kind.MARKETING:
            zone = zone_of(facts.customer.timezone, plan.shop.timezone)
            held = self._pace.held(now, letter.expires_at, zone)
        if isinstance(held, datetime):
            run.unsent.append(letter)
            self._later(held, letter, None)
            return False
        if held is not None:
            self._hold(run, step, now, held)
            return left is not None
        if letter.kind is Kind.MARKETING:
            self._pace.sent(now)
        mail = Mailed(step.name, now)
        names = run.journey.flow, str(run.journey.customer_id), run.journey.once_key
        if plan.clicks and share("click", *names, step.name) < plan.clicks:
            mail.clicked_at = now + CLICKED_AFTER
            self._later(mail.clicked_at, run, None)
        run.mails.append(mail)
        self._tally.mailed(step, letter.kind, run.journey, facts, now.astimezone(plan.zone).date())
        return plan.asks_for_mails

    def _hold(self, run: Run, step: Send, now: datetime, reason: str) -> None:
        self._tally.held_back[step.name, reason] += 1
        run.held.append((step.name, now, reason))
