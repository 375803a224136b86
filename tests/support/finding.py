"""A shop whose clock ticks: triggers that find customers, and the journeys that they start."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select, update

from tests.support.shop import YES, Shop
from worker.domain.calendars.seasons import Season
from worker.engine.finding import Finding
from worker.storage.database import Database
from worker.storage.tables import customer, date_mark, journey, occurrence

SAIGON = ZoneInfo("Asia/Ho_Chi_Minh")


class ClockShop(Shop):
    """A shop with one clock; `another_clock` makes more of them."""

    def __init__(self, database: Database, seasons: Mapping[str, Season] | None = None, **settings: Any) -> None:
        super().__init__(database, **settings)
        self.seasons = dict(seasons or {})
        self.clock = self.another_clock()

    def another_clock(self) -> Finding:
        """Return a clock that knows nothing of what others have looked at, as after a restart."""
        return Finding(self.database, self.flowbook, self.settings, lambda: self.seasons)

    def at(self, local: str, zone: ZoneInfo = SAIGON) -> None:
        """Move the time to a moment on a wall, `2027-03-02 09:00`, without a tick."""
        self.now = datetime.fromisoformat(local).replace(tzinfo=zone)

    def tick(self, local: str | None = None, zone: ZoneInfo = SAIGON) -> int:
        """Have the clock look, at a moment where one is given; returns how many entered."""
        if local is not None:
            self.at(local, zone)
        return self.clock.run(self.now)

    def tell(self, external_id: str, **said: Any) -> None:
        """Report something of a customer."""
        person = {"id": external_id, "email": f"{external_id}@example.com", "consent": YES}
        self.send("cart.updated", person | said)

    def keep(self, external_id: str, **fields: Any) -> None:
        """Write own fields as an earlier declaration may have left them, unchecked."""
        with self.database.writing() as connection:
            connection.execute(update(customer).where(customer.c.external_id == external_id).values(fields=fields))

    def entered(self, flow: str | None = None) -> list[str]:
        """Return who entered, in order: the shop's ids."""
        rows = select(customer.c.external_id).join(journey, journey.c.customer_id == customer.c.id)
        if flow is not None:
            rows = rows.where(journey.c.flow == flow)
        with self.database.reading() as connection:
            return list(connection.execute(rows.order_by(journey.c.id)).scalars())

    def keys(self) -> list[str]:
        """Return the once-keys of all journeys, in order."""
        return [row.once_key for row in self.journeys()]

    def occurrences(self) -> list[tuple[str, str, str]]:
        """Return zone, turn and state of what came."""
        with self.database.reading() as connection:
            rows = connection.execute(select(occurrence).order_by(occurrence.c.id))
            return [(row.zone, row.turn, row.state) for row in rows]

    def marks(self) -> list[str]:
        """Return the fields of the notes of moved dates."""
        with self.database.reading() as connection:
            return list(connection.execute(select(date_mark.c.field).order_by(date_mark.c.id)).scalars())
