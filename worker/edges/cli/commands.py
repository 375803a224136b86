"""Which commands there are, where each stands and what the list says of it, known without loading any.

A command is a line in `COMMANDS`; another package adds its own by an entry point of the group `phin.commands`.
What a command needs takes a second to load, so only the one that was typed is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata

import click

from worker.edges.loading import load

ENTRY_POINTS = "phin.commands"


@dataclass(frozen=True, slots=True)
class Listed:
    """A command as the list shows it.

    Parameters:
        module: of this package; its `commands` holds the command.
        told: its short help, the same as the command's own.
        hidden: left out of the list.
    """

    name: str
    module: str
    told: str
    hidden: bool = False

    @property
    def path(self) -> str:
        """The module's whole name."""
        return f"{__package__}.{self.module}"

    def load(self) -> click.Command:
        """Return the command; its module is imported."""
        commands: Sequence[click.Command] = load(self.path).commands
        return next(command for command in commands if command.name == self.name)


COMMANDS = (
    Listed("audience", "audience", "Count whom a flow would enter, and show ten of them."),
    Listed("audit", "audit", "Show what staff and operators did."),
    Listed("backtest", "backtest", "Play the stored history through a flow that is not live yet."),
    Listed("backup", "backup", "Copy the database and made secrets while all runs."),
    Listed("bounce", "bounce", "Take a report of a returned mail from standard input."),
    Listed("bounces", "bounce", "Show mails that came back, and reports nobody could read."),
    Listed("check", "check", "Tell what is wrong with settings, flows, templates."),
    Listed("clock", "processes", "See to what is due, unsent or left behind."),
    Listed("consent", "consent", "Show what a customer agreed to and refused."),
    Listed("coupons", "coupons", "Count coupons, fill a pool of codes, find a code."),
    Listed("credits", "credits", "Show to which mails purchases are credited."),
    Listed("diff", "diff", "Tell what publishing would change, flow by flow."),
    Listed("doctor", "doctor", "Look whether all works, and say what to do where not."),
    Listed("dkim", "dkim", "Print the DNS records of the keys that sign mails."),
    Listed("flows", "flows", "Tell which flows are live, and who is under way."),
    Listed("follow", "processes", "Have flows and valid edits published; a part of phin up.", hidden=True),
    Listed("publish-files", "processes", "Publish the flows once; a part of phin up.", hidden=True),
    Listed("graph", "graph", "Draw a flow, with how many customers are where."),
    Listed("hits", "hits", "Show opens and clicks, and whose they are."),
    Listed("import", "importing", "Take customers and orders of the past from a CSV file."),
    Listed("migrate", "migrate", "Move customers under way to the live version."),
    Listed("new", "new", "Begin a flow from one that comes with Phin."),
    Listed("pause", "pause", "Stop entries and sending of a flow, or of all."),
    Listed("person", "person", "Copy or erase all that is known of a customer."),
    Listed("predictions", "predictions", "Tell who is foretold to buy again, and when."),
    Listed("preview", "preview", "Show a template as a customer would get it."),
    Listed("publish", "publish", "Make the flows' files what every process runs."),
    Listed("relays", "relays", "Show relays, what refuses our mail, rates and warm-up."),
    Listed("release", "processes", "Bring the database up to date and publish the flows."),
    Listed("report", "report", "Count who entered, what was sent, what came of it."),
    Listed("restored", "backup", "After a back-up was restored: send nothing twice."),
    Listed("resume", "pause", "Go on with a flow, or with all."),
    Listed("retention", "retention", "Tell how long things are kept, and what was cleared."),
    Listed("rollback", "publish", "Take the last publication of a flow back."),
    Listed("schema", "schema", "JSON Schemas of flows and settings, for editors."),
    Listed("seasons", "seasons", "Print the days of the shop's seasons."),
    Listed("segments", "segments", "Count who is in each segment, or list who is in one."),
    Listed("send-test", "send_test", "Send a template to yourself, marked as a test."),
    Listed("signin", "signin", "Print a link that signs a person in to the pages."),
    Listed("tasks", "tasks", "Show what the staff have to do; close, assign, put off."),
    Listed("stock", "stock", "Show which articles are out of stock; tell of one."),
    Listed("surveys", "surveys", "Count answers to the questions of mails."),
    Listed("test", "test", "Play the tests of the flows."),
    Listed("unknown", "unknown", "Show mails that nobody knows the outcome of."),
    Listed("up", "processes", "Start everything here with one command."),
    Listed("web", "processes", "Take events in, answer clicks and opens, show pages."),
    Listed("webhooks", "webhooks", "Show webhooks that were not taken; try them anew."),
    Listed("why", "why", "Tell why a customer got no mail, or nobody entered a flow."),
    Listed("worker", "processes", "Do what the queue asks for."),
)


class Commands(click.Group):
    """The group of all commands, each loaded when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, those of other packages among them."""
        return sorted({*super().list_commands(ctx), *(one.name for one in COMMANDS), *_of_others().names})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, loaded now if it was not; None where there is none of this name."""
        if cmd_name not in self.commands:
            listed = next((one for one in COMMANDS if one.name == cmd_name), None)
            if listed is not None:
                self.add_command(listed.load())
            else:
                for entry_point in _of_others().select(name=cmd_name):
                    self.add_command(entry_point.load(), cmd_name)
        return super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list; only commands of other packages are loaded for it."""
        listed = {one.name: one for one in COMMANDS}
        rows = []
        for name in self.list_commands(ctx):
            if (one := listed.get(name)) is not None:
                rows += [] if one.hidden else [(name, one.told)]
            elif (command := self.get_command(ctx, name)) is not None and not command.hidden:
                rows.append((name, command.get_short_help_str(formatter.width)))
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def load_all(self, ctx: click.Context) -> None:
        """Load every command: a process that forks shares with its children what it has loaded."""
        for name in self.list_commands(ctx):
            self.get_command(ctx, name)


def _of_others() -> metadata.EntryPoints:
    return metadata.entry_points(group=ENTRY_POINTS)
