"""Flows from the command line: which are live, publish them, pause and resume."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

import click
from rich import box
from rich.console import Console
from rich.table import Table

from worker.domain.errors import PhinError, Severity
from worker.edges import publishing
from worker.edges.cli.opening import opened
from worker.edges.house import House
from worker.edges.moments import moment
from worker.language.diagnostics import as_text
from worker.storage import flows, journeys
from worker.storage.flows import FlowRow

_FILES = {"broken": "file has errors", "gone": "file is gone"}


@click.command("flows", short_help="Tell which flows are live, and who is under way.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def list_flows(as_json: bool) -> None:
    """Tell which version of which flow is live, since when, and how many customers are under way."""
    with opened("flows") as house:
        standing = _standing(house)
        if as_json:
            click.echo(json.dumps([_as_json(one) for one in standing], ensure_ascii=False, indent=2))
            return
        if not standing:
            click.echo("No flow is published yet; 'phin publish' publishes those in the flows folder.")
            return
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for name in ("flow", "state", "version", "since"):
            table.add_column(name)
        table.add_column("under way", justify="right")
        for one in standing:
            older = f" ({one.older:,} on older versions)" if one.older else ""
            colour = {"live": "green", "draft": "dim"}.get(one.state, "yellow")
            version = f"v{one.row.version.number}" if one.row else ""
            since = moment(one.since, house.settings.shop) if one.since else ""
            said = f"[{colour}]{one.state}[/]" + (f" [red]{_FILES[one.file]}[/]" if one.file in _FILES else "")
            table.add_row(one.name, said, version, since, f"{one.under_way:,}{older}")
        console = Console()
        console.print(table)
        if any(one.held == "everything" for one in standing):
            console.print("[yellow]Everything is paused; 'phin resume --all' goes on.[/]")
        if any(one.file == "broken" for one in standing):
            console.print("[red]Files with errors: the last good version runs on. 'phin check' tells what is wrong.[/]")


@click.command(short_help="Make the flows' files what every process runs.")
def publish() -> int:
    """Make what the flows' files say what every process runs, within two seconds on all machines."""
    with opened("publish") as house:
        done = publishing.publish(house)
        for problem in done.problems:
            if problem.severity is Severity.ERROR:
                click.echo(as_text(problem), err=True)
        for segment in done.segment_changes:
            click.echo(f"segment {segment.segment}: {segment.change}")
        for change in done.changes:
            click.echo(f"{change.flow} v{change.number}: {change.change}")
        changed = done.changes or done.segment_changes
        click.echo(publishing.summary(done) + ("" if changed else " · nothing changed"))
        return 1 if done.broken or done.segments_broken else 0


@click.command(short_help="Stop entries and sending of a flow, or of all.")
@click.argument("flow", required=False)
@click.option("--all", "everything", is_flag=True, help="All flows, and every mail.")
def pause(flow: str | None, everything: bool) -> None:
    """Stop entries and sending of FLOW, within a second; waits go on, mails that are due wait in the queue."""
    with opened("pause") as house:
        _set(house, flow, everything, True)


@click.command(short_help="Go on with a flow, or with all.")
@click.argument("flow", required=False)
@click.option("--all", "everything", is_flag=True, help="All flows, and every mail.")
def resume(flow: str | None, everything: bool) -> None:
    """Go on with FLOW: what waited in the queue is sent, unless it expired."""
    with opened("resume") as house:
        _set(house, flow, everything, False)


def _set(house: House, flow: str | None, everything: bool, paused: bool) -> None:
    if (flow is None) == (not everything):
        raise click.UsageError("name a flow, or say --all")
    with house.database.writing() as connection:
        names = [row.name for row in flows.all_flows(connection)]
        if flow is not None and flow not in names:
            raise PhinError(f"there is no flow '{flow}'; there are: {', '.join(names) or 'none'}")
        flows.set_paused(connection, flow, paused, house.clock.now())
    what = "Everything" if everything else f"'{flow}'"
    back = "--all" if everything else flow
    click.echo(
        f"{what} is paused: nobody enters, nothing is sent, waits go on. 'phin resume {back}' goes on."
        if paused
        else f"{what} goes on."
    )


@dataclass(frozen=True, slots=True)
class _Standing:
    """How a flow stands: as published, by hand, and by its file here.

    Parameters:
        row: as published; None for a file that was never without errors.
        held: by whom it is held though its file says live: `hand`, `everything`, or nobody.
        file: `here`, `broken` or `gone`.
    """

    name: str
    row: FlowRow | None
    held: str | None
    file: str
    under_way: int
    older: int

    @property
    def state(self) -> str:
        if self.row is None:
            return "not published"
        return {"hand": "paused by hand", "everything": "paused with everything"}.get(self.held or "", self.row.status)

    @property
    def since(self) -> datetime | None:
        return None if self.row is None else self.row.paused_at or self.row.changed_at


def _standing(house: House) -> list[_Standing]:
    library = publishing.read_flows(house)
    with house.database.reading() as connection:
        rows = {row.name: row for row in flows.all_flows(connection)}
        under_way = journeys.count_under_way(connection)
        everything = bool(flows.switches(connection).get(flows.PAUSED))
    found = []
    for name in sorted({*rows, *library.broken}):
        row = rows.get(name)
        held = (
            "hand" if row and row.paused_at else "everything" if everything and row and row.status == "live" else None
        )
        file = "broken" if name in library.broken else "here" if name in library.flows else "gone"
        counts = {version: count for (flow, version), count in under_way.items() if flow == name}
        older = sum(count for version, count in counts.items() if row is None or version != row.version.id)
        found.append(_Standing(name, row, held, file, sum(counts.values()), older))
    return found


def _as_json(one: _Standing) -> dict[str, object]:
    return {
        "flow": one.name,
        "state": "paused" if one.held else one.row.status if one.row else "not published",
        "paused_by": one.held or ("file" if one.row and one.row.status == "paused" else None),
        "file": one.file,
        "version": one.row.version.number if one.row else None,
        "since": one.since.isoformat() if one.since else None,
        "under_way": one.under_way,
        "under_way_on_older_versions": one.older,
    }


commands = (list_flows, publish, pause, resume)
