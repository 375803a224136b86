"""A journey taken as far as it goes: the decision is the domain's, the writing down is here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from worker.domain.advancing import Advance, advance
from worker.domain.facts import Facts
from worker.domain.journeys import Journey, JourneyState, TraceEntry, TraceKind
from worker.domain.staff import Staff
from worker.domain.steps import Coupon, Send, Suppress
from worker.domain.work import Work
from worker.engine.acting import perform
from worker.engine.issuing import EmptyPoolError, issue
from worker.engine.surroundings import Surroundings
from worker.storage import customers, journeys, ledger, traces
from worker.storage.flowbook import Version

# After which a journey is looked at again whose mail to staff has nobody to go to, or whose pool of coupons is empty.
AGAIN = timedelta(hours=1)
SOON = timedelta(minutes=1)  # the same, where others are drawing the pool's last codes at this moment

_log = structlog.get_logger(__name__)


def set_out(
    connection: Connection,
    around: Surroundings,
    version: Version,
    new: Journey,
    entered: TraceEntry,
    facts: Facts,
    *,
    held: bool,
) -> tuple[Journey | None, Work]:
    """Enter a journey and take it as far as it goes: in one statement, where nothing of the decision asks for its row.

    Parameters:
        new: the journey, with id 0.
        entered: the first line of its trace.
        held: whether the customer among the facts is as the row stands, and this transaction holds it.

    Returns:
        The journey with its number, None where the customer is in one under its key already; and what came of it.
    """
    if version.writes and not held:
        facts = replace(facts, customer=customers.held(connection, new.customer_id))
    staff = around.staff()
    decided = _decided(around, version, new, facts)
    at_once = decided is not None and not _asks_for_its_row(staff, decided)
    journey = journeys.enter(connection, new, decided if at_once else None, facts.now)
    if journey is None:
        return None, Work()
    if decided is None or not at_once:
        traces.append(connection, journey.id, [entered], facts.now)
        return journey, go_on(connection, around, version, journey, facts) or Work()
    traces.append(connection, journey.id, [entered, *decided.trace], facts.now)  # it has nothing to be taken back
    return journey, perform(connection, around, staff, version, journey, decided.acts, facts.now)


def go_on(
    connection: Connection, around: Surroundings, version: Version, journey: Journey, facts: Facts
) -> Work | None:
    """Decide where the journey goes now and write it down.

    Returns:
        What came of it for other processes; None where it is held back for an hour, since nobody is known who is to
        get a mail to staff, or a pool of coupons is empty.
    """
    if version.writes:
        facts = replace(facts, customer=customers.held(connection, journey.customer_id))
    decided = _decided(around, version, journey, facts)
    return Work() if decided is None else write(connection, around, version, journey, facts, decided)


def go_on_together(
    connection: Connection, around: Surroundings, about: Sequence[tuple[Version, Journey, Facts]]
) -> list[Work | None]:
    """Do the same for several journeys that this transaction holds: one statement writes where most of them stand.

    Apart, one after the other, go those that write to their customer, since the next sees that, and those whose
    decision asks for their row.
    """
    staff = around.staff()
    decided: dict[int, Advance | None] = {}
    for version, journey, facts in about:
        decision = None if version.writes else _decided(around, version, journey, facts)
        if not version.writes and not (decision and _asks_for_its_row(staff, decision)):
            decided[journey.id] = decision
    moves = [(journey, decision) for _, journey, _ in about if (decision := decided.get(journey.id)) is not None]
    if moves:
        journeys.move_all(connection, moves, about[0][2].now)
    done: list[Work | None] = []
    for version, journey, facts in about:
        if journey.id not in decided:
            done.append(go_on(connection, around, version, journey, facts))
        elif (decision := decided[journey.id]) is None:
            done.append(Work())
        else:
            _note(connection, journey, decision, facts.now)
            done.append(perform(connection, around, staff, version, journey, decision.acts, facts.now))
    return done


def leave(connection: Connection, journey: Journey, reason: str, entry: TraceEntry, now: datetime) -> None:
    """End a journey because an exit rule fired or it was joined; what it has in the queue is taken back."""
    decided = Advance(JourneyState.EXITED, journey.step, None, reason, (), (entry,), True)
    if journeys.move(connection, journey, decided, now):
        _note(connection, journey, decided, now)


def write(
    connection: Connection, around: Surroundings, version: Version, journey: Journey, facts: Facts, decided: Advance
) -> Work | None:
    """Write a decision down: where the journey stands, its messages, its tasks, its trace.

    Nothing of it where the journey stands elsewhere by now: then somebody else has decided. None, and nothing of it
    either, where a mail to staff has nobody to go to or a pool of coupons is empty: the journey is looked at again
    until there is somebody, or some.
    """
    staff = around.staff()
    nobody = _to_nobody(staff, decided)
    if nobody:
        name, who = nobody[0].name, nobody[0].to
        _log.error("a mail to staff has nobody to go to", flow=journey.flow, step=name, to=who, journey=journey.id)
        reason = f"nobody is known as '{who}' in config/staff.yaml, who is to get '{name}'"
        _hold_back(connection, journey, name, reason, facts.now, facts.now + AGAIN)
        return None
    try:
        moved = _moved(connection, around, journey, decided, facts.now)
    except EmptyPoolError as error:
        if not error.in_hand:
            _log.error("a pool of coupons is empty", flow=journey.flow, coupon=error.coupon, journey=journey.id)
        again = facts.now + (SOON if error.in_hand else AGAIN)
        _hold_back(connection, journey, error.step, str(error), facts.now, again)
        return None
    if moved is None:
        return Work()
    _note(connection, journey, moved, facts.now)
    return perform(connection, around, staff, version, journey, moved.acts, facts.now)


def _decided(around: Surroundings, version: Version, journey: Journey, facts: Facts) -> Advance | None:
    return advance(version.route, journey, facts, around.reading, around.zone_of(facts.customer), around.chance)


def _asks_for_its_row(staff: Staff, decided: Advance) -> bool:
    """Say whether a decision names its journey, or may be held back, which is written to the journey's row."""
    if any(isinstance(act.step, Coupon | Suppress) for act in decided.acts):
        return True
    return bool(_to_nobody(staff, decided))


def _to_nobody(staff: Staff, decided: Advance) -> list[Send]:
    """Return the mails to staff that have nobody to go to."""
    to_staff = [act.step for act in decided.acts if isinstance(act.step, Send) and act.step.to is not None]
    return [step for step in to_staff if step.to is not None and not staff.members(step.to)]


def _hold_back(
    connection: Connection, journey: Journey, step: str, reason: str, now: datetime, again: datetime
) -> None:
    if journeys.hold_back(connection, journey.id, again, reason):
        traces.append(connection, journey.id, [TraceEntry(TraceKind.HELD, step, {"reason": reason})], now)


def _moved(
    connection: Connection, around: Surroundings, journey: Journey, decided: Advance, now: datetime
) -> Advance | None:
    """Move the journey and give its coupons; None where it stands elsewhere by now, nothing where a pool is empty."""
    if not any(isinstance(act.step, Coupon) for act in decided.acts):
        return decided if journeys.move(connection, journey, decided, now) else None
    with connection.begin_nested():
        if not journeys.move(connection, journey, decided, now):
            return None
        return issue(connection, around.shop, journey, decided, now)


def _note(connection: Connection, journey: Journey, decided: Advance, now: datetime) -> None:
    if decided.withdraws:
        ledger.cancel(connection, journey.id, f"exit: {decided.reason}", now)
    traces.append(connection, journey.id, decided.trace, now)
