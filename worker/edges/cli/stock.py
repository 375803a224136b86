"""`phin stock`: what the shop told of its articles; tell of one by hand."""

from __future__ import annotations

import json

import click
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from worker.domain.stock import StockFault, StockWord, read_stock
from worker.edges.cli.opening import opened
from worker.edges.moments import counted, moment
from worker.engine.stocking import take_stock
from worker.storage import stock as rows


@click.group("stock", invoke_without_command=True, short_help="Show which articles are out of stock; tell of one.")
@click.option("--all", "everything", is_flag=True, help="Those that are there, too.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_context
def stock(context: click.Context, everything: bool, as_json: bool) -> None:
    """Show the articles that the shop has none of. Those that it never told of are taken to be there."""
    if context.invoked_subcommand is not None:
        return
    with opened("stock") as house:
        with house.database.reading() as connection:
            found = rows.listed(connection, out=not everything)
        if as_json:
            click.echo(json.dumps([_as_json(one) for one in found], ensure_ascii=False, indent=2))
            return
        if not found:
            none = "The shop told of no article yet" if everything else "No article is out of stock"
            click.echo(f"{none}: POST /v1/stock or 'phin stock tell SKU 0' tells of one.")
            return
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for place, name in enumerate(("article", "", "quantity", "since")):
            table.add_column(name, justify="right" if place == 2 else "left", no_wrap=True)
        for one in found:
            state = "[green]in stock[/]" if one.available else "[red]out of stock[/]"
            quantity = "–" if one.quantity is None else f"{one.quantity:f}".rstrip("0").rstrip(".")
            table.add_row(escape(one.sku), state, quantity, moment(one.at, house.settings.shop))
        Console().print(table)


@stock.command("tell", context_settings={"ignore_unknown_options": True})  # `-3` is a wrong quantity, no option
@click.argument("sku")
@click.argument("quantity", metavar="QUANTITY|in|out")
def tell(sku: str, quantity: str) -> None:
    """Tell of an article: how many there are, or `in` or `out`."""
    words = {"in": {"available": True}, "out": {"available": False}}
    with opened("stock") as house:
        now = house.clock.now()
        word = read_stock({"sku": sku, **words.get(quantity.lower(), {"quantity": quantity})}, now)
        if isinstance(word, StockFault) and word.field == "quantity":
            raise click.UsageError(f"'{quantity}' is no QUANTITY: that is a number from 0, 'in' or 'out'")
        if isinstance(word, StockFault):
            raise click.UsageError(f"'{sku}' with '{quantity}' cannot be taken: {word.field} {word.error}".strip())
        with house.database.writing() as connection:
            changed, work = take_stock(connection, house.flowbook, [word])
        house.queue.enqueue(work)
        state = "in stock" if word.available else "out of stock"
        click.echo(f"{word.sku} is {state}{' now' if changed else ', as before'}.")
        if work.journeys:
            click.echo(f"{counted(len(work.journeys), 'journey')} of flows that ask for stock look again.")


def _as_json(one: StockWord) -> dict[str, object]:
    quantity = None if one.quantity is None else float(one.quantity)
    return {"sku": one.sku, "available": one.available, "quantity": quantity, "told_at": one.at.isoformat()}


commands = (stock,)
