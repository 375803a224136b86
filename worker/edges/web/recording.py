"""Recording refusals, so that none is lost, whatever the database does; and reading back what waits in the spool.

A refusal is committed before its request is answered. Where that would take too long, or fails, it goes to the spool,
and is read back when the database is there again. So are the opens and clicks that a process left in its journal.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from worker.delivery import hits
from worker.delivery.unsubscribing import Refusal, unsubscribe
from worker.domain.errors import UnavailableError
from worker.domain.hits import HitKind
from worker.domain.work import Work
from worker.edges.web.group_commit import BusyError, GroupCommit
from worker.edges.web.hit_recording import KIND, commit_lines, sound
from worker.edges.web.journal import left_behind, taken_over
from worker.edges.web.spool import Spool
from worker.edges.web.telling import Teller
from worker.storage.database import Database, told
from worker.storage.hits import NewHit

REFUSAL_PATIENCE = 3.0  # seconds that a refusal may wait: its page says what became of it

log = logging.getLogger(__name__)


class Clock(Protocol):
    """What tells the shop's time."""

    def now(self) -> datetime:
        """Return it, aware, in UTC."""


class RefusalRecorder:
    """Keeps refusals: a person's word must never be lost.

    Parameters:
        folder: of the spool, `var/spool`.
        teller: told of the events that report them.
        confirmed: whether a mail confirms each.
    """

    def __init__(
        self, database: Database, folder: Path, teller: Teller, clock: Clock, *, confirmed: bool = False
    ) -> None:
        self._confirmed = confirmed
        self._database = database
        self._teller = teller
        self._clock = clock
        self._spool = Spool(folder, "refusals")
        self._commits: GroupCommit[Refusal, None] = GroupCommit("refusals", self._commit)
        self._spooled: GroupCommit[Refusal, None] = GroupCommit("spooled refusals", self._append)

    async def record(self, refusal: Refusal) -> bool:
        """Keep a refusal; False where it holds only once the database is back.

        Raises:
            OSError, BusyError: neither database nor disk takes it.
        """
        try:
            if self._commits.stalled(REFUSAL_PATIENCE):
                raise BusyError("the database takes too long")
            await asyncio.wait_for(asyncio.wrap_future(self._commits.submit(refusal)), REFUSAL_PATIENCE)
        except Exception as error:
            log.warning("a refusal of message %d goes to the spool: %s", refusal.message, _why(error))
            await asyncio.wrap_future(self._spooled.submit(refusal))
            return False
        return True

    def close(self, seconds: float) -> None:
        """Write what waits, and end."""
        self._commits.close(seconds)
        self._spooled.close(seconds)

    def _commit(self, group: Sequence[Refusal]) -> Sequence[None]:
        for refusal in group:  # each in its own transaction: they are few, and each takes its address's lock
            work = unsubscribe(self._database, refusal, self._clock.now(), confirmed=self._confirmed)
            self._teller.tell(work)
        return [None] * len(group)

    def _append(self, group: Sequence[Refusal]) -> Sequence[None]:
        self._spool.append([_refusal_record(refusal) for refusal in group])
        return [None] * len(group)


def waiting(folder: Path) -> bool:
    """Say whether the spool holds anything that no living process sees to."""
    return (
        Spool(folder, KIND).waiting()
        or Spool(folder, "refusals").waiting()
        or next(left_behind(folder, KIND), None) is not None
    )


def drain(folder: Path, database: Database, now: datetime, *, confirmed: bool = False) -> Work:
    """Read the spool back into the database; done by two at once, or cut off in between, each line is still one.

    Parameters:
        confirmed: whether a mail confirms each refusal.

    Returns:
        The hits to class, the events to process and the mails to send.

    Raises:
        UnavailableError: the database cannot be reached; what is left stays in the spool.
    """
    found: list[Work] = []

    def take_refusals(records: list[dict[str, Any]]) -> None:
        for record in records:
            refusal = _refusal(record)
            if refusal is not None:
                found.append(unsubscribe(database, refusal, now, confirmed=confirmed))

    def take_hits(rows: Sequence[str]) -> None:
        found.extend(hits.record_rows(database, ",".join(rows)))

    def take_older(records: list[dict[str, Any]]) -> None:
        take_hits([hit.row() for record in records if (hit := _hit(record)) is not None])

    count = Spool(folder, "refusals").read_back(take_refusals) + Spool(folder, KIND).read_back(take_older)
    for path in left_behind(folder, KIND):
        with taken_over(path) as lines:
            commit_lines([row.encode() for row in sound(lines)], take_hits)
            count += len(lines)
    if count:
        log.info("%d records of the spool are read back", count)
    return sum(found, Work())


async def drain_again_and_again(
    folder: Path, database: Database, teller: Teller, clock: Clock, every: float, *, confirmed: bool = False
) -> None:
    """Read the spool back whenever it holds something, until cancelled."""
    while True:
        try:
            if await asyncio.to_thread(waiting, folder):
                teller.tell(await asyncio.to_thread(drain, folder, database, clock.now(), confirmed=confirmed))
        except UnavailableError as error:
            log.info("the spool has to wait: %s", error)
        except Exception:
            log.exception("the spool cannot be read back; it is tried again")
        await asyncio.sleep(every)


def _hit(record: dict[str, Any]) -> NewHit | None:
    """Return a hit that an earlier version spooled."""
    try:
        kind, at = HitKind(record["kind"]), datetime.fromisoformat(record["at"])
        return NewHit(**{**record, "kind": kind, "at": at})
    except (KeyError, ValueError, TypeError) as error:
        log.error("a hit of the spool cannot be read and is left out: %s", error)
        return None


def _refusal_record(refusal: Refusal) -> dict[str, Any]:
    return {**asdict(refusal), "at": refusal.at.isoformat()}


def _refusal(record: dict[str, Any]) -> Refusal | None:
    try:
        return Refusal(**{**record, "at": datetime.fromisoformat(record["at"])})
    except (KeyError, ValueError, TypeError) as error:
        log.error("a refusal of the spool cannot be read and is left out: %s", error)
        return None


def _why(error: Exception) -> str:
    return told(error) if str(error) else "the database takes too long"
