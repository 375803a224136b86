"""A day in which nothing ran: what fell due goes on, what is too late is left out, nobody is woken at night."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import select

from tests.chaos.faults.plant import make_home, messages, purchase
from tests.support.shop_folder import phin
from worker.domain.event_check import EventRules
from worker.edges import publishing
from worker.edges.environment import read_home
from worker.edges.house import House
from worker.edges.jobs import jobs_of
from worker.engine.intake import take_in
from worker.storage.database import Database
from worker.storage.tables import event, journey

SAIGON = ZoneInfo("Asia/Ho_Chi_Minh")
STOPPED = datetime(2027, 3, 1, 14, 0, tzinfo=SAIGON)
STARTED = datetime(2027, 3, 2, 23, 30, tzinfo=SAIGON)  # a night and a day later, at night
MORNING = datetime(2027, 3, 3, 9, 30, tzinfo=SAIGON)
FLOWS = {
    "hurried": "kind: transactional\ntrigger: purchase\nsteps: [{wait: 2 hours}, {send: hurried, expires: 6 hours}]",
    "patient": "kind: transactional\ntrigger: purchase\nsteps: [{wait: 3 hours}, {send: patient}]",
    "offer": "trigger: signup\nsteps: [{wait: 1 hour}, {send: offer}]",
    "often": 'trigger: {schedule: "0 */8 * * *"}\nkind: transactional\nsteps: [{send: often}]',
    "party": "trigger: birthday\nkind: transactional\nsteps: [{send: party}]",
}
MINH = {
    "id": "c2",
    "email": "minh@example.com",
    "name": "Minh",
    "birthday": "1990-03-02",
    "consent": {"marketing": True, "tracking": True, "source": "checkout"},
}


def _at(house: House, moment: datetime) -> None:
    """Have it be this moment, and do all that is due then."""
    house.clock.stand_off(moment.astimezone(UTC) - datetime.now(UTC))
    house.finding(lambda: False).run(house.clock.now())
    while work := house.due(100):
        for job, ids in jobs_of(work):
            house.runners[job](ids)


def test_a_days_outage_is_made_up_for_with_sense(database: Database, tmp_path: Path) -> None:
    """Given a house that stood still for a day and a half, when it starts at night, then waits that ended go on, a
    mail past its `expires` is left out and phin why says so, of several missed turns the last one enters, a birthday
    too, what came in goes through once, and advertising waits for the morning."""
    url = database.engine.url.render_as_string(hide_password=False)
    environment = {
        "PHIN_HOME": str(make_home(tmp_path, FLOWS, list(FLOWS))),
        "PHIN_DATABASE_URL": url,
        "PHIN_POLICY_QUIET_HOURS": "22:00-07:00",
    }
    house = House(read_home(environment))
    house.clock.stand_off(STOPPED.astimezone(UTC) - timedelta(minutes=5) - datetime.now(UTC))
    assert " 0 broken" in publishing.summary(publishing.publish(house))
    rules = EventRules.of(house.settings)
    signup = {"id": "s1", "type": "signup", "customer": MINH}
    take_in(database, [purchase(1), signup], "shop", rules, house.clock.now())
    _at(house, STOPPED)
    assert not messages(database)
    take_in(database, [purchase(3)], "shop", rules, house.clock.now())  # the last that came in before it stopped

    _at(house, STARTED)
    night = messages(database)
    assert night["hurried", "skipped"] == 1, night
    assert night["patient", "sent"] == 1
    assert (night["offer", "queued"], night["offer", "sent"]) == (1, 0), night
    assert night["party", "sent"] == 1
    assert night["often", "sent"] == 2  # one turn, of the two customers whom Phin knew by then
    with database.reading() as connection:
        assert set(connection.execute(select(event.c.state)).scalars()) == {"processed"}
        turns = select(journey.c.turn_at).where(journey.c.flow == "often").distinct()
        assert len(connection.execute(turns).scalars().all()) == 1
    told = phin(tmp_path, "why", "c1", PHIN_DATABASE_URL=url).stdout
    assert "hurried" in told
    assert "expired" in told or "too late" in told, told

    _at(house, MORNING)
    assert messages(database)["offer", "sent"] == 1
    house.close()
