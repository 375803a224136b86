"""`phin up` as it runs where forking is not safe: each child is a command of its own."""

from __future__ import annotations

from worker.edges import offspring
from worker.edges.cli import main

if __name__ == "__main__":
    offspring.FORKS = False
    main(["up"])
