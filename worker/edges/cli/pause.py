"""`phin pause` and `phin resume`: entries and sending stop within a second, and go on where they stopped."""

from __future__ import annotations

import click

from worker.domain.errors import PhinError
from worker.edges.acting import operator
from worker.edges.cli.opening import opened
from worker.edges.cli.publish import tell_behind
from worker.edges.house import House
from worker.edges.presence import wait_for
from worker.language.yaml.suggestions import did_you_mean
from worker.storage import audit, flows


@click.command(short_help="Stop entries and sending of a flow, or of all.")
@click.argument("flow", required=False)
@click.option("--all", "everything", is_flag=True, help="All flows, and every mail.")
def pause(flow: str | None, everything: bool) -> None:
    """Stop entries and sending of FLOW, within a second; waits go on, mails that are due wait in the queue.

    With --all no mail at all goes out, those to staff neither.
    """
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
        rows = {row.name: row for row in flows.all_flows(connection)}
        if flow is not None and flow not in rows:
            known = sorted(rows)
            hint = did_you_mean(flow, known) or f"there are: {', '.join(known) or 'none'}"
            raise PhinError(f"there is no published flow '{flow}'; {hint}")
        now = house.clock.now()
        catalogue = flows.set_paused(connection, flow, paused, now)
        on = "everything" if flow is None else f"flow {flow}"
        audit.write(connection, operator(), "paused" if paused else "resumed", on, now)
        all_held = bool(flows.switches(connection).get(flows.PAUSED))
    followers = wait_for(house, catalogue)
    what = "everything" if flow is None else f"'{flow}'"
    back = "--all" if flow is None else flow
    if paused:
        click.echo(
            f"{what} is paused {followers.told()}: nobody enters, nothing is sent, waits go on. "
            f"'phin resume {back}' goes on."
        )
    else:
        click.echo(f"{what} goes on {followers.told()}{_still(flow, rows, all_held)}")
    tell_behind(house, followers)


def _still(flow: str | None, rows: dict[str, flows.FlowRow], all_held: bool) -> str:
    """Return what holds a flow, or some of all, though it was told to go on."""
    if flow is None:
        alone = sorted(row.name for row in rows.values() if row.paused_at is not None)
        return f", but for what is paused by itself: {', '.join(alone)}" if alone else ""
    if all_held:
        return ", once 'phin resume --all' lets everything go on"
    status = rows[flow].status
    return "" if status == "live" else f", but its file says: status: {status}, or is gone"


commands = (pause, resume)
