"""A process that sends whatever is due and ends: what one thread of a worker does in a campaign."""

from __future__ import annotations

import os
import sys

from worker.edges.environment import read_home
from worker.edges.house import House


def main() -> None:
    """Wait for the word on standard input, send, end."""
    house = House(read_home(os.environ))
    _ = house.sending
    print("ready", flush=True)
    sys.stdin.readline()
    house.sending.run_due()
    house.close()


if __name__ == "__main__":
    main()
