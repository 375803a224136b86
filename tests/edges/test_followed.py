"""Every process follows what is published, within two seconds, and whoever publishes is told who does: real ones."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psutil
import pytest
from sqlalchemy import select

from tests.edges.test_processes import KEY, Machine, free_port
from tests.support.processes import running, wait_until
from worker.storage import flows, processes
from worker.storage.database import Database
from worker.storage.tables import flow_version, journey

FLOW = "flow: f\nkind: transactional\ntrigger: signup\nsteps:\n  - wait: {wait}\n  - send: welcome\n"


class Shop(Machine):
    """A machine with one flow, its processes, and a look at its database."""

    def __init__(self, home: Path, database_url: str) -> None:
        super().__init__(home, database_url)
        for path in (self.home / "flows").glob("*.yaml"):
            path.unlink()
        self.write("1 day")
        self.database = Database(database_url)

    def write(self, wait: str) -> None:
        (self.home / "flows" / "f.yaml").write_text(FLOW.format(wait=wait))

    @contextmanager
    def two_webs_and_a_clock(self) -> Iterator[dict[str, psutil.Process]]:
        """Run them until they have said that they follow."""
        with ExitStack() as stack:
            found: dict[str, psutil.Process] = {}
            for name, command, port in (
                ("web", "web", self.port),
                ("web 2", "web", free_port()),
                ("clock", "clock", 0),
            ):
                environment = {**self.environment, "PHIN_NAME": name, "PHIN_PORT": str(port or self.port)}
                started = running(
                    ["worker.edges.cli", command], output=self.home / name, environment=environment, cwd=self.home
                )
                found[name] = psutil.Process(stack.enter_context(started).pid)
            wait_until(lambda: len(self.rows()) == 3, "each process has said that it lives")
            wait_until(self.ready, "the web process is ready")
            yield found

    def rows(self) -> list[processes.ProcessRow]:
        with self.database.reading() as connection:
            return processes.seen_since(connection, datetime(2020, 1, 1, tzinfo=UTC))

    def catalogue(self) -> int:
        with self.database.reading() as connection:
            return flows.switches(connection)[flows.CATALOGUE]

    def versions(self) -> list[int]:
        """The versions that the customers under way entered."""
        entered = select(flow_version.c.number).join(journey, journey.c.version_id == flow_version.c.id)
        with self.database.reading() as connection:
            return list(connection.execute(entered.order_by(journey.c.id)).scalars())

    def sign_up(self, customer: str) -> None:
        event = {"id": f"signup-{customer}", "type": "signup", "customer": {"id": customer, "email": "lan@example.com"}}
        answer = httpx.post(f"{self.url}/v1/events", json=event, headers={"Authorization": f"Bearer {KEY}"}, timeout=30)
        assert answer.status_code == 202, answer.text


@pytest.fixture
def shop(tmp_path: Path, database_url: str) -> Iterator[Shop]:
    found = Shop(tmp_path, database_url)
    assert found.run("release").returncode == 0
    yield found
    found.database.close()


def test_each_process_follows_a_publication_and_the_one_who_publishes_is_told(shop: Shop) -> None:
    """Given two webs and a clock, when a flow is published, then all say that they follow, new entries use it; taken
    back, they follow that; one that is killed is not waited for; one that stands still is named."""
    with shop.two_webs_and_a_clock() as family:
        shop.write("2 days")
        published = shop.run("publish")
        assert (published.returncode, published.stderr) == (0, "")
        assert "f v2 live on 3 processes (" in published.stdout
        assert "'phin rollback f' takes it back" in published.stdout
        assert {row.catalogue for row in shop.rows()} == {shop.catalogue()}

        shop.sign_up("c1")
        wait_until(lambda: shop.versions() == [2], "whoever comes now enters the new version")

        assert "v1 live again on 3 processes" in shop.run("rollback", "f").stdout

        family["web 2"].kill()
        family["web 2"].wait(10)
        family["clock"].suspend()
        stood_still = shop.run("publish", "f")
        family["clock"].resume()
        assert "f v2 live on 1 of 2 processes after 2." in stood_still.stdout
        assert f"clock on {os.uname().nodename} (process {family['clock'].pid})" in stood_still.stderr

        for name in ("web", "clock"):
            family[name].send_signal(signal.SIGTERM)
            family[name].wait(15)
        assert [row.name for row in shop.rows()] == ["web 2"]  # those that left in order have taken their rows away
