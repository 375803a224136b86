"""`make chaos`: the long form, on both databases: with a queue that fails, with none at all, and with lost machines.

    python -m tests.chaos [--mails 20000] [--database sqlite|postgres] [--way failing-queue|no-queue|lost-machine] \
        [--seed 7]

Prints the sums as a table and writes them to var/chaos, with what was done in each trial. Ends with status 1 where a
promise was broken; the folder of that trial, with the logs of its processes and its SQLite database, is kept there.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from itertools import product

from tests.chaos.oracle import Sums
from tests.chaos.plan import Size, long_size, losing_size
from tests.chaos.trial import Trial
from tests.support.postgres import PostgresServer
from tests.support.processes import ROOT

FOLDER = ROOT / "var" / "chaos"
SEED = "PHIN_CHAOS_SEED"
ABSENT, LOST = "no-queue", "lost-machine"
WAYS = ["failing-queue", ABSENT, LOST]


def main() -> int:
    """Run the trials one after the other; returns the exit status."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started is ended on the way out
    parser = argparse.ArgumentParser(description="Kill and break everything while mails go out, and count.")
    parser.add_argument("--mails", type=int, default=20_000)
    parser.add_argument("--database", choices=["sqlite", "postgres"], help="only this one")
    parser.add_argument("--way", choices=WAYS, help="only this way")
    parser.add_argument("--seed", type=int, default=int(os.environ.get(SEED) or random.randrange(1_000_000)))
    options = parser.parse_args()
    databases = [options.database] if options.database else ["sqlite", "postgres"]
    ways = [options.way] if options.way else WAYS
    FOLDER.mkdir(parents=True, exist_ok=True)
    found: dict[str, Sums] = {}
    for database, way in product(databases, ways):
        name = f"{database}, {way}"
        print(f"== {name}: about {options.mails:,} mails, {SEED}={options.seed}", flush=True)
        size = (losing_size if way == LOST else long_size)(options.mails)
        found[name] = trial(name, size, options.seed, postgres=database == "postgres", queue=way != ABSENT)
    told = f"{SEED}={options.seed}, about {options.mails:,} mails\n\n{table(found)}\n"
    (FOLDER / "sums.txt").write_text(told, encoding="utf-8")
    print(f"\n{told}\nwritten to {FOLDER}/sums.txt")
    return 0 if all(sums.right for sums in found.values()) else 1


def trial(name: str, size: Size, seed: int, *, postgres: bool, queue: bool) -> Sums:
    """Run one trial in a folder of its own, which is kept where it went wrong."""
    label = name.replace(", ", "-")
    folder = FOLDER / label
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    server = PostgresServer(fsync=True) if postgres else None
    began = time.monotonic()
    with (FOLDER / f"{label}.txt").open("w", encoding="utf-8") as log:

        def tell(line: str) -> None:
            timed = f"{time.monotonic() - began:7.1f} s  {line}"
            print(timed, flush=True)
            print(timed, file=log, flush=True)

        try:
            sums = Trial(folder, size, seed, server=server, queue=queue, tell=tell).run()
        finally:
            if server is not None:
                server.close()
        print(sums.table(), flush=True)
        print(sums.table(), file=log)
    if sums.right:
        shutil.rmtree(folder, ignore_errors=True)
    return sums


def table(found: dict[str, Sums]) -> str:
    """Return the sums of several trials, a trial a column."""
    names = list(next(iter(found.values())).named)
    rows: list[Sequence[str]] = [("", *found)]
    rows += [(name, *(sums.named.get(name, "") for sums in found.values())) for name in names]
    rows.append(("promises broken", *(str(len(sums.faults)) for sums in found.values())))
    wide = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, wide, strict=True)).rstrip() for row in rows]
    return "\n".join([*lines, *(f"WRONG ({name}): {fault}" for name, sums in found.items() for fault in sums.faults)])


if __name__ == "__main__":
    sys.exit(main())
