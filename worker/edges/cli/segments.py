"""`phin segments`: how many customers are in each segment, and who is in one."""

from __future__ import annotations

import json
from dataclasses import dataclass

import click
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from worker.domain.errors import PhinError
from worker.domain.segments import in_language, named
from worker.edges.cli.opening import opened
from worker.edges.house import House
from worker.edges.moments import moment, share
from worker.language.yaml.suggestions import did_you_mean
from worker.storage import segments
from worker.storage.segments import Member, SegmentRow

SHOWN = 10  # members of one segment


@dataclass(frozen=True, slots=True)
class _Counted:
    """A segment with the number of its members; `flows` are those that start when somebody comes in."""

    row: SegmentRow
    members: int
    customers: int
    flows: tuple[str, ...]

    @property
    def share(self) -> float:
        return self.members / self.customers if self.customers else 0.0

    @property
    def counted(self) -> bool:
        """Whether every customer has been looked at since the segment last changed."""
        return self.row.filled


@click.command("segments", short_help="Count who is in each segment, or list who is in one.")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def list_segments(name: str | None, as_json: bool) -> None:
    """Tell how many customers are in each segment; with NAME what it asks for, and ten who came in last."""
    with opened("segments") as house:
        found = _counted(house)
        if name is not None:
            one = next((one for one in found if one.row.name == name), None)
            if one is None:
                known = [one.row.name for one in found]
                hint = did_you_mean(name, known) or f"there are: {', '.join(known) or 'none'}"
                raise PhinError(f"there is no segment '{name}'; {hint}")
            with house.database.reading() as connection:
                members = segments.members(connection, name, SHOWN)
            if as_json:
                told = _as_json(one) | {"latest": [_member_as_json(member) for member in members]}
                click.echo(json.dumps(told, ensure_ascii=False, indent=2))
            else:
                _show_one(house, one, members)
        elif as_json:
            click.echo(json.dumps([_as_json(one) for one in found], ensure_ascii=False, indent=2))
        else:
            _show_all(house, found)


def _counted(house: House) -> list[_Counted]:
    with house.database.reading() as connection:
        catalogue = house.flowbook.follow(connection)
        rows = [row for row in segments.all_segments(connection) if not row.gone]
        counts = segments.counts(connection)
        customers = segments.customers_count(connection)
    return [
        _Counted(
            row,
            counts.get(row.name, 0),
            customers,
            tuple(version.flow.name for version, trigger in catalogue.coming_in if trigger.segment == row.name),
        )
        for row in rows
    ]


def _show_all(house: House, found: list[_Counted]) -> None:
    if not found:
        click.echo("No segment is published yet; write them into config/segments.yaml, then run 'phin publish'.")
        return
    language = house.settings.shop.language
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("segment", no_wrap=True)
    table.add_column("title")
    table.add_column("customers", justify="right", no_wrap=True)
    table.add_column("share", justify="right", no_wrap=True)
    table.add_column("starts", overflow="fold")
    for one in found:
        title = in_language(one.row.title, language) or ""
        members, part = (f"{one.members:,}", share(one.share)) if one.counted else ("counting", "")
        table.add_row(one.row.name, escape(title), members, part, ", ".join(one.flows))
    console = Console()
    console.print(table)
    console.print(
        f"of {found[0].customers:,} customers · 'phin segments NAME' tells what one asks for, and who is in it"
    )
    if not all(one.counted for one in found):
        console.print("[yellow]'counting': the clock is looking through all customers; it must run.[/]")


def _show_one(house: House, one: _Counted, members: list[Member]) -> None:
    shop, console = house.settings.shop, Console()
    row = one.row
    console.print(f"[bold]{row.name}[/]  {escape(in_language(row.title, shop.language) or '')}")
    about = in_language(row.about, shop.language)
    if about:
        console.print(f"  {escape(about)}")
    console.print(f"  {escape(row.expression)}", highlight=False)
    for inner, expression in _named(house, row).items():
        console.print(f"  [dim]{inner}: {escape(expression)}[/]", highlight=False)
    if one.flows:
        console.print(f"  starts {', '.join(one.flows)} when a customer comes in")
    if not one.counted:
        console.print("[yellow]  the clock is looking through all customers; these are those found so far[/]")
    checked = f", all looked at {moment(row.checked_at, shop)}" if row.checked_at else ""
    console.print(f"  {one.members:,} of {one.customers:,} customers ({share(one.share)}){checked}\n", highlight=False)
    if not members:
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("customer", "name", "e-mail", "in it since"):
        table.add_column(column, no_wrap=column != "name")
    for member in members:
        table.add_row(
            escape(member.external_id or f"#{member.id}"),
            escape(member.name or ""),
            escape(_veiled(member.email or "")),
            moment(member.since, shop),
        )
    console.print(table)
    if one.members > len(members):
        console.print(f"the {len(members)} who came in last; 'phin why CUSTOMER' tells more of one")


def _named(house: House, row: SegmentRow) -> dict[str, str]:
    """Return the conditions of the segments that one names, and of those that these name."""
    with house.database.reading() as connection:
        known = house.flowbook.follow(connection).segments
    found: dict[str, str] = {}
    waiting = [known[row.name]] if row.name in known else []
    while waiting:
        for name, _ in named(waiting.pop().tree):
            if name not in found and name != row.name and name in known:
                found[name] = known[name].text
                waiting.append(known[name])
    return found


def _veiled(email: str) -> str:
    """Return an address that can be told from others and not written to: `l…@example.com`."""
    local, at, domain = email.rpartition("@")
    return f"{local[:1]}…{at}{domain}" if at else ""


def _as_json(one: _Counted) -> dict[str, object]:
    row = one.row
    return {
        "segment": row.name,
        "title": dict(row.title),
        "about": dict(row.about),
        "when": row.expression,
        "counted": one.counted,
        "members": one.members,
        "share": round(one.share, 4),
        "checked_at": row.checked_at.isoformat() if row.checked_at else None,
        "starts": list(one.flows),
    }


def _member_as_json(member: Member) -> dict[str, object]:
    return {
        "id": member.external_id,
        "number": member.id,
        "name": member.name,
        "email": _veiled(member.email or "") or None,
        "since": member.since.isoformat(),
    }


commands = (list_segments,)
