"""Mails to staff: what they are about is loaded as it stands now, and shown with links to the pages of the tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from worker.delivery.links import staff_url, task_url
from worker.delivery.tokens import Tokens
from worker.delivery.values import template_values
from worker.domain.facts import Facts, Need, ShopFacts
from worker.domain.given_names import given_name
from worker.domain.journeys import Journey
from worker.domain.policy import SkipReason
from worker.domain.staff import Person, StaffOf, end_of_day
from worker.domain.tasks import Task, in_order
from worker.storage import customers, facts, journeys, orders, tasks
from worker.storage.claims import Claimed
from worker.storage.facts import Asking

SIGN_IN = "staff/signin"  # the template of a mail that brings a link to sign in, and is about nothing else


@dataclass(frozen=True, slots=True)
class ForStaff:
    """A claimed mail to a staff member with what there is to know for it.

    Parameters:
        journey: whose step sent it; None for a mail about a task.
        person: None where there is nobody of that key any more.
        facts: of the customer that it is about; None for a digest.
        digest: what is due and late, in the order in which to do it, each with the customer's name.
    """

    message: Claimed
    journey: Journey | None
    person: Person | None
    facts: Facts | None
    task: Task | None = None
    digest: tuple[tuple[Task, str | None], ...] = ()

    @property
    def needless(self) -> SkipReason | None:
        """Why nothing is to be told, as far as can be said before it is made; None where something is."""
        if self.person is None:
            return SkipReason.NO_STAFF
        if self.facts is not None:
            return SkipReason.ERASED if self.facts.customer.erased else None
        return None if self.digest or self.message.template == SIGN_IN else SkipReason.NOTHING_DUE


class StaffMails:
    """Loads what mails to staff are about, and says what their templates may show.

    Parameters:
        base: address of Phin's web process, without a slash at the end.
    """

    def __init__(self, staff: StaffOf, shop: ShopFacts, tokens: Tokens, base: str) -> None:
        self._staff = staff
        self._shop = shop
        self._tokens = tokens
        self._base = base

    def load(self, connection: Connection, claimed: Sequence[Claimed], now: datetime) -> list[ForStaff]:
        """Load what these mails, all to staff, are about."""
        staff = self._staff()
        about = tasks.by_id(connection, [message.task_id for message in claimed if message.task_id])
        return [
            self._load(connection, message, staff.people.get(message.staff or ""), about, now) for message in claimed
        ]

    def values(
        self, loaded: ForStaff, shop: Mapping[str, Any], given: Mapping[str, Any], now: datetime
    ) -> dict[str, Any]:
        """Return all values for one mail.

        Parameters:
            shop: `shop_values` of the shop.
            given: the step's `with:`.
        """
        person = loaded.person
        assert person is not None, "nobody is written to who is not there"
        values: dict[str, Any] = {"shop": shop, "now": now.astimezone(person.zone)}
        values["today"] = values["now"].date()
        if loaded.facts is not None:
            values = template_values(loaded.facts, shop, given, person.zone)
        values["staff"] = {
            "key": person.key,
            "name": person.name,
            "first_name": given_name(person.name, person.language),
            "email": person.email,
            "language": person.language,
            "url": staff_url(self._tokens, self._base, person.key, now),
            "tasks_url": staff_url(self._tokens, self._base, person.key, now, "tasks"),
        }
        if loaded.task is not None:
            name = loaded.facts.customer.name if loaded.facts is not None else None
            values["task"] = self._task(loaded.task, name, person, now)
            before = self._staff().people.get(str(loaded.message.values.get("from") or ""))
            values["task"]["from"] = before.name if before is not None else None
        if loaded.digest:
            shown = [self._task(task, name, person, now) for task, name in loaded.digest]
            values["late"] = [task for task in shown if task["late"]]
            values["due"] = [task for task in shown if not task["late"]]
        return values

    def _load(
        self, connection: Connection, message: Claimed, person: Person | None, about: Mapping[int, Task], now: datetime
    ) -> ForStaff:
        task = about.get(message.task_id) if message.task_id else None
        travels = journeys.by_id(connection, [number] if (number := message.journey_id) else [])
        journey = next(iter(travels.values()), None)
        if task is None and journey is None:
            return ForStaff(message, None, person, None, None, self._digest(connection, person, now))
        return ForStaff(message, journey, person, self._facts(connection, task, journey, now), task)

    def _facts(self, connection: Connection, task: Task | None, journey: Journey | None, now: datetime) -> Facts | None:
        """Return the facts of the journey that sent the mail, or gave out the task."""
        if journey is None and task is not None and task.journey_id is not None:
            journey = journeys.by_id(connection, [task.journey_id])[task.journey_id]
        whose = journey.customer_id if journey is not None else task.customer_id if task is not None else None
        if whose is None:
            return None
        customer = customers.by_id(connection, [whose])[whose]
        if journey is not None:
            asking = [(journey, customer, frozenset({Need.COUPONS}))]
            return facts.for_journeys(connection, asking, self._shop, now)[journey.id]
        number = task.order_number if task is not None else None
        order = orders.by_number(connection, [number]).get(number) if number else None
        return facts.load(connection, Asking(customer, frozenset(), order), self._shop, now)

    @staticmethod
    def _digest(connection: Connection, person: Person | None, now: datetime) -> tuple[tuple[Task, str | None], ...]:
        if person is None:
            return ()
        found = in_order(tasks.for_digest(connection, person.key, end_of_day(person, now)), now)
        people = customers.by_id(connection, sorted({task.customer_id for task in found if task.customer_id}))
        names = {number: customer.name for number, customer in people.items()}
        return tuple((task, names.get(task.customer_id) if task.customer_id else None) for task in found)

    def _task(self, task: Task, customer: str | None, person: Person, now: datetime) -> dict[str, Any]:
        def local(moment: datetime | None) -> datetime | None:
            return None if moment is None else moment.astimezone(person.zone)

        return {
            "id": task.id,
            "title": task.title_in(person.language),
            "note": task.note_in(person.language),
            "type": task.type.value,
            "priority": task.priority.value,
            "state": task.state.value,
            "created_at": local(task.created_at),
            "due_at": local(task.due_at),
            "late": task.late(now),
            "order_number": task.order_number,
            "request": task.request,
            "customer": customer,
            "url": task_url(self._tokens, self._base, task.id, person.key),
        }
