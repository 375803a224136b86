"""`phin why`: for every flow, what was seen and decided for one customer."""

from __future__ import annotations

import dataclasses
import json
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.text import Text

from worker.domain.customers import Customer
from worker.domain.errors import PhinError
from worker.edges.cli.opening import opened
from worker.edges.entry_lines import tell_entries
from worker.edges.house import House
from worker.edges.telling import tell
from worker.engine.refusing import entries
from worker.language.yaml.suggestions import did_you_mean
from worker.storage import customers, flows
from worker.storage.flows import FlowRow
from worker.storage.stories import Story, story

LOOKS_BACK = timedelta(days=30)
_DAY = click.DateTime(["%Y-%m-%d"])
FURTHER = 4  # columns that the further lines of a long one are set in


@click.command(short_help="Tell why a customer got no mail, or nobody entered a flow.")
@click.argument("customer", required=False)
@click.option("--flow", "only", help="Of this flow alone; without CUSTOMER, who entered it and what kept others out.")
@click.option("--since", type=_DAY, metavar="DATE", help="Without CUSTOMER: from when on; by default the last 30 days.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def why(customer: str | None, only: str | None, since: datetime | None, as_json: bool) -> None:
    """Tell for every flow why CUSTOMER (the shop's id, an e-mail address, or #12) did or did not get its mails.

    'phin why --flow NAME' tells who entered a flow and what kept the others out, part by part of its condition.
    """
    if customer is None and only is None:
        raise click.UsageError("name a CUSTOMER, or a flow with --flow, or both")
    with opened("why") as house:
        if customer is None:
            assert only is not None
            _tell_entries(house, only, since, as_json)
            return
        found = _stories(house, customer)
        if only is not None:
            found = [_narrowed(one, only) for one in found]
        if as_json:
            click.echo(json.dumps([_plain(one) for one in found], ensure_ascii=False, indent=2))
            return
        console = Console()
        for one in found:
            for line in tell(one, house.settings.shop, house.clock.now()):
                for part in fitted(Text.assemble(*line), console):
                    console.print(part, soft_wrap=True)


def fitted(line: Text, console: Console) -> list[Text]:
    """Return a line in as many as the terminal needs, the further ones set in below where the first one's text begins;
    whole where nobody looks at it in a terminal."""
    if not console.is_terminal or line.cell_len <= console.width:
        return [line]
    inset = len(line.plain) - len(line.plain.lstrip()) + FURTHER
    first, *rest = line.wrap(console, console.width)
    left = Text(" ").join(rest)
    return [first, *(Text(" " * inset) + part for part in left.wrap(console, max(20, console.width - inset)))]


def _tell_entries(house: House, name: str, since: datetime | None, as_json: bool) -> None:
    """Tell who entered a flow and what kept the others out."""
    now, zone = house.clock.now(), ZoneInfo(house.settings.shop.timezone)
    begun = now - LOOKS_BACK if since is None else since.replace(tzinfo=zone)
    with house.database.reading() as connection:
        catalogue = house.flowbook.follow(connection)
        row = next((one for one in flows.all_flows(connection) if one.name == name), None)
        version = None if row is None else house.flowbook.version(connection, row.version.id)
        if row is None or version is None:
            names = [one.name for one in flows.all_flows(connection)]
            hint = did_you_mean(name, names) or f"there are: {', '.join(names) or 'none'}"
            raise PhinError(f"no flow '{name}' is published; {hint}")
        found = entries(connection, house.surroundings(), version.flow, house.seasons(), begun, now)
    state = "" if name in catalogue.running else _still(row, catalogue.all_held)
    if as_json:
        triggers = [str(one.trigger) for one in found.of_clock]
        told = {"flow": name, "version": version.number, "since": begun, "not_live": state or None, **_plain(found)}
        told["of_clock"] = [{**one, "trigger": said} for one, said in zip(told["of_clock"], triggers, strict=True)]
        click.echo(json.dumps(_plain(told), ensure_ascii=False, indent=2))
        return
    console = Console()
    for line in tell_entries(found, version.flow, state, begun, house.settings.shop):
        for part in fitted(Text.assemble(*line), console):
            console.print(part, soft_wrap=True)


def _still(row: FlowRow, all_held: bool) -> str:
    if all_held:
        return "everything is paused: nobody enters; 'phin resume --all' goes on"
    if row.paused_at is not None:
        return f"it is paused: nobody enters; 'phin resume {row.name}' goes on"
    return f"its file says status: {row.status}: nobody enters"


def _stories(house: House, word: str) -> list[Story]:
    with house.database.reading() as connection:
        people: list[Customer] = customers.find(connection, word)
        if not people:
            raise PhinError(f"no customer is known as '{word}'; name the shop's id, an e-mail address, or #number")
        triggers = house.flowbook.triggers(connection)
        return [story(connection, person, triggers, house.ask_now(connection, person)) for person in people]


def _narrowed(one: Story, flow: str) -> Story:
    kept = tuple(told for told in one.flows if told.flow == flow)
    if not kept:
        names = ", ".join(told.flow for told in one.flows) or "none"
        raise PhinError(f"there is no flow '{flow}'; there are: {names}")
    return dataclasses.replace(one, flows=kept)


def _plain(value: Any) -> Any:
    """Return a value as JSON knows it."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, frozenset):
        return sorted(_plain(item) for item in value)
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


commands = (why,)
