"""`phin publish` and `phin rollback`: the files become what every process runs, and the way back."""

from __future__ import annotations

import click

from worker.domain.errors import PhinError
from worker.edges import publishing
from worker.edges.cli.opening import opened
from worker.edges.cli.painting import paint, warning
from worker.edges.house import House
from worker.edges.presence import Followers, wait_for
from worker.edges.publishing import Publication
from worker.engine.publishing import roll_back
from worker.language.library import flow_names
from worker.language.yaml.diagnostics import as_text, counted
from worker.language.yaml.suggestions import did_you_mean
from worker.storage import flows, journey_counts
from worker.storage.publications import PublicationRow


@click.command(short_help="Make the flows' files what every process runs.")
@click.argument("flow", nargs=-1)
@click.option("--only-valid", is_flag=True, help="Publish what can be used, and leave out the files with errors.")
def publish(flow: tuple[str, ...], only_valid: bool) -> None:
    """Make what the flows' files say what every process runs, within two seconds on all machines.

    Where a file has errors nothing is published, and each error is told. Named flows are published even where they
    were taken back by 'phin rollback'; without a name such a file is left alone until it says something else. Segments
    go along. 'phin diff' tells beforehand what would change. Exit status 1 where nothing could be published.
    """
    with opened("publish") as house:
        named = _known(house, flow) if flow else None
        errors = publishing.errors_before(house, named)
        for problem in errors:
            click.echo(as_text(problem, paint), err=True)
        if errors and not only_valid:
            raise PhinError(
                f"nothing is published: {counted(len(errors), 'error')} in the files; mend what stands above, "
                "or say --only-valid to publish the others"
            )
        done = publishing.publish(house, named=named)
        followers = None if done.catalogue is None else wait_for(house, done.catalogue)
        _tell(house, done, followers)


def _known(house: House, names: tuple[str, ...]) -> frozenset[str]:
    with house.database.reading() as connection:
        known = {row.name for row in flows.all_flows(connection)} | (flow_names(house.settings.flows) or set())
    for name in names:
        if name not in known:
            hint = did_you_mean(name, sorted(known)) or f"there are: {', '.join(sorted(known)) or 'none'}"
            raise PhinError(f"there is no flow '{name}'; {hint}")
    return frozenset(names)


def _tell(house: House, done: Publication, followers: Followers | None) -> None:
    for segment in done.segment_changes:
        click.echo(f"segment {segment.segment}: {segment.change}")
    for held in done.held:
        click.echo(warning(_held(held)))
    for change in done.changes:
        said = f"{change.flow} v{change.number} {_change(change.change)}"
        if len(done.changes) == 1 and followers is not None:
            back = f" · 'phin rollback {change.flow}' takes it back" if change.before is not None else ""
            click.echo(f"{said} {followers.told()}{back}")
        else:
            click.echo(said)
    if followers is not None:
        if len(done.changes) > 1:
            click.echo(
                f"{counted(len(done.changes), 'change')} {followers.told()} · 'phin rollback FLOW' takes one back"
            )
        tell_behind(house, followers)
    if not done.changes and not done.segment_changes:
        click.echo(f"nothing to publish: what runs says the same as the files · {publishing.summary(done)}")


def _change(change: str) -> str:
    """Return what became of a flow, as its line goes on after the version."""
    return {"new": "is new, live", "new version": "live", "live now": "live"}.get(change, change)


def _held(held: PublicationRow) -> str:
    by = f" by {held.taken_back_by}" if held.taken_back_by else ""
    return (
        f"{held.flow} v{held.number} is left out: it was taken back{by}, and the file says the same ever since; "
        f"'phin publish {held.flow}' publishes it again"
    )


def tell_behind(house: House, followers: Followers) -> None:
    """Tell of each process that has not said that it follows, and what to make of it."""
    for line in followers.who_is_behind(house.clock.machine()):
        click.echo(warning(f"  {line}"), err=True)
    if followers.behind:
        click.echo(
            warning("  one that runs follows with its next decision; one that is dead is no longer counted soon"),
            err=True,
        )


@click.command(short_help="Take the last publication of a flow back.")
@click.argument("flow")
def rollback(flow: str) -> None:
    """Take the last publication of FLOW back: new entries use what ran before it, within two seconds.

    Said again, it takes the one before back too. Journeys stay on the version that they entered with. The file is left
    as it is, and not published again before it says something else or somebody says 'phin publish FLOW'.
    """
    with opened("rollback") as house:
        (name,) = _known(house, (flow,))
        taken, catalogue = roll_back(house.database, name, house.clock.now(), by=publishing.whoever())
        followers = wait_for(house, catalogue)
        now = f"v{taken.before_number}"
        if taken.before_number == taken.number:
            now += f" {taken.before_status}, no longer {taken.status},"
        elif taken.before_status != "live":
            now += f" {taken.before_status}"
        else:
            now += " live again"
        click.echo(f"{name} v{taken.number} is taken back: {now} {followers.told()}")
        tell_behind(house, followers)
        with house.database.reading() as connection:
            under_way = journey_counts.count_under_way(connection).get((name, taken.version_id), 0)
        if under_way and taken.before_number != taken.number:
            click.echo(
                f"  {counted(under_way, 'customer')} under way on v{taken.number} stay on it; "
                f"'phin migrate {name}' would move them to v{taken.before_number}"
            )
        click.echo(f"  the file is not published again until it changes, or by 'phin publish {name}'")


commands = (publish, rollback)
