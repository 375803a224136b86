"""`phin up`: the whole house with one command, and nothing left when it ends."""

from __future__ import annotations

import http
import http.client
import signal
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

import redis
import structlog
from rich.console import Console

from worker.domain.errors import UnavailableError
from worker.edges import banner, publishing, watching
from worker.edges.banner import Line
from worker.edges.environment import Home
from worker.edges.house import House, version
from worker.edges.leaving import LEAVES_WITHIN, environment_of_child
from worker.edges.lifeline import tied
from worker.edges.publishing import Publication
from worker.edges.queue_server import QueueServer, find_server, server_version
from worker.edges.redis_client import open_client
from worker.edges.serving import LISTEN_FD
from worker.edges.standing import Lock, address_of, listen
from worker.edges.supervisor import Child, Role, Supervisor
from worker.edges.ticks import beat_path
from worker.storage.migrations import migrate

READY_WITHIN = 30.0  # seconds that the web process may take to answer before the banner comes without it
SETTINGS_FILE = "phin.yaml"

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


def run_up(home: Home, console: Console) -> int:
    """Start everything, keep it running until told to leave, end it; returns the exit status.

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
        queue = _open_queue(home, stack)
        house = House(home)
        stack.callback(house.close)
        tables = migrate(house.database)
        publication = publishing.publish(house)
        publishing.tell(publication)
        environment = environment_of_child(
            home.environment,
            PHIN_HOME=str(home.folder),
            PHIN_VAR=str(settings.var),
            PHIN_PORT=str(listener.getsockname()[1]),
            PHIN_LOG="console" if settings.log == "auto" else settings.log,
            **({"PHIN_REDIS_URL": queue.url} if queue.url else {}),
        )
        roles = _roles(home, environment, listener.fileno(), workers=queue.url is not None)
        supervisor = Supervisor(roles, signals.woken)
        if queue.child is not None:
            supervisor.children.append(queue.child)
        stack.callback(supervisor.stop, LEAVES_WITHIN - 2.0, signals.hurry)
        supervisor.tend()
        _follow_files(house, signals, stack)
        ready = _until_ready(url, signals.leaving)
        if not signals.leaving.is_set():
            title = f"Phin {version()} · {settings.shop.name} · {settings.shop.language} · {settings.shop.timezone}"
            lines = [
                _database_line(home, house, tables),
                queue.line,
                _mail_line(home, url),
                _flows_line(publication),
                Line("web", url, "API docs /docs", "" if ready else "does not answer yet: see the lines above", ready),
            ]
            command = banner.trial_command(settings, url, house.secrets.made_ingest_key)
            banner.show(console, title, lines, command)
        supervisor.tend_until(signals.leaving)
        console.print("\nLeaving: what is in hand is finished first (Ctrl-C again: at once).")
    return 0


class _OpenedQueue:
    """Where the queue is: given, embedded, or nowhere."""

    def __init__(self, url: str | None, line: Line, child: Child | None = None) -> None:
        self.url = url
        self.line = line
        self.child = child


def _open_queue(home: Home, stack: ExitStack) -> _OpenedQueue:
    given = home.settings.redis_url
    if given:
        where = urlsplit(given).hostname or urlsplit(given).path
        try:
            with open_client(given, timeout=2.0) as client:
                return _OpenedQueue(given, Line("queue", server_version(client), where))
        except redis.RedisError as error:
            _log.warning("the queue does not answer", setting="redis_url", why=str(error))
            state = "does not answer: the clock does all work itself, up to a second later"
            return _OpenedQueue(given, Line("queue", "out of reach", where, state, good=False))
    program = find_server()
    if program is None:
        state = "no valkey-server or redis-server found: the clock does all work itself, up to a second later"
        return _OpenedQueue(None, Line("queue", "none", "", state, good=False))
    server = QueueServer(home.settings.var / "queue", program)
    stack.callback(server.release)
    stack.callback(server.stop)
    try:
        name = server.start()
    except UnavailableError as error:
        _log.warning("the queue does not start", why=str(error))
        return _OpenedQueue(None, Line("queue", "none", banner.near(server.folder), str(error), good=False))
    role = Role("queue", tied(server.command()), dict(home.environment), inherits=server.inherits, turn=2)
    line = Line("queue", f"{name} (embedded)", banner.near(server.folder))
    return _OpenedQueue(server.url, line, Child(role, server.process))


def _roles(home: Home, environment: dict[str, str], listener: int, *, workers: bool) -> list[Role]:
    phin = [sys.executable, "-m", "worker.edges.cli"]
    var = home.settings.var
    consumers = [
        Role(f"worker {n}", [*phin, "worker"], {**environment, "PHIN_NAME": f"worker {n}"}, turn=1)
        for n in range(1, home.settings.queue.processes + 1 if workers else 1)
    ]
    return [
        Role("web", [*phin, "web"], {**environment, LISTEN_FD: str(listener)}, inherits=(listener,)),
        Role("clock", [*phin, "clock"], environment, beat=beat_path(var), turn=1),
        *consumers,
    ]


def _follow_files(house: House, signals: Signals, stack: ExitStack) -> None:
    home = house.home

    def changed(files: set[Path]) -> None:
        for file in sorted(files):
            _log.info("changed", file=banner.near(file))
        if home.config / SETTINGS_FILE in files:
            _log.warning("the settings changed; they are read at the next start: press Ctrl-C and run phin up again")
        publishing.tell(publishing.publish(house))

    settings = home.settings
    thread = watching.follow([settings.flows, settings.templates, home.config], changed, signals.leaving)
    stack.callback(thread.join, 2.0)
    stack.callback(signals.leaving.set)


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
        except OSError:
            pass
        finally:
            connection.close()
        leaving.wait(0.05)
    return False


def _database_line(home: Home, house: House, tables: int) -> Line:
    where = banner.near(home.settings.var / "phin.db")
    if home.settings.database_url:
        where = house.database.engine.url.render_as_string(hide_password=True)
    return Line("database", house.database_name(), where, f"{tables} tables, up to date")


def _mail_line(home: Home, url: str) -> Line:
    if home.settings.smtp_url:
        parts = urlsplit(home.settings.smtp_url)
        return Line("mail", "sent by", f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname))
    return Line("mail", "captured, nothing leaves this machine", f"→ {url}/outbox")


def _flows_line(publication: Publication) -> Line:
    state = "" if not publication.broken else "the lines above say what is wrong"
    return Line("flows", publishing.summary(publication), "", state, good=not publication.broken)
