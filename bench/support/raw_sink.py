"""An SMTP sink that only looks for dots: it costs little beside what is measured.

As a process of its own (`python -m bench.support.raw_sink [LOG]`) it prints its port and runs until it is
terminated. With a log it appends a line `seconds-since-1970 recipient` when it has read a mail's final dot.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_REPLIES = {
    b"EHLO": b"250-raw-sink\r\n250 PIPELINING\r\n",
    b"MAIL": b"250 ok\r\n",
    b"RCPT": b"250 ok\r\n",
    b"RSET": b"250 ok\r\n",
    b"QUIT": b"221 bye\r\n",
}
_END = b"\r\n.\r\n"
_RECIPIENT = re.compile(rb"RCPT TO:<([^>]*)>", re.I)


@contextmanager
def raw_sink(log: Path | None = None) -> Iterator[int]:
    """Run the sink in a process, and give its port."""
    command = [sys.executable, "-m", "bench.support.raw_sink", *([] if log is None else [str(log)])]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()


def arrivals(log: Path) -> dict[str, float]:
    """Return when each recipient's first mail was there, in seconds since 1970."""
    found: dict[str, float] = {}
    for line in log.read_text().splitlines() if log.exists() else ():
        at, _, recipient = line.partition(" ")
        found.setdefault(recipient, float(at))
    return found


def _serve(connection: socket.socket, log: int | None) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(b"220 raw-sink\r\n")
    buffer = bytearray()
    in_content = False
    searched = 0
    recipient = b""
    while received := _received(connection):
        buffer += received
        replies = b""
        while True:
            if in_content:
                end = buffer.find(_END, searched)
                if end < 0:
                    searched = max(0, len(buffer) - len(_END))
                    break
                del buffer[: end + len(_END)]
                in_content, searched = False, 0
                replies += b"250 taken\r\n"
                if log is not None:
                    os.write(log, b"%f %s\n" % (time.time(), recipient))
            else:
                end = buffer.find(b"\r\n")
                if end < 0:
                    break
                verb = bytes(buffer[:4]).upper()
                if verb == b"RCPT" and (named := _RECIPIENT.match(buffer)):
                    recipient = bytes(named[1])
                del buffer[: end + 2]
                in_content = verb == b"DATA"
                replies += b"354 go on\r\n" if in_content else _REPLIES.get(verb, b"500 what?\r\n")
        if replies:
            connection.sendall(replies)


def _received(connection: socket.socket) -> bytes:
    """Return what came; nothing where the other side is gone."""
    try:
        return connection.recv(1 << 18)
    except ConnectionResetError:
        return b""


def main() -> None:
    """Take every mail until terminated; the first line of output is the port."""
    log = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) if sys.argv[1:] else None
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_serve, args=(connection, log), daemon=True).start()


if __name__ == "__main__":
    main()
