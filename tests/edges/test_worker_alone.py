"""A machine with workers and no clock: what its dead senders left is settled there, since nobody else can read it."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from tests.chaos import shop
from tests.support.processes import clean_environment, running, wait_until
from tests.support.shop_folder import take_events
from worker.delivery.journal import SenderJournal
from worker.edges import publishing
from worker.edges.environment import read_home
from worker.edges.house import House
from worker.storage import claims
from worker.storage.migrations import migrate
from worker.storage.tables import message


def test_a_worker_settles_what_died_beside_it(tmp_path: Path, redis_url: str) -> None:
    """Given mails that a sender of this machine held when it died, then a worker soon sends them."""
    folder = shop.make_home(tmp_path / "home", "https://the-coffee.example", shop.campaign_day(datetime.now(UTC)))
    environment = clean_environment(
        PHIN_HOME=str(folder), PHIN_REDIS_URL=redis_url, PHIN_POLICY_QUIET_HOURS="none", PATH=os.environ["PATH"]
    )
    house = House(read_home(environment))
    migrate(house.database)
    publishing.publish(house)
    take_events(house, shop.purchase(1), shop.purchase(2))
    now = house.clock.now()
    with house.database.writing() as connection:
        ids = list(connection.execute(select(message.c.id)).scalars())
        claims.claim(connection, ids, token="dead", lease_until=now + timedelta(hours=2), now=now)
    SenderJournal(house.settings.var / "journals", "dead").close()

    def states() -> set[str]:
        with house.database.reading() as connection:
            return set(connection.execute(select(message.c.state)).scalars())

    assert states() == {"claimed"}
    output = tmp_path / "worker.log"
    with running(["worker.edges.cli", "worker"], environment=environment, cwd=folder, output=output):
        wait_until(lambda: states() == {"sent"}, f"they are sent; it said: {output}", 120)
    house.close()
