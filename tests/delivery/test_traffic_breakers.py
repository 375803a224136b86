"""Breakers: what refuses our mail is left alone, others do not wait for it, and all is sent when it is over."""

from __future__ import annotations

import shutil
import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.misbehaving_smtp import MisbehavingSmtp
from tests.support.receivers import BUSY, DOWN, LOST, MUTE, SLOWED, UNSIGNED, Fault, Street, people
from tests.support.smtp_conversation import Hang, Manners
from worker.delivery.smtp import SmtpTransport
from worker.delivery.transport import Outcome
from worker.domain.answers import Stage
from worker.storage import relays, reports
from worker.storage.database import Database


@pytest.mark.parametrize("fault", [SLOWED, UNSIGNED, BUSY], ids=["slowed", "unsigned", "busy"])
def test_a_domain_that_refuses_us_holds_up_nobody_else(database: Database, tmp_path: Path, fault: Fault) -> None:
    """Given Gmail refusing all mail for three hours, when it takes mail again, then it was asked seldom, the others'
    mail went at once, and each mail went once."""
    street = Street(database, tmp_path, group_campaign=10)
    street.behind.faults["gmail.com"] = fault
    street.news(*people(30, "gmail.com"), *people(15, "example.com"))
    street.office.send()
    assert street.states() == {"sent": 15, "queued": 30}
    street.go_on(1)
    assert street.behind.to("gmail.com") <= 10, "no more than the group that was under way"
    assert street.reasons()["breaker: gmail.com by main"] >= 20
    street.go_on(178, every=1)
    assert street.behind.to("gmail.com") <= 10 + 6, "one probe for each of 5, 10, 20, 40, 60 minutes"
    assert street.states() == {"sent": 15, "queued": 30}
    street.news(*people(1, "example.org"))
    street.office.send()
    assert street.states()["sent"] == 16
    del street.behind.faults["gmail.com"]
    street.go_on(90, every=1)
    assert street.states() == {"sent": 46}
    assert set(street.behind.times().values()) == {1}
    with database.reading() as connection:
        assert relays.all_breakers(connection) == []


def test_what_waits_for_a_breaker_has_not_been_tried(database: Database, tmp_path: Path) -> None:
    """Given mails behind an open breaker, then their tries do not count, and the row tells what they wait for."""
    street = Street(database, tmp_path, group_campaign=1)
    street.behind.faults["gmail.com"] = SLOWED
    street.news(*people(4, "gmail.com"))
    street.office.send()
    tried, *held = street.shop.messages()
    assert {(row.attempts, row.reason, row.code) for row in held} == {(0, "breaker: gmail.com by main", 421)}
    assert all(row.answer.startswith("4.7.28") and row.not_before > street.shop.now for row in held)
    assert tried.attempts == 0, "our own fault is no try either"


def test_what_waits_for_the_relay_is_told_apart_from_what_waits_for_a_domain(
    database: Database, tmp_path: Path
) -> None:
    """Given Gmail that slows us down, then no mail is said to wait for the relay; given the relay away, all others."""
    street = Street(database, tmp_path, group_campaign=1)
    street.behind.faults["gmail.com"] = SLOWED
    street.news(*people(4, "gmail.com"))
    street.office.send()
    with database.reading() as connection:
        assert reports.untaken(connection) is None
        assert relays.waiting(connection) == {"breaker: gmail.com by main": 3}
    street.behind.faults["main"] = DOWN
    street.news(*people(5, "example.com"))
    street.office.send()
    with database.reading() as connection:
        found = reports.untaken(connection)
        assert found is not None
        assert (found.mails, found.answer) == (5, DOWN[2])


def test_one_odd_mailbox_closes_no_domain(database: Database, tmp_path: Path) -> None:
    """Given a recipient whom 5.7.1 keeps from us, and greylisting of another, then the domain's others get theirs."""
    street = Street(database, tmp_path)
    odd = (*BUSY[:1], 450, "4.2.0 Recipient address rejected: Greylisted, see postgrey", BUSY[3])
    street.behind.faults["example.com"] = odd
    street.news(*people(20, "example.com"))
    street.office.send()
    assert street.reasons() == {"to be tried again": 20}
    del street.behind.faults["example.com"]
    street.go_on(6)
    assert street.states() == {"sent": 20}


def test_a_probe_to_a_dead_mailbox_opens_the_way(database: Database, tmp_path: Path) -> None:
    """Given an open breaker, when the probe is answered with 5.1.1, then the domain speaks to us, and the others go."""
    street = Street(database, tmp_path, group_campaign=1)
    street.behind.faults["gmail.com"] = SLOWED
    street.news(*people(3, "gmail.com"))
    street.office.send()
    street.behind.faults = {"gmail.com": (Outcome.REFUSED, 550, "5.1.1 no such user", Stage.RCPT)}
    street.shop.now += timedelta(minutes=5)
    while street.states()["failed"] == 0:
        street.go_on(0.5)
    street.behind.faults = {}
    street.go_on(2)
    assert street.states() == {"failed": 1, "sent": 2}


def test_processes_share_what_they_learn(database: Database, tmp_path: Path) -> None:
    """Given one process that Gmail refused, when another has mail for Gmail, then it does not ask; and of all, one
    mail is the probe."""
    street = Street(database, tmp_path)
    other = street.another_office(tmp_path / "other")
    street.behind.faults["gmail.com"] = SLOWED
    street.news("first@gmail.com")
    street.office.send()
    street.news(*people(10, "googlemail.com"))
    other.send()
    assert street.behind.to("googlemail.com") == 0
    asked = len(street.behind.asked)
    street.behind.faults["googlemail.com"] = SLOWED
    street.go_on(6.5, street.office, other)
    assert len(street.behind.asked) == asked + 1


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    phases=st.lists(
        st.dictionaries(
            st.sampled_from(["ses", "own", "gmail.com", "own gmail.com", "yahoo.com", "ses yahoo.com"]),
            st.sampled_from([DOWN, SLOWED, BUSY, UNSIGNED]),
            min_size=1,
            max_size=4,
        ),
        min_size=1,
        max_size=3,
    ),
    restarts=st.booleans(),
)
def test_after_any_faults_every_mail_is_sent_once(
    _sqlite_template: Path, phases: list[dict[str, Fault]], restarts: bool
) -> None:
    """Given relays and domains that fail as they like for a while, when all of it ends, then every mail goes, once."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copyfile(_sqlite_template, Path(folder) / "phin.db")
        database = Database(f"sqlite:///{folder}/phin.db")
        street = Street(database, Path(folder), "ses", "own", group_campaign=4, group_single=2)
        for number, faults in enumerate(phases):
            street.behind.faults = dict(faults)
            street.news(*(f"n{number}-{address}" for address in [*people(4, "gmail.com"), *people(4, "yahoo.com")]))
            street.order(*(f"o{number}-{address}" for address in [*people(2, "gmail.com"), *people(2, "example.com")]))
            street.office.send()
            street.go_on(25, every=2.5)
            if restarts:
                street.office.restart()
        street.behind.faults = {}
        for _ in range(60):
            street.go_on(5, every=5)
            if "queued" not in street.states():
                break
        street.go_on(10, every=5)
        assert street.states() == {"sent": 12 * len(phases)}, street.reasons()
        assert set(street.behind.times().values()) == {1}
        with database.reading() as connection:
            later = street.shop.now + timedelta(hours=1)  # one that nobody asked since may still rest, and then no more
            assert [one for one in relays.all_breakers(connection) if one.stops(later)] == []
        street.office.sending.close()
        database.close()


def test_a_relay_that_is_down_hands_over_to_the_others_at_once(database: Database, tmp_path: Path) -> None:
    """Given two relays of which one is away, when mails are due, then all go in the same minute, each once, and the
    ledger says by which; when it is back, it is used again."""
    street = Street(database, tmp_path, "ses", "own", relays=[{"name": "ses", "weight": 9}, {"name": "own"}])
    street.behind.faults["ses"] = DOWN
    street.news(*people(20, "example.com"))
    street.office.send()
    street.go_on(1)
    assert street.states() == {"sent": 20}
    assert {row.relay for row in street.shop.messages()} == {"own"}
    street.behind.faults = {}
    street.news(*people(1, "example.net"))
    street.go_on(6)
    street.news(*people(60, "example.org"))
    street.office.send()
    used = [relay for relay, recipient in street.behind.taken if recipient.endswith(".org")]
    assert used.count("ses") > used.count("own")
    assert set(street.behind.times().values()) == {1}


def test_one_recipient_that_hangs_closes_no_relay(database: Database, tmp_path: Path) -> None:
    """Given a server that never answers for one recipient, when a burst of orders is due, then the others of it are
    sent within the same call, no breaker opens, and that mail waits."""
    manners = Manners({"rcpt": [None, None, None, Hang()]})
    street = Street(database, tmp_path)
    with MisbehavingSmtp(manners=manners) as server:
        street.office.by_relay = lambda _name: SmtpTransport(server.url(), timeout=0.5)
        street.order(*people(25, "example.com"))
        street.office.send()
        street.office.sending.close()
    assert street.states() == {"sent": 24, "queued": 1}
    assert street.reasons() == {"to be tried again": 1}
    with database.reading() as connection:
        assert relays.all_breakers(connection) == []


def test_a_relay_that_hangs_for_everybody_hands_over_to_the_others(database: Database, tmp_path: Path) -> None:
    """Given two relays of which one is mute to every recipient, when mails are due, then after three of them the
    others go by the other relay, within the same call, and its breaker rests."""
    street = Street(database, tmp_path, "ses", "own", relays=[{"name": "ses", "weight": 1000}, {"name": "own"}])
    street.behind.faults["ses"] = MUTE
    street.order(*people(20, "example.com"))
    street.office.send()
    street.office.send()
    assert street.states() == {"sent": 18, "queued": 2}
    assert {relay for relay, _ in street.behind.taken} == {"own"}
    with database.reading() as connection:
        assert [str(one.key) for one in relays.shut(connection)] == ["relay ses"]


def test_an_unknown_outcome_goes_by_no_other_relay(database: Database, tmp_path: Path) -> None:
    """Given a relay that breaks off after the final dot, then those mails are unknown, and no other has them."""
    street = Street(database, tmp_path, "ses", "own", relays=[{"name": "ses", "weight": 1000}, {"name": "own"}])
    street.behind.faults["ses"] = LOST
    street.news(*people(5, "example.com"))
    street.go_on(5)
    assert street.states() == {"unknown": 5}
    assert street.behind.taken == []


def test_relays_are_for_the_mails_that_they_are_for(database: Database, tmp_path: Path) -> None:
    """Given a relay for advertising and one for orders, then each takes its own, and none the other's."""
    shares = [{"name": "ses", "for": "marketing"}, {"name": "own", "for": "transactional"}]
    street = Street(database, tmp_path, "ses", "own", relays=shares)
    street.behind.faults["ses"] = DOWN
    street.news(*people(3, "example.com"))
    street.order(*people(3, "example.net"))
    street.office.send()
    assert street.states() == {"sent": 3, "queued": 3}
    assert {relay for relay, _ in street.behind.taken} == {"own"}
    street.behind.faults = {}
    street.go_on(8)
    assert street.states() == {"sent": 6}
    assert {row.relay for row in street.shop.messages() if row.kind == "marketing"} == {"ses"}
