"""A receiver of webhooks: a real HTTP server that answers as the test says, and keeps what it was told."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Received:
    """What the receiver got, and how it answers: statuses in their order, the last one for ever."""

    url: str = ""
    statuses: list[int] = field(default_factory=lambda: [200])
    headers: dict[str, str] = field(default_factory=dict)
    hangs: float = 0.0  # seconds before it answers
    drips: int = 0  # bytes of an endless answer, one at a time
    requests: list[tuple[dict[str, str], str]] = field(default_factory=list)


@contextmanager
def receiver() -> Iterator[Received]:
    """Run a receiver on a free port of this machine."""
    got = Received()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            status = got.statuses[min(len(got.requests), len(got.statuses) - 1)]
            got.requests.append(({name.lower(): value for name, value in self.headers.items()}, body))
            time.sleep(got.hangs)
            try:
                self.send_response(status)
                for name, value in got.headers.items():
                    self.send_header(name, value)
                if not got.drips:
                    self.send_header("content-length", "2")
                self.end_headers()
                for _ in range(got.drips):
                    self.wfile.write(b"x")
                    self.wfile.flush()
                    time.sleep(0.02)
                if not got.drips:
                    self.wfile.write(b"ok")
            except OSError:
                pass  # whoever asked has left

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    got.url = f"http://127.0.0.1:{server.server_port}/told"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield got
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
