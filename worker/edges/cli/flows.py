"""Flows from the command line: which are live, publish them, pause and resume."""

from __future__ import annotations

import json

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


@click.command("flows", short_help="Tell which flows are live, and who is under way.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def list_flows(as_json: bool) -> None:
    """Tell which version of which flow is live, since when, and how many customers are under way."""
    with opened("flows") as house:
        with house.database.reading() as connection:
            rows = flows.all_flows(connection)
            under_way = journeys.count_under_way(connection)
            all_paused = bool(flows.switches(connection).get(flows.PAUSED))
        counted = {row.name: sum(n for (name, _), n in under_way.items() if name == row.name) for row in rows}
        older = {
            row.name: sum(n for (name, v), n in under_way.items() if name == row.name and v != row.version.id)
            for row in rows
        }
        if as_json:
            click.echo(json.dumps([_as_json(row, counted, older) for row in rows], ensure_ascii=False, indent=2))
            return
        if not rows:
            click.echo("No flow is published yet; 'phin publish' publishes those in the flows folder.")
            return
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for name in ("flow", "state", "version", "since"):
            table.add_column(name)
        table.add_column("under way", justify="right")
        for row in rows:
            count = f"{counted[row.name]:,}" + (f" ({older[row.name]:,} on older versions)" if older[row.name] else "")
            state = _state(row)
            colour = {"live": "green", "draft": "dim"}.get(state, "yellow")
            since = moment(row.changed_at, house.settings.shop)
            table.add_row(row.name, f"[{colour}]{state}[/]", f"v{row.version.number}", since, count)
        console = Console()
        if all_paused:
            console.print("[yellow]Everything is paused; 'phin resume --all' goes on.[/]")
        console.print(table)


@click.command(short_help="Make the flows' files what every process runs.")
def publish() -> int:
    """Make what the flows' files say what every process runs, within two seconds on all machines."""
    with opened("publish") as house:
        done = publishing.publish(house)
        for problem in done.problems:
            if problem.severity is Severity.ERROR:
                click.echo(as_text(problem), err=True)
        for change in done.changes:
            click.echo(f"{change.flow} v{change.number}: {change.change}")
        click.echo(publishing.summary(done) + ("" if done.changes else " · nothing changed"))
        return 1 if done.broken else 0


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


def _state(row: FlowRow) -> str:
    return "paused by hand" if row.paused_at is not None else row.status


def _as_json(row: FlowRow, counted: dict[str, int], older: dict[str, int]) -> dict[str, object]:
    return {
        "flow": row.name,
        "state": "paused" if row.paused_at is not None else row.status,
        "version": row.version.number,
        "since": row.changed_at.isoformat(),
        "under_way": counted[row.name],
        "under_way_on_older_versions": older[row.name],
    }


commands = (list_flows, publish, pause, resume)
