"""`phin`: its commands, gathered.

A command is a line in `COMMANDS`; another package adds its own by an entry point of the group `phin.commands`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import metadata

import click

from worker.edges.cli import (
    audience,
    backtest,
    check,
    coupons,
    diff,
    flows,
    graph,
    importing,
    migrate,
    new,
    pause,
    predictions,
    preview,
    processes,
    publish,
    report,
    schema,
    seasons,
    segments,
    send_test,
    signin,
    tasks,
    test,
    unknown,
    webhooks,
    why,
)
from worker.edges.cli.running import run
from worker.edges.house import version
from worker.edges.var import UMASK

COMMANDS = (
    *processes.commands,
    *check.commands,
    *audience.commands,
    *backtest.commands,
    *coupons.commands,
    *diff.commands,
    *flows.commands,
    *graph.commands,
    *importing.commands,
    *migrate.commands,
    *new.commands,
    *pause.commands,
    *predictions.commands,
    *preview.commands,
    *publish.commands,
    *report.commands,
    *schema.commands,
    *seasons.commands,
    *segments.commands,
    *send_test.commands,
    *signin.commands,
    *tasks.commands,
    *test.commands,
    *why.commands,
    *unknown.commands,
    *webhooks.commands,
)
ENTRY_POINTS = "phin.commands"


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(version(), prog_name="Phin", message="%(prog)s %(version)s")
def phin() -> None:
    """Drip marketing for web shops: flows are YAML files, a worker beside the shop runs them.

    Settings are in config/phin.yaml of the folder where phin is run (or PHIN_HOME); each can be set by a
    variable too, `port` by PHIN_PORT.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command that was typed, and leave with its exit status; what it writes is for this user alone."""
    os.umask(UMASK)
    for command in COMMANDS:
        phin.add_command(command)
    for entry_point in metadata.entry_points(group=ENTRY_POINTS):
        phin.add_command(entry_point.load())
    sys.exit(run(phin, arguments))
