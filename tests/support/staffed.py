"""A shop with staff for tests: tasks are given out, reminded of and closed, with time moved by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import func, select, update

from tests.support.shop import Shop
from worker.domain.durations import parse_duration
from worker.domain.staff import DaysOff, Person, Staff
from worker.domain.tasks import Outcome, Task
from worker.domain.work import Work
from worker.engine.processing import Processing
from worker.engine.reminders import Reminders
from worker.engine.stepping import Stepping
from worker.engine.tasks import Handled, Tasks
from worker.storage import tasks
from worker.storage.database import Database
from worker.storage.tables import event, journey, message, task, task_reminder

LOCAL = timedelta(hours=7)
MAI = Person("mai", "Mai", "mai@the-coffee.example")
HUY = Person("huy", "Huy", "huy@the-coffee.example")
LINH = Person("linh", "Linh", "linh@the-coffee.example", language="en")
STAFF = Staff({one.key: one for one in (MAI, HUY, LINH)}, {"care": ("mai", "huy"), "manager": ("linh",)})


def off(person: Person, first: str, last: str | None = None) -> Person:
    """The person with days off."""
    days = DaysOff(date.fromisoformat(first), date.fromisoformat(last or first))
    return replace(person, days_off=(*person.days_off, days))


class StaffedShop(Shop):
    """A shop whose staff is `staff`, which a test may exchange; mails to staff are sent as soon as they may be."""

    def __init__(self, database: Database, staff: Staff = STAFF, **settings: Any) -> None:
        super().__init__(database, **settings)
        self.staff = staff
        self._processing = Processing(database, self.flowbook, self.settings, lambda: self.staff)
        self._stepping = Stepping(database, self.flowbook, self.settings, lambda: self.staff)
        self.tasks = Tasks(database, self.settings, lambda: self.staff)
        self.reminders = Reminders(database, self.flowbook, self.settings, lambda: self.staff)

    def change(self, *people: Person) -> None:
        """Exchange people of the staff, by their keys."""
        self.staff = replace(self.staff, people={**self.staff.people, **{one.key: one for one in people}})

    def remind(self) -> Work:
        """Look once at what is due to be told, and do what follows."""
        work = self.reminders.run(self.now)
        self.follow(work)
        with self.database.writing() as connection:
            queued = update(message).where(message.c.staff.is_not(None), message.c.state == "queued")
            connection.execute(queued.where(message.c.not_before <= self.now).values(state="sent"))
        return work

    def follow(self, work: Work) -> None:
        """Process the events of some work, and take its journeys on."""
        if work.events:
            self.follow(self.process(work))
        if work.journeys:
            self.reread(*work.journeys)

    def close(
        self, number: int, outcome: Outcome = Outcome.DONE, by: str = "mai", remark: str | None = None
    ) -> Handled:
        """Close a task, and do what follows."""
        handled = self.tasks.close(number, outcome, by, self.now, remark)
        self.follow(handled.work)
        return handled

    def wait(self, span: str) -> None:
        """Move the time on; what is due on the way, of journeys and of staff, happens at its own moment."""
        until = self.now + parse_duration(span).span()
        while True:
            with self.database.reading() as connection:
                due = select(func.min(journey.c.look_at)).where(journey.c.state == "waiting")
                told = select(func.min(task_reminder.c.due_at)).where(task_reminder.c.settled_at.is_(None))
                moments = [connection.scalar(due), connection.scalar(told), self.now + timedelta(hours=1)]
            first = max(min(moment for moment in moments if moment is not None), self.now)
            if first > until:
                break
            self.now = first
            self.step()
            self.remind()
        self.now = until

    def all_tasks(self) -> list[Task]:
        """All tasks, in order."""
        with self.database.reading() as connection:
            ids = list(connection.execute(select(task.c.id).order_by(task.c.id)).scalars())
            found = tasks.by_id(connection, ids)
        return [found[number] for number in ids]

    def mails(self) -> list[tuple[str, str]]:
        """When (in Ho Chi Minh City) which step wrote a message to the customer."""
        mine = [row for row in self.messages() if row.staff is None]
        return [((row.created_at + LOCAL).strftime("%d %b %H:%M"), row.step) for row in mine]

    def staff_mails(self) -> list[tuple[str, str, str]]:
        """When (in Ho Chi Minh City) which template goes to whom."""
        with self.database.reading() as connection:
            rows = list(connection.execute(select(message).where(message.c.staff.is_not(None)).order_by(message.c.id)))
        return [
            ((row.not_before + LOCAL).strftime("%a %d %b %H:%M"), row.template.removeprefix("staff/"), row.staff)
            for row in rows
            if row.state != "cancelled"
        ]

    def own_events(self) -> list[tuple[str, dict[str, Any]]]:
        """What Phin itself reported: types and data."""
        with self.database.reading() as connection:
            rows = connection.execute(select(event).where(event.c.source == "phin").order_by(event.c.id))
            return [(row.type, row.payload.get("data") or {}) for row in rows]
