"""A shop whose marketing is lived through: the shipped flows, seasons and segments, days passing, mails going out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import select, update

from tests.support.finding import SAIGON, ClockShop
from tests.support.segments import Keeper
from tests.support.shipped import CONFIG, deliver, own, publish
from tests.support.shop import YES
from worker.domain.calendars.occurrences import next_of, turns
from worker.domain.triggers import EventTrigger, ScheduleTrigger, SegmentTrigger, Timed
from worker.language.config.seasons import read_seasons
from worker.storage.database import Database
from worker.storage.tables import customer, goal, journey, message


class MarketingShop(ClockShop):
    """A shop with the shipped seasons and segments.

    Parameters:
        begins: the moment at which it begins, in Ho Chi Minh City: `2027-01-04 08:00`.
        flows: the shipped flows that it has.
    """

    def __init__(self, database: Database, begins: str, *flows: str) -> None:
        super().__init__(database, read_seasons(CONFIG / "seasons.yaml", "config/seasons.yaml"), **own())
        self.at(begins)
        self.keeper = Keeper(self)
        self.keeper.publish((CONFIG / "segments.yaml").read_text(encoding="utf-8"))
        publish(self, *flows)
        triggers = [trigger for source in self._sources.values() for trigger in source.flow.triggers]
        self._timed = [one for one in triggers if not isinstance(one, EventTrigger | SegmentTrigger)]
        self._by_segment = any(isinstance(one, SegmentTrigger) for one in triggers)
        self._orders = 0

    def order(self, who: str, category: str = "arabica", when: str | None = None) -> None:
        """Have a customer buy something, now or at a moment that comes."""
        if when is not None:
            self.live(when)
        self._orders += 1
        line = {"sku": f"{category}-1", "name": category, "category": category, "quantity": 1, "price": 200_000}
        placed = {"number": f"A{self._orders}", "total": 200_000, "lines": [line]}
        person = {"id": who, "email": f"{who}@example.com", "consent": YES}
        self.send("purchase", person, order=placed)

    def regular(self, who: str) -> None:
        """Have a customer buy three times now, so that they are loyal."""
        for _ in range(3):
            self.order(who)
        self.keeper.keep()

    def live(self, until: str) -> None:
        """Let time pass until a moment in Ho Chi Minh City; all that falls due on the way is done.

        The clock looks at each turn of the flows' triggers; where a flow waits for a segment, each morning at nine.
        """
        end = datetime.fromisoformat(until).replace(tzinfo=SAIGON)
        found = {moment for one in self._timed for moment in self._moments(one, end)}
        if self._by_segment:
            first = self.now.astimezone(SAIGON).date()
            days = [first + timedelta(days=number) for number in range((end.date() - first).days + 1)]
            found |= {datetime.combine(day, time(9), SAIGON) for day in days}
        for moment in sorted(found):
            if self.now < moment < end:
                self._pass(moment)
        self._pass(end)

    def _moments(self, trigger: Timed, end: datetime) -> Iterator[datetime]:
        """Yield the moments of a trigger until the end; of a schedule, `turns` knows only the last."""
        if not isinstance(trigger, ScheduleTrigger):
            yield from (turn.moment for turn in turns(trigger, SAIGON, self.now, end, self.seasons))
            return
        turn = next_of(trigger, SAIGON, self.now, self.seasons)
        while turn is not None and turn.moment <= end:
            yield turn.moment
            turn = next_of(trigger, SAIGON, turn.moment, self.seasons)

    def _pass(self, moment: datetime) -> None:
        seconds = int((moment - self.now).total_seconds())
        if seconds > 0:
            self.wait(f"{seconds // 60} minutes")
        deliver(self)
        self.now = moment
        if self._by_segment:
            self.keeper.keep()
        self.tick()
        self.step()
        deliver(self)

    def sent(self, who: str | None = None) -> list[tuple[str, str]]:
        """Return when (in Ho Chi Minh City) which mail went out to a customer, or to all: `27 Jan 09:00`."""
        rows = select(message.c.created_at, message.c.step).where(message.c.state == "sent")
        if who is not None:
            rows = rows.join(customer, customer.c.id == message.c.customer_id).where(customer.c.external_id == who)
        with self.database.reading() as connection:
            found = connection.execute(rows.order_by(message.c.created_at, message.c.id)).all()
        return [(row.created_at.astimezone(SAIGON).strftime("%d %b %H:%M"), row.step) for row in found]

    def click(self, who: str, step: str) -> None:
        """Have a customer click in a mail, and the journey look again."""
        with self.database.writing() as connection:
            whose = select(customer.c.id).where(customer.c.external_id == who).scalar_subquery()
            clicked = update(message).where(message.c.step == step, message.c.customer_id == whose)
            connection.execute(clicked.values(clicked_at=self.now))
            numbers = connection.execute(select(journey.c.id).where(journey.c.customer_id == whose)).scalars().all()
        self.reread(*numbers)

    def ends(self, flow: str) -> dict[str, tuple[str, str | None]]:
        """Return the state of each customer's journey in a flow, with its reason."""
        rows = select(customer.c.external_id, journey.c.state, journey.c.reason).join(
            journey, journey.c.customer_id == customer.c.id
        )
        with self.database.reading() as connection:
            found = connection.execute(rows.where(journey.c.flow == flow).order_by(journey.c.id))
            return {row.external_id: (row.state, row.reason) for row in found}

    def successes(self) -> list[Any]:
        """Return the rows of all goals that were reached."""
        with self.database.reading() as connection:
            return list(connection.execute(select(goal).order_by(goal.c.at)))
