"""The limit of this machine: what a campaign costs the least sender in Python that still keeps a ledger.

    python -m bench.sketch [--mails 20000] [--rounds 3]

Phin's mail of 7 KB goes out by a sketch without queue, rules, relays, journal and retries. Two processes claim and mark
a hundred rows of a SQLite (WAL, synchronous=FULL) in the commit that settles the hundred before, render them with two
compiled Jinja templates, sign three tracked links, the pixel and the mail's pages, write MIME by hand, and speak SMTP
with each mail's commands behind the final dot of the one before, where the server offers PIPELINING. After a crash it
could not tell what became of the hundred in hand.

In the same minute, and into the same sink, smtp-source hands over as many mails of the same size by one connection and
by four, as in `bench.sending`. What the sketch reaches of that is what no sender in Python goes beyond by much on this
machine; what Phin reaches of the sketch is what its promises cost.
"""

from __future__ import annotations

import argparse
import fcntl
import random
import re
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from jinja2 import Environment

from bench.sending import CONNECTIONS, source
from bench.support.campaign import NAME, write_template
from bench.support.mail_values import SHOP
from bench.support.noise import Noise
from bench.support.postfix_tools import tools_if_any
from bench.support.raw_sink import raw_sink
from worker.delivery.enclosures import base64_lines
from worker.delivery.templates.compile import Compiler
from worker.delivery.templates.sources import Sources
from worker.delivery.templates.text_part import tidy
from worker.delivery.tokens import Tokens, Use

BATCH, PROCESSES, BASE = 100, 2, "https://m.shop.example"
_LINK = re.compile(r"\{% \d+ filter _tracked\((\d)\) %}.*?\{% \d+ endfilter %}")
_ROW = "id INTEGER PRIMARY KEY, email TEXT, name TEXT, state TEXT, marked_at REAL, settled_at REAL, answer TEXT"
_CLAIM = (
    "UPDATE message SET state = 'transmitting', marked_at = ? WHERE id IN"
    f" (SELECT id FROM message WHERE state = 'queued' ORDER BY id LIMIT {BATCH}) RETURNING id, email, name"
)
_SETTLE = "UPDATE message SET state = 'sent', settled_at = ?, answer = ? WHERE id = ?"
_HEAD = """From: The Coffee <chao@thecoffee.example>\r
To: =?utf-8?b?{name}?= <{email}>\r
Subject: =?utf-8?b?{subject}?=\r
Date: Mon, 01 Mar 2027 14:00:00 +0700\r
Message-ID: <{number:032x}@thecoffee.example>\r
Auto-Submitted: auto-generated\r
Feedback-ID: bench-campaign:thecoffee.example:marketing:phin-0badcafe\r
List-Id: <bench-campaign.thecoffee.example>\r
List-Unsubscribe: <{refusal}>\r
List-Unsubscribe-Post: List-Unsubscribe=One-Click\r
MIME-Version: 1.0\r
Content-Type: multipart/alternative;\r
 boundary="=_{mark}"\r
"""
_UNSEEN = """<a href="{{ links[0] }}" rel="nofollow" aria-hidden="true" tabindex="-1" style="display:none"></a>\
<img src="{{ pixel }}" width="1" height="1" alt="" style="display:block;width:1px;height:1px;border:0">"""
_TYPE = "\r\n--=_{mark}\r\nContent-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"


def writer(folder: Path) -> Callable[[int, str, str], bytes]:
    """Return what writes the mail of a row, from the template that `bench.sending` sends."""
    (folder / "templates").mkdir()
    write_template(folder)
    parts = Compiler(folder / "templates", SHOP).compile(NAME, "vi", Sources(folder / "templates", "vi")).parts
    environment = Environment(autoescape=True)
    environment.filters["money"] = lambda amount, _: f"{amount:,} ₫".replace(",", ".")
    environment.globals["shop"] = SHOP.model_dump()
    assert parts.text is not None
    sources = (parts.html.text.source.replace("</body>", f"{_UNSEEN}</body>"), tidy(parts.text.text.source))
    plain = [re.sub(r"(\{\{|\{%) \d+ ", r"\1 ", _LINK.sub(r"{{ links[\1] }}", one)) for one in sources]
    html, text = (environment.from_string(one) for one in plain)
    tokens = Tokens([b"sketch"])
    utm = f"utm_source=phin&utm_medium=email&utm_campaign={NAME}&utm_content=send-{NAME}"
    targets = [SHOP.website, *(f"{SHOP.website}/products/{one}?{utm}" for one in ("arabica", "robusta", "phin"))]

    def write(number: int, email: str, name: str) -> bytes:
        first = name.split()[-1]
        subject, refusal = f"[QC] {first} ơi, cà phê vụ mới đã về", f"{BASE}/u/{tokens.unsubscribe(number)}"
        shown = {
            "links": [f"{BASE}/c/{tokens.click(number, at, one)}" for at, one in enumerate(targets)],
            "pixel": f"{BASE}/o/{tokens.open(number)}.gif",
            "unsubscribe_url": refusal,
            "preferences_url": f"{BASE}/p/{tokens.page(Use.PREFERENCES, number)}",
            "customer": {"first_name": first},
            "message": {"subject": subject},
        }
        mark = f"{random.getrandbits(96):024x}"
        words = {what: base64_lines(said.encode()).decode() for what, said in (("name", name), ("subject", subject))}
        head = _HEAD.format(**words, email=email, number=number, refusal=refusal, mark=mark)
        bodies = [base64_lines(one.render(shown).replace("\n", "\r\n").encode()) for one in (text, html)]
        kinds = [_TYPE.format(mark=mark, kind=kind).encode() for kind in ("plain", "html")]
        return b"".join((head.encode(), kinds[0], bodies[0], kinds[1], bodies[1], f"\r\n--=_{mark}--\r\n".encode()))

    return write


def send(folder: Path, port: int) -> None:
    """Send what is queued, as one of the processes; prints its seconds of CPU, and when it was done."""
    write = writer(Path(tempfile.mkdtemp(dir=folder)))
    database = sqlite3.connect(folder / "sketch.db", isolation_level=None, timeout=30)
    database.execute("PRAGMA synchronous=FULL")
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.recv(1000)
    connection.sendall(b"EHLO sketch\r\n")
    pipelining = b"PIPELINING" in connection.recv(1000)
    print("ready", flush=True)
    sys.stdin.readline()
    began = time.process_time()
    settled: list[tuple[float, str, int]] = []
    with (folder / "turn").open("w") as turn:
        while True:
            fcntl.flock(turn, fcntl.LOCK_EX)
            database.execute("BEGIN IMMEDIATE")
            database.executemany(_SETTLE, settled)
            claimed = database.execute(_CLAIM, (time.time(),)).fetchall()
            database.execute("COMMIT")
            fcntl.flock(turn, fcntl.LOCK_UN)
            if not claimed:
                break
            mails = [(number, email, write(number, email, name)) for number, email, name in claimed]
            settled = list(hand_over(connection, mails, pipelining))
    print(time.process_time() - began, time.time(), flush=True)


def hand_over(
    connection: socket.socket, mails: list[tuple[int, str, bytes]], pipelining: bool
) -> Iterator[tuple[float, str, int]]:
    """Speak SMTP; yields what is settled."""
    opening = [[b"MAIL FROM:<b@m.shop.example>\r\n", b"RCPT TO:<%s>\r\n" % m[1].encode(), b"DATA\r\n"] for m in mails]
    groups = [[b"".join(one)] if pipelining else one for one in opening]

    def ask(data: bytes, replies: int) -> bytes:
        connection.sendall(data)
        said = b""
        while said.count(b"\n") < replies:
            said += connection.recv(65536)
        return said

    ahead = False
    for at, (number, _, content) in enumerate(mails):
        if not ahead:
            for command in groups[at]:
                ask(command, 3 if pipelining else 1)
        ahead = pipelining and at + 1 < len(mails)
        said = ask(content + b".\r\n" + (groups[at + 1][0] if ahead else b""), 4 if ahead else 1)
        answer = said.partition(b"\r\n")[0].decode()
        assert answer.startswith("250"), answer
        yield time.time(), answer, number


def fill(folder: Path, mails: int) -> None:
    """Queue so many mails in a new database."""
    for old in folder.glob("sketch.db*"):
        old.unlink()
    with sqlite3.connect(folder / "sketch.db") as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute(f"CREATE TABLE message ({_ROW})")
        database.execute("CREATE INDEX queued ON message (id) WHERE state = 'queued'")
        rows = ((n, f"khach{n}@example.com", f"Nguyễn Thị Lan {n}", "queued") for n in range(1, mails + 1))
        database.executemany("INSERT INTO message (id, email, name, state) VALUES (?, ?, ?, ?)", rows)
    database.close()


def sketch(folder: Path, port: int, mails: int) -> tuple[float, float]:
    """Send so many mails; returns mails a second, and milliseconds of CPU a mail."""
    fill(folder, mails)
    command = [sys.executable, "-m", "bench.sketch", "--folder", str(folder), "--port", str(port)]
    senders = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(PROCESSES)
    ]
    for one in senders:
        assert one.stdout is not None and one.stdout.readline() == "ready\n"
    began = time.time()
    for one in senders:
        assert one.stdin is not None
        one.stdin.write("\n")
        one.stdin.flush()
    told = [one.communicate()[0].split() for one in senders]
    cpu, seconds = sum(float(one[0]) for one in told), max(float(one[1]) for one in told) - began
    with sqlite3.connect(folder / "sketch.db") as database:
        (sent,) = database.execute("SELECT count(*) FROM message WHERE state = 'sent'").fetchone()
    assert sent == mails, f"{sent} of {mails} were sent"
    return mails / seconds, 1000 * cpu / mails


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mails", type=int, default=20_000, help="mails of a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)  # of one of the processes
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.folder:
        send(options.folder, options.port)
        return
    tools = tools_if_any()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        port = stack.enter_context(tools.sink() if tools else raw_sink())
        size = len(writer(Path(tempfile.mkdtemp(dir=folder)))(1, "khach1@example.com", "Nguyễn Thị Lan 1"))
        heads = "".join(f"{f'smtp-source -s {many}':>18}{'ratio':>8}" for many in CONNECTIONS if tools)
        print(f"{options.mails:,} mails of {size:,} bytes by {PROCESSES} processes")
        print(f"{'':<12}{'mails/s':>10}{'CPU ms':>10}{heads}")
        found, noise = [], Noise()
        for number in range(options.rounds):
            theirs = [source(tools, port, options.mails, size, many) for many in CONNECTIONS] if tools else []
            found.append((*sketch(folder, port, options.mails), *theirs))
            tell(f"round {number + 1}", found[-1])
        tell("median", tuple(statistics.median(column) for column in zip(*found, strict=True)))
        print(noise.told())


def tell(what: str, figures: tuple[float, ...]) -> None:
    """Print a line of the table."""
    rate, cpu, *theirs = figures
    ratios = "".join(f"{one:>18,.0f}{rate / one:>8.2f}" for one in theirs)
    print(f"{what:<12}{rate:>10,.0f}{cpu:>10.3f}{ratios}", flush=True)


if __name__ == "__main__":
    main()
