"""`phin why`: for every flow, what was seen and decided for one customer."""

from __future__ import annotations

import dataclasses
import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from worker.domain.customers import Customer
from worker.domain.errors import PhinError
from worker.edges.cli.opening import opened
from worker.edges.house import House
from worker.edges.telling import tell
from worker.storage import customers
from worker.storage.stories import Story, story

FURTHER = 4  # columns that the further lines of a long one are set in


@click.command(short_help="Tell why a customer did or did not get a mail.")
@click.argument("customer")
@click.option("--flow", "only", help="Tell of this flow alone.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def why(customer: str, only: str | None, as_json: bool) -> None:
    """Tell for every flow why CUSTOMER (the shop's id, an e-mail address, or #12) did or did not get its mails."""
    with opened("why") as house:
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
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


commands = (why,)
