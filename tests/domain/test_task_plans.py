"""The plan of a task's reminders: in working hours, none after the task is due that should come before, none twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from worker.domain.durations import Duration, Unit, parse_duration
from worker.domain.staff import Person
from worker.domain.tasks import Escalation, ReminderKind, ReminderRules, due_moment, plan

MAI = Person("mai", "Mai", "mai@x.vn")
MONDAY = datetime(2027, 3, 1, 7, 0, tzinfo=UTC)
HOURS = st.integers(1, 400).map(lambda hours: Duration(hours, Unit.HOURS))


def _in_hours(moment: datetime) -> bool:
    local = moment.astimezone(MAI.zone)
    return any(hours.begins <= local.time() <= hours.ends for hours in MAI.hours_on(local.date()))


@given(st.integers(0, 500), HOURS, st.lists(HOURS, max_size=4, unique=True), st.none() | HOURS)
def test_every_plan_keeps_to_hours_and_due_time(
    late: int, due: Duration, remind: list[Duration], overdue: Duration | None
) -> None:
    """Given any task, then what is told lies in working hours; what comes before it is due does; all moments differ."""
    created = MONDAY + timedelta(hours=late)
    due_at = due_moment(due, created, MAI.zone)
    found = plan(ReminderRules(tuple(remind), overdue, Escalation("boss", due)), created, due_at, MAI)
    before = [one for one in found if one.kind is ReminderKind.BEFORE]
    assert found[0].kind is ReminderKind.CAME
    assert all(_in_hours(one.due_at) for one in found if one.kind is not ReminderKind.ESCALATED)
    assert all(found[0].due_at < one.due_at <= due_at for one in before)
    assert len({one.due_at for one in before}) == len(before)
    assert len({(one.kind, one.nth) for one in found}) == len(found)


def test_hours_are_clock_time_and_days_are_the_calendars() -> None:
    """Given 48 hours and 2 days over a change of clocks, then the one is exact, the other at the same time of day."""
    before = datetime(2027, 3, 27, 9, 0, tzinfo=UTC)  # Berlin goes to summer time on the 28th
    zone = ZoneInfo("Europe/Berlin")
    assert due_moment(parse_duration("48 hours"), before, zone) == before + timedelta(hours=48)
    assert due_moment(parse_duration("2 days"), before, zone) == before + timedelta(hours=47)


def test_a_task_without_a_due_time_is_told_once() -> None:
    """Given rules that count from a due time, and none, then the task's coming is all that is told."""
    rules = ReminderRules((parse_duration("1 day"),), parse_duration("1 day"))
    assert [one.kind for one in plan(rules, MONDAY, None, MAI)] == [ReminderKind.CAME]
