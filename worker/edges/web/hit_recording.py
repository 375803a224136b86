"""Recording opens and clicks, so that no answered hit is lost, whatever the database does.

Each is durable before its request is answered. Where the database is on this machine, it is written to the journal
first, with others in a group, and committed a moment later, with more of them: neither a sender that has SQLite's one
writer nor a checkpoint keeps a click waiting. Where the database is elsewhere, a group is committed first, for this
machine may be lost with its disk; where that takes too long, or fails, it goes to the journal (`tracking.journal`).
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from worker.delivery import hits
from worker.domain.errors import UnavailableError
from worker.domain.hits import SETTLING
from worker.domain.work import Work
from worker.edges.web.journal import Journal, Segment
from worker.edges.web.lane import Lane
from worker.edges.web.telling import Teller
from worker.storage.database import Database, told
from worker.storage.hits import NewHit
from worker.storage.kept_connection import KeptConnection
from worker.storage.outages import outage

KIND = "hits"
PATIENCE = 0.2  # seconds that a click may wait for its commit
GROUP = 2_000  # hits in one transaction
LOADS_EACH = 0.1  # seconds between two commits of what the journal holds; the first comes at once
RESTS_AFTER = 2.0  # seconds without a hit after which no file of the journal stays
AGAIN_AFTER = 1.0  # seconds after which a commit that failed is tried again
HELD = 50_000  # hits that wait in memory while neither database nor disk takes any; some 30 MB
CLASSED_AFTER = SETTLING.total_seconds() + 0.1

Commit = Callable[[Sequence[str]], None]
"""Commits hits, given as rows of `NewHit.row`."""

log = logging.getLogger(__name__)


class HitRecorder:
    """Keeps hits, in groups: while one is written, the next gathers.

    Thousands come in a second, so what is done for each is little: its answer waits for a future of the loop's own,
    and all of a group are told at once.

    Parameters:
        folder: of the journal, `var/spool`.
        teller: told of what is to be classed.
        journal: `tracking.journal` of the settings.
    """

    def __init__(self, database: Database, folder: Path, teller: Teller, journal: str = "auto") -> None:
        self._journal_first = journal == "first" or (journal == "auto" and database.on_this_machine)
        self._database = database
        self._teller = teller
        self._journal = Journal(folder, KIND)
        self._loading = _Loading(self._journal, self._commit)
        self._kept = None if database.is_sqlite else KeptConnection(database)
        self._commits = Lane("commits of hits", self._commit_at_once)
        self._appends = Lane("hits", self._append)
        self._waiting: list[tuple[NewHit, asyncio.Future[None]]] = []
        self._committing: asyncio.Future[None] | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._held: list[str] = []
        self._holding: asyncio.Task[None] | None = None

    def record(self, hit: NewHit) -> asyncio.Future[None]:
        """Keep a hit durably, in journal or database; the future is done when it is, and knows no failure.

        What neither takes waits in memory, and is tried again until one does.
        """
        kept = asyncio.get_running_loop().create_future()
        self._waiting.append((hit, kept))
        if self._keeping is None:
            self._keeping = asyncio.create_task(self._keep_all(), name="keeping hits")
        return kept

    async def _keep_all(self) -> None:
        try:
            while self._waiting:
                group, self._waiting = self._waiting[:GROUP], self._waiting[GROUP:]
                try:
                    await self._keep([hit.row() for hit, _ in group])
                finally:
                    for _, kept in group:
                        if not kept.done():
                            kept.set_result(None)
        finally:
            self._keeping = None

    async def _keep(self, rows: Sequence[str]) -> None:
        if self._journal_first:
            kept = await self._appended(rows) or await self._committed(rows)
        else:
            kept = await self._committed(rows) or await self._appended(rows)
        if not kept:
            self._hold(rows)

    def _hold(self, rows: Sequence[str]) -> None:
        """Have what neither journal nor database takes wait in memory: the disk is full, and may have room soon."""
        if len(self._held) + len(rows) > HELD:
            log.error("%d opens and clicks are lost: neither the database nor the disk takes them", len(rows))
            return
        if not self._held:
            log.error("opens and clicks wait in memory: neither the database nor the disk takes them; make room")
        self._held.extend(rows)
        if self._holding is None or self._holding.done():
            self._holding = asyncio.create_task(self._keep_held(), name="keeping held hits")

    async def _keep_held(self) -> None:
        while self._held:
            await asyncio.sleep(AGAIN_AFTER)
            rows = self._held[:GROUP]
            if await self._appended(rows) or await self._committed(rows):
                del self._held[: len(rows)]
        log.info("no opens and clicks wait in memory any more")

    async def _appended(self, rows: Sequence[str]) -> bool:
        try:
            await self._appends.hand_over(rows)
        except OSError as error:
            log.error("the journal of hits does not take more: %s", error)
            return False
        return True

    async def _committed(self, rows: Sequence[str]) -> bool:
        """Commit a group; not where it takes too long, or the one before still does: then the next is not quick."""
        if self._committing is not None and not self._committing.done():
            return False
        self._committing = self._commits.hand_over(rows)
        done, _ = await asyncio.wait({self._committing}, timeout=PATIENCE)
        if not done:  # given up, it may still be written: its keys make each hit one
            self._committing.add_done_callback(_looked_at)
            return False
        error = self._committing.exception()
        if error is not None:
            log.warning("hits are not committed: %s", told(error))
        return error is None

    def close(self, seconds: float) -> None:
        """Write what waits, and end."""
        if self._held:
            self._last_try()
        self._commits.close(seconds)
        if self._kept is not None and not self._commits.running():
            self._kept.close()
        self._appends.close(seconds)
        self._loading.close(seconds)
        self._journal.close()

    def _last_try(self) -> None:
        """Keep what is held in memory, or say that it is lost."""
        rows, self._held = self._held, []
        for keep in (self._append, self._commit):
            try:
                keep(rows)
            except Exception as error:
                log.warning("held hits are not kept: %s", told(error))
            else:
                return
        log.error("%d opens and clicks are lost: neither the database nor the disk took them", len(rows))

    def _commit_at_once(self, rows: Sequence[str]) -> None:
        if self._kept is None:
            self._commit(rows)
        else:
            self._tell(*hits.record_at_once(self._kept, ",".join(rows)))

    def _commit(self, rows: Sequence[str]) -> None:
        self._tell(*hits.record_rows(self._database, ",".join(rows)))

    def _tell(self, opens: Work, clicks: Work) -> None:
        self._teller.tell(opens)
        self._teller.tell(clicks, after=CLASSED_AFTER)

    def _append(self, rows: Sequence[str]) -> None:
        self._journal.append(("\n".join(rows) + "\n").encode())
        self._loading.wake()


def _looked_at(future: asyncio.Future[None]) -> None:
    if not future.cancelled():
        future.exception()  # the journal has the hits; what became of the commit is of no more interest


class _Loading:
    """Commits what the journal holds, in a thread of its own, while it lives; afterwards another process does."""

    def __init__(self, journal: Journal, commit: Commit) -> None:
        self._journal = journal
        self._commit = commit
        self._taken: Segment | None = None
        self._woken = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="loading hits", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Say that something was appended."""
        if not self._woken.is_set():
            self._woken.set()

    def close(self, seconds: float) -> None:
        """Commit what is there, once, and end; at most for so long."""
        self._closing.set()
        self._woken.set()
        self._thread.join(seconds)

    def _run(self) -> None:
        last = resting = False
        while not last:
            if not self._woken.wait(None if resting else RESTS_AFTER):
                self._journal.rest()
                resting = True
                continue
            self._woken.clear()
            resting = False
            last = self._closing.is_set()
            try:
                self._load()
            except Exception as error:
                log.warning("hits wait in the journal: %s", outage(error) or told(error))
                self._woken.set()
                self._closing.wait(AGAIN_AFTER)
        if self._taken is not None:
            self._taken.close()

    def _load(self) -> None:
        while (segment := self._taken or self._journal.take()) is not None:
            self._taken = segment
            commit_lines(segment.lines(), self._commit)
            self._taken = None
            self._journal.give_back(segment)
            self._closing.wait(LOADS_EACH)


def commit_lines(lines: Sequence[bytes], commit: Commit) -> None:
    """Commit hits as they stand in a journal; what cannot be kept, and harms the others, is left out and logged.

    Raises:
        Exception: the database serves nobody now.
    """
    for start in range(0, len(lines), GROUP):
        group = lines[start : start + GROUP]
        try:
            commit([line.decode() for line in group])
        except Exception as error:
            if serves_nobody(error):
                raise
            log.warning("%d hits are committed one by one, for one of them fails: %s", len(group), told(error))
            for row in sound(group):
                _commit_one(row, commit)


def sound(lines: Iterable[bytes]) -> Iterator[str]:
    """Give the rows of lines that are whole; others were torn by a crash, and nobody was answered for them."""
    for line in lines:
        try:
            yield NewHit.of_row(line).row()
        except ValueError:
            log.warning("a line of the journal of hits is torn and left out")


def serves_nobody(error: Exception) -> bool:
    """Say whether this is no fault of the hits: the database is away, locked or full."""
    return isinstance(error, UnavailableError) or outage(error) is not None


def _commit_one(row: str, commit: Commit) -> None:
    try:
        commit([row])
    except Exception as error:
        if serves_nobody(error):
            raise
        log.error("a hit cannot be kept and is left out: %s", told(error))
