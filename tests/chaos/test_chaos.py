"""The short form of `make chaos`: a thousand mails, six kills, every fault of SMTP server, queue and database."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.plan import SHORT, Deed, draw, long_size
from tests.chaos.sink_protocol import Fault
from tests.chaos.trial import Trial
from tests.support.postgres import PostgresMissingError, PostgresServer

SEED = int(os.environ.get("PHIN_CHAOS_SEED", "6"))


@pytest.fixture(params=["sqlite", "postgres"])
def server(request: pytest.FixtureRequest) -> Iterator[PostgresServer | None]:
    """A PostgreSQL of the test's own, with fsync, to be stopped as by a crash; None stands for SQLite."""
    if request.param == "sqlite":
        yield None
        return
    try:
        own = PostgresServer(fsync=True)
    except PostgresMissingError as error:
        pytest.skip(str(error))
    yield own
    own.close()


@pytest.mark.timeout(1800)
def test_whatever_is_killed_or_broken_every_promise_is_kept(tmp_path: Path, server: PostgresServer | None) -> None:
    """Given a campaign, orders and clicks, when processes, queue, database and SMTP server fail, then the sums hold.

    Every event answered 202 is there once and processed; every mail arrived once, or is unknown, and no more are than
    transactions were open; nothing is stuck; every click reached its target and is counted once.
    """
    trial = Trial(tmp_path, SHORT, SEED, server=server)
    print(f"PHIN_CHAOS_SEED={SEED}")
    sums = trial.run()
    print(sums.table())
    sums.assert_right()


@pytest.mark.parametrize("seed", range(5))
def test_a_plan_has_every_fault_and_kills_every_role(seed: int) -> None:
    """Given any seed, then each fault comes, each role is killed, the snapshot is older than its use, in both forms."""
    for size in (SHORT, long_size(20_000)):
        acts = draw(size, seed, postgres=True, queue=True)
        assert acts == draw(size, seed, postgres=True, queue=True)
        assert {act.fault for act in acts} == {None, *Fault}
        assert {act.deed for act in acts} == set(Deed) - {Deed.LOSE}
        assert {act.whom for act in acts if act.deed is Deed.KILL} == {"web", "worker 1", "worker 2", "clock"}
        assert sum(act.deed is Deed.KILL for act in acts) == size.kills
        deeds = [act.deed for act in acts]
        assert deeds.index(Deed.REMEMBER) < deeds.index(Deed.OLD)
        assert [act.at for act in acts] == sorted(act.at for act in acts)
