"""A shop that lives through a made history with the whole engine, and the same history played through a backtest."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from tests.support.finding import ClockShop
from tests.support.post import Office
from tests.support.segments import Keeper
from worker.domain.calendars.seasons import Season
from worker.language.flow.flows import read_flow
from worker.rehearsal.backtest.playing import Backtest, Question, backtest
from worker.rehearsal.backtest.runs import Run
from worker.rehearsal.backtest.tally import Window
from worker.storage.database import Database
from worker.storage.tables import customer, goal, journey, message

BEGIN = datetime(2027, 3, 1, 7, 0, tzinfo=UTC)  # Monday 14:00 in Ho Chi Minh City
Entry = tuple[str | None, str, datetime, str | None, str, str | None]
Mail = tuple[str | None, str, datetime, str]


class LivedShop(ClockShop):
    """A shop whose engine, clock, segments and senders do at once all that there is to do.

    Parameters:
        texts: body of each template by name, `_` for `-`.
        ticks: hours of the day (UTC) at which the clock looks for turns of triggers.
    """

    def __init__(
        self,
        database: Database,
        folder: Path,
        seasons: Mapping[str, Season] | None = None,
        ticks: tuple[int, ...] = (),
        segments: str = "",
        *,
        texts: Mapping[str, str],
    ) -> None:
        super().__init__(database, seasons, intake={"starts_within": 3 * 86_400}, fields={"city": "text"})
        self.now = BEGIN
        self.office = Office(self, folder, None, **texts)
        self.ticks = ticks
        self.keeper = Keeper(self) if segments else None
        read = self.keeper.read(segments).segments if self.keeper else {}
        self.segments = {name: one.when for name, one in read.items()}
        if self.keeper:
            self.keeper.publish(segments)

    def settle(self) -> None:
        """Do what there is to do now, until nothing is left."""
        for _ in range(20):
            began = self.keeper.keep() if self.keeper else 0
            due = self.due().journeys
            if due:
                self._stepping.run(due, self.now)
            if not (self.office.send().journeys or due or began):
                return
        raise AssertionError("there is always more to do")

    def live_until(self, until: datetime) -> None:
        """Let the time pass: what falls due is done at its moment."""
        while True:
            with self.database.reading() as connection:
                due = select(journey.c.look_at).where(journey.c.state == "waiting", journey.c.look_at <= until)
                first = connection.execute(due.order_by(journey.c.look_at)).scalars().first()
            tick = self._next_tick()
            moment = min([one for one in (first, tick) if one is not None and one <= until], default=None)
            if moment is None:
                break
            self.now = max(moment, self.now)
            if moment == tick:
                self.clock.run(self.now)
            self.settle()
        self.now = until

    def _next_tick(self) -> datetime | None:
        if not self.ticks:
            return None
        midnight = self.now.replace(hour=0, minute=0, second=0, microsecond=0)
        hours = (midnight + timedelta(days=day, hours=hour) for day in (0, 1) for hour in sorted(self.ticks))
        return next(moment for moment in hours if moment > self.now)

    def happen(self, kind: str, person: dict[str, Any], **event: Any) -> None:
        """Report an event and do what follows at once."""
        self.send(kind, person, **event)
        if self.ticks:
            self.clock.run(self.now)
        self.settle()

    def played(self, name: str, body: str, **more: Any) -> tuple[Backtest, list[Run]]:
        """Play what is stored through a flow."""
        flow = read_flow(f"flow: {name}\n{body}", f"{name}.yaml", None)[0]
        window = Window(more.pop("since", BEGIN), more.pop("until", self.now))
        question = Question(flow, window, self.settings, self.segments, self.seasons, **more)
        runs: list[Run] = []
        return backtest(self.database, question, journeys=runs.append), runs

    def people(self) -> dict[int, str | None]:
        """Return the shop's ids of all customers by our numbers."""
        with self.database.reading() as connection:
            return {row.id: row.external_id for row in connection.execute(select(customer))}

    def entries(self, flow: str) -> list[Entry]:
        """Return the journeys that really began: whose, key, when, order, how they stand and why."""
        people = self.people()
        rows = [row for row in self.journeys() if row.flow == flow]
        return _sorted(
            (
                people[row.customer_id],
                _key(row.once_key),
                row.entered_at,
                row.order_number,
                row.state,
                row.reason,
            )
            for row in rows
        )

    def outgoing(self, flow: str) -> list[Mail]:
        """Return the mails that were really made: whose, step, when, and what became of them."""
        people = self.people()
        with self.database.reading() as connection:
            rows = connection.execute(select(message).where(message.c.flow == flow)).all()
        return _sorted((people[row.customer_id], row.step, row.created_at, _became(row)) for row in rows)

    def successes(self, flow: str) -> int:
        """Return how many journeys really came to the goal."""
        with self.database.reading() as connection:
            return len(connection.execute(select(goal).where(goal.c.flow == flow)).all())

    def played_entries(self, runs: list[Run]) -> list[Entry]:
        """Return the same of the journeys that were played."""
        people = self.people()
        return _sorted(
            (
                people[run.journey.customer_id],
                _key(run.journey.once_key),
                run.journey.entered_at,
                run.journey.order_number,
                run.journey.state.value,
                run.reason,
            )
            for run in runs
        )

    def played_mails(self, runs: list[Run]) -> list[Mail]:
        """Return the same of the mails that were played."""
        people = self.people()
        sent = [(run, mail.step, mail.sent_at, "sent") for run in runs for mail in run.mails]
        held = [(run, step, at, why) for run in runs for step, at, why in run.held]
        return _sorted((people[run.journey.customer_id], step, at, became) for run, step, at, became in [*sent, *held])


def _became(row: Any) -> str:
    return "sent" if row.state == "sent" else row.reason.removeprefix("skipped: ")


def _key(key: str) -> str:
    """Return a once-key; the numbers of journeys are others in a backtest."""
    return "after" if key.startswith("after:") else key


def _sorted(found: Any) -> list[Any]:
    return sorted(found, key=lambda one: tuple((part is None, str(part)) for part in one))


class Chance:
    """Makes a history by a seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.orders = 0

    def number(self) -> str:
        """Return the number of a new order."""
        self.orders += 1
        return f"A{self.orders}"
