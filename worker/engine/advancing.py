"""A journey taken as far as it goes: the decision is the domain's, the writing down is here."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from worker.domain.advancing import Advance, advance
from worker.domain.facts import Facts
from worker.domain.journeys import Journey, JourneyState, TraceEntry, TraceKind
from worker.domain.steps import Send
from worker.domain.work import Work
from worker.engine.acting import perform
from worker.engine.surroundings import Surroundings
from worker.storage import journeys, ledger, traces
from worker.storage.flowbook import Version

AGAIN = timedelta(hours=1)  # after which a journey is looked at again whose mail to staff has nobody to go to

_log = structlog.get_logger(__name__)


def go_on(
    connection: Connection, around: Surroundings, version: Version, journey: Journey, facts: Facts
) -> Work | None:
    """Decide where the journey goes now and write it down.

    Returns:
        What came of it for other processes; None where it is held back for an hour, since nobody is known who is to
        get one of them.
    """
    decided = advance(version.route, journey, facts, around.reading, around.zone_of(facts.customer), around.chance)
    return Work() if decided is None else write(connection, around, version, journey, facts, decided)


def leave(connection: Connection, journey: Journey, reason: str, entry: TraceEntry, now: datetime) -> None:
    """End a journey because an exit rule fired or it was joined; what it has in the queue is taken back."""
    _move(connection, journey, Advance(JourneyState.EXITED, journey.step, None, reason, (), (entry,), True), now)


def write(
    connection: Connection, around: Surroundings, version: Version, journey: Journey, facts: Facts, decided: Advance
) -> Work | None:
    """Write a decision down: where the journey stands, its messages, its tasks, its trace.

    Nothing of it where the journey stands elsewhere by now: then somebody else has decided. None, and nothing of it
    either, where a mail to staff has nobody to go to: the journey is looked at again until there is somebody.
    """
    staff = around.staff()
    for act in decided.acts:
        if isinstance(act.step, Send) and act.step.to is not None and not staff.members(act.step.to):
            _hold_back(connection, journey, act.step, facts.now)
            return None
    if not _move(connection, journey, decided, facts.now):
        return Work()
    return perform(connection, around, staff, version, journey, decided.acts, facts.now)


def _hold_back(connection: Connection, journey: Journey, step: Send, now: datetime) -> None:
    reason = f"nobody is known as '{step.to}' in config/staff.yaml, who is to get '{step.name}'"
    _log.error("a mail to staff has nobody to go to", flow=journey.flow, step=step.name, to=step.to, journey=journey.id)
    if journeys.hold_back(connection, journey.id, now + AGAIN, reason):
        traces.append(connection, journey.id, [TraceEntry(TraceKind.HELD, step.name, {"reason": reason})], now)


def _move(connection: Connection, journey: Journey, decided: Advance, now: datetime) -> bool:
    if not journeys.move(connection, journey, decided, now):
        return False
    if decided.withdraws:
        ledger.cancel(connection, journey.id, f"exit: {decided.reason}", now)
    traces.append(connection, journey.id, decided.trace, now)
    return True
