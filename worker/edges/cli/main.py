"""`phin`: what it is, and how what was typed is run; its commands are listed in `worker.edges.cli.commands`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from worker.edges.cli.commands import Commands
from worker.edges.cli.running import run
from worker.edges.terminal import guard_tables
from worker.edges.var import UMASK


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="phin", prog_name="Phin", message="%(prog)s %(version)s")
def phin() -> None:
    """Drip marketing for web shops: flows are YAML files, a worker beside the shop runs them.

    Settings are in config/phin.yaml of the folder where phin is run (or PHIN_HOME); each can be set by a
    variable too, `port` by PHIN_PORT.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command that was typed, and leave with its exit status; what it writes is for this user alone."""
    os.umask(UMASK)
    guard_tables()
    sys.exit(run(phin, arguments))
