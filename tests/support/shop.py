"""A shop for tests of the engine: flows written in the test, events through the intake, time moved by hand."""

from __future__ import annotations

import textwrap
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from worker.domain.conditions.vocabulary import Vocabulary
from worker.domain.durations import parse_duration
from worker.domain.event_check import EventRules
from worker.domain.settings import Settings
from worker.domain.work import Work
from worker.engine.intake import Receipt, take_in
from worker.engine.processing import Processing
from worker.engine.publishing import Source, publish
from worker.engine.stepping import Stepping
from worker.language.flow.flows import read_flow
from worker.storage.database import Database
from worker.storage.due import due_work
from worker.storage.flowbook import FlowBook
from worker.storage.tables import journey, message, trace

START = datetime(2027, 3, 1, 7, 0, tzinfo=UTC)  # Monday 14:00 in Ho Chi Minh City
YES = {"marketing": True, "tracking": True, "source": "checkout"}
LAN = {"id": "c1", "email": "lan@example.com", "name": "Lan", "consent": YES}


class ShopTimes:
    """The shop's time is the shop's, the machine's own is now."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    def now(self) -> datetime:
        """Return the shop's time."""
        return self._shop.now

    def machine(self) -> datetime:
        """Return the machine's own time."""
        return datetime.now(UTC)


class Shop:
    """One database with the engine round it; delivery is the test's own business."""

    def __init__(self, database: Database, **settings: Any) -> None:
        self.database = database
        self.settings = Settings.model_validate(settings)
        self.now = START
        self.flowbook = FlowBook()
        self._processing = Processing(database, self.flowbook, self.settings)
        self._stepping = Stepping(database, self.flowbook, self.settings)
        self._rules = EventRules.of(self.settings)
        self._sources: dict[str, Source] = {}
        self._count = 0

    def publish(self, **flows: str) -> None:
        """Publish flows by name (`_` for `-`), each the text of its file without the line of its name."""
        vocabulary = Vocabulary.of(self.settings)
        for key, body in flows.items():
            name = key.replace("_", "-")
            text = f"flow: {name}\n{textwrap.dedent(body)}"
            self._sources[name] = Source(read_flow(text, f"{name}.yaml", vocabulary)[0], text)
        publish(self.database, self._sources, frozenset(), self.now)

    def receive(self, *events: dict[str, Any]) -> tuple[Receipt, Work]:
        """Take events in, without processing them."""
        return take_in(self.database, events, "shop", self._rules, self.now)

    def send(self, kind: str, customer: dict[str, Any] | None = None, **event: Any) -> Work:
        """Report one event now and process it."""
        self._count += 1
        whole = {"id": f"e{self._count}", "type": kind, "time": self.now.isoformat(), "customer": customer or LAN}
        receipt, work = self.receive(whole | event)
        assert not receipt.refused, receipt.refused
        return self.process(work)

    def buy(self, number: str, total: int = 450_000, customer: dict[str, Any] | None = None, **event: Any) -> Work:
        """Report a purchase of one bag of arabica."""
        line = {"sku": "AR-250", "name": "Arabica 250 g", "category": "arabica", "quantity": 1, "price": total}
        return self.send("purchase", customer, order={"number": number, "total": total, "lines": [line]}, **event)

    def process(self, work: Work) -> Work:
        """Process what was taken in."""
        return self._processing.run(work.events, self.now)

    def wait(self, span: str) -> None:
        """Move the time on, and take every journey on that is due on the way, at its own moment."""
        until = self.now + parse_duration(span).span()
        while True:
            with self.database.reading() as connection:
                due = select(journey.c.look_at).where(journey.c.state == "waiting", journey.c.look_at <= until)
                first = connection.execute(due.order_by(journey.c.look_at)).scalars().first()
            if first is None:
                break
            self.now = max(first, self.now)
            self.step()
        self.now = until

    def due(self, most: int = 100) -> Work:
        """Return what the sweep would find now."""
        with self.database.reading() as connection:
            return due_work(connection, self.flowbook.follow(connection), self.now, most)

    def step(self) -> Work:
        """Take on what is due now."""
        return self._stepping.run(self.due().journeys, self.now)

    def reread(self, *journeys: int) -> Work:
        """Have journeys look again at what they wait for."""
        return self._stepping.run(journeys, self.now)

    def messages(self) -> list[Any]:
        """Return the rows of all messages, in order."""
        with self.database.reading() as connection:
            return list(connection.execute(select(message).order_by(message.c.id)))

    def mails(self) -> list[tuple[str, str]]:
        """Return when (in Ho Chi Minh City) which step wrote a message."""
        local = timedelta(hours=7)
        return [((row.created_at + local).strftime("%d %b %H:%M"), row.step) for row in self.messages()]

    def journeys(self) -> list[Any]:
        """Return the rows of all journeys, in order."""
        with self.database.reading() as connection:
            return list(connection.execute(select(journey).order_by(journey.c.id)))

    def trace(self, journey_id: int) -> list[tuple[str, dict[str, Any]]]:
        """Return kind and detail of each line of a journey's trace."""
        with self.database.reading() as connection:
            lines = connection.execute(select(trace).where(trace.c.journey_id == journey_id).order_by(trace.c.number))
            return [(line.kind, line.detail) for line in lines]
