"""Memory and CPU of a whole `phin up` at rest.

    python -m bench.at_rest [--seconds 60]

Memory is PSS, each process's share of what it has with others; CPU is of one core.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import psutil

from tests.support.phin_up import make_home, phin_up

SETTLE = 15.0  # seconds after the start before anything is measured


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description="Measure Phin at rest.")
    parser.add_argument("--seconds", type=int, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, phin_up(make_home(Path(folder))) as up:
        time.sleep(SETTLE)
        family = [psutil.Process(up.process.pid), *up.family()]
        before = {one.pid: sum(one.cpu_times()[:2]) for one in family}
        time.sleep(options.seconds)
        total_memory = total_cpu = 0.0
        print(f"{'process':<24} {'PSS MB':>8} {'CPU %':>8}")
        for one in family:
            memory = one.memory_full_info().pss / 1e6
            cpu = 100 * (sum(one.cpu_times()[:2]) - before[one.pid]) / options.seconds
            total_memory, total_cpu = total_memory + memory, total_cpu + cpu
            name = " ".join(one.cmdline())[:60]
            print(f"{name.split('/')[-1][:24]:<24} {memory:>8.1f} {cpu:>8.2f}")
        print(f"{'all':<24} {total_memory:>8.1f} {total_cpu:>8.2f}")


if __name__ == "__main__":
    main()
