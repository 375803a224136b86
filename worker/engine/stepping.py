"""Stepping: journeys that are due, or whose condition may hold now, are taken on, in batches."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from worker.domain.errors import UnavailableError
from worker.domain.settings import Settings
from worker.domain.work import Work
from worker.engine.advancing import Surroundings, go_on
from worker.storage import customers, facts, journeys
from worker.storage.database import Database
from worker.storage.flowbook import FlowBook

_log = structlog.get_logger(__name__)

TRIES = 5  # after so many a journey that cannot go on has failed
_RETRY = timedelta(minutes=1)


class Stepping:
    """Takes journeys on.

    Parameters:
        flowbook: the published flows.
    """

    def __init__(self, database: Database, flowbook: FlowBook, settings: Settings) -> None:
        self._database = database
        self._flowbook = flowbook
        self._around = Surroundings.of(settings)

    def run(self, journey_ids: Sequence[int], now: datetime) -> Work:
        """Take these journeys on, those that wait and are due or whose condition holds; one that fails harms itself.

        Returns:
            The messages that came of it.
        """
        try:
            with self._database.writing() as connection:
                return self._some(connection, journey_ids, now)
        except UnavailableError:
            raise
        except Exception:
            _log.warning("journeys are taken one by one, one of them fails", journeys=len(journey_ids), exc_info=True)
        return sum((self._alone(journey_id, now) for journey_id in journey_ids), Work())

    def _alone(self, journey_id: int, now: datetime) -> Work:
        try:
            with self._database.writing() as connection:
                return self._some(connection, [journey_id], now)
        except UnavailableError:
            raise
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"[:500]
            _log.error("a journey cannot go on", journey_id=journey_id, exc_info=True)
            with self._database.writing() as connection:
                if journeys.postpone(connection, journey_id, now + _RETRY, reason) >= TRIES:
                    journeys.fail(connection, journey_id, reason, now)
            return Work()

    def _some(self, connection: Connection, journey_ids: Sequence[int], now: datetime) -> Work:
        self._flowbook.follow(connection)
        held = journeys.hold(connection, journey_ids)
        people = customers.by_id(connection, [journey.customer_id for journey in held])
        asking = []
        for journey in held:
            version = self._flowbook.version(connection, journey.version_id)
            if version is not None:
                asking.append((journey, people[journey.customer_id], version.needs))
        known = facts.for_journeys(connection, asking, self._around.shop, now)
        messages: list[int] = []
        for journey, _, _ in asking:
            version = self._flowbook.version(connection, journey.version_id)
            assert version is not None, "only journeys whose version can be read are asked for"
            messages += go_on(connection, self._around, version, journey, known[journey.id])
        journeys.looked(connection, [journey.id for journey in held])
        return Work(messages=tuple(messages))
