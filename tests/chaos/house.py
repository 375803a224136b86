"""A house of real processes, each kept running as an operator's supervisor would.

with RunningHouse(home, database_url=…, smtp_url=sink.url, redis_url=queue.url) as house:
    house.release()
    house.start("web", "worker 1", "worker 2", "clock")
    house.kill("worker 1")              # SIGKILL; it is started again a moment later
    house.freeze("clock"), house.thaw("clock")
"""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import httpx

from tests.chaos.oracle import Bound
from tests.support.processes import clean_environment, wait_until
from worker.domain.setting_groups import Queue
from worker.domain.setting_mail import Sending
from worker.edges.lifeline import tied
from worker.edges.movable_clock import Clock

KEY = "the-key-of-a-shop-in-chaos"
STARTED_AGAIN_AFTER = 0.2  # seconds
LOOK_EVERY = 0.05
READY_WITHIN = 300.0  # seconds, on a machine that does much else
ENDS_WITHIN = 30.0
GROUP = max(Sending().group_single, Sending().group_campaign)  # mails that a sender hands over before it writes
NOWHERE = "redis://127.0.0.1:1/0"  # a queue server that never answers


@dataclass(slots=True)
class _Kept:
    """One process that is wanted."""

    name: str
    process: subprocess.Popen[bytes] | None = None
    not_before: float = 0.0
    frozen: bool = False
    starts: int = 0


class RunningHouse:
    """The processes of one machine; a context manager.

    Parameters:
        home: the shop's folder, with its settings, flows and templates.
        settings: more variables of the environment.
        redis_url: by default a server that never answers; None leaves it to `phin up`, which brings its own.
        threads: of one worker; so many senders it may have.
        prefix: what comes before each command, such as `ip netns exec NAME`.
    """

    def __init__(
        self,
        home: Path,
        settings: Mapping[str, str] | None = None,
        *,
        database_url: str,
        smtp_url: str,
        redis_url: str | None = NOWHERE,
        threads: int = 4,
        port: int | None = None,
        prefix: Sequence[str] = (),
    ) -> None:
        self.home = home
        self.threads = threads
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.clock = Clock(home / "var" / "clock")
        self.bound = Bound()
        self.environment = clean_environment(
            PHIN_HOME=str(home),
            PHIN_PORT=str(self.port),
            PHIN_DATABASE_URL=database_url,
            PHIN_SMTP_URL=smtp_url,
            PHIN_INGEST_KEY=KEY,
            PHIN_SECRET_KEY="a-secret-key-of-a-house-in-chaos",
            PHIN_QUEUE_THREADS=str(threads),
            PHIN_POLICY_QUIET_HOURS="none",
            **({} if redis_url is None else {"PHIN_REDIS_URL": redis_url}),
            **(settings or {}),
        )
        self._prefix = list(prefix)
        self._kept: dict[str, _Kept] = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._gone = threading.Event()
        # lives as long as the house: a process is tied to the thread that started it
        self._supervisor = threading.Thread(target=self._tend, name="supervisor", daemon=True)

    @property
    def spool(self) -> Path:
        """The folder of what could not be committed yet."""
        return self.home / "var" / "spool"

    def release(self) -> None:
        """Bring the database up to date and publish the flows."""
        done = subprocess.run(
            [*self._prefix, sys.executable, "-m", "worker.edges.cli", "release"],
            cwd=self.home,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=READY_WITHIN,
        )
        assert done.returncode == 0, done.stderr
        assert " 0 broken" in done.stdout or "broken" not in done.stdout, done.stdout + done.stderr

    def start(self, *names: str) -> None:
        """Keep these running from now on: `web`, `clock`, `worker 1`, `up`; the first word is phin's command."""
        with self._lock:
            for name in names:
                self._kept[name] = _Kept(name)
        if {"web", "up"} & {*names}:
            self.wait_until_ready()

    def names(self, *commands: str) -> list[str]:
        """Return the names of what is kept running, of these commands or of all."""
        return [name for name in self._kept if not commands or name.split()[0] in commands]

    def kill(self, name: str) -> None:
        """End it with SIGKILL once it runs; notes how many SMTP transactions it may have had open."""
        self._signal(name, signal.SIGKILL)
        self.bound.lose(f"SIGKILL of {name}", self.transactions(name))

    def lose_machine(self) -> None:
        """End workers and clock at once with SIGKILL, and their journals with them, as when a machine does not return.

        Notes a group of mails for each of their senders. What runs afterwards stands for another machine.
        """
        with self._lock:
            lost = [kept for kept in self._kept.values() if kept.process is not None and self.senders(kept.name)]
            for kept in lost:
                assert kept.process is not None
                kept.process.kill()
            for kept in lost:
                assert kept.process is not None
                kept.process.wait()
            journals = self.home / "var" / "journals"
            senders = len(list(journals.glob("*"))) if journals.is_dir() else 0
            shutil.rmtree(journals, ignore_errors=True)
        self.bound.lose(f"loss of a machine with {senders} senders", GROUP * senders)

    def freeze(self, name: str) -> None:
        """Stop it (SIGSTOP), as a machine would that swaps or that is moved, for longer than a lease lasts."""
        self._signal(name, signal.SIGSTOP)
        self._kept[name].frozen = True
        self.bound.doubt(GROUP * self.senders(name))

    def thaw(self, name: str) -> None:
        """Let it go on."""
        self._kept[name].frozen = False
        self._signal(name, signal.SIGCONT)

    def frozen(self, name: str) -> bool:
        """Say whether it is stopped."""
        return self._kept[name].frozen

    def senders(self, name: str) -> int:
        """Return how many senders a process may have: one a thread that sends."""
        ways = {"worker": self.threads, "clock": 1, "up": 1 + self.threads * Queue().processes}
        return ways.get(name.split()[0], 0)

    def transactions(self, name: str) -> int:
        """Return how many SMTP transactions a process may have open: two a sender, where it sends many mails."""
        return 2 * self.senders(name)

    def starts(self) -> dict[str, int]:
        """Return how often each was started."""
        return {name: kept.starts for name, kept in self._kept.items()}

    def ready(self) -> bool:
        """Say whether the web process answers that work can be done."""
        try:
            return httpx.get(f"{self.url}/readyz", timeout=15).status_code == 200
        except httpx.TransportError:
            return False

    def wait_until_ready(self) -> None:
        """Wait for the web process."""
        wait_until(self.ready, f"the web process of {self.home} is ready\n{self.said()}", READY_WITHIN)

    def said(self, most: int = 3_000) -> str:
        """Return the end of what each process wrote."""
        told = []
        for name in self._kept:
            path = self._output(name)
            text = path.read_text(errors="replace")[-most:] if path.exists() else ""
            told.append(f"--- {name}\n{text}")
        return "\n".join(told)

    def stop(self) -> dict[str, int]:
        """End all in order (SIGTERM), and start none again; returns the exit statuses of those that ran."""
        self._ended.set()
        with self._lock:
            running = {kept.name: kept.process for kept in self._kept.values() if kept.process is not None}
        for process in running.values():
            for number in (signal.SIGCONT, signal.SIGTERM):
                with suppress(ProcessLookupError):
                    process.send_signal(number)
        until = time.monotonic() + ENDS_WITHIN
        for process in running.values():
            try:
                process.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._gone.set()
        self._supervisor.join(ENDS_WITHIN)
        return {name: process.returncode for name, process in running.items()}

    def __enter__(self) -> RunningHouse:
        self._supervisor.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _signal(self, name: str, number: signal.Signals) -> None:
        wait_until(lambda: self._alive(name), f"{name} runs", READY_WITHIN)
        with self._lock:
            process = self._kept[name].process
            assert process is not None
            process.send_signal(number)

    def _alive(self, name: str) -> bool:
        with self._lock:
            process = self._kept[name].process
            return process is not None and process.poll() is None

    def _tend(self) -> None:
        while not self._ended.wait(LOOK_EVERY):
            with self._lock:
                for kept in self._kept.values():
                    if kept.process is not None and kept.process.poll() is not None:
                        kept.process, kept.frozen = None, False
                        kept.not_before = time.monotonic() + STARTED_AGAIN_AFTER
                    if kept.process is None and time.monotonic() >= kept.not_before and not self._ended.is_set():
                        kept.process = self._started(kept)
        self._gone.wait()

    def _started(self, kept: _Kept) -> subprocess.Popen[bytes]:
        kept.starts += 1
        command = [*self._prefix, sys.executable, "-m", "worker.edges.cli", kept.name.split()[0]]
        with self._output(kept.name).open("ab") as output:
            return subprocess.Popen(
                tied(command),
                cwd=self.home,
                env={**self.environment, "PHIN_NAME": kept.name},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _output(self, name: str) -> Path:
        return self.home / f"{name.replace(' ', '-')}.log"


def free_port() -> int:
    """Return a port that nobody has just now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
