"""Senders and the engine lock journeys and messages in one order, so that none is given up for the other."""

from __future__ import annotations

import threading
from pathlib import Path

from sqlalchemy import select, text, update

from tests.support.post import Office, Postbox
from tests.support.processes import wait_until
from tests.support.shop import Shop
from worker.storage.database import Database
from worker.storage.tables import journey, message

WAITS = """
trigger: signup
steps:
  - send: welcome
  - wait: 3 days
    until: clicked("welcome")
"""


def test_a_sender_waits_for_a_journey_before_it_holds_its_message(postgres_database: Database, tmp_path: Path) -> None:
    """Given someone who holds a journey, when its mail is settled meanwhile, then they get the message too.

    The sender, whose mail the journey waits to hear of, settles it afterwards; neither is given up.
    """
    database = postgres_database
    shop = Shop(database)
    shop.publish(waits=WAITS)
    work = shop.send("signup")
    held, failures = threading.Event(), list[Exception]()

    def join() -> None:
        try:
            with database.writing() as connection:
                connection.execute(update(journey).values(reason="held"))
                held.set()
                wait_until(lambda: _somebody_waits(database), "the sender waits")
                connection.execute(text("SET LOCAL lock_timeout = '5s'"))
                connection.execute(update(message).values(language="en"))
        except Exception as error:
            failures.append(error)

    other = threading.Thread(target=join)

    def meanwhile(_number: int) -> None:
        other.start()
        assert held.wait(10)

    Office(shop, tmp_path, Postbox(between=meanwhile)).send(work)
    other.join()
    assert failures == []
    assert [(row.state, row.language) for row in shop.messages()] == [("sent", "en")]
    with database.reading() as connection:
        assert connection.execute(select(journey.c.look_again)).scalar_one() is True


def _somebody_waits(database: Database) -> bool:
    with database.reading() as connection:
        waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(connection.execute(waiting).scalar_one())
