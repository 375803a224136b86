"""Figures for monitoring: each thing that happened is counted once, however often and by however many one looks."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, insert, update

from tests.support.ledger import NOW, add_customer
from tests.support.plans import count_rows, plan, statements_of
from worker.domain.messages import MessageState
from worker.storage import figures
from worker.storage.database import Database
from worker.storage.figures import MOST_OF_ONE, labelled
from worker.storage.flowbook import Catalogue
from worker.storage.standing_counts import COUNTS
from worker.storage.tables import bounce, event, event_trace, flow_version, goal, hit, journey, message, metadata
from worker.storage.tallying import SETTLED_WITHIN, look, reason_of
from worker.storage.totals import keep
from worker.storage.vital_signs import vital_signs

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
CATALOGUE = Catalogue(1, sending=frozenset({"welcome", "birthday"}))


def _look(database: Database, now: Any) -> bool:
    with database.reading() as connection:
        looks = look(connection, figures.marks(connection), now)
    with database.writing() as connection:
        kept = [keep(connection, one) for one in looks]  # each, whatever became of the one before
    return all(kept)


def _shown(database: Database, name: str) -> dict[str, float]:
    """Return a figure's values by the values of its labels, with blanks between them."""
    with database.reading() as connection:
        found = figures.read(connection).get(name, {})
    return {" ".join(value for _, value in labels): count for labels, count in found.items()}


def _mail(connection: Connection, key: str, **values: Any) -> None:
    row = {"customer_id": 1, "kind": "marketing", "template": "t", "flow": "welcome", "state": "queued"}
    connection.execute(insert(message), {"key": key, "created_at": NOW, "not_before": NOW, **row, **values})


def _event(connection: Connection, number: int, **values: Any) -> None:
    row = {"source": "shop", "external_id": f"e{number}", "type": "purchase", "content_hash": "", "payload": {}}
    connection.execute(insert(event), {**row, "occurred_at": NOW, "received_at": NOW, **values})


def test_each_settled_mail_is_counted_once(database: Database) -> None:
    """Given mails settled at any time and committed up to two minutes later, and clocks that look again and again, when
    all is quiet, then each mail stands in its total once, and no total ever went down."""
    chosen = random.Random(7)
    now, late, settled, last = NOW, [], Counter[str](), Counter[str]()
    with database.writing() as connection:
        add_customer(connection)
    _look(database, now)
    for number in range(160):
        now += timedelta(seconds=chosen.uniform(0, 12))
        flow = chosen.choice(["welcome", "birthday"])
        state = chosen.choice(["sent", "skipped", "failed", "cancelled"])
        values = {"state": state, "flow": flow, "settled_at": now, "sent_at": now if state == "sent" else None}
        late.append((now + timedelta(seconds=chosen.uniform(0, 110)), f"k{number}", values))
        settled[f"messages_{state} {flow}"] += 1
        for at, key, row in [one for one in late if one[0] <= now]:
            with database.writing() as connection:
                _mail(connection, key, **row)
            late.remove((at, key, row))
        if chosen.random() < 0.4:
            _look(database, now)
            shown = _shown_by_flow(database)
            assert all(shown[name] >= count for name, count in last.items()), "a total went down"
            last = shown
    for _at, key, row in late:
        with database.writing() as connection:
            _mail(connection, key, **row)
    _look(database, now + 2 * MINUTE)
    _look(database, now + 5 * MINUTE)
    assert _shown_by_flow(database) == settled


def _shown_by_flow(database: Database) -> Counter[str]:
    with database.reading() as connection:
        kept = figures.read(connection)
    shown: Counter[str] = Counter()
    for name in ("messages_sent", "messages_skipped", "messages_failed", "messages_cancelled"):
        for labels, count in kept.get(name, {}).items():
            shown[f"{name} {dict(labels)['flow']}"] += int(count)
    return shown


def test_of_two_clocks_that_look_at_once_one_counts(database: Database) -> None:
    """Given two clocks that read the same marks, when both write, then what happened is counted once."""
    with database.writing() as connection:
        add_customer(connection)
    _look(database, NOW)
    with database.writing() as connection:
        _event(connection, 1)
        _mail(connection, "a", state="sent", sent_at=NOW + SECOND, settled_at=NOW + SECOND)
    _look(database, NOW + MINUTE)  # the event was seen; it is counted at the next look
    with database.reading() as connection:
        both = [look(connection, figures.marks(connection), NOW + 5 * MINUTE) for _ in range(2)]
    with database.writing() as connection:
        written = [[keep(connection, one) for one in looks] for looks in both]
    assert all(written[0])
    assert not any(written[1])
    assert _shown(database, "events_received") == {"shop purchase": 1}
    assert _shown(database, "messages_sent") == {"welcome": 1}


def test_a_mail_that_comes_back_within_minutes_takes_nothing_from_what_was_counted(database: Database) -> None:
    """Given a bounce that is called a complaint a moment later, then neither total goes down, and both are right in the
    end: a counter that goes down reads as a restart, and its whole value as a burst."""
    with database.writing() as connection:
        add_customer(connection)
    _look(database, NOW)
    for state, at in (("bounced", NOW + 5 * SECOND), ("complained", NOW + 25 * SECOND)):
        with database.writing() as connection:
            if state == "bounced":
                _mail(connection, "a", sent_at=NOW + SECOND)
            connection.execute(update(message).values(state=state, settled_at=at))
        _look(database, at + 5 * SECOND)
    assert _shown(database, "messages_bounced") == {"welcome": 1}
    assert _shown(database, "messages_complained") == {"welcome": 1}
    _look(database, NOW + 10 * MINUTE)
    assert _shown(database, "messages_bounced") == {"welcome": 1}
    assert _shown(database, "messages_sent") == {"welcome": 1}


def test_a_clock_that_goes_back_counts_nothing_twice(database: Database) -> None:
    """Given mails that were counted, when the shop's clock goes back an hour and on again, then they stay counted once,
    and what is sent afterwards is counted."""
    with database.writing() as connection:
        add_customer(connection)
    _look(database, NOW)
    for number in range(3):
        with database.writing() as connection:
            _mail(connection, f"a{number}", state="sent", sent_at=NOW + number * MINUTE, settled_at=NOW)
    _look(database, NOW + 10 * MINUTE)
    back = NOW - 50 * MINUTE
    _look(database, back)
    with database.writing() as connection:
        _mail(connection, "b", state="sent", sent_at=back + MINUTE, settled_at=back)
    for minutes in (2, 4, 6):
        _look(database, back + minutes * MINUTE)
    assert _shown(database, "messages_sent") == {"welcome": 4}


def test_what_is_taken_in_is_counted_by_its_number(database: Database) -> None:
    """Given events, journeys, mails, hits and bounces, when they are there for a whole look, then each is counted; a
    hit that is not classed yet, and those after it, wait."""
    with database.writing() as connection:
        add_customer(connection)
        version = {"flow": "welcome", "number": 1, "meaning": "", "source": "", "published_at": NOW}
        connection.execute(insert(flow_version), version)
    _look(database, NOW)
    with database.writing() as connection:
        for number in range(5):
            _event(connection, number, type="purchase" if number else "signup")
        entered = {"flow": "welcome", "version_id": 1, "customer_id": 1, "state": "waiting", "entered_at": NOW}
        connection.execute(insert(journey), [{"once_key": str(i), **entered} for i in range(3)])
        _mail(connection, "a")
        one = {"message_id": 1, "kind": "open", "at": NOW}
        classes = ["person", "machine", None, "person"]
        connection.execute(insert(hit), [{"key": str(i), "class": found, **one} for i, found in enumerate(classes)])
        report = {"source": "imap", "received_at": NOW, "state": "counted", "class": "hard", "reason": "gone"}
        connection.execute(insert(bounce), [{"key": str(i), **report} for i in range(2)])
    for minutes in (1, 2, 3):
        _look(database, NOW + minutes * MINUTE)
    assert _shown(database, "events_received") == {"shop purchase": 4, "shop signup": 1}
    assert _shown(database, "journeys_entered") == {"welcome": 3}
    assert _shown(database, "messages_created") == {"welcome marketing": 1}
    assert _shown(database, "bounces") == {"hard imap": 2}
    assert _shown(database, "hits") == {"person open": 1, "machine open": 1}
    with database.writing() as connection:
        connection.execute(update(hit).where(hit.c["class"].is_(None)).values({"class": "proxy"}))
    _look(database, NOW + 4 * MINUTE)
    assert _shown(database, "hits") == {"person open": 2, "machine open": 1, "proxy open": 1}


def test_times_are_taken_from_the_rows(database: Database) -> None:
    """Given an order's mail sent 0.4 s after its event, and one that waited for its time, then both stand in the
    histograms as long as they took, and only the first as an answer to its event."""
    with database.writing() as connection:
        add_customer(connection)
        version = {"flow": "welcome", "number": 1, "meaning": "", "source": "", "published_at": NOW}
        connection.execute(insert(flow_version), version)
    _look(database, NOW)
    done, later = NOW + timedelta(seconds=0.2), NOW + timedelta(minutes=10)
    with database.writing() as connection:
        _event(connection, 1)
        connection.execute(insert(event_trace), {"event_id": 1, "customer_id": 1, "at": done, "flows": []})
        entered = {"version_id": 1, "customer_id": 1, "state": "done", "entered_at": done, "event_id": 1}
        connection.execute(insert(journey), {"flow": "welcome", "once_key": "1", **entered})
        kind = {"kind": "transactional", "state": "sent", "journey_id": 1}
        _mail(connection, "now", created_at=done, not_before=done, sent_at=NOW + 0.4 * SECOND, **kind)
        _mail(connection, "later", created_at=later, not_before=later, sent_at=later + 40 * SECOND, **kind)
    _look(database, later + 5 * MINUTE)
    assert _shown(database, "event_processing_seconds_bucket") == {"0.25": 1}
    assert _shown(database, "message_send_delay_seconds_bucket") == {"transactional 0.25": 1, "transactional 60.0": 1}
    assert _shown(database, "event_to_mail_seconds_bucket") == {"0.5": 1}
    assert _shown(database, "event_to_mail_seconds_sum") == {"": pytest.approx(0.4)}


@pytest.mark.parametrize(
    ("state", "reason", "told"),
    [
        (MessageState.SKIPPED, "no consent", "no consent"),
        (MessageState.SKIPPED, "condition: in_stock('AR-250')", "condition"),
        (MessageState.SKIPPED, "something of a later version", "other"),
        (MessageState.FAILED, "refused: 5.1.1", "refused by its server"),
        (MessageState.FAILED, "thank-you:12: 'order.totl' is not known", "other"),
        (MessageState.FAILED, None, "other"),
    ],
)
def test_reasons_are_few_words(state: MessageState, reason: str | None, told: str) -> None:
    """Given a reason that quotes a template or a server, then its label does not."""
    assert reason_of(state, reason) == told


def test_labels_without_end_are_added_up(database: Database) -> None:
    """Given a key that sends events of a thousand types, then the figures stay few, and the sum is right."""
    with database.writing() as connection:
        for start in range(0, 1_000, 50):
            kinds = [labelled(source="shop", type=f"t{number}") for number in range(start, start + 50)]
            figures.add(connection, {("events_received", one): 1.0 for one in kinds})
    shown = _shown(database, "events_received")
    assert len(shown) == MOST_OF_ONE + 1
    assert sum(shown.values()) == 1_000


MANY = 3_000


@pytest.fixture
def full(database: Database) -> Database:
    """Many of everything, most of it long over."""
    with database.writing() as connection:
        add_customer(connection)
        version = {"flow": "welcome", "number": 1, "meaning": "", "source": "", "published_at": NOW}
        connection.execute(insert(flow_version), version)
        numbers = range(MANY)
        row = {"customer_id": 1, "kind": "marketing", "template": "t", "flow": "welcome", "not_before": NOW}
        states = {"queued": 9, "claimed": 9, "unknown": 9, "failed": MANY, "skipped": MANY, "sent": MANY}
        connection.execute(
            insert(message),
            [
                {**row, "key": f"{state}{i}", "state": state, "created_at": NOW, "settled_at": NOW - i * MINUTE}
                | {"sent_at": NOW - i * MINUTE if state == "sent" else None, "lease_until": NOW}
                for state, count in states.items()
                for i in range(count)
            ],
        )
        told = {"source": "s", "type": "t", "content_hash": "", "payload": {}, "occurred_at": NOW, "received_at": NOW}
        connection.execute(
            insert(event),
            [{**told, "external_id": f"{s}{i}", "state": s} for s, n in (("received", 9), ("processed", MANY)) for i in
             range(n)],
        )  # fmt: skip
        entered = {"flow": "welcome", "version_id": 1, "customer_id": 1, "entered_at": NOW, "look_at": NOW}
        connection.execute(
            insert(journey),
            [{**entered, "once_key": f"{s}{i}", "state": s, "ended_at": NOW}
             for s, n in (("waiting", 9), ("done", MANY)) for i in range(n)],
        )  # fmt: skip
        one = {"message_id": 1, "kind": "open", "at": NOW, "class": "person"}
        connection.execute(insert(hit), [{**one, "key": str(i)} for i in numbers])
        traces = [{"event_id": i + 1, "customer_id": 1, "at": NOW - i * MINUTE, "flows": []} for i in numbers]
        connection.execute(insert(event_trace), traces)
        reached = {"flow": "welcome", "message_id": 1, "at": NOW}
        goals = [{**reached, "journey_id": i + 1, "event_id": i + 1, "at": NOW - i * MINUTE} for i in numbers]
        connection.execute(insert(goal), goals)
    _look(database, NOW - MINUTE)
    if not database.is_sqlite:
        count_rows(database)
    return database


WATCHED = [table.name for table in metadata.sorted_tables if table.name not in ("figure", "tally", "breaker", "stock")]
PARTIAL = (
    "ix_message_queued",
    "ix_message_claim",
    "ix_message_unknown",
    "ix_event_received",
    "ix_event_refused",
    "ix_journey_standing",
    "ix_journey_look_at",
    "ix_journey_failed",
    "ix_hit_unclassed",
    "ix_occurrence_open",
    "ix_task_open",
    "ix_task_reminder_due",
    "ix_request_open",
    "ix_webhook",
)


def test_no_look_reads_a_whole_table(full: Database) -> None:
    """Given full tables, when one looks, by the clock or at a scrape, then no statement reads one from end to end."""

    def work(connection: Connection) -> None:
        look(connection, figures.marks(connection), NOW + SETTLED_WITHIN)
        vital_signs(connection, CATALOGUE, NOW, NOW)
        for count in COUNTS.values():
            count(connection, figures.Counted())

    asked = statements_of(full, work)
    assert len(asked) > 30
    for _ in range(2):
        scans = [(line, s) for s, parameters in asked for line in plan(full, s, parameters) if _reads_all(line)]
        assert scans == []
        count_rows(full)


def test_a_look_at_all_would_be_seen(full: Database) -> None:
    """Given a statement that no index serves, then this test's way of looking tells."""
    assert any(map(_reads_all, plan(full, "SELECT count(*) FROM message WHERE reason = 'x'", ())))


def _reads_all(line: str) -> bool:
    words = line.replace("->", " ").split()
    if "Seq Scan on" in line:
        table = words[words.index("on") + 1]
        return table in WATCHED and table in ("message", "event", "journey", "hit", "event_trace", "goal")
    return words[0] == "SCAN" and words[1] in WATCHED and not any(name in line for name in PARTIAL)


def test_vital_signs_tell_what_waits(database: Database) -> None:
    """Given work that is due, held, in hand beyond its lease, or of unknown outcome, then each is told by its age."""
    with database.writing() as connection:
        add_customer(connection)
        for number in range(2):
            _event(connection, number, received_at=NOW - 90 * SECOND)
        _event(connection, 2, state="refused")
        _mail(connection, "due", not_before=NOW - 60 * SECOND)
        _mail(connection, "of none", flow=None, not_before=NOW - 40 * SECOND)
        _mail(connection, "held", flow="held", not_before=NOW - 9 * MINUTE)
        _mail(connection, "later", not_before=NOW + MINUTE)
        _mail(connection, "in hand", state="claimed", claim="t", lease_until=NOW - 30 * SECOND)
        _mail(connection, "lost", state="unknown", transmitting_at=NOW - 120 * SECOND)
    with database.reading() as connection:
        seen = vital_signs(connection, CATALOGUE, NOW, NOW)
    nothing = dict.fromkeys(("journey", "hit", "webhook", "reminder", "turn"), 0)
    assert seen.due == {"event": 90, "transactional": 40, "marketing": 60, **nothing}
    assert (seen.lease_over, seen.claimed, seen.transmitting) == (30, 1, 0)
    assert (seen.unknown, seen.unknown_for, seen.refused_events) == (1, 120, 1)
