"""The bar: how many of those who would have entered came to the flow's goal by themselves, without its mails."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from worker.domain.facts import Happening
from worker.domain.orders import Order
from worker.rehearsal.backtest.journeys import Journeys
from worker.rehearsal.backtest.runs import Plan, Run
from worker.rehearsal.backtest.tally import Tally
from worker.storage.past import PastEvent


class GoalKeeper:
    """Credits events to one customer's journeys as the house would have, had the mails gone out.

    An event counts for the journey with the latest mail before it, if it came within the goal's time; where no mail
    would have gone out, the entry takes its place. A journey, an event and an order are one success each.
    """

    def __init__(self, plan: Plan, journeys: Journeys, tally: Tally) -> None:
        self._plan = plan
        self._journeys = journeys
        self._tally = tally
        self._orders: set[str] = set()

    def credit(self, happening: Happening, order: Order | None, event: PastEvent, now: datetime) -> None:
        """Credit an event that is the goal."""
        goal, bar = self._plan.flow.goal, self._tally.bar
        if goal is None or bar is None or goal.event != happening.type:
            return
        window = goal.within.span()
        runs = [run for run in self._journeys.runs if run.journey.entered_at <= happening.at]
        for run in sorted(runs, key=lambda one: (one.touched(happening.at), one.journey.id), reverse=True):
            if happening.at > run.touched(happening.at) + window or _is_its_own(run, happening):
                continue
            if goal.when is not None and not self._holds(run, happening, order, now):
                continue
            mine = order if event.order and order is not None and order.customer_id == event.customer_id else None
            if not run.reached and (mine is None or mine.number not in self._orders):
                run.reached = True
                bar.reached += 1
                if mine is not None:
                    self._orders.add(mine.number)
                    bar.revenue[mine.currency] = bar.revenue.get(mine.currency, Decimal(0)) + mine.total
            return

    def end(self, until: datetime) -> None:
        """Count the journeys, and those whose time is not over."""
        bar = self._tally.bar
        if bar is None:
            return
        for run in self._journeys.runs:
            bar.entries += 1
            bar.running += not run.reached and run.touched(until) + bar.within > until

    def _holds(self, run: Run, happening: Happening, order: Order | None, now: datetime) -> bool:
        goal = self._plan.flow.goal
        assert goal is not None and goal.when is not None
        known = replace(self._journeys.facts_of(run, now), order=order, event=happening)
        return self._plan.reading.holds(goal.when, known)


def _is_its_own(run: Run, happening: Happening) -> bool:
    """Whether a purchase is the one that began the journey, which is nobody's success."""
    same = run.journey.order_number is not None and run.journey.order_number == happening.order_number
    return happening.type == "purchase" and same
