"""Stepping: journeys that are due, or whose condition may hold now, are taken on, in batches."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy import Connection

from worker.domain.chance import BY_HASH, Chance
from worker.domain.errors import UnavailableError
from worker.domain.settings import Settings
from worker.domain.staff import StaffOf, nobody
from worker.domain.work import Work
from worker.engine.advancing import go_on_together
from worker.engine.failing import each_for_itself, is_ours, set_back, transact
from worker.engine.in_hand import NOTHING_KEPT, InHand, Kind
from worker.engine.surroundings import Surroundings
from worker.engine.writing_fields import keep_customers, tell_of
from worker.storage import customers, facts, journeys, write_behind
from worker.storage.database import Database
from worker.storage.flowbook import FlowBook

_log = structlog.get_logger(__name__)

UNREADABLE = timedelta(hours=1)  # after which a journey is looked at again whose version this Phin cannot read


class Stepping:
    """Takes journeys on.

    Parameters:
        flowbook: the published flows.
        staff: returns the staff as it is now.
        chance: says what falls to whom, of splits and holdouts.
        hands: where it is noted what this process has in hand.
    """

    def __init__(
        self,
        database: Database,
        flowbook: FlowBook,
        settings: Settings,
        staff: StaffOf = nobody,
        chance: Chance = BY_HASH,
        hands: InHand = NOTHING_KEPT,
    ) -> None:
        self._hands = hands
        self._database = database
        self._flowbook = flowbook
        self._around = Surroundings.of(settings, flowbook.segments, staff, chance)

    def run(self, journey_ids: Sequence[int], now: datetime) -> Work:
        """Take these journeys on, those that wait and are due or whose condition holds; one that fails harms itself.

        Returns:
            What came of it for other processes.
        """
        together = partial(transact, self._database, partial(self._some, journey_ids, now))
        try:
            return each_for_itself(journey_ids, together, partial(self._alone, now))
        finally:
            self._hands.free()

    def _alone(self, now: datetime, journey_id: int) -> Work:
        try:
            return transact(self._database, partial(self._some, [journey_id], now)) or Work()
        except UnavailableError:
            raise
        except Exception as error:
            if is_ours(error):
                transact(self._database, partial(set_back, journey_id=journey_id, now=now, error=error))
            return Work()

    def _some(self, journey_ids: Sequence[int], now: datetime, connection: Connection) -> Work | None:
        """Take these on at once; None where one of several failed, or cost a process its life, before."""
        self._flowbook.follow(connection)
        keep_customers(connection, self._flowbook, journey_ids)
        held = journeys.hold(connection, journey_ids, now)
        if len(held) > 1 and any(journey.attempts for journey in held):
            return None
        self._hands.hold(Kind.JOURNEYS, [journey.id for journey in held])
        people = customers.by_id(connection, [journey.customer_id for journey in held])
        asking, unreadable = [], []
        for journey in held:
            version = self._flowbook.version(connection, journey.version_id)
            if version is None:
                unreadable.append(journey.id)
            else:
                asking.append((journey, people[journey.customer_id], version))
        known = facts.for_journeys(connection, [(j, c, v.needs) for j, c, v in asking], self._around.shop, now)
        work = Work()
        have_looked: list[int] = []
        about = [(version, journey, known[journey.id]) for journey, _, version in asking]
        with write_behind.gathering(connection) as mails:
            for (_, journey, _), written in zip(about, go_on_together(connection, self._around, about), strict=True):
                if written is not None:  # else it is held back, and keeps the reason
                    work += written
                    have_looked.append(journey.id)
        work += Work(messages=tuple(mails))
        journeys.looked(connection, have_looked)
        if unreadable:
            reason = "the version of its flow that it entered with cannot be read by this version of Phin"
            journeys.defer(connection, unreadable, now + UNREADABLE, reason)
        return tell_of(connection, work)
