"""Closing tasks: by staff, or by themselves; what follows from it is written in the same transaction."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import partial

import structlog
from sqlalchemy import Connection

from worker.domain.event_check import EventRules
from worker.domain.exits import fires
from worker.domain.facts import Facts
from worker.domain.journeys import Journey
from worker.domain.steps import ExitRule, TaskStep
from worker.domain.tasks import PHIN, Outcome, Task, TaskState
from worker.domain.work import Work
from worker.engine.entering import Occasion
from worker.engine.failing import apart
from worker.engine.reporting import report
from worker.engine.surroundings import Surroundings
from worker.storage import customers, facts, journeys, ledger, reminders, requests, tasks
from worker.storage.flowbook import FlowBook, Version
from worker.storage.gathered import Has

_log = structlog.get_logger(__name__)


def close(
    connection: Connection,
    rules: EventRules,
    task: Task,
    outcome: Outcome,
    by: str,
    now: datetime,
    remark: str | None = None,
) -> Work | None:
    """Close a task that this transaction holds.

    What it had still to tell is left out, a journey that waits for it is woken, and `task.closed` is reported. A
    customer's request whose task staff have done is closed too, and `support.closed` reported.

    Returns:
        The journeys to look again and the events to process; None where the task was closed already.
    """
    if not tasks.close(connection, task.id, outcome, by, now, remark):
        return None
    reminders.settle_all(connection, task.id, now)
    ledger.cancel_of_task(connection, task.id, "task closed", now)
    woken = journeys.wake(connection, [task.journey_id]) if task.journey_id is not None else []
    people = customers.by_id(connection, [task.customer_id] if task.customer_id is not None else [])
    told: tuple[int, ...] = ()
    for customer in people.values():
        data = {"task": task.step or task.key, "outcome": outcome.value, "by": by, "request": task.request}
        number = task.order_number
        told = report(connection, rules, f"task:{task.id}:closed", "task.closed", customer, data, now, number)
        solved = task.request is not None and by != PHIN and outcome.state is TaskState.DONE
        if task.request and solved and requests.close(connection, task.request, customer.id, now, by):
            data = {"request": task.request, "outcome": outcome.value}
            id_ = f"task:{task.id}:request"
            told += report(connection, rules, id_, "support.closed", customer, data, now, number)
    return Work(journeys=tuple(woken), events=told)


class ClosingByItself:
    """Closes tasks whose `close_when` came true.

    Parameters:
        rules: of the events that are reported.
    """

    def __init__(self, flowbook: FlowBook, around: Surroundings, rules: EventRules) -> None:
        self._flowbook = flowbook
        self._around = around
        self._rules = rules

    def at_event(self, connection: Connection, occasion: Occasion) -> Work:
        """Close the customer's tasks that this event closes, or whose condition holds now; each for itself."""
        found = tasks.watching(connection, occasion.recorded.customer.id) if Has.TASKS in occasion.has else ()
        work = Work()
        for task in found:
            ask = partial(self._ask, connection, task, occasion.now, occasion)
            work += apart(connection, occasion.careful, ask, partial(_failed, task))
        return work

    def again(self, connection: Connection, task: Task, now: datetime) -> Work:
        """Close a task that this transaction holds if its condition holds now."""
        return self._ask(connection, task, now, None)

    def _ask(self, connection: Connection, task: Task, now: datetime, occasion: Occasion | None) -> Work:
        found = self._rule(connection, task)
        if found is None:
            return Work()
        rule, journey, version = found
        customer = customers.by_id(connection, [journey.customer_id])[journey.customer_id]
        asking = [(journey, customer, version.needs)]
        known = facts.for_journeys(connection, asking, self._around.shop, now)[journey.id]
        if not self._holds(rule, journey, known, occasion):
            return Work()
        held = tasks.hold(connection, [task.id])[task.id]
        return close(connection, self._rules, held, Outcome.BY_ITSELF, PHIN, now) or Work()

    def _holds(self, rule: ExitRule, journey: Journey, known: Facts, occasion: Occasion | None) -> bool:
        if rule.event is None:
            return rule.when is not None and self._around.reading.holds(rule.when, known)
        if occasion is None:
            return False
        of_event = replace(known, event=occasion.happening, order=occasion.recorded.order or known.order)
        return fires(rule, journey, of_event, self._around.reading)

    def _rule(self, connection: Connection, task: Task) -> tuple[ExitRule, Journey, Version] | None:
        """Return what closes a task, by the version of the flow that gave it out; None where that cannot be read."""
        if task.journey_id is None or task.step is None:
            return None
        journey = journeys.by_id(connection, [task.journey_id])[task.journey_id]
        version = self._flowbook.version(connection, journey.version_id)
        step = version.route.find(task.step) if version is not None else None
        if version is None or not isinstance(step, TaskStep) or step.close_when is None:
            return None
        return step.close_when, journey, version


def _failed(task: Task, error: Exception) -> Work:
    _log.error("what closes a task cannot be told", task=task.id, exc_info=error)
    return Work()
