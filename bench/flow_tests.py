"""Flow tests a second: copies of the shop's own tests, played in one process and in one for each core.

    python -m bench.flow_tests [--copies 100] [--flow NAME]

Reading the files, compiling the templates and making the database are told apart: they are done once.
"""

from __future__ import annotations

import argparse
import logging
import os
import time
from collections import Counter
from dataclasses import replace

import structlog

from worker.edges.environment import read_home
from worker.edges.rehearsing import read_shop
from worker.rehearsal.flow_tests import play
from worker.rehearsal.many import run_all
from worker.rehearsal.world import World


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description="Measure flow tests.")
    parser.add_argument("--copies", type=int, default=100)
    parser.add_argument("--flow", help="only tests of this flow")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    began = time.perf_counter()
    shop = read_shop(read_home(os.environ))
    print(f"reading {shop.library.files} flows and {len(shop.tests.tests)} tests: {time.perf_counter() - began:.2f} s")
    tests = [one for one in shop.tests.tests if options.flow in (None, one.flow)]
    began = time.perf_counter()
    world = World(shop.files)
    for one in tests:
        play(world, one)
    print(f"each test once, with all that is done once: {time.perf_counter() - began:.2f} s")
    spent: Counter[str] = Counter()
    for one in tests:
        start = time.process_time()
        for _ in range(5):
            play(world, one)
        spent[f"{one.flow}: {one.name}"] = round((time.process_time() - start) / 5 * 1_000_000)
    world.close()
    for name, microseconds in spent.most_common():
        print(f"{microseconds / 1000:>8.1f} ms  {name}")
    mean = sum(spent.values()) / len(spent) / 1000
    print(f"{mean:>8.1f} ms of a core on average: {1000 / mean:,.0f} tests a second")
    copies = [replace(one, name=f"{one.name} ({copy})") for copy in range(options.copies) for one in tests]
    for jobs in sorted({1, os.cpu_count() or 1}):
        began = time.perf_counter()
        results = list(run_all(shop.files, copies, jobs))
        seconds = time.perf_counter() - began
        failed = sum(not one.verdict.passed for one in results)
        rate = len(results) / seconds
        print(f"{len(results):,} tests in {jobs} process(es): {seconds:.1f} s, {rate:,.0f} a second, {failed} failed")


if __name__ == "__main__":
    main()
