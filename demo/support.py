"""Requests for help of the last week: some are answered soon, some late, some not yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from random import Random

from demo.case import Case, Window
from demo.events import Event, Happening, event
from demo.people import Person

WEEK = timedelta(days=7)
REMINDED_AFTER = timedelta(hours=26)  # an open request of a working day has been reminded of by then
SUBJECTS = {
    "vi": (
        "Xay cho phin hay cho máy espresso?",
        "Đổi địa chỉ giao hàng",
        "Cà phê có mùi hơi khét",
        "Xin hóa đơn cho công ty",
        "Giao thiếu một gói",
        "Máy nào hợp với Robusta?",
        "Muốn đổi sang gói 500 g",
    ),
    "en": ("Which grind for a moka pot?", "Please change my address", "One bag is missing", "Invoice for my company"),
}
CHANNELS = ("web", "email", "email", "phone")


class Course(StrEnum):
    """How a request goes on."""

    SOON = "soon"  # answered within hours, before anybody is reminded
    LATE = "late"  # answered after a reminder, and within 48 hours
    OPEN = "open"  # not answered by the end


@dataclass(frozen=True, slots=True)
class Request:
    """One request for help."""

    number: str
    customer: str
    subject: str
    channel: str
    course: Course
    asked_at: datetime
    closed_at: datetime | None


def requests(seed: int, case: Case, window: Window, people: Sequence[Person]) -> tuple[Request, ...]:
    """Return the requests of the last week, the oldest first."""
    rng = Random(f"{seed}:support")
    still_open = case.requests - case.solved
    late = max(0, case.reminded - still_open)
    courses = [Course.SOON] * (case.solved - late) + [Course.LATE] * late + [Course.OPEN] * still_open
    asking = rng.sample([person for person in people if not person.newcomer], len(courses))
    found = [_request(rng, person, course, window) for person, course in zip(asking, courses, strict=True)]
    found.sort(key=lambda request: request.asked_at)
    first = 301
    return tuple(
        Request(
            f"YC{first + place}",
            one.customer,
            one.subject,
            one.channel,
            one.course,
            one.asked_at,
            one.closed_at,
        )
        for place, one in enumerate(found)
    )


def of_request(request: Request, person: Person) -> Iterator[Happening]:
    """Yield what is reported of a request."""
    data = {"request": request.number, "subject": request.subject, "channel": request.channel}

    def told(kind: str, at: datetime, **more: str) -> Event:
        return event(kind, request.number, at, person, data={**data, **more})

    yield Happening(request.asked_at, (told("support.requested", request.asked_at),))
    if request.closed_at is not None:
        outcome = "answered" if person.language == "en" else "đã trả lời"
        yield Happening(request.closed_at, (told("support.closed", request.closed_at, outcome=outcome),))


def _request(rng: Random, person: Person, course: Course, window: Window) -> Request:
    begin = max(window.end - WEEK + timedelta(hours=1), window.begin)
    asked = _asked_at(rng, begin, window.end, course)
    if course is Course.SOON:
        closed: datetime | None = asked + timedelta(minutes=rng.randint(25, 170))
    elif course is Course.LATE:
        closed = asked + timedelta(hours=rng.uniform(25.5, 29.5))
    else:
        closed = None
    subject = rng.choice(SUBJECTS[person.language])
    channel = rng.choice(CHANNELS)
    return Request("", person.id, subject, channel, course, asked, closed and closed.replace(second=0, microsecond=0))


def _asked_at(rng: Random, begin: datetime, end: datetime, course: Course) -> datetime:
    """Return a moment of a working morning that leaves the time which the course needs.

    A request that comes on a Friday or a Saturday is reminded of sooner or not at all, for want of working hours in
    between (docs/tasks.md); so those that are to be reminded of come from Monday to Thursday.
    """
    needed = {Course.SOON: timedelta(hours=3), Course.LATE: timedelta(hours=31), Course.OPEN: REMINDED_AFTER}[course]
    days = range(7) if course is Course.SOON else range(4)
    minutes = [
        moment
        for place in range(int((end - needed - begin) / timedelta(minutes=5)))
        if (moment := _five(begin) + timedelta(minutes=5 * place)).weekday() in days
        and (8, 35) <= (moment.hour, moment.minute) <= (13, 30)
    ]
    if minutes:
        return rng.choice(minutes)
    return _five(begin + max(timedelta(), end - needed - begin) * rng.random())  # a play of a few days has no choice


def _five(moment: datetime) -> datetime:
    return moment.replace(minute=moment.minute // 5 * 5, second=0, microsecond=0)
