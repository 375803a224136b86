"""How quickly mails are handed over: mails a second and our own CPU for each, beside Postfix's smtp-source.

    python -m bench.smtp [--mails 20000] [--size 20000] [--group 50]

Both hand over to the same sink in the same run, over one connection; the sink's own pace is a limit for both. A real
journal is kept on disk.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from bench.support.postfix_tools import PostfixTools, tools_if_any
from bench.support.raw_sink import raw_sink
from worker.delivery.journal import SenderJournal
from worker.delivery.smtp import SmtpTransport
from worker.delivery.transport import Outcome, Outgoing


def mails(count: int, size: int) -> list[Outgoing]:
    """Return mails of about this size, in lines as quoted-printable makes them."""
    lines = b"Xin ch=C3=A0o ch=E1=BB=8B, =C4=91=C6=A1n h=C3=A0ng =C4=91=C3=A3 l=C3=AAn.=\r\n"
    body = lines * (size // len(lines) + 1)
    return [
        Outgoing(
            number,
            "b+token@shop.example",
            f"customer{number}@example.com",
            b"From: shop@shop.example\r\nMessage-ID: <%d@shop.example>\r\n\r\n" % number + body,
            f"{number}@shop.example",
        )
        for number in range(count)
    ]


def hand_over(port: int, batch: list[Outgoing], group: int) -> None:
    """Hand the mails over in groups, as a sender does."""
    with tempfile.TemporaryDirectory() as folder:
        journal = SenderJournal(Path(folder), "bench")
        transport = SmtpTransport(f"smtp://127.0.0.1:{port}", timeout=30)
        for start in range(0, len(batch), group):
            for answer in transport.send(batch[start : start + group], journal):
                assert answer.outcome is Outcome.ACCEPTED, answer
            journal.forget()
        transport.close()
        journal.close()


def measure(name: str, count: int, work: Callable[[], None], who: int) -> None:
    """Run the work and print its figures; `who` is ourselves or our children (`getrusage`)."""
    before, began = resource.getrusage(who), time.perf_counter()
    work()
    seconds = time.perf_counter() - began
    after = resource.getrusage(who)
    user, system = after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime
    micro = 1e6 / count
    print(f"{name:<44} {count / seconds:>9,.0f} {user * micro:>9.0f} {system * micro:>9.0f}")


def compare(port: int, tools: PostfixTools | None, options: argparse.Namespace, title: str) -> None:
    """Print the figures of one sink."""
    batch = mails(options.mails, options.size)
    print(f"\n{title:<44} {'mails/s':>9} {'µs user':>9} {'µs system':>9}   a mail of {len(batch[0].content):,} bytes")
    for group in dict.fromkeys((options.group, 1)):
        name = f"Phin, groups of {group}"
        measure(name, options.mails, partial(hand_over, port, batch, group), resource.RUSAGE_SELF)
    if tools is not None:
        work = partial(tools.source, port, options.mails, options.size)
        measure("smtp-source", options.mails, work, resource.RUSAGE_CHILDREN)


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description="Measure the handing over of mails by SMTP.")
    parser.add_argument("--mails", type=int, default=20_000)
    parser.add_argument("--size", type=int, default=20_000, help="bytes of each")
    parser.add_argument("--group", type=int, default=50, help="mails in one call")
    options = parser.parse_args()
    tools = tools_if_any()
    if tools is None:
        with raw_sink() as port:
            compare(port, None, options, "into a sink of our own")
        return
    with ExitStack() as stack:
        compare(stack.enter_context(tools.sink()), tools, options, "into smtp-sink, pipelining")
        compare(stack.enter_context(tools.sink(pipelining=False)), tools, options, "into smtp-sink, one by one")


if __name__ == "__main__":
    main()
