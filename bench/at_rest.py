"""Memory, CPU and wake-ups of a whole `phin up` at rest.

    python -m bench.at_rest [--seconds 60]

Memory is PSS, each process's share of what it has with others; CPU is of one core; a wake-up is a thread that waited
and got the processor. A house that was just started reads its templates first: what is measured begins after that.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import psutil

from bench.latency import cpu
from bench.support.noise import Noise
from tests.support.phin_up import PhinUp, make_home, phin_up

QUIET_FOR = 10.0  # seconds in which no process takes more than a fiftieth of a core: then it has settled
SETTLES_WITHIN = 600.0  # seconds; on a machine that is very busy the first start takes minutes


def settle(up: PhinUp) -> None:
    """Wait until a house that was just started has nothing to do."""
    end = time.monotonic() + SETTLES_WITHIN
    taken = 1.0
    while taken > QUIET_FOR / 50 and time.monotonic() < end:
        before = cpu(up)
        time.sleep(QUIET_FOR)
        taken = max(now - before.get(name, 0.0) for name, now in cpu(up).items())


def wake_ups(process: psutil.Process) -> int:
    """Return how often the threads of a process waited."""
    status = Path(f"/proc/{process.pid}/task").glob("*/status")
    lines = (line for one in status for line in one.read_text().splitlines())
    return sum(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt_switches"))


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description="Measure Phin at rest.")
    parser.add_argument("--seconds", type=int, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, phin_up(make_home(Path(folder))) as up:
        settle(up)
        family = [psutil.Process(up.process.pid), *up.family()]
        before = {one.pid: (sum(one.cpu_times()[:2]), wake_ups(one)) for one in family}
        noise = Noise()
        time.sleep(options.seconds)
        total_memory = total_cpu = total_woken = 0.0
        print(f"{'process':<24} {'PSS MB':>8} {'CPU %':>8} {'wake-ups/s':>11}")
        for one in family:
            memory = one.memory_full_info().pss / 1e6
            cpu = 100 * (sum(one.cpu_times()[:2]) - before[one.pid][0]) / options.seconds
            woken = (wake_ups(one) - before[one.pid][1]) / options.seconds
            total_memory, total_cpu, total_woken = total_memory + memory, total_cpu + cpu, total_woken + woken
            name = " ".join(one.cmdline())[:60]
            print(f"{name.split('/')[-1][:24]:<24} {memory:>8.1f} {cpu:>8.2f} {woken:>11.1f}")
        print(f"{'all':<24} {total_memory:>8.1f} {total_cpu:>8.2f} {total_woken:>11.1f}")
        print(noise.told())


if __name__ == "__main__":
    main()
