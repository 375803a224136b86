"""Microseconds of CPU that each stage of sending takes of a mail, in one sender: a process of one thread.

    python -m bench.stages [--mails 2000] [--rounds 3] [--dkim] [--postgres]

A campaign's mail of 7 KB, with three tracked links, a pixel and one-click headers, goes from the queue to the sink of
`bench.support.raw_sink`. The stages' functions are wrapped from here and timed by the thread's CPU clock; a moment
belongs to the innermost function that is wrapped, and what lies in none to "the rest". cProfile was left out: it times
every call, and makes what calls much look dear; a sampler sees two thousand mails for a second or two, which is too
short for the small stages. What the clock itself costs is measured in the same process and taken off each stage.

Beside it the same number of mails is sent by a process in which nothing is wrapped, in turns. Each process sends in
portions of 48, the first of which is not measured; of all the others of its kind the quarter with the least CPU
counts, since a busy machine makes the same work dearer. The CPU of the database's server and of the sink is not in it,
and neither is waiting.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import fmean
from typing import Any

from sqlalchemy import func, select

from bench.support.campaign import fill, publish_campaign, write_template
from bench.support.clocked import REST, Clocked, call_cost
from bench.support.homes import ask_for_database, database_of, environment, house, make_home
from bench.support.noise import Noise
from bench.support.raw_sink import raw_sink
from worker.delivery import mime, preparing, sender
from worker.delivery.dkim import DkimSigner
from worker.delivery.headers import MailHeaders
from worker.delivery.journal import SenderJournal
from worker.delivery.links import MessageLinks
from worker.delivery.preparing import Preparing
from worker.delivery.rules import Rules
from worker.delivery.sender import Sender
from worker.delivery.smtp import SmtpTransport
from worker.delivery.struck import Struck
from worker.delivery.traffic import Traffic
from worker.edges.environment import read_home
from worker.edges.house import House
from worker.edges.offspring import prepare_to_fork
from worker.storage import claims, ledger
from worker.storage.database import Database
from worker.storage.tables import message

PORTION = 48  # mails: fewer than a sender goes on from by itself; so many go before it measures, too
DOMAIN = "mail.shop.example"
FACTS, RENDERING, LINKS, MIME, DKIM = "facts", "rendering", "links and tokens", "headers and MIME", "DKIM signatures"
TRAFFIC, RULES, SMTP, JOURNAL = "relays, breakers, rates", "rules", "SMTP conversation", "sender's journal"
CLAIM, MARK, SETTLE = "ledger: claim", "ledger: mark", "ledger: settle"
TRANSACTIONS, COLLECTOR = "transactions: begin, commit", "Python's collector of circles"
STAGES = (
    *(CLAIM, FACTS, RENDERING, LINKS, MIME, DKIM, TRAFFIC, RULES, MARK, TRANSACTIONS, SMTP, JOURNAL, SETTLE),
    *(COLLECTOR, REST),
)


def wrap(clocked: Clocked) -> None:
    """Time the functions that the stages are made of, in the order of sending."""
    clocked.function(CLAIM, claims, "claim", "claim_next", "longest_line")
    clocked.function(FACTS, Preparing, "load")
    clocked.function(FACTS, preparing, "template_values")
    clocked.function(RENDERING, Preparing, "_rendered")
    clocked.function(LINKS, MessageLinks, "tracked", "_page")
    clocked.properties(LINKS, MessageLinks, "pixel", "honeypot", "unsubscribe")
    clocked.function(LINKS, Preparing, "_links", "_return_path")
    clocked.function(MIME, MailHeaders, "message_id", "of")
    clocked.function(MIME, mime, "build")
    clocked.function(DKIM, DkimSigner, "sign")
    clocked.function(TRAFFIC, Traffic, "route", "admit", "note", "another_takes")
    clocked.function(TRAFFIC, Struck, "begin", "write", "written")
    clocked.function(RULES, Rules, "ask")
    clocked.function(RULES, sender, "hold_journeys")
    clocked.function(MARK, ledger, "mark")
    clocked.function(MARK, claims, "renew")
    clocked.context(TRANSACTIONS, Database, "writing")
    clocked.generator(SMTP, SmtpTransport, "send")
    clocked.function(JOURNAL, Sender, "handing", "answered")
    clocked.function(JOURNAL, SenderJournal, "forget")
    clocked.function(SETTLE, ledger, "settle")
    clocked.function(SETTLE, Rules, "listeners")
    clocked.collector(COLLECTOR)
    clocked.function(SETTLE, sender, "note_answer", "after_answer")


def one_sender(*, wrapped: bool) -> None:
    """Send what is queued, as a process of its own does; prints the seconds of CPU of each portion as JSON."""
    clocked, cost = Clocked(), 0.0
    if wrapped:
        cost = call_cost()
        wrap(clocked)
    prepare_to_fork()  # a worker is forked from a process that did so
    home = House(read_home(os.environ))
    with home.database.reading() as connection:
        queued = select(message.c.id).where(message.c.state == "queued").order_by(message.c.id)
        left = list(connection.execute(queued).scalars())
    home.sending.run(left[:PORTION])
    portions = []
    for start in range(PORTION, len(left), PORTION):
        clocked.reset()
        began = time.thread_time()
        home.sending.run(left[start : start + PORTION])
        cpu = time.thread_time() - began
        stages = clocked.shares(cost)
        portions.append({"cpu": cpu, "stages": stages})
    print(json.dumps(portions))
    home.close()


def _run(home: Path, settings: dict[str, str], word: str) -> list[dict[str, Any]]:
    said = subprocess.run(
        [sys.executable, "-m", "bench.stages", "--as", word],
        env=environment(home, **settings),
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    ).stdout
    found: list[dict[str, Any]] = json.loads(said.splitlines()[-1])
    return found


def _mail_size(home: Path, settings: dict[str, str]) -> int:
    """Capture one of the mails; returns its bytes."""
    made = house(home, **{name: value for name, value in settings.items() if name != "PHIN_SMTP_URL"})
    fill(made, publish_campaign(made), 1, 1)
    made.sending.run([1])
    (mail,) = (made.settings.var / "outbox").glob("*.eml")
    size = mail.stat().st_size
    made.close()
    return size


def measure(home: Path, settings: dict[str, str], options: argparse.Namespace) -> None:
    """Measure by turns and print the table."""
    write_template(home)
    size = _mail_size(home, settings)
    made = house(home, **settings)
    version = publish_campaign(made)
    found: dict[str, list[dict[str, Any]]] = {"plain": [], "wrapped": []}
    noise = Noise()
    each, at = (-(-options.mails // PORTION) + 1) * PORTION, 2
    for _ in range(options.rounds):
        for word, portions in found.items():
            fill(made, version, at, each)
            at += each
            portions += _run(home, settings, word)
    with made.database.reading() as connection:
        sent = connection.execute(select(func.count()).where(message.c.state == "sent")).scalar_one()
    assert sent == at - 1, f"{sent} of {at - 1} were sent"
    made.close()
    plain, wrapped = (_quietest(portions) for portions in found.values())
    stages = {name: fmean(one["stages"].get(name, 0.0) for one in wrapped) * 1e6 / PORTION for name in STAGES}
    total, unwrapped = sum(stages.values()), fmean(one["cpu"] for one in plain) * 1e6 / PORTION
    print(f"{'PostgreSQL' if options.postgres else 'SQLite'}, a mail of {size:,} bytes")
    print(f"{'stage':<30} {'µs a mail':>10} {'share':>7}")
    for name, spent in stages.items():
        if spent:
            print(f"{name:<30} {spent:>10.1f} {spent / total:>7.1%}")
    print(f"{'sum':<30} {total:>10.1f} {total / unwrapped:>7.1%} of what it is with nothing wrapped")
    print(f"{'with nothing wrapped':<30} {unwrapped:>10.1f}")
    print(noise.told())


def _quietest(portions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the quarter that took the least CPU: others on the machine make the same work dearer."""
    return sorted(portions, key=lambda one: float(one["cpu"]))[: max(1, len(portions) // 4)]


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mails", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dkim", action="store_true", help="sign each mail by RSA-2048 and Ed25519")
    parser.add_argument("--as", dest="role", choices=("plain", "wrapped"), help=argparse.SUPPRESS)
    ask_for_database(parser)
    options = parser.parse_args()
    if options.role:
        one_sender(wrapped=options.role == "wrapped")
        return
    with ExitStack() as stack:
        port = stack.enter_context(raw_sink())
        home = make_home(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        settings = database_of(stack, postgres=options.postgres)
        settings |= {"PHIN_SMTP_URL": f"smtp://127.0.0.1:{port}", "PHIN_BASE_URL": f"https://{DOMAIN}"}
        settings |= {"PHIN_BOUNCES_DOMAIN": f"bounces.{DOMAIN}"}
        settings |= {"PHIN_DKIM_SIGN": "true"} if options.dkim else {}
        measure(home, settings, options)


if __name__ == "__main__":
    main()
