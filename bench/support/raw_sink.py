"""An SMTP sink that only counts dots: for machines without Postfix's smtp-sink.

As a process of its own (`python -m bench.support.raw_sink`) it prints its port and runs until it is terminated.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_REPLIES = {
    b"EHLO": b"250-raw-sink\r\n250 PIPELINING\r\n",
    b"MAIL": b"250 ok\r\n",
    b"RCPT": b"250 ok\r\n",
    b"RSET": b"250 ok\r\n",
    b"QUIT": b"221 bye\r\n",
}
_END = b"\r\n.\r\n"


@contextmanager
def raw_sink() -> Iterator[int]:
    """Run the sink in a process, and give its port."""
    with subprocess.Popen([sys.executable, "-m", "bench.support.raw_sink"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()


def _serve(connection: socket.socket) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(b"220 raw-sink\r\n")
    buffer = bytearray()
    in_content = False
    searched = 0
    while received := connection.recv(1 << 18):
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
            else:
                end = buffer.find(b"\r\n")
                if end < 0:
                    break
                verb = bytes(buffer[:4]).upper()
                del buffer[: end + 2]
                in_content = verb == b"DATA"
                replies += b"354 go on\r\n" if in_content else _REPLIES.get(verb, b"500 what?\r\n")
        if replies:
            connection.sendall(replies)


def main() -> None:
    """Take every mail until terminated; the first line of output is the port."""
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_serve, args=(connection,), daemon=True).start()


if __name__ == "__main__":
    main()
