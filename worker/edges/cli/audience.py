"""`phin audience`: whom a flow would enter, counted before it does."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import click
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from worker.domain.errors import FileError, PhinError
from worker.domain.flows import Flow, FlowStatus
from worker.domain.triggers import EventTrigger, SegmentTrigger
from worker.edges import publishing
from worker.edges.cli.opening import opened
from worker.edges.house import House
from worker.edges.moments import day as day_in_words
from worker.engine.previewing import Person, Preview, preview
from worker.language.yaml.suggestions import did_you_mean

SHOWN = 10  # customers of each trigger
_DAY = click.DateTime(["%Y-%m-%d"])


@click.command(short_help="Count whom a flow would enter, and show ten of them.")
@click.argument("flow")
@click.option("--at", "day", type=_DAY, metavar="DATE", help="The day to look at; by default the next that comes.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def audience(flow: str, day: datetime | None, as_json: bool) -> None:
    """Count whom the triggers of FLOW would enter, as its file is now, and show ten of each; nobody enters by it.

    Conditions are asked with the facts as they are now and the time of the turn.
    """
    with opened("audience") as house:
        read = _flow(house, flow)
        on = None if day is None else day.date()
        with house.database.reading() as connection:
            house.flowbook.follow(connection)
            around, opt_out = house.surroundings(), house.settings.policy.opt_out
            seasons, now = house.seasons(), house.clock.now()
            found = preview(connection, around, read, seasons, now, on, SHOWN, opt_out=opt_out)
        if as_json:
            click.echo(json.dumps([_as_json(one) for one in found], ensure_ascii=False, indent=2))
            return
        console = Console()
        if read.status is not FlowStatus.LIVE:
            console.print(f"[yellow]'{flow}' is {read.status.value}: nobody enters it yet.[/]")
        for one in found:
            _show(console, house, read, one, on)


def _flow(house: House, name: str) -> Flow:
    library = publishing.read_flows(house)
    if name in library.flows:
        return library.flows[name].flow
    if name in library.broken:
        raise FileError(tuple(one for one in library.problems if f"/{name}." in one.place.file))
    known = [*library.flows, *library.broken]
    hint = did_you_mean(name, known) or f"there are: {', '.join(sorted(known)) or 'none'}"
    raise PhinError(f"there is no flow '{name}'; {hint}")


def _show(console: Console, house: House, flow: Flow, one: Preview, asked: date | None) -> None:
    console.print(f"[bold]{escape(flow.name)}[/] · {escape(str(one.trigger))}")
    if isinstance(one.trigger, EventTrigger):
        console.print("  starts when the shop reports it, one customer at a time: nobody to count beforehand\n")
        return
    if isinstance(one.trigger, SegmentTrigger):
        console.print(
            f"  whoever comes into it; 'phin segments {escape(one.trigger.segment)}' tells who is in it now\n"
        )
        return
    if one.day is None:
        when = f"on {day_in_words(_noon(asked))}" if asked else "any more"
        console.print(f"  does not come {when}\n")
        return
    console.print(f"  {_when(house, one)}   [bold]{_customers(one.counts.customers)}[/]")
    for line in _left_out(one):
        console.print(f"  {line}")
    if one.people:
        skipped = any(person.skipped for person in one.people)
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for column in ("customer", "name", "e-mail", "language", "zone", "at", *(["mail"] if skipped else [])):
            table.add_column(column, no_wrap=column in ("customer", "e-mail", "at"))
        for person in one.people:
            table.add_row(*(escape(cell) for cell in _cells(house, person, one)[: len(table.columns)]))
        console.print(table)
    more = one.counts.customers - len(one.people)
    console.print(f"  … and {more:,} more\n" if more and one.people else "")


def _when(house: House, one: Preview) -> str:
    """Return the day, and by the shop's clock the time, of which there is one for each zone that has somebody."""
    assert one.day is not None
    said = day_in_words(_noon(one.day))
    if one.first is None or one.last is None:
        return said
    first, last = (_time(at, one, house.settings.shop.timezone) for at in (one.first, one.last))
    return f"{said}, {first}" if first == last else f"{said}, {first} to {last} here"


def _time(at: datetime, one: Preview, zone: str) -> str:
    """Return a time of the turn's day; with the day where in this zone it is another."""
    local = at.astimezone(ZoneInfo(zone))
    return f"{local:%H:%M}" if local.date() == one.day else f"{local:%d.%m. %H:%M}"


def _left_out(one: Preview) -> list[str]:
    counts = one.counts
    parts = [
        f"{number:,} {what}"
        for number, what in (
            (counts.entered, "entered before"),
            (counts.no_consent, "without consent"),
            (counts.suppressed, "suppressed"),
            (counts.no_address, "without an e-mail address"),
        )
        if number
    ]
    left = counts.customers - counts.entered - counts.no_consent - counts.suppressed - counts.no_address
    return [f"[green]{left:,} would get mail[/], not [yellow]{' · '.join(parts)}[/]"] if parts else []


def _cells(house: House, person: Person, one: Preview) -> list[str]:
    customer, shop = person.customer, house.settings.shop
    return [
        customer.external_id or f"#{customer.id}",
        customer.name or customer.first_name or "",
        _hidden(customer.email),
        customer.language or f"({shop.language})",
        customer.timezone or f"({shop.timezone})",
        _time(person.moment, one, person.zone),
        person.skipped.value if person.skipped else "",
    ]


def _hidden(email: str | None) -> str:
    """Return enough of an address to know one's own by: `l…@example.com`."""
    local, at, domain = (email or "").partition("@")
    return f"{local[:1]}…@{domain}" if at else ""


def _customers(count: int) -> str:
    return f"{count:,} customer" + ("" if count == 1 else "s")


def _noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12)  # noqa: DTZ001 -- a day of the calendar, only to be written out


def _as_json(one: Preview) -> dict[str, Any]:
    counts = one.counts
    return {
        "trigger": str(one.trigger),
        "day": one.day.isoformat() if one.day else None,
        "first": one.first.isoformat() if one.first else None,
        "last": one.last.isoformat() if one.last else None,
        "customers": counts.customers,
        "entered_before": counts.entered,
        "skipped": {
            "no consent": counts.no_consent,
            "suppressed": counts.suppressed,
            "no address": counts.no_address,
        },
        "people": [
            {
                "id": person.customer.external_id or f"#{person.customer.id}",
                "name": person.customer.name,
                "email": _hidden(person.customer.email),
                "language": person.customer.language,
                "timezone": person.customer.timezone,
                "at": person.moment.isoformat(),
                "skipped": person.skipped.value if person.skipped else None,
            }
            for person in one.people
        ],
    }


commands = (audience,)
