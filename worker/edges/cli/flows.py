"""`phin flows`: which version of what is live, since when, and how many are under way on which version."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import click
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from worker.domain.errors import PhinError
from worker.domain.setting_groups import Shop
from worker.edges import presence, publishing
from worker.edges.cli.opening import opened
from worker.edges.house import House
from worker.edges.moments import moment
from worker.language.yaml.suggestions import did_you_mean
from worker.storage import flows, journey_counts, publications
from worker.storage.flows import FlowRow
from worker.storage.publications import PublicationRow

_FILES = {"broken": "file has errors", "gone": "file is gone"}
_PUBLICATIONS = 20  # that are shown of a flow


@click.command("flows", short_help="Tell which flows are live, and who is under way.")
@click.argument("flow", required=False)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def list_flows(flow: str | None, as_json: bool) -> None:
    """Tell which version of which flow is live, since when, and how many customers are under way on which version.

    Of one FLOW: all its versions, and what was published when and by whom.
    """
    with opened("flows") as house:
        standing = _standing(house)
        if flow is not None:
            _one(house, standing, flow, as_json)
        elif as_json:
            click.echo(json.dumps([_as_json(one) for one in standing], ensure_ascii=False, indent=2))
        elif not standing:
            click.echo("No flow is published yet; 'phin publish' publishes those in the flows folder.")
        else:
            _all(house, standing)


@dataclass(frozen=True, slots=True)
class _Standing:
    """How a flow stands: as published, by hand, and by its file here.

    Parameters:
        row: as published; None for a file that was never without errors.
        held: by whom it is held though its file says live: `hand`, `everything`, or nobody.
        file: `here`, `broken` or `gone`.
        under_way: customers by the number of the version that they are on.
        taken_back: the publication that the file still says and that is left alone; None where there is none.
    """

    name: str
    row: FlowRow | None
    held: str | None
    file: str
    under_way: Mapping[int, int]
    taken_back: PublicationRow | None

    @property
    def state(self) -> str:
        if self.row is None:
            return "not published"
        return {"hand": "paused by hand", "everything": "paused with everything"}.get(self.held or "", self.row.status)

    @property
    def since(self) -> datetime | None:
        return None if self.row is None else self.row.paused_at or self.row.changed_at

    @property
    def older(self) -> int:
        """How many are under way on versions that new entries do not use."""
        live = None if self.row is None else self.row.version.number
        return sum(count for number, count in self.under_way.items() if number != live)

    @property
    def word(self) -> str:
        """How it stands in one word; who holds it is a note beneath the table."""
        return "paused" if self.held else self.state

    def notes(self) -> Iterator[str]:
        """Yield what there is to say of it beside its line: by whom it is held, its file, older versions."""
        if self.held == "hand":
            yield f"[yellow]paused by hand; 'phin resume {escape(self.name)}' goes on[/]"
        if self.file in _FILES:
            yield f"[red]{_FILES[self.file]}[/]"
        if self.taken_back:
            yield f"[yellow]v{self.taken_back.number} taken back[/]"
        if self.older:
            each = sorted(self.under_way.items(), reverse=True)
            yield f"under way on {', '.join(f'v{number}: {count:,}' for number, count in each if count)}"


def _standing(house: House) -> list[_Standing]:
    library = publishing.read_flows(house)
    with house.database.reading() as connection:
        rows = {row.name: row for row in flows.all_flows(connection)}
        under_way = journey_counts.count_under_way_by_number(connection)
        everything = bool(flows.switches(connection).get(flows.PAUSED))
        taken_back = publications.held(connection, list(rows))
    found = []
    for name in sorted({*rows, *library.broken}):
        row = rows.get(name)
        held = (
            "hand" if row and row.paused_at else "everything" if everything and row and row.status == "live" else None
        )
        file = "broken" if name in library.broken else "here" if name in library.flows else "gone"
        rests = next(iter(taken_back.get(name, ())), None)
        found.append(_Standing(name, row, held, file, under_way.get(name, {}), rests))
    return found


def _all(house: House, standing: list[_Standing]) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("flow", overflow="fold")
    for name in ("state", "version", "since"):
        table.add_column(name, no_wrap=True)
    table.add_column("under way", justify="right", no_wrap=True)
    for one in standing:
        version = f"v{one.row.version.number}" if one.row else ""
        since = moment(one.since, house.settings.shop) if one.since else ""
        table.add_row(escape(one.name), _state(one, one.word), version, since, f"{sum(one.under_way.values()):,}")
    console = Console()
    console.print(table)
    for one in standing:
        for note in one.notes():
            console.print(f"{escape(one.name)}: {note}", soft_wrap=True, highlight=False)
    if any(one.held == "everything" for one in standing):
        console.print("[yellow]Everything is paused; 'phin resume --all' goes on.[/]")
    if any(one.file == "broken" for one in standing):
        console.print("[red]Files with errors: the last good version runs on. 'phin check' tells what is wrong.[/]")
    if any(one.older for one in standing):
        console.print("Whoever is on an older version stays on it; 'phin migrate FLOW' moves them.")
    console.print(_followed_by(house))


def _state(one: _Standing, words: str) -> str:
    colour = {"live": "green", "draft": "dim"}.get(one.state, "yellow")
    return f"[{colour}]{words}[/]"


def _followed_by(house: House) -> str:
    rows = presence.alive(house)
    if not rows:
        return "[yellow]No process runs that would follow them.[/]"
    names: dict[str, int] = {}
    for row in rows:
        kind = row.name.split(" ")[0]
        names[kind] = names.get(kind, 0) + 1
    told = ", ".join(kind if count == 1 else f"{count} × {kind}" for kind, count in names.items())
    hosts = {row.host for row in rows}
    where = f" on {len(hosts)} machines" if len(hosts) > 1 else ""
    return f"Followed by {len(rows)} process{'' if len(rows) == 1 else 'es'}{where}: {told}."


def _one(house: House, standing: list[_Standing], name: str, as_json: bool) -> None:
    one = next((one for one in standing if one.name == name), None)
    if one is None:
        known = [one.name for one in standing]
        hint = did_you_mean(name, known) or f"there are: {', '.join(known) or 'none'}"
        raise PhinError(f"there is no published flow '{name}'; {hint}")
    with house.database.reading() as connection:
        kept = flows.versions_of(connection, name)
        past = publications.of_flow(connection, name, _PUBLICATIONS)
    if as_json:
        whole = _as_json(one) | {
            "versions": [_version_as_json(one, version) for version in kept],
            "publications": [_publication_as_json(row) for row in past],
        }
        click.echo(json.dumps(whole, ensure_ascii=False, indent=2))
        return
    shop = house.settings.shop
    console = Console()
    file = f" · [red]{_FILES[one.file]}[/]" if one.file in _FILES else ""
    since = f" since {moment(one.since, shop)}" if one.since else ""
    console.print(f"[bold]{escape(name)}[/] · {_state(one, one.state)}{since}{file}")
    table = Table("version", "made", "", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("under way", justify="right")
    live = one.row.version.number if one.row else None
    for version in kept:
        mark = "new entries use it" if version.number == live else ""
        count = one.under_way.get(version.number, 0)
        table.add_row(f"v{version.number}", moment(version.published_at, shop), mark, f"{count:,}")
    console.print(table)
    if past:
        log = Table("published", "by", "what", "", box=box.SIMPLE_HEAD, pad_edge=False)
        for row in past:
            log.add_row(moment(row.at, shop), escape(row.by), _what(row), _taken_back(row, shop))
        console.print(log)
    if one.taken_back is not None:
        console.print(
            f"The file still says v{one.taken_back.number}, which was taken back: it is left alone until it changes, "
            f"or by 'phin publish {escape(name)}'."
        )


def _what(row: PublicationRow) -> str:
    came = f"v{row.before_number} → v{row.number}" if row.before_number not in (None, row.number) else f"v{row.number}"
    return f"{came} {row.change}"


def _taken_back(row: PublicationRow, shop: Shop) -> str:
    if row.taken_back_at is None:
        return ""
    return f"[yellow]taken back {moment(row.taken_back_at, shop)} by {escape(row.taken_back_by or '')}[/]"


def _as_json(one: _Standing) -> dict[str, Any]:
    return {
        "flow": one.name,
        "state": "paused" if one.held else one.row.status if one.row else "not published",
        "paused_by": one.held or ("file" if one.row and one.row.status == "paused" else None),
        "file": one.file,
        "version": one.row.version.number if one.row else None,
        "since": one.since.isoformat() if one.since else None,
        "under_way": sum(one.under_way.values()),
        "under_way_on_older_versions": one.older,
        "under_way_by_version": {str(number): count for number, count in sorted(one.under_way.items())},
        "taken_back": one.taken_back.number if one.taken_back else None,
    }


def _version_as_json(one: _Standing, version: flows.VersionRow) -> dict[str, Any]:
    return {
        "version": version.number,
        "made": version.published_at.isoformat(),
        "new_entries": one.row is not None and one.row.version.number == version.number,
        "under_way": one.under_way.get(version.number, 0),
    }


def _publication_as_json(row: PublicationRow) -> dict[str, Any]:
    return {
        "at": row.at.isoformat(),
        "by": row.by,
        "version": row.number,
        "status": row.status,
        "before": row.before_number,
        "change": row.change,
        "taken_back": row.taken_back_at.isoformat() if row.taken_back_at else None,
        "taken_back_by": row.taken_back_by,
    }


commands = (list_flows,)
