"""Giving tasks out: whose turn it is, what the task says, when its reminders come."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import Connection

from worker.domain.conditions.values import Reading
from worker.domain.facts import Facts
from worker.domain.journeys import Journey
from worker.domain.staff import EVERYONE, Person, Staff, away_until, next_in_turn
from worker.domain.steps import TaskStep
from worker.domain.tasks import due_moment, in_hours, plan
from worker.domain.texts import LocalText
from worker.storage import reminders, tasks
from worker.storage.tasks import NewTask

_log = structlog.get_logger(__name__)


def give(
    connection: Connection, reading: Reading, staff: Staff, journey: Journey, facts: Facts, step: TaskStep
) -> int | None:
    """Give out the task of a step, once for each turn of the journey; returns its number where it is new.

    Where nobody is known by the step's word any more, the task waits without an assignee until somebody is.
    """
    now = facts.now
    person = choose(connection, staff, step.assign, now)
    if person is None:
        _log.error("a task has nobody to do it", flow=journey.flow, step=step.name, assign=step.assign)
    due = None if step.due is None else due_moment(step.due, now, ZoneInfo(facts.shop.timezone))
    number = tasks.add(
        connection,
        NewTask(
            key=f"journey:{journey.id}:{step.name}:{journey.turn}",
            type=step.type,
            priority=step.priority,
            title=_rendered(reading, step.title, facts),
            note=_rendered(reading, step.note, facts),
            customer_id=journey.customer_id,
            order_number=journey.order_number,
            request=journey.request,
            journey_id=journey.id,
            flow=journey.flow,
            step=step.name,
            turn=journey.turn,
            role=role_of(staff, step.assign),
            assignee=None if person is None else person.key,
            due_at=due,
            watches=step.close_when is not None,
        ),
        now,
    )
    if number is not None:
        at_once = person is not None and due is not None and _back_too_late(staff, person, step, now, due)
        theirs = None if at_once else person  # else in the hours of whom it is handed on to
        reminders.add(connection, number, plan(step.reminders, now, due, theirs, escalates_at_once=at_once))
    return number


def _back_too_late(staff: Staff, person: Person, step: TaskStep, now: datetime, due: datetime) -> bool:
    """Say whether a person is on leave until after a task is due, and one to whom it escalates is there before them."""
    back = away_until(person, now)
    if back is None or back <= due or step.reminders.escalate is None:
        return False
    others = (one for one in staff.members(step.reminders.escalate.to) if one.key != person.key)
    return any(in_hours(one, now) < back for one in others)


def choose(
    connection: Connection, staff: Staff, word: str | None, now: datetime, but: str | None = None
) -> Person | None:
    """Return whom a word means: the person of this name, or who is next in the role's rotation; None where nobody is.

    A turn is noted in the transaction that uses it, and whoever else asks for a turn of that role waits for its end:
    so two workers give two turns.

    Parameters:
        but: key of a person who is passed over, unless there is no other.
    """
    members = staff.members(word)
    others = tuple(person for person in members if person.key != but) or members
    if not staff.is_role(word):
        return next(iter(members), None)
    role = word or EVERYONE
    person = next_in_turn(others, tasks.hold_turn(connection, role), now) if others else None
    if person is not None:
        tasks.note_turn(connection, role, person.key)
    return person


def role_of(staff: Staff, word: str | None) -> str | None:
    """Return the role that is asked for, also one that is not known any more; None where a person is named."""
    return (word or EVERYONE) if staff.is_role(word) or word not in staff.people else None


def _rendered(reading: Reading, text: LocalText | None, facts: Facts) -> dict[str, str]:
    """Return a text with its values put in, by language."""
    return {} if text is None else {key: reading.text(one, facts) for key, one in text.by_language.items()}
