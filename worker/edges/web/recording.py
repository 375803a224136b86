"""Recording what mails bring back, so that no answered hit and no refusal is lost, whatever the database does.

A hit is committed in a group before its request is answered. Where that would take too long, or fails, it goes to
the spool, and is read back when the database is there again.
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
from worker.domain.hits import SETTLING, HitKind
from worker.domain.work import Work
from worker.edges.web.group_commit import BusyError, GroupCommit
from worker.edges.web.lane import Lane
from worker.edges.web.spool import Spool
from worker.edges.web.telling import Teller
from worker.storage.database import Database, told
from worker.storage.hits import NewHit

PATIENCE = 0.2  # seconds that a click may wait for its commit
GROUP = 2_000  # hits in one transaction
REFUSAL_PATIENCE = 3.0  # seconds that a refusal may wait: its page says what became of it
CLASSED_AFTER = SETTLING.total_seconds() + 0.1

log = logging.getLogger(__name__)


class Clock(Protocol):
    """What tells the shop's time."""

    def now(self) -> datetime:
        """Return it, aware, in UTC."""


class HitRecorder:
    """Keeps hits, in groups: while one is written, the next gathers.

    Thousands come in a second, so what is done for each is little: its answer waits for a future of the loop's own,
    and all of a group are told at once.

    Parameters:
        folder: of the spool, `var/spool`.
        teller: told of what is to be classed.
    """

    def __init__(self, database: Database, folder: Path, teller: Teller) -> None:
        self._database = database
        self._teller = teller
        self._spool = Spool(folder, "hits")
        self._commits = Lane("hits", self._commit)
        self._spooled = Lane("spooled hits", self._append)
        self._waiting: list[tuple[NewHit, asyncio.Future[None]]] = []
        self._committing: asyncio.Future[None] | None = None
        self._keeping: asyncio.Task[None] | None = None

    async def record(self, hit: NewHit) -> None:
        """Keep a hit durably, in the database or in the spool; a hit that neither takes is said in the log."""
        kept = asyncio.get_running_loop().create_future()
        self._waiting.append((hit, kept))
        if self._keeping is None or self._keeping.done():
            self._keeping = asyncio.create_task(self._keep_all(), name="keeping hits")
        await kept

    async def _keep_all(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting[:GROUP], self._waiting[GROUP:]
            try:
                await self._keep([hit for hit, _ in group])
            finally:
                for _, kept in group:
                    if not kept.done():
                        kept.set_result(None)

    async def _keep(self, group: Sequence[NewHit]) -> None:
        if await self._committed(group):
            return
        try:
            await self._spooled.hand_over(group)
        except OSError as error:
            for hit in group:
                log.error("a %s of message %d is lost, the spool does not take it: %s", hit.kind, hit.message, error)

    async def _committed(self, group: Sequence[NewHit]) -> bool:
        """Commit a group; not where it takes too long, or the one before still does: then the next is not quick."""
        if self._committing is not None and not self._committing.done():
            return False
        self._committing = self._commits.hand_over(group)
        done, _ = await asyncio.wait({self._committing}, timeout=PATIENCE)
        if not done:  # given up, it may still be written: its keys make each hit one
            self._committing.add_done_callback(_looked_at)
            return False
        error = self._committing.exception()
        if error is not None:
            log.warning("hits go to the spool: %s", told(error))
        return error is None

    def close(self, seconds: float) -> None:
        """Write what waits, and end."""
        self._commits.close(seconds)
        self._spooled.close(seconds)

    def _commit(self, group: Sequence[NewHit]) -> None:
        opens, clicks = hits.record(self._database, group)
        self._teller.tell(opens)
        self._teller.tell(clicks, after=CLASSED_AFTER)

    def _append(self, group: Sequence[NewHit]) -> None:
        self._spool.append([_hit_record(hit) for hit in group])


def _looked_at(future: asyncio.Future[None]) -> None:
    if not future.cancelled():
        future.exception()  # the spool has the hits; what became of the commit is of no more interest


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
    """Say whether the spool holds anything."""
    return Spool(folder, "hits").waiting() or Spool(folder, "refusals").waiting()


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

    def take_hits(records: list[dict[str, Any]]) -> None:
        found.extend(hits.record(database, [hit for record in records if (hit := _hit(record)) is not None]))

    count = Spool(folder, "refusals").read_back(take_refusals) + Spool(folder, "hits").read_back(take_hits)
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


def _hit_record(hit: NewHit) -> dict[str, Any]:
    return {**asdict(hit), "at": hit.at.isoformat()}


def _hit(record: dict[str, Any]) -> NewHit | None:
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
