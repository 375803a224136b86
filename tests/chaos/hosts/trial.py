"""A trial on several hosts: a campaign, orders and clicks, while hosts are cut off without a word, and come back.

    the database's host, the queue's, the SMTP server's
    one, two: a clock, two workers and a web process each; three: a worker; each with a var folder of its own
    the shop with its customers

Nobody is killed: what is lost is the line. A host that is cut off for longer than leases last has had its work done by
the others when it comes back, with its journals and with processes that know of nothing.
"""

from __future__ import annotations

import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import redis

from tests.chaos import shop as coffee
from tests.chaos.hosts.namespaces import Host, Network
from tests.chaos.house import GROUP, KEY, RunningHouse
from tests.chaos.oracle import Bound, Sums, judge, unfinished
from tests.chaos.sink import Sink
from tests.chaos.traffic import Reader, Shop, Site, fresh_letters
from tests.chaos.trial import LEASE, SETTINGS
from tests.support.postgres import PostgresServer
from tests.support.processes import wait_until
from worker.edges.lifeline import tied
from worker.edges.queue_server import find_server
from worker.storage.database import Database

ROLES = {
    "one": ("web", "worker 1", "worker 2", "clock"),
    "two": ("web", "worker 1", "worker 2", "clock"),
    "three": ("worker 1",),
}
THREADS = 2
NOTICED = "keepalives_idle=2&keepalives_interval=1&keepalives_count=2&tcp_user_timeout=4000"  # instead of half a minute
PASSWORD = "a-password-of-the-trial"
QUIET_FOR = 0.5  # seconds
FINISHED_WITHIN = 600.0
STALLED_AFTER = 30.0  # seconds without a mail, after which the next host is cut off all the same
LETTERS = 60  # of all mails, so many are read


@dataclass(frozen=True, slots=True)
class Cut:
    """A host is cut off.

    Parameters:
        at: when so many mails were accepted.
        seconds: for how long.
    """

    at: int
    host: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Size:
    """How large a trial is.

    Parameters:
        customers: whom the campaign goes to; `orders`: each brings two mails.
        cuts: in order.
    """

    customers: int
    orders: int
    cuts: Sequence[Cut]

    @property
    def mails(self) -> int:
        """How many mails should go out."""
        return self.customers + 2 * self.orders


LONG_CUT = LEASE + 4.0  # seconds: leases, and what the others need to notice, are over
SHORT = Size(300, 60, (Cut(40, "one", LONG_CUT), Cut(310, "db", 6.0), Cut(330, "queue", 3.0)))


def long_size(mails: int) -> Size:
    """Return the long form for about so many mails: every host is cut off three times."""
    orders = mails // 8
    hosts = ("one", "db", "three", "queue", "two", "smtp") * 3
    most = mails - 2 * orders + orders
    cuts = [
        Cut(int(most * (0.02 + 0.9 * number / len(hosts))), host, LONG_CUT if number % 2 == 0 else 7.0)
        for number, host in enumerate(hosts)
    ]
    return Size(mails - 2 * orders, orders, cuts)


class _HouseOnHost(RunningHouse):
    """The processes of Phin on one host."""

    def __init__(self, host: Host, home: Path, *, database_url: str, smtp_url: str, redis_url: str, web: Host) -> None:
        self.host = host
        port = 8787
        settings = {"PHIN_BIND": host.address, "PHIN_BASE_URL": f"http://{web.address}:{port}"}
        super().__init__(
            home,
            {**SETTINGS, **settings},
            database_url=database_url,
            smtp_url=smtp_url,
            redis_url=redis_url,
            threads=THREADS,
            port=port,
            prefix=host.prefix,
        )
        self.url = f"http://{host.address}:{port}"

    def ready(self) -> bool:
        """Say whether the web process answers, asked on its own host."""
        with self.host.entered():
            return super().ready()


class HostsTrial:
    """One trial; `run` leaves nothing running.

    Parameters:
        tell: is given a line for each cut.
    """

    def __init__(self, folder: Path, size: Size, network: Network, tell: Callable[[str], None] = print) -> None:
        self.size = size
        self.folder = folder
        self._network = network
        self._tell = tell
        names = ("db", "queue", "smtp", "one", "two", "three", "shop")
        self._hosts = {name: network.add(name) for name in names}
        self._bound = Bound()
        self._hurry = threading.Event()  # orders wait for no mails any more
        self._over = threading.Event()
        self._failures: list[BaseException] = []
        self._accepted = 0

    def run(self) -> Sums:
        """Do it all, wait until everything is finished, and return the oracle's sums."""
        began = time.monotonic()
        with ExitStack() as stack:
            self._start(stack)
            shops = [Shop(self._houses[name].url, KEY) for name in ("one", "two")]
            self._reader = Reader(self._site)
            runs: list[Callable[[], None]] = [self._read]
            runs += [lambda shop=shop, turn=turn: self._sell(shop, turn) for turn, shop in enumerate(shops)]  # type: ignore[misc]
            threads = [threading.Thread(target=self._safely, args=(run,)) for run in runs]
            stack.callback(self._over.set)
            stack.callback(self._hurry.set)
            for thread in threads:
                thread.start()
            self._cut_one_after_the_other()
            self._hurry.set()
            for thread in threads[1:]:
                thread.join()
            self._finish()
            self._over.set()
            threads[0].join()
            self._finish()  # what the last hits bring
            for house in self._houses.values():
                house.stop()
            if self._failures:
                raise self._failures[0]
            sums = judge(
                self._database,
                self._sink.log,
                answered=shops[0].answered | shops[1].answered,
                bound=self._bound,
                now=self._houses["one"].clock.now(),
                asked=self._reader.asked,
                expected=coffee.expected(self.size.customers, self.size.orders),
                spools=[house.spool for house in self._houses.values()],
            )
        return Sums((*sums.rows, ("seconds", f"{time.monotonic() - began:.0f}")), sums.faults)

    def _start(self, stack: ExitStack) -> None:
        hosts = self._hosts
        with hosts["shop"].entered():
            self._site = stack.enter_context(Site())
        with hosts["db"].entered():
            server = PostgresServer(fsync=True, address=hosts["db"].address)
        stack.callback(server.close)
        # what docs/operations.md says: a role of its own, whose lost connections are noticed
        server.execute(f"CREATE ROLE shop LOGIN PASSWORD '{PASSWORD}'")
        server.execute("CREATE DATABASE phin OWNER shop")
        for name, value in (("idle", 2), ("interval", 1), ("count", 2)):
            server.execute(f"ALTER ROLE shop SET tcp_keepalives_{name} = {value}")
        server.execute("ALTER ROLE shop SET tcp_user_timeout = '4s'")
        url = f"postgresql://shop:{PASSWORD}@{hosts['db'].address}/phin?{NOTICED}"
        redis_url = self._queue(stack)
        every = max(1, self.size.mails // LETTERS)
        smtp = hosts["smtp"]
        letters = Sink(self.folder / "sink", host=smtp.address, letters_every=every, prefix=smtp.prefix)
        self._sink = stack.enter_context(letters)
        day = coffee.campaign_day(datetime.now(UTC))
        self._houses: dict[str, _HouseOnHost] = {}
        for name in ROLES:
            home = coffee.make_home(self.folder / name, self._site.url, day)
            web = hosts["two" if name == "three" else name]
            house = _HouseOnHost(
                hosts[name], home, database_url=url, smtp_url=self._sink.url, redis_url=redis_url, web=web
            )
            stack.enter_context(house)
            self._houses[name] = house
        self._houses["one"].release()
        self._database = Database(f"{server.url('phin')}")
        stack.callback(self._database.close)
        coffee.add_customers(self._database, self.size.customers, datetime.now(UTC))
        for name, house in self._houses.items():
            house.start(*ROLES[name])
        wait_until(lambda: all(set(house.names()) == set(house.starts()) for house in self._houses.values()), "all run")
        self._stand_off(coffee.campaign_moment(day) - datetime.now(UTC) + timedelta(seconds=1))

    def _queue(self, stack: ExitStack) -> str:
        host, program = self._hosts["queue"], find_server()
        assert program is not None
        options = ["--bind", host.address, "--requirepass", PASSWORD, "--save", "", "--appendonly", "no"]
        process = subprocess.Popen(
            tied([*host.prefix, str(program), *options]), cwd=self.folder, stdout=subprocess.DEVNULL
        )
        stack.callback(process.wait)
        stack.callback(process.kill)
        url = f"redis://:{PASSWORD}@{host.address}:6379/0"

        def answers() -> bool:
            with host.entered(), redis.Redis.from_url(url) as client:
                try:
                    return bool(client.ping())
                except redis.RedisError:
                    return False

        wait_until(answers, "the queue's server answers")
        return url

    def _cut_one_after_the_other(self) -> None:
        """Cut each host off in its turn, and bring it back."""
        for cut in self.size.cuts:
            stalled = quiet = time.monotonic()
            while self._sink.accepted < cut.at and time.monotonic() - stalled < STALLED_AFTER and not self._failures:
                if self._sink.accepted != self._accepted:
                    self._accepted, stalled, quiet = self._sink.accepted, time.monotonic(), time.monotonic()
                elif time.monotonic() - quiet > QUIET_FOR:
                    self._pass_time()
                    quiet = time.monotonic()
                time.sleep(0.02)
            host = self._hosts[cut.host]
            self._tell(f"at {self._sink.accepted:,} mails: {cut.host} is cut off for {cut.seconds:g} s")
            self._network.cut_off(host)
            self._bound.lose(f"{cut.host} cut off", self._transactions(cut.host))
            if cut.seconds > LEASE / 2:  # a lease is renewed once half of it is over
                self._bound.doubt(GROUP * self._deaf(cut.host))
            time.sleep(cut.seconds)
            self._network.bring_back(host)
            self._tell(f"at {self._sink.accepted:,} mails: {cut.host} is back")

    def _transactions(self, host: str) -> int:
        """Return how many SMTP transactions the loss of this host may have broken off in their midst."""
        lost = self._houses if host == "smtp" else {host} & self._houses.keys()
        return sum(self._houses[name].transactions(role) for name in lost for role in ROLES[name])

    def _deaf(self, host: str) -> int:
        """Return how many senders cannot reach the database without this host, so that their leases may run out."""
        lost = self._houses if host == "db" else {host} & self._houses.keys()
        return sum(self._houses[name].senders(role) for name in lost for role in ROLES[name])

    def _stand_off(self, by: timedelta) -> None:
        for house in self._houses.values():
            house.clock.stand_off(by)

    def _pass_time(self) -> bool:
        """Let the time come at which the next thing is due; False where nothing will be, and nothing is."""
        clock = self._houses["one"].clock
        now = clock.now()
        with self._database.reading() as connection:
            due, next_at = unfinished(connection, now)
        if next_at is not None and not due:
            self._stand_off(clock.offset() + (next_at - now) + timedelta(seconds=1))
        elif due:
            self._stand_off(clock.offset() + timedelta(seconds=30))  # a failure's next try
        return bool(due) or next_at is not None

    def _finish(self) -> None:
        until = time.monotonic() + FINISHED_WITHIN
        while time.monotonic() < until and not self._failures and self._pass_time():
            time.sleep(QUIET_FOR)

    def _sell(self, shop: Shop, turn: int) -> None:
        """Report every other order as the mails go out, to one of the web processes."""
        with self._hosts["shop"].entered():
            numbers = deque(range(1 + turn, self.size.orders + 1, 2))
            count = len(numbers)
            while numbers:
                if 1 - len(numbers) / count > self._sink.accepted / self.size.mails + 0.1 and not self._hurry.wait(
                    0.05
                ):
                    continue
                shop.report([coffee.purchase(numbers.popleft()) for _ in range(min(3, len(numbers)))])
            shop.close()

    def _read(self) -> None:
        """Read letters as they come: each one's pixel, and one link after the other."""
        seen: set[str] = set()
        with self._hosts["shop"].entered():
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
