"""`/metrics`: what Prometheus reads, who may read it, and what is told while parts of the house are away."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import insert

from tests.support.ledger import add_customer
from tests.support.plans import statements_of
from tests.support.web import KEY, WebHouse, client, web_house
from worker.domain.errors import SettingError
from worker.edges import figures
from worker.edges.exposition import names
from worker.edges.metrics_key import MetricsKeys, read_metrics_keys
from worker.edges.queue_standing import standing
from worker.edges.redis_client import open_client
from worker.edges.ticks import TickNote
from worker.storage import figures as kept
from worker.storage.database import Database
from worker.storage.processes import ProcessRow, report
from worker.storage.tables import message

pytestmark = pytest.mark.anyio
METRICS_KEY = "the-key-of-prometheus-42"


def _keyed(house: WebHouse) -> WebHouse:
    house.metrics_keys = MetricsKeys((hashlib.sha256(METRICS_KEY.encode()).digest(),))
    return house


def _values(text: str) -> dict[str, float]:
    """Return each series with its value: `phin_messages{state="unknown"}`."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def _bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


async def test_figures_are_told(database: Database, tmp_path: Path) -> None:
    """Given mails sent and waiting and processes that live, when the clock has counted, then Prometheus reads them."""
    house = web_house(database, tmp_path)
    notes = {"sweep": TickNote(1.0, 7, 1, 0.5, 1000.0)}
    clock = figures.Figures(database, house.clock, lambda: notes, monotonic=lambda: 0.0)
    clock()
    now = house.clock.now()
    with database.writing() as connection:
        add_customer(connection)
        row = {"customer_id": 1, "kind": "marketing", "template": "t", "created_at": now, "not_before": now}
        common = {**row, "flow": "birthday"}
        connection.execute(
            insert(message),
            [{**common, "key": f"s{i}", "state": "sent", "sent_at": now, "settled_at": now} for i in range(3)],
        )
        connection.execute(insert(message), {**common, "key": "u", "state": "unknown", "transmitting_at": now})
        connection.execute(insert(message), {**row, "key": "q", "not_before": now - timedelta(seconds=90)})
        machine = house.clock.machine()
        report(connection, ProcessRow("a", "worker 2", "one", 1, machine, machine, 1, "0.1.0"), machine)
    house.clock.move(timedelta(seconds=10))
    clock()
    async with client(house) as web:
        answer = await web.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    found = _values(answer.text)
    for series, value in {
        'phin_messages_sent_total{flow="birthday"}': 3,
        'phin_messages{state="unknown"}': 1,
        'phin_messages{state="queued"}': 1,
        'phin_messages_queued{flow=""}': 1,
        'phin_oldest_due_seconds{kind="transactional"}': 100,
        'phin_processes{role="worker",version="0.1.0"}': 1,
        'phin_processes{role="clock",version="0.1.0"}': 0,
        'phin_queue_jobs{queue="prompt"}': 2,
        'phin_queue_oldest_job_seconds{queue="prompt"}': 1.5,
        'phin_tick_runs_total{tick="sweep"}': 7,
        'phin_tick_failures_total{tick="sweep"}': 1,
        'phin_tick_last_timestamp_seconds{tick="sweep"}': 1000,
        "phin_ready": 1,
        "phin_database_up": 1,
        "phin_paused": 0,
    }.items():
        assert found[series] == value, series
    assert found['phin_disk_free_bytes{volume="var"}'] > 0
    assert found["process_resident_memory_bytes"] > 0
    ours = {series.partition("{")[0] for series in found if series.startswith("phin_")}
    assert ours <= set(names()), "each series is listed, as the dashboard and the rules are held to"


async def test_openmetrics_is_spoken_where_it_is_asked_for(sqlite_database: Database, tmp_path: Path) -> None:
    """Given a Prometheus that asks for OpenMetrics, then it gets that."""
    async with client(web_house(sqlite_database, tmp_path)) as web:
        answer = await web.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")


async def test_nobody_else_may_read_them(sqlite_database: Database, tmp_path: Path) -> None:
    """Given no key, then this machine may read them, and nobody from elsewhere, nor through a proxy or another name;
    with a key, whoever presents it, and not with the shop's own."""
    house = web_house(sqlite_database, tmp_path)
    async with client(house) as here, client(house, "192.0.2.7") as there:
        assert (await here.get("/metrics")).status_code == 200
        assert (await there.get("/metrics")).status_code == 401
        assert (await here.get("/metrics", headers={"X-Forwarded-For": "192.0.2.7"})).status_code == 401
    async with client(house, base="https://mail.shop.example") as rebound:
        assert (await rebound.get("/metrics")).status_code == 401
    async with client(_keyed(house), "192.0.2.7") as there:
        refused = await there.get("/metrics")
        assert (refused.status_code, "phin_" in refused.text) == (401, False)
        assert refused.headers["www-authenticate"].startswith("Bearer")
        assert (await there.get("/metrics", headers=_bearer(KEY))).status_code == 401
        assert (await there.get("/metrics", headers=_bearer(METRICS_KEY))).status_code == 200
        assert (await there.get("/v1/backlog", headers=_bearer(METRICS_KEY))).status_code == 401
    async with client(_keyed(house)) as here:
        assert (await here.get("/metrics")).status_code == 401, "where a key is set, it is asked of everybody"


async def test_a_house_without_database_and_queue_still_tells_that(tmp_path: Path) -> None:
    """Given neither database nor queue, then the answer is no error: it says which is away, so that alarms go off."""
    away = Database("postgresql://phin@127.0.0.1:1/nowhere")
    house = web_house(away, tmp_path)
    house.queue.answers = False
    async with client(house) as web:
        answer = await web.get("/metrics")
    found = _values(answer.text)
    assert answer.status_code == 200
    assert (found["phin_database_up"], found["phin_queue_up"], found["phin_ready"]) == (0, 0, 0)
    assert "phin_queue_jobs" not in answer.text.replace("# HELP phin_queue_jobs", "").replace(
        "# TYPE phin_queue_jobs", ""
    )
    away.close()


async def test_a_flood_of_scrapes_costs_what_one_does(sqlite_database: Database, tmp_path: Path) -> None:
    """Given many scrapes at once, then the database is asked once."""
    asked = 0
    house = web_house(sqlite_database, tmp_path)
    follow = house.flowbook.follow

    def counting(connection: Any) -> Any:
        nonlocal asked
        asked += 1
        return follow(connection)

    house.flowbook.follow = counting  # type: ignore[method-assign]
    async with client(house) as web:
        answers = await asyncio.gather(*(web.get("/metrics") for _ in range(15)))
    assert {answer.status_code for answer in answers} <= {200, 429}
    assert asked == 1


def test_keys_are_read_and_short_ones_refused() -> None:
    """Given keys in the environment, then each is accepted by its hash; one that is too short is told, not repeated."""
    keys = read_metrics_keys({"PHIN_METRICS_KEY": f"{METRICS_KEY}, another-key-of-theirs"})
    assert [keys.source_of(one) for one in (METRICS_KEY, "another-key-of-theirs", "x", "")] == ["metrics"] * 2 + [
        None
    ] * 2
    assert read_metrics_keys({}).source_of("") is None
    with pytest.raises(SettingError) as refused:
        read_metrics_keys({"PHIN_METRICS_KEY": "kurz"})
    assert "kurz" not in str(refused.value)


def test_what_waits_in_the_queue_is_told(redis_url: str) -> None:
    """Given jobs in a real server, then their number and the age of the first is told."""
    with open_client(redis_url, timeout=5.0) as redis:
        for number, age in ((1, 40.0), (2, 1.0)):
            enqueued = (datetime.now(UTC).timestamp() - age) * 1000
            redis.hset("phin:prompt.msgs", str(number), f'{{"message_timestamp": {enqueued:.0f}}}')
            redis.rpush("phin:prompt", str(number))
        redis.rpush("phin:bulk", "gone")
        found = standing(redis, ("prompt", "bulk", "nothing"))
    assert found["prompt"].jobs == 2
    assert 39 < found["prompt"].oldest < 60
    assert (found["bulk"].jobs, found["bulk"].oldest, found["nothing"].jobs) == (1, 0.0, 0)


def test_totals_that_take_long_are_counted_each_minute(database: Database, tmp_path: Path) -> None:
    """Given a look that takes a second, then the next ticks pass it over, and after a minute one looks again."""
    house, time = web_house(database, tmp_path), 0.0

    def slow() -> float:
        nonlocal time
        time += 1.0
        return time

    clock, first = figures.Figures(database, house.clock, monotonic=slow), house.clock.machine().timestamp()
    seen = []
    for wait in (0.0, 20.0, 60.0):
        time += wait
        clock()
        with database.reading() as connection:
            seen.append(kept.read(connection)["figures_timestamp_seconds"][()] - first)
        house.clock.move(timedelta(seconds=10))
    assert seen == [0, 0, 20]


def test_what_takes_long_is_counted_seldom(database: Database, tmp_path: Path) -> None:
    """Given counts that take two seconds, then they are made again after minutes, and the rest at each tick."""
    house = web_house(database, tmp_path)
    time = 0.0

    def slow() -> float:
        nonlocal time
        time += 1.0
        return time

    clock = figures.Figures(database, house.clock, monotonic=slow)
    counts = []
    for _ in range(4):
        asked = statements_of(database, lambda connection: clock._standing(connection))
        counts.append(len(asked))
    assert counts[0] > 0
    assert counts[1:] == [0, 0, 0]
    time += 1_000
    assert len(statements_of(database, lambda connection: clock._standing(connection))) == counts[0]


async def test_gathering_that_hangs_is_told_as_that(
    tmp_path: Path, sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a database that does not answer at all, then a scrape ends in time, and says that it is away."""
    monkeypatch.setattr("worker.edges.web.metrics.WITHIN", 0.05)
    house, going_on = web_house(sqlite_database, tmp_path), threading.Event()

    def hangs(_connection: Any) -> Any:
        going_on.wait(60)

    house.flowbook.follow = hangs  # type: ignore[method-assign, assignment]
    async with client(house) as web:
        found = _values((await web.get("/metrics")).text)
    going_on.set()
    assert (found["phin_database_up"], found["phin_ready"]) == (0, 0)
