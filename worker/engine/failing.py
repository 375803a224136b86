"""What becomes of work that fails: again at once, each for itself, later once more, at last given up visibly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from worker.domain.errors import UnavailableError
from worker.domain.journeys import TraceEntry, TraceKind
from worker.domain.work import Work
from worker.storage import journeys, traces
from worker.storage.database import Database, told
from worker.storage.outages import outage
from worker.storage.rows import in_each_others_way

_log = structlog.get_logger(__name__)

TRIES = 5  # after so many an event is set aside, and a journey has failed
RETRY = timedelta(minutes=1)
_AT_ONCE = 4  # times that a transaction is tried at once which was given up for another's sake

Result = TypeVar("Result")


def transact(database: Database, work: Callable[[Connection], Result]) -> Result:
    """Do the work in one transaction; where the database gave it up for another's sake, again at once."""
    for _ in range(_AT_ONCE - 1):
        try:
            with database.writing() as connection:
                return work(connection)
        except DBAPIError as error:
            if not in_each_others_way(error):
                raise
    with database.writing() as connection:
        return work(connection)


def each_for_itself(ids: Sequence[int], together: Callable[[], Work | None], alone: Callable[[int], Work]) -> Work:
    """Do work together, which is quick; where that fails, one by one, so that what fails harms only itself.

    Parameters:
        together: returns None where it would rather have it done one by one, as something of it failed before.
    """
    try:
        done = together()
        if done is not None:
            return done
    except UnavailableError:
        raise
    except Exception:
        _log.warning("work is done one by one, one of it fails", rows=len(ids), first=ids[0], exc_info=True)
    return sum((alone(number) for number in ids), Work())


def is_ours(error: Exception) -> bool:
    """Whether a failure counts as a try: not where the database was away, full, locked, or busy with others."""
    lost = (isinstance(error, DBAPIError) and error.connection_invalidated) or outage(error) is not None
    return not lost and not isinstance(error, UnavailableError) and not in_each_others_way(error)


def apart(
    connection: Connection, careful: bool, work: Callable[[], Result], failed: Callable[[Exception], Result]
) -> Result:
    """Do a piece of a transaction; carefully, it has a savepoint: where it fails, only it is undone.

    Parameters:
        failed: says what comes of it then.
    """
    if not careful:
        return work()
    try:
        with connection.begin_nested():
            return work()
    except Exception as error:
        if not is_ours(error):
            raise
        return failed(error)


def set_back(connection: Connection, journey_id: int, now: datetime, error: Exception) -> Work:
    """Have a journey that cannot go on be tried again later; after some tries it has failed, and its trace says so.

    Returns:
        No work.
    """
    reason = told(error)
    _log.error("a journey cannot go on", journey_id=journey_id, exc_info=error)
    if journeys.postpone(connection, journey_id, now + RETRY, reason, now) >= TRIES:
        journeys.fail(connection, journey_id, reason, now)
        traces.append(connection, journey_id, [TraceEntry(TraceKind.FAILED, None, {"reason": reason})], now)
    return Work()
