"""An SMTP sink as a process of its own: logs what it accepts, and has faults that are switched while it runs.

    with Sink(folder) as sink:              # phin: PHIN_SMTP_URL=sink.url
        sink.switch(Fault.DROP_TAKEN, times=3)
        ...
        mails = read_log(sink.log)          # what the oracle judges by

`python -m tests.chaos.sink --log FILE --control SOCKET [--host 10.0.0.2] [--port 25]` prints its port and runs until
it is told to end. Faults are switched by a line of JSON on the control socket, which a process in another network
namespace of the machine reaches too: `{"fault": "busy", "times": 5}`, `{"fault": null}`, `{}` for the counts alone.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.chaos.sink_protocol import Conversation, Fault, Ledger, What
from tests.support.processes import ROOT, clean_environment

BACKLOG = 512
LOOK_EVERY = 1.0  # seconds between two looks at the parent


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the log: a mail whose content came (`What.CUT_OFF`: began to).

    Parameters:
        time: seconds since 1970.
        message_id: without angle brackets.
        fault: the one that struck, or None.
    """

    time: float
    what: What
    message_id: str
    recipient: str
    subject: str
    size: int
    fault: Fault | None


def read_log(log: Path) -> list[Line]:
    """Return what a sink logged, in order; a last line that is just being written is left out."""
    lines = []
    for text in log.read_text(encoding="utf-8").split("\n")[:-1]:
        row = json.loads(text)
        fault = Fault(row["fault"]) if row["fault"] else None
        lines.append(Line(**{**row, "what": What(row["what"]), "fault": fault}))
    return lines


class Sink:
    """A running sink; a context manager.

    Parameters:
        folder: for the log; made if missing.
        host, port: what it listens on; port 0 takes a free one and keeps it.
        letters_every: the content of every so manieth accepted mail is kept in `letters`; 0 keeps none.
        latency: seconds from a mail's acceptance to its 250: the longer, the more mails are open at a kill.
        prefix: what comes before the command, such as `ip netns exec NAME`.
    """

    def __init__(
        self,
        folder: Path,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        letters_every: int = 0,
        latency: float = 0.0,
        prefix: Sequence[str] = (),
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.host = host
        self.port = port
        self.log = folder / "sink.log"
        self.letters = folder / "letters"
        self.letters.mkdir(exist_ok=True)
        self._run = Path(tempfile.mkdtemp(prefix="phin-sink-"))  # a socket's path must be short
        self._control = self._run / "control"
        options = ["--log", self.log, "--control", self._control, "--host", host, "--port", port]
        options += ["--latency", latency]
        if letters_every:
            options += ["--letters", self.letters, "--every", letters_every]
        self._command = [*prefix, sys.executable, "-m", "tests.chaos.sink", *map(str, options)]
        self._process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        """The value for `smtp_url`."""
        return f"smtp://{self.host}:{self.port}"

    @property
    def accepted(self) -> int:
        """How many mails it has accepted so far."""
        return int(self.counts()["mails"][What.ACCEPTED.value])

    def switch(self, fault: Fault | None, times: int | None = None) -> Mapping[str, Any]:
        """Switch a fault on, for so many strikes or until another word; or all off. Returns the counts."""
        return self._ask({"fault": fault.value if fault else None, "times": times})

    def counts(self) -> Mapping[str, Any]:
        """Return `Counts` as a mapping, with the `fault` that is on and how often faults have `struck`."""
        return self._ask({})

    def __enter__(self) -> Sink:
        self._process = subprocess.Popen(
            self._command,
            cwd=ROOT,
            env=clean_environment(),
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        told = self._process.stdout.readline()
        assert told.strip().isdigit(), f"the sink does not start: {told!r}"
        self.port = int(told)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            if self._process.stdout is not None:
                self._process.stdout.close()
        shutil.rmtree(self._run, ignore_errors=True)

    def _ask(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(60)
            control.connect(str(self._control))
            control.sendall(json.dumps(request).encode() + b"\n")
            answer: Mapping[str, Any] = json.loads(control.makefile().readline())
            return answer


class _Server:
    """Listens, except while it refuses, and does what the control socket says."""

    def __init__(self, ledger: Ledger, host: str, port: int) -> None:
        self._ledger = ledger
        self._host = host
        self.port = port
        self._listening: asyncio.Server | None = None

    async def listen(self) -> None:
        """Begin to listen; keeps the port from then on."""
        if self._listening is None:
            loop = asyncio.get_running_loop()
            self._listening = await loop.create_server(
                lambda: Conversation(self._ledger), self._host, self.port, backlog=BACKLOG, reuse_address=True
            )
            self.port = self._listening.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """Listen no more, and hang up on everybody."""
        if self._listening is not None:
            self._listening.close()
            self._listening = None
        for conversation in [*self._ledger.closing]:
            conversation.end()

    async def control(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        request = json.loads(await reader.readline())
        ledger = self._ledger
        if "fault" in request:
            ledger.fault = Fault(request["fault"]) if request["fault"] else None
            ledger.times = request.get("times")
            if ledger.fault is Fault.REFUSE:
                await self.refuse()
            else:
                await self.listen()
        told = {**asdict(ledger.counts), "fault": ledger.fault, "struck": ledger.struck}
        writer.write(json.dumps(told).encode() + b"\n")
        await writer.drain()
        writer.close()


async def _serve(options: argparse.Namespace) -> None:
    ledger = Ledger(options.log, options.letters, options.every, options.latency)
    server = _Server(ledger, options.host, options.port)
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    controlled = await asyncio.start_unix_server(server.control, options.control)
    await server.listen()
    print(server.port, flush=True)
    parent = os.getppid()
    while not ended.is_set() and os.getppid() == parent:  # it does not outlive whoever started it
        with suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), LOOK_EVERY)
    controlled.close()
    await server.refuse()
    ledger.close()


def main() -> None:
    """Run a sink until SIGTERM or SIGINT; the first line of output is its port."""
    parser = argparse.ArgumentParser(description="Take every mail, log it, and misbehave when told to.")
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--control", type=Path, required=True, help="unix socket")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--letters", type=Path, help="folder for the content of accepted mails")
    parser.add_argument("--every", type=int, default=1, help="of so many accepted mails one is kept")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds from acceptance to 250")
    asyncio.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    main()
