"""What the pages count is what the rows hold, and is found by index however much lies there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, insert, select

from tests.support.plans import count_rows, plan, statements_of
from worker.storage import overview, standing
from worker.storage.database import Database
from worker.storage.migrations import migrate
from worker.storage.overview import MailDay
from worker.storage.tables import customer, event, flow, flow_version, goal, journey, message
from worker.storage.troubles import troubles

NOW = datetime(2027, 3, 1, 7, 0, tzinfo=UTC)
BEGIN, END = NOW - timedelta(hours=14), NOW + timedelta(hours=10)
MANY = 2_000
WATCHED = ("message", "journey", "event", "customer", "goal")
# Indexes that hold only what stands so now: reading one of them is reading what there is to tell.
OF_A_FEW = ("ix_message_queued", "ix_message_claim", "ix_message_unknown", "ix_event_refused")

STATES = ("queued", "claimed", "sent", "skipped", "cancelled", "failed", "unknown", "bounced", "complained")


def mail(number: int, state: str, hours: float, **more: Any) -> dict[str, Any]:
    """Return the row of a mail that was settled so many hours from now."""
    at = NOW + timedelta(hours=hours)
    taken = state in ("sent", "bounced", "complained")
    waits = state in ("queued", "claimed")
    return {
        "key": f"m{number}",
        "customer_id": 1,
        "flow": "f",
        "step": "s",
        "kind": "marketing",
        "template": "t",
        "state": state,
        "reason": None,
        "created_at": at,
        "not_before": at,
        "sent_at": at if taken else None,
        "settled_at": None if waits else at,
        "opened_at": None,
        "clicked_at": None,
        "claim": "t" if state == "claimed" else None,
    } | more


def base(connection: Connection) -> None:
    """Write the customer and the flow that everything belongs to."""
    told = {"created_at": NOW, "updated_at": NOW}
    connection.execute(insert(customer).values(id=1, external_id="c1", **told))
    version = {"flow": "f", "number": 1, "meaning": "", "source": "", "published_at": NOW}
    number = connection.execute(insert(flow_version).values(**version).returning(flow_version.c.id)).scalar_one()
    connection.execute(insert(flow).values(name="f", version_id=number, status="live", changed_at=NOW))


mails = st.lists(st.tuples(st.sampled_from(STATES), st.floats(-40, 40), *[st.booleans()] * 4), max_size=12)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=mails)
def test_a_day_is_what_its_mails_are(request: pytest.FixtureRequest, kind: str, rows: list[Any]) -> None:
    """Given any mails about a day, then each count is what looking at each mail would give."""
    database = Database(request.getfixturevalue(f"{kind}_url"))
    made = [
        mail(n, state, hours)
        | ({"customer_id": None, "staff": "mai"} if staff else {"customer_id": 1, "staff": None})
        | {"tracked": tracked and not staff}
        | {"opened_at": NOW if opened and not staff else None, "clicked_at": NOW if clicked and not staff else None}
        for n, (state, hours, opened, clicked, staff, tracked) in enumerate(rows)  # mails to staff are never tracked
    ]
    with database.writing() as connection:
        connection.execute(delete(message))
        if connection.execute(select(customer.c.id)).first() is None:
            base(connection)
        if made:
            connection.execute(insert(message), made)
        found = overview.mail_day(connection, BEGIN, END)
        flows = overview.flow_counts(connection, BEGIN)["f"]
    sent = [row for row in made if row["sent_at"] is not None and row["sent_at"] >= BEGIN]
    today = [row for row in sent if row["sent_at"] < END and row["staff"] is None]
    hours = [int((row["sent_at"] - BEGIN) / timedelta(hours=1)) for row in today]

    def settled(*states: str) -> int:
        return sum(row["state"] in states and BEGIN <= row["settled_at"] < END for row in made)

    assert found == MailDay(
        hours=tuple(hours.count(hour) for hour in range(24)),
        followed=sum(row["tracked"] for row in today),
        opened=sum(row["opened_at"] is not None for row in today),
        clicked=sum(row["clicked_at"] is not None for row in today),
        queued=sum(row["state"] == "queued" for row in made),
        in_hand=sum(row["state"] == "claimed" for row in made),
        unknown=sum(row["state"] == "unknown" for row in made),
        skipped=settled("skipped"),
        cancelled=settled("cancelled"),
        failed=settled("failed"),
        returned=settled("bounced", "complained"),
        to_staff=sum(row["staff"] is not None and row["sent_at"] < END for row in sent),
    )
    to_staff = sum(row["staff"] is not None for row in sent)
    assert (flows.sent, flows.to_staff) == (len(sent) - to_staff, to_staff)
    assert flows.followed == sum(row["tracked"] for row in sent)
    database.close()


@pytest.fixture
def full(database: Database) -> Database:
    """A database with mails of two months, and journeys, goals and events beside them."""
    numbers = range(1, MANY + 1)
    told = {"source": "s", "type": "signup", "occurred_at": NOW, "received_at": NOW, "content_hash": "", "payload": {}}
    with database.writing() as connection:
        base(connection)
        version = connection.execute(select(flow_version.c.id)).scalar_one()
        connection.execute(
            insert(customer),
            [{"id": n, "external_id": f"c{n}", "created_at": NOW, "updated_at": NOW} for n in numbers[1:]],
        )
        entered = {"flow": "f", "version_id": version, "once_key": "k", "step": "wait-1"}
        connection.execute(
            insert(journey),
            [
                entered
                | {"id": n, "customer_id": n, "state": "waiting" if n % 20 == 0 else "done"}
                | {"entered_at": NOW - timedelta(hours=n)}
                for n in numbers
            ],
        )
        connection.execute(
            insert(message),
            [
                mail(n, STATES[n % 9] if n % 3 == 0 else "sent", -n, journey_id=n, customer_id=n)
                | {"tracked": n % 2 == 0}
                | {"opened_at": NOW if n % 4 == 0 else None, "clicked_at": NOW if n % 8 == 0 else None}
                for n in numbers
            ],
        )
        connection.execute(
            insert(event),
            [
                told | {"id": n, "external_id": f"e{n}", "state": "refused" if n % 50 == 0 else "processed"}
                for n in numbers
            ],
        )
        connection.execute(
            insert(goal),
            [
                {"journey_id": n, "flow": "f", "message_id": n, "event_id": n, "at": NOW - timedelta(hours=n)}
                for n in numbers
            ],
        )
    return database


@pytest.mark.parametrize(
    "look",
    [
        pytest.param(lambda c: overview.flow_counts(c, NOW - timedelta(hours=30)), id="flows"),
        pytest.param(lambda c: overview.mail_day(c, BEGIN, END), id="day"),
        pytest.param(lambda c: overview.task_counts(c, NOW, END), id="tasks"),
        pytest.param(overview.open_of, id="tasks of each"),
        pytest.param(lambda c: troubles(c, NOW - timedelta(hours=30)), id="troubles"),
        pytest.param(lambda c: standing.step_counts(c, "f", NOW - timedelta(hours=30)), id="steps"),
        pytest.param(lambda c: standing.latest(c, "f"), id="latest"),
    ],
)
def test_nothing_reads_a_whole_table(full: Database, look: Callable[[Connection], object]) -> None:
    """Given much of everything, when a page is counted, then no statement reads a table from end to end."""
    for counted in (False, True):
        if counted or not full.is_sqlite:
            count_rows(full)
        for statement, parameters in statements_of(full, look):
            for line in plan(full, statement, parameters):
                assert not _reads_all(line), (line, statement)


def _reads_all(line: str) -> bool:
    words = line.replace("->", " ").split()
    if "Seq Scan on" in line:
        return words[words.index("on") + 1] in WATCHED
    return words[0] == "SCAN" and words[1] in WATCHED and not any(name in line for name in OF_A_FEW)


def test_a_search_through_a_whole_table_would_be_seen(full: Database) -> None:
    """Given a statement that no index serves, when it is planned, then this test's way of looking tells."""
    assert any(map(_reads_all, plan(full, "SELECT id FROM message WHERE reason = 'x'", ())))


def test_a_flow_is_counted_over_its_time(full: Database) -> None:
    """Given much of everything, then a flow's counts are those of the time that was asked for."""
    since = NOW - timedelta(hours=40)
    with full.reading() as connection:
        counts = overview.flow_counts(connection, since)["f"]
        steps = standing.step_counts(connection, "f", since)
        newest = standing.latest(connection, "f")
        went_wrong = troubles(connection, since)
    taken = [n for n in range(1, 41) if (STATES[n % 9] if n % 3 == 0 else "sent") in ("sent", "bounced", "complained")]
    assert (counts.entered, counts.under_way, counts.goals) == (40, MANY // 20, 40)
    assert counts.sent == len(taken)
    assert counts.followed == steps["s"].followed == sum(n % 2 == 0 for n in taken)
    assert counts.open_rate == counts.opened / counts.followed
    assert counts.opened == sum(n % 4 == 0 for n in taken)
    assert counts.clicked == sum(n % 8 == 0 for n in taken)
    assert (steps["wait-1"].here, steps["s"].sent) == (MANY // 20, len(taken))
    assert [one.id for one in newest] == list(range(1, 21))
    assert [mail.id for mail in newest[0].mails] == [1]
    assert {(one.kind, one.times) for one in went_wrong} >= {("event", MANY // 50)}


def test_an_unused_database_counts_nothing(tmp_path: Any) -> None:
    """Given a new database, then there is nothing to count."""
    database = Database(f"sqlite:///{tmp_path}/new.db")
    migrate(database)
    with database.reading() as connection:
        assert overview.flow_counts(connection, NOW) == {}
        assert overview.mail_day(connection, BEGIN, END).sent == 0
        assert troubles(connection, NOW) == []
    database.close()
