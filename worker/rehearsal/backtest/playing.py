"""The backtest: the stored history of real events played through a flow that need not be live, in memory.

Nothing is written: the past of each customer is read in slices (`worker.storage.history`), and played in the order in
which things happened by the pure decisions that production runs by. The same history gives the same result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from worker.domain.calendars.seasons import Season
from worker.domain.conditions.tree import Expression
from worker.domain.conditions.values import Reading
from worker.domain.facts import Need, ShopFacts
from worker.domain.flows import Flow
from worker.domain.pacing import ClosedTimes
from worker.domain.settings import Settings
from worker.domain.staff import Staff
from worker.domain.triggers import Timed
from worker.rehearsal.backtest.calendar import Calendar
from worker.rehearsal.backtest.life import Life, Play
from worker.rehearsal.backtest.past import Asks
from worker.rehearsal.backtest.runs import Plan, Run
from worker.rehearsal.backtest.tally import Bar, Tally, Window
from worker.storage import history
from worker.storage.database import Database, told
from worker.storage.history import PastReader

EACH = 50  # customers after which it is told how far it is

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be played.

    Parameters:
        segments: the conditions of those that the flow may name; `seasons`: by name.
        clicks: the share of mails (0 to 1) that is played as clicked.
        samples: mails kept to show.
    """

    flow: Flow
    window: Window
    settings: Settings
    segments: Mapping[str, Expression] = field(default_factory=dict)
    seasons: Mapping[str, Season] = field(default_factory=dict)
    staff: Staff = field(default_factory=Staff)
    clicks: float = 0.0
    samples: int = 0


@dataclass(frozen=True, slots=True)
class Backtest:
    """What came of it.

    Parameters:
        was_live: journeys that the flow really began in the time: then its own mails are in the history.
    """

    question: Question
    tally: Tally
    was_live: int


def silence(_done: int, _of: int) -> None:
    """Tell nobody how far it is."""


def ignore(_run: Run) -> None:
    """Keep nothing of a journey."""


def backtest(
    database: Database,
    question: Question,
    progress: Callable[[int, int], None] = silence,
    journeys: Callable[[Run], None] = ignore,
) -> Backtest:
    """Play the history through a flow.

    Parameters:
        progress: is told how many customers were looked at, of how many.
        journeys: is given each journey as it stood at the end, customer by customer.
    """
    flow, window = question.flow, question.window
    asks = Asks.of(flow, question.segments)
    tally = Tally(question.samples)
    if flow.goal is not None:
        tally.bar = Bar(flow.goal.event, flow.goal.within.span())
    with history.looking(database) as connection:
        customers = history.customers_count(connection)
        was_live = history.entered_between(connection, flow.name, window.since, window.until)
    reader = PastReader(
        database,
        hits=asks.hits,
        requests=Need.REQUESTS in asks.needs,
        journeys=flow.name if Need.FLOWS in asks.needs else None,
        mails=question.settings.policy.caps.back is not None,
    )
    play = _play(question, asks, tally)
    progress(0, customers)
    for people in reader.slices():
        for one in people:
            try:
                for run in Life(play, one).play():
                    journeys(run)
            except Exception as error:  # a customer who cannot be played harms no other, and is told
                if told(error) not in tally.failed:  # one of each kind is enough to find the fault
                    _log.warning("a customer's history cannot be played", customer=one.today.id, exc_info=True)
                tally.failed[told(error)] += 1
            done = tally.looked_at + tally.failed.total()
            if done % EACH == 0:
                progress(done, customers)
    return Backtest(question, tally, was_live)


def _play(question: Question, asks: Asks, tally: Tally) -> Play:
    flow, settings = question.flow, question.settings
    shop = settings.shop
    facts = ShopFacts(shop.name, shop.timezone, shop.language, shop.currency, rfm=settings.rfm.limits)
    reading = Reading(question.segments, settings.fields)
    plan = Plan.of(
        flow, reading, facts, question.staff, clicks=question.clicks, quiet=settings.policy.closed != ClosedTimes()
    )
    timed = [trigger for trigger in flow.triggers if isinstance(trigger, Timed)]
    window = question.window
    calendar = Calendar(timed, question.seasons, shop.timezone, window.since, window.until)
    starts_within = timedelta(seconds=settings.intake.starts_within)
    return Play(plan, asks, window, calendar, starts_within, settings.policy, tally)
