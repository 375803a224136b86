"""Who works when, and whose turn it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from hypothesis import given
from hypothesis import strategies as st

from worker.domain.staff import (
    DaysOff,
    Hours,
    Person,
    Staff,
    last_working_moment,
    next_in_turn,
    next_working_moment,
)

MONDAY = datetime(2027, 3, 1, 7, 0, tzinfo=UTC)  # 14:00 in Ho Chi Minh City
MAI = Person("mai", "Mai", "mai@x.vn")
HUY = Person("huy", "Huy", "huy@x.vn")
ANN = Person(
    "ann", "Ann", "ann@x.vn", timezone="Europe/London", week={d: (Hours(time(9), time(17)),) for d in range(5)}
)
BREAK = replace(MAI, week={day: (Hours(time(8), time(12)), Hours(time(13), time(17))) for day in range(6)})
PEOPLE = st.sampled_from([MAI, ANN, BREAK, replace(MAI, country="VN"), replace(ANN, country="GB")])
MOMENTS = st.integers(0, 2 * 365 * 24 * 60).map(lambda minutes: MONDAY + timedelta(minutes=minutes))


def _local(person: Person, moment: datetime) -> datetime:
    return moment.astimezone(person.zone)


@given(PEOPLE, MOMENTS)
def test_the_next_working_moment_is_one_and_the_first(person: Person, moment: datetime) -> None:
    """Given anybody at any moment, then the next working moment lies in their hours, and none lies between."""
    found = next_working_moment(person, moment)
    assert found is not None
    assert found >= moment
    local = _local(person, found)
    assert any(hours.begins <= local.time() < hours.ends for hours in person.hours_on(local.date()))
    assert next_working_moment(person, found) == found
    before = found - timedelta(minutes=1)
    if before >= moment:
        clock = _local(person, before)
        assert not any(hours.begins <= clock.time() < hours.ends for hours in person.hours_on(clock.date()))


@given(PEOPLE, MOMENTS)
def test_the_last_working_moment_is_before(person: Person, moment: datetime) -> None:
    """Given anybody at any moment, then the last working moment lies before it, in their hours."""
    found = last_working_moment(person, moment)
    assert found is not None
    assert found <= moment
    local = _local(person, found)
    assert any(hours.begins <= local.time() < hours.ends for hours in person.hours_on(local.date()))


@given(st.lists(st.sampled_from(["mai", "huy", "ann"]), max_size=5), MOMENTS)
def test_turns_go_round(away: list[str], moment: datetime) -> None:
    """Given some on leave for a month, then whoever is there has the turn, evenly; with all away, somebody has it."""
    local = moment.astimezone(MAI.zone).date()
    leave = (DaysOff(local - timedelta(days=2), local + timedelta(days=30)),)
    members = tuple(replace(MAI, key=key, days_off=leave if key in away else ()) for key in ("mai", "huy", "ann"))
    last: str | None = None
    turns = []
    for _ in range(6):
        person = next_in_turn(members, last, moment)
        assert person is not None
        last = person.key
        turns.append(last)
    there = [key for key in ("mai", "huy", "ann") if key not in away] or ["mai", "huy", "ann"]
    assert sorted(turns) == sorted(there * (6 // len(there)))


def test_who_has_gone_home_is_passed_over_for_who_is_there() -> None:
    """Given Mai at home and Ann at work, when a task comes in the evening, then it is Ann's though it is Mai's turn."""
    evening = MONDAY + timedelta(hours=5)  # 19:00 in Ho Chi Minh City, 12:00 in London
    assert next_in_turn((MAI, ANN), None, evening) == ANN
    assert next_in_turn((MAI, ANN), None, MONDAY) == MAI


def test_the_first_one_back_has_it() -> None:
    """Given all on leave, then who is back first has it, whoever's turn it is; somebody who never works is the last."""
    mai = replace(MAI, days_off=(DaysOff(date(2027, 2, 1), date(2027, 3, 20)),))
    huy = replace(HUY, days_off=(DaysOff(date(2027, 2, 1), date(2027, 3, 10)),))
    assert next_in_turn((mai, huy), "huy", MONDAY) == huy
    never = replace(MAI, week={})
    assert next_working_moment(never, MONDAY) is None
    assert next_in_turn((never, mai), "mai", MONDAY) == mai
    assert next_in_turn((never,), None, MONDAY) == never
    assert next_in_turn((), None, MONDAY) is None


def test_words_mean_people_and_roles() -> None:
    """Given people and a role, then a word means one, several in their order, all, or nobody."""
    staff = Staff({"mai": MAI, "huy": HUY}, {"care": ("huy", "mai")})
    assert [person.key for person in staff.members("care")] == ["huy", "mai"]
    assert [person.key for person in staff.members(None)] == ["mai", "huy"]
    assert staff.members("everyone") == staff.members(None)
    assert staff.members("mai") == (MAI,)
    assert staff.members("nobody") == ()
