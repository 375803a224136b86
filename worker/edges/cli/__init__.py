"""The command line: `phin` and its commands, a module for each group of them."""

from worker.edges.cli.main import main

__all__ = ["main"]
