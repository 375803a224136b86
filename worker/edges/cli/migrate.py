"""`phin migrate`: customers under way moved to the version that new entries use, told beforehand and asked for."""

from __future__ import annotations

import click
from rich.console import Console
from rich.progress import Progress

from worker.edges.acting import operator
from worker.edges.cli.opening import opened
from worker.edges.cli.painting import coloured, warning
from worker.edges.house import House
from worker.engine.migrating import Group, Migrating, Plan
from worker.language.yaml.diagnostics import counted
from worker.storage import audit


@click.command(short_help="Move customers under way to the live version.")
@click.argument("flow")
@click.option("--map", "maps", multiple=True, metavar="OLD=NEW", help="Put those at step OLD at the wait NEW instead.")
@click.option("--dry-run", is_flag=True, help="Tell what would be done, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def migrate(context: click.Context, flow: str, maps: tuple[str, ...], dry_run: bool, yes: bool) -> None:
    """Move the customers under way in FLOW to the version that new entries use, by the names of its steps.

    It tells first where each would land, and asks. Whoever waits keeps the time at which the wait ends; where the wait
    is another one in the new version, the time is reckoned anew from when they came to it. Who stands at a step that is
    gone stays, unless --map tells where to put them. Mails in the queue stay there.
    """
    with opened("migrate") as house:
        migrating = Migrating(house.database, house.settings, flow, _read_maps(maps))
        plan = migrating.plan(house.clock.now())
        for line in _told(plan):
            click.echo(line)
        if not plan.moving or dry_run:
            return
        if not yes and not click.confirm(f"Move {counted(plan.moving, 'customer')} to v{plan.number} now?"):
            click.echo("nothing is changed")
            context.exit(1)
        moved = _move(house, migrating, plan)
        with house.database.writing() as connection:
            detail = {"version": plan.number, "moved": moved}
            audit.write(connection, operator(), "journeys moved", f"flow {flow}", house.clock.now(), **detail)
        gone_on = plan.moving - moved
        beside = f"; {gone_on:,} had ended meanwhile or came to a step where they stay" if gone_on else ""
        click.echo(f"moved {counted(moved, 'customer')} to {flow} v{plan.number}{beside}")


def _read_maps(maps: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in maps:
        old, equals, new = (part.strip() for part in one.partition("="))
        if not (old and equals and new):
            raise click.UsageError(f"--map takes OLD=NEW, two names of steps, and not '{one}'")
        if old in found:
            raise click.UsageError(f"--map tells twice where those at '{old}' go")
        found[old] = new
    return found


def _told(plan: Plan) -> list[str]:
    others = sum(len(one.journeys) for one in plan.groups)
    head = f"{coloured(plan.flow, bold=True)} v{plan.number} is what new entries use"
    if not others:
        under_way = f"all {plan.here:,} under way are on it" if plan.here else "nobody is under way"
        return [f"{head}; {under_way}: there is nobody to move"]
    lines = [f"{head}; under way on other versions: {others:,}, on this one: {plan.here:,}"]
    width = max(len(f"{len(one.journeys):,}") for one in plan.groups)
    for one in plan.groups:
        count = f"{len(one.journeys):,}".rjust(width)
        if one.stays is None:
            lands = "" if one.where == one.lands else f" → {one.lands}"
            lines.append(f"  v{one.version} → v{plan.number}  {count}  {one.where}{lands}{_over(one)}")
        else:
            lines.append(warning(f"  v{one.version} stay   {count}  {one.where}: {one.stays}{_remedy(one)}"))
    return lines


def _over(one: Group) -> str:
    return f" ({one.over:,} of them go on at once: by then they have waited long enough)" if one.over else ""


def _remedy(one: Group) -> str:
    return f"; --map {one.step}=STEP puts them elsewhere" if one.step else ""


def _move(house: House, migrating: Migrating, plan: Plan) -> int:
    moved = 0
    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("moving", total=plan.moving)
        for count in migrating.run(plan, house.clock.now):
            moved += count
            progress.update(bar, advance=count)
    return moved


commands = (migrate,)
