"""A trial: mails go out and events and clicks come in, while everything that they need is killed, stopped and broken.

Which of it when is drawn by the seed and counted in accepted mails. The shop's clock is moved where nothing happens any
more, so that nobody waits in real time for retries and breakers; leases are counted in the machine's own time.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.chaos import shop as coffee
from tests.chaos.failing_queue import FailingQueue
from tests.chaos.house import KEY, NOWHERE, RunningHouse
from tests.chaos.oracle import Sums, judge, unfinished
from tests.chaos.plan import ROLES, Act, Deed, Size, draw
from tests.chaos.sink import Sink
from tests.chaos.sink_protocol import Fault
from tests.chaos.traffic import Reader, Shop, Site, fresh_letters
from tests.support.postgres import PostgresServer
from worker.storage.database import Database

LEASE = 8  # seconds; two minutes by default, and a frozen process has to outlast it
SMTP_TIMEOUT = 6  # seconds; half a minute by default
FROZEN_FOR = LEASE + 2.0
REFUSES_FOR = 1.0
A_LITTLE = timedelta(seconds=30)
QUIET_FOR = 0.5  # seconds without a mail, after which the shop's clock is moved
STALLED_AFTER = 20.0  # seconds without a mail, after which the next deed is done whatever was to come before it
BEGINS_WITHIN = 180.0  # seconds to the first mail
FINISHED_WITHIN = 900.0
LETTERS = 100  # of all mails, so many are read
SETTINGS = {
    "PHIN_SENDING_LEASE": str(LEASE),
    "PHIN_SENDING_TIMEOUT": str(SMTP_TIMEOUT),
    "PHIN_SENDING_UNKNOWN_MARKETING": "ask",  # by default assumed to be sent, after an hour of the clock that is moved
    "PHIN_TRACKING_TOO_SOON": "0",
    "PHIN_LOG": "json",
}


class Trial:
    """One trial on a database; a context manager is not needed: `run` leaves nothing running.

    Parameters:
        folder: for the home, the logs and SQLite's database.
        server: a PostgreSQL of the trial's own, to be harmed; None for SQLite.
        queue: whether there is a queue server, to be harmed; without one it is absent for the whole trial.
        tell: is given a line for each deed.
    """

    def __init__(
        self,
        folder: Path,
        size: Size,
        seed: int,
        *,
        server: PostgresServer | None = None,
        queue: bool = True,
        tell: Callable[[str], None] = print,
    ) -> None:
        self.size = size
        self.folder = folder
        self._server = server
        self._with_queue = queue
        self._tell = tell
        self._acts = deque(draw(size, seed, postgres=server is not None, queue=queue))
        self._thaws: deque[tuple[float, str]] = deque()
        self._refused_since: float | None = None
        self._quiet_since = self._stalled_since = time.monotonic()
        self._accepted = 0
        self._dry = False  # nothing is left to be done: what was drawn for later is done now
        self._over = threading.Event()
        self._failures: list[BaseException] = []

    def run(self) -> Sums:
        """Do it all, wait until everything is finished, and return the oracle's sums."""
        began = time.monotonic()
        with ExitStack() as stack:
            self._site = stack.enter_context(Site())
            every = max(1, self.size.mails // LETTERS)
            # without a queue the clock does all the work, with one sender in place of eight
            latency = self.size.latency / (1 if self._with_queue else 4)
            self._sink = stack.enter_context(Sink(self.folder / "sink", letters_every=every, latency=latency))
            self._queue = FailingQueue() if self._with_queue else None
            if self._queue is not None:
                stack.callback(self._queue.close)
            day = coffee.campaign_day(datetime.now(UTC))
            home = coffee.make_home(self.folder / "home", self._site.url, day)
            url = self._server.url(self._server.create_database()) if self._server else f"sqlite:///{home}/var/phin.db"
            redis_url = self._queue.url if self._queue else NOWHERE
            house = RunningHouse(home, SETTINGS, database_url=url, smtp_url=self._sink.url, redis_url=redis_url)
            self._house = stack.enter_context(house)
            house.release()
            self._database = Database(url)
            stack.callback(self._database.close)
            coffee.add_customers(self._database, self.size.customers, datetime.now(UTC))
            house.start(*ROLES)
            house.clock.stand_off(coffee.campaign_moment(day) - datetime.now(UTC) + timedelta(seconds=1))
            self._shop, self._reader = Shop(house.url, KEY), Reader(self._site)
            threads = [threading.Thread(target=self._safely, args=(run,)) for run in (self._sell, self._read)]
            stack.callback(self._over.set)
            for thread in threads:
                thread.start()
            self._go_on()
            for thread in threads:
                thread.join()
            self._finish()
            house.stop()  # in order; what the processes still had in hand is finished or left for the next ones
            if self._failures:
                raise self._failures[0]
            sums = self._judge()
        took = (("seconds", f"{time.monotonic() - began:.0f}"),)
        return Sums((*sums.rows, *took), sums.faults)

    def _go_on(self) -> None:
        """Do what was drawn, each deed when its mails are out and nothing that it needs is broken just now."""
        while self._acts or self._thaws or self._refused_since is not None:
            self._look()
            now = time.monotonic()
            if self._thaws and now >= self._thaws[0][0]:
                self._thaw(self._thaws.popleft()[1])
            if self._refused_since is not None and now - self._refused_since > REFUSES_FOR:
                self._sink.switch(None)
                self._refused_since = None
            act = next((act for act in self._acts if self._may(act, now)), None)
            if act is not None:
                self._acts.remove(act)
                self._do(act)
            time.sleep(0.02)
        self._over.set()

    def _look(self) -> None:
        """See how far the mails are, and let time pass where nothing moves."""
        accepted, now = self._sink.accepted, time.monotonic()
        if accepted != self._accepted:
            self._accepted, self._quiet_since, self._stalled_since = accepted, now, now
        elif now - self._quiet_since > QUIET_FOR:
            self._dry = not self._pass_time() and accepted >= self.size.customers
            self._quiet_since = now

    def _pass_time(self) -> bool:
        """Let the time come at which the next thing is due; False where nothing will be, and nothing is."""
        now = self._house.clock.now()
        with self._database.reading() as connection:
            due, next_at = unfinished(connection, now)
        if next_at is not None and not due:
            self._house.clock.move(next_at - now + timedelta(seconds=1))
        elif due:
            self._house.clock.move(A_LITTLE)  # a probe's answer is waited for, a failure's next try
        return bool(due) or next_at is not None

    def _may(self, act: Act, now: float) -> bool:
        patience = STALLED_AFTER if self._accepted else BEGINS_WITHIN
        stalled = self._dry or now - self._stalled_since > patience
        if self._accepted < act.at and not stalled:
            return False
        if act.deed is Deed.SMTP:
            struck_out = self._sink.counts()["fault"] is None and self._refused_since is None
            return struck_out or stalled
        return not (act.whom and self._house.frozen(act.whom))

    def _do(self, act: Act) -> None:
        self._tell(f"at {self._accepted:,} mails: {act}")
        self._stalled_since = time.monotonic()
        house, queue, server = self._house, self._queue, self._server
        match act.deed:
            case Deed.KILL:
                house.kill(act.whom)
            case Deed.FREEZE:
                house.freeze(act.whom)
                self._thaws.append((time.monotonic() + FROZEN_FOR, act.whom))
            case Deed.SMTP:
                self._sink.switch(act.fault, act.times)
                self._refused_since = time.monotonic() if act.fault is Fault.REFUSE else None
            case Deed.LOSE:
                house.lose_machine()
            case Deed.LATER:
                house.clock.move(timedelta(hours=2))
            case Deed.CRASH if server is not None:
                server.stop("immediate")
                server.start()
            case Deed.TERMINATE if server is not None:
                server.execute(
                    "SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity WHERE pid <>"
                    " pg_backend_pid() AND backend_type = 'client backend' ORDER BY random() LIMIT 1) AS one"
                )
            case _ if queue is not None:
                _harm(queue, act.deed)

    def _thaw(self, name: str) -> None:
        self._tell(f"at {self._accepted:,} mails: {name} goes on")
        self._house.thaw(name)

    def _finish(self) -> None:
        """Let everything come to its end, with nothing broken any more; what waits for later has its time come."""
        self._sink.switch(None)
        if self._queue is not None and not self._queue.server.running():
            self._queue.start()
        until = time.monotonic() + FINISHED_WITHIN
        while time.monotonic() < until and not self._failures and self._pass_time():
            self._accepted = self._sink.accepted
            time.sleep(QUIET_FOR)

    def _judge(self) -> Sums:
        return judge(
            self._database,
            self._sink.log,
            answered=self._shop.answered,
            bound=self._house.bound,
            now=self._house.clock.now(),
            asked=self._reader.asked,
            expected=coffee.expected(self.size.customers, self.size.orders),
            spools=[self._house.spool],
        )

    def _sell(self) -> None:
        """Report orders as the mails go out: some alone, some in batches."""
        numbers = deque(range(1, self.size.orders + 1))
        batches = (1, 1, 1, 20)
        turn = 0
        while numbers:
            done = 1 - len(numbers) / self.size.orders
            if done > self._accepted / self.size.customers + 0.05 and not self._over.wait(0.05):
                continue
            batch = [coffee.purchase(numbers.popleft()) for _ in range(min(batches[turn % 4], len(numbers)))]
            turn += 1
            self._shop.report(batch)
        self._shop.close()

    def _read(self) -> None:
        """Read the letters that come: each one's pixel, and one link after the other."""
        seen: set[str] = set()
        while True:
            over = self._over.is_set()
            for path in fresh_letters(self._sink.letters, seen):
                self._reader.read(path.read_bytes(), links=1 + len(seen) % coffee.LINKS)
            if over:
                self._reader.close()
                return
            self._over.wait(0.1)

    def _safely(self, run: Callable[[], None]) -> None:
        try:
            run()
        except BaseException as error:
            self._failures.append(error)


def _harm(queue: FailingQueue, deed: Deed) -> None:
    if deed is not Deed.GONE and not queue.server.running():
        queue.start()
    match deed:
        case Deed.REMEMBER:
            queue.remember()
        case Deed.GONE:
            queue.kill()
        case Deed.RESTART:
            queue.restart()
        case Deed.EMPTY:
            queue.restart_empty()
        case Deed.OLD:
            queue.restart_old()
        case Deed.FLUSH:
            queue.flush()
