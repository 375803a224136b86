"""`phin up`: the whole house with one command, and nothing left when it ends.

This process supervises and does nothing else: it opens the port, takes the lock, starts the queue's server, and
forks its children from what it has loaded. It has one thread and no connection to the database.
"""

from __future__ import annotations

import http
import http.client
import os
import select
import signal
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

import redis
import structlog
from rich.console import Console

from worker.delivery.links import staff_url
from worker.delivery.smtp_relay import parse_relays
from worker.delivery.tokens import Tokens
from worker.domain.errors import PhinError, UnavailableError
from worker.domain.staff import Staff
from worker.edges import banner, offspring
from worker.edges.banner import Line
from worker.edges.environment import Home
from worker.edges.first import First, clock_lines, has_nothing, move_clock
from worker.edges.following import REPORT_FD, Report
from worker.edges.house import version
from worker.edges.leaving import LEAVES_WITHIN, environment_of_child
from worker.edges.offspring import Process
from worker.edges.queue_server import QueueServer, find_server, server_version
from worker.edges.redis_client import open_client
from worker.edges.secrets import Secrets, read_secrets
from worker.edges.serving import LISTEN_FD
from worker.edges.staff import followed_staff, staff_line
from worker.edges.standing import Lock, address_of, listen
from worker.edges.supervisor import Child, Role, Supervisor
from worker.edges.ticks import beat_path
from worker.edges.web.frame import OWNER

READY_WITHIN = 30.0  # seconds that the web process may take to answer before the banner comes without it
RELAY_ANSWERS_WITHIN = 2.0  # seconds that the relay may take to answer before the banner says that it does not
LOOK_EVERY = 0.2  # seconds between two looks whether it is time to leave, while the database is brought up to date

Run = Callable[[Sequence[str]], int]
"""Runs one of phin's commands in this process and returns its exit status."""

_log = structlog.get_logger(__name__)


class Signals:
    """Ctrl-C, SIGTERM and a closed terminal: the first says leave, the second says at once; SIGCHLD only wakes."""

    def __init__(self) -> None:
        self.leaving = threading.Event()
        self.hurry = threading.Event()
        self.woken = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._leave)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: self.woken.set())

    def _leave(self, _number: int, _frame: FrameType | None) -> None:
        if self.leaving.is_set():
            self.hurry.set()
        self.leaving.set()
        self.woken.set()


class Starter:
    """Starts phin's commands as children.

    Parameters:
        environment: what they are given.
        let_go: closes what belongs to this process alone, in a child that was forked from it; it is told which
            file descriptor that child keeps.
    """

    def __init__(self, run: Run, environment: dict[str, str], let_go: Callable[[int | None], None]) -> None:
        self._run = run
        self._environment = environment
        self._let_go = let_go

    def role(
        self, name: str, command: str, *, turn: int, beat: Path | None = None, keeps: tuple[str, int] | None = None
    ) -> Role:
        """Return the role of a command.

        Parameters:
            keeps: a file descriptor that it needs, and the variable that tells it the number.
        """
        environment = {**self._environment, "PHIN_NAME": name}
        if keeps is not None:
            environment[keeps[0]] = str(keeps[1])
        kept = None if keeps is None else keeps[1]

        def start() -> Process:
            inherits = () if kept is None else (kept,)
            return offspring.begin_command(
                f"phin {name}", [command], self._run, environment, lambda: self._let_go(kept), inherits
            )

        return Role(name, start, beat, turn)


def run_up(home: Home, console: Console, run: Run, first: str | None = None, clock: str | None = None) -> int:
    """Start everything, keep it running until told to leave, end it; returns the exit status.

    Parameters:
        first: a command that is run once beside the processes, when the database is new.
        clock: by how much the shop's time is moved then: `-34 days`.

    Raises:
        PhinError: something that is needed cannot be had; nothing runs then.
    """
    signals = Signals()
    settings = home.settings
    with ExitStack() as stack:
        lock = Lock(settings.var)
        stack.callback(lock.release)
        listener = stack.enter_context(listen(settings.bind, settings.port))
        url = address_of(listener)
        lock.tell(url)
        secrets = read_secrets(home.environment, settings.var)
        queue = _open_queue(home, stack)
        environment = environment_of_child(
            home.environment,
            PHIN_HOME=str(home.folder),
            PHIN_VAR=str(settings.var),
            PHIN_PORT=str(listener.getsockname()[1]),
            PHIN_LOG="console" if settings.log == "auto" else settings.log,
            **({"PHIN_REDIS_URL": queue.url} if queue.url else {}),
        )

        def let_go(kept: int | None) -> None:
            lock.release()
            queue.let_go()
            if kept != listener.fileno():
                listener.close()

        new = (first is not None or clock is not None) and has_nothing(home)
        if new and clock is not None:
            move_clock(home, clock)
        starter = Starter(run, environment, let_go)
        offspring.prepare_to_fork()
        supervisor = Supervisor([], signals.woken)
        stack.callback(supervisor.stop, LEAVES_WITHIN - 2.0, signals.hurry)
        if queue.child is not None:
            supervisor.children.append(queue.child)
        report = _begin_to_follow(supervisor, starter, signals)
        if report is None:
            return 0
        for role in _roles(home, starter, listener.fileno(), workers=queue.url is not None):
            supervisor.children.append(Child(role))
        supervisor.tend()
        ready = _until_ready(url, signals.leaving)
        if not signals.leaving.is_set():
            title = f"Phin {version()} · {settings.shop.name} · {settings.shop.language} · {settings.shop.timezone}"
            web = Line("web", url, "API docs /docs", "" if ready else "does not answer: see the lines above", ready)
            lines = [report.database_line(), queue.line, _mail_line(home, url), report.flows_line(), web]
            people = followed_staff(home, quiet=True)  # its processes log what is wrong with it
            lines += [staff_line(people), _signin_line(home, url, secrets, people())]
            lines += [] if new else clock_lines(home)
            banner.show(console, title, lines, banner.trial_command(settings, url, secrets.made_ingest_key))
            if new and first is not None:
                beside = First(first, {**environment, "PHIN_UP_URL": url}, run, let_go)
                stack.callback(beside.stop)
                beside.start()
        supervisor.tend_until(signals.leaving)
        console.print("\nLeaving: what is in hand is finished first (Ctrl-C again: at once).")
    return 0


class _OpenedQueue:
    """Where the queue is: given, embedded, or nowhere."""

    def __init__(self, url: str | None, line: Line, server: QueueServer | None = None) -> None:
        self.url = url
        self.line = line
        self.let_go: Callable[[], None] = server.release if server is not None else lambda: None
        self.child = Child(Role("queue", server.spawn, turn=2), server.process) if server is not None else None


def _open_queue(home: Home, stack: ExitStack) -> _OpenedQueue:
    given = home.settings.redis_url
    alone = "the clock does all work itself, up to a second later"
    if given:
        where = urlsplit(given).hostname or urlsplit(given).path
        try:
            with open_client(given, timeout=2.0) as client:
                return _OpenedQueue(given, Line("queue", server_version(client), where))
        except redis.RedisError as error:
            _log.warning("the queue does not answer", setting="redis_url (PHIN_REDIS_URL)", why=str(error))
            return _OpenedQueue(given, Line("queue", "out of reach", where, f"until it is back, {alone}", good=False))
    program = find_server()
    if program is None:
        state = f"no valkey-server or redis-server found: {alone}"
        return _OpenedQueue(None, Line("queue", "none", "", state, good=False))
    server = QueueServer(home.settings.var / "queue", program)
    stack.callback(server.release)
    stack.callback(server.stop)
    try:
        name = server.start()
    except UnavailableError as error:
        _log.warning("the queue does not start", why=str(error))
        return _OpenedQueue(None, Line("queue", "none", banner.near(server.folder), alone, good=False))
    return _OpenedQueue(server.url, Line("queue", f"{name} (embedded)", banner.near(server.folder)), server)


def _begin_to_follow(supervisor: Supervisor, starter: Starter, signals: Signals) -> Report | None:
    """Start the child that brings the database up to date and publishes, and wait for what it has to report.

    Returns:
        Its report, or None where it is time to leave already.

    Raises:
        PhinError: it could not do so; it has said why.
    """
    reading, writing = os.pipe()
    reporting = starter.role("files", "follow", turn=0, keeps=(REPORT_FD, writing)).start()
    os.close(writing)
    # started anew, it has nobody to report to
    supervisor.children.append(Child(starter.role("files", "follow", turn=0), reporting))
    text = ""
    with os.fdopen(reading) as pipe:
        while not signals.leaving.is_set():
            if select.select([pipe], [], [], LOOK_EVERY)[0]:
                text = pipe.readline()
                break
    if signals.leaving.is_set():
        return None
    if not text:
        reporting.wait()
        raise PhinError("phin up cannot start: the line above says why")
    return Report.read(text)


def _roles(home: Home, starter: Starter, listener: int, *, workers: bool) -> list[Role]:
    consumers = [
        starter.role(f"worker {number}", "worker", turn=1)
        for number in range(1, home.settings.queue.processes + 1 if workers else 1)
    ]
    return [
        starter.role("web", "web", turn=0, keeps=(LISTEN_FD, listener)),
        starter.role("clock", "clock", turn=1, beat=beat_path(home.settings.var)),
        *consumers,
    ]


def _until_ready(url: str, leaving: threading.Event) -> bool:
    """Wait until the web process says that work can be done; False where it does not in time."""
    parts = urlsplit(url)
    until = time.monotonic() + READY_WITHIN
    while not leaving.is_set() and time.monotonic() < until:
        connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=2.0)
        try:
            connection.request("GET", "/readyz")
            if connection.getresponse().status == http.HTTPStatus.OK:
                return True
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()
        leaving.wait(0.05)
    return False


def _signin_line(home: Home, url: str, secrets: Secrets, staff: Staff) -> Line:
    """Return the banner's line with the link that signs the first of the staff in, or the owner where none is named."""
    if staff.lost:
        return Line("sign in", "nobody can until the staff is mended", good=False)
    person = next(iter(staff.people), OWNER)
    base = (home.settings.base_url or url).rstrip("/")
    link = staff_url(Tokens(secrets.signing), base, person, datetime.now(UTC))
    return Line("sign in", link, "", f"as {person}; for others: phin signin")


def _mail_line(home: Home, url: str) -> Line:
    if home.settings.smtp_url:
        relays = parse_relays(home.settings.smtp_url)
        told = f"sent by {', '.join(map(str, relays.values()))}"
        for relay in relays.values():
            try:
                socket.create_connection((relay.host, relay.port), RELAY_ANSWERS_WITHIN).close()
            except OSError as error:
                which = f"{relay} " if len(relays) > 1 else ""
                state = f"{which}does not answer now: {error.strerror or error}"
                return Line("mail", told, "", state, good=False)
        return Line("mail", told)
    return Line("mail", "captured, nothing leaves here", f"→ {url}/outbox")
