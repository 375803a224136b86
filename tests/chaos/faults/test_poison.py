"""What kills whoever takes it in hand is set aside after a few deaths, and everything else goes on."""

from __future__ import annotations

import os
import signal
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from tests.chaos.faults.plant import ORDER, THANKS, events, make_home, messages, purchase
from tests.chaos.faults.poisoned import poison
from worker.domain.event_check import EventRules
from worker.edges import publishing
from worker.edges.environment import read_home
from worker.edges.house import House
from worker.edges.jobs import jobs_of
from worker.engine.failing import TRIES
from worker.engine.intake import take_in
from worker.storage.database import Database
from worker.storage.tables import event, journey, message

PEOPLE = 40
DEATHS_OF_A_MAIL = 5
HOUR = timedelta(hours=1)
DIED = {"poison-event": 7, "poison-journey": 18, "poison-mail": 29}  # by the number of the customer


def _work(environment: dict[str, str]) -> int:
    """Do all that is due, in a process of its own; returns the signal that it died of, or 0."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        poison()  # this process alone
        house = House(read_home(environment))
        house.recover()
        while work := house.due(100):
            for job, ids in jobs_of(work):
                house.runners[job](ids)
        house.close()
        os._exit(0)
    finally:
        os._exit(1)


def test_poison_is_set_aside_and_everything_else_is_done(database: Database, tmp_path: Path) -> None:
    """Given an event, a journey and mails that kill whoever works on them, when process after process dies of one,
    then each is set aside after a few deaths, and what is the others' is done once; also where a mail is tried once."""
    url = database.engine.url.render_as_string(hide_password=False)
    environment = {
        "PHIN_HOME": str(make_home(tmp_path)),
        "PHIN_DATABASE_URL": url,
        "PHIN_POLICY_QUIET_HOURS": "none",
        "PHIN_SENDING_ATTEMPTS": "1",
    }
    house = House(read_home(environment))
    publishing.publish(house)
    names = {number: name for name, number in DIED.items()}
    take_in(
        database,
        [purchase(number, names.get(number, "Lan")) for number in range(PEOPLE)],
        "shop",
        EventRules.of(house.settings),
        house.clock.now(),
    )
    house.close()
    ended = []
    for _ in range(60):
        ended.append(_work(environment))
        if ended[-1] == 0:
            with database.reading() as connection:
                waits = select(message.c.id).where(message.c.state.not_in(["sent", "failed"]))
                under_way = select(journey.c.id).where(journey.c.state == "waiting")
                if not connection.execute(waits.union_all(under_way)).all():
                    break
            house.clock.stand_off(house.clock.offset() + HOUR)
    assert set(ended) == {0, -signal.SIGKILL}
    assert ended.count(-signal.SIGKILL) == 2 * TRIES + 2 * DEATHS_OF_A_MAIL
    assert events(database) == {"processed": PEOPLE - 1, "refused": 1}
    assert messages(database) == {
        (ORDER, "sent"): PEOPLE - 2,
        (ORDER, "failed"): 1,
        (THANKS, "sent"): PEOPLE - 3,
        (THANKS, "failed"): 1,
    }
    with database.reading() as connection:
        reasons = select(event.c.reason).where(event.c.state == "refused")
        assert connection.execute(reasons).scalars().all() == ["the process that worked on it died"]
        ways = connection.execute(select(journey.c.state, journey.c.reason).where(journey.c.state == "failed")).all()
        assert [tuple(way) for way in ways] == [("failed", "the process that worked on it died")]
    assert len(list((tmp_path / "var" / "outbox").glob("*.eml"))) == 2 * PEOPLE - 5
    assert list((tmp_path / "var" / "run" / "hands").iterdir()) == []
