"""`phin credits`: to which mails purchases are credited and why; credit them anew after the windows changed."""

from __future__ import annotations

import json

import click
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from worker.edges.cli.opening import opened
from worker.edges.cli.report import begin_of, require_flow
from worker.edges.moments import amount, moment
from worker.storage import attribution, flows, revenue
from worker.storage.revenue import CreditStory

_WHY = {"coupon": "redeemed its coupon", "click": "clicked", "open": "opened"}


@click.group("credits", invoke_without_command=True, short_help="Show to which mails purchases are credited.")
@click.option("--flow", help="Only those of one flow.")
@click.option("--most", default=20, show_default=True, type=click.IntRange(1), help="How many, the latest first.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_context
def credits_(context: click.Context, flow: str | None, most: int, as_json: bool) -> None:
    """Show the latest purchases that are credited to a mail: by a redeemed coupon, a click, or an open."""
    if context.invoked_subcommand is not None:
        return
    with opened("credits") as house:
        with house.database.reading() as connection:
            if flow is not None:
                require_flow(flow, [row.name for row in flows.all_flows(connection)])
            found = revenue.latest(connection, most, flow)
        if as_json:
            click.echo(json.dumps([_as_json(one) for one in found], ensure_ascii=False, indent=2))
            return
        if not found:
            of = "a mail" if flow is None else f"mails of '{flow}'"
            click.echo(f"No purchase is credited to {of} yet; docs/attribution.md tells how that is decided.")
            return
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for place, name in enumerate(("order", "placed", "worth", "mail", "why")):
            table.add_column(name, justify="right" if place == 2 else "left", no_wrap=place < 3)
        for one in found:
            worth = amount(one.total, one.currency) if one.counted else "cancelled"
            when = "" if one.by == "coupon" else f" {moment(one.touched_at, house.settings.shop)}"
            why = f"{_WHY[one.by]}{when}"
            mail = f"{one.flow} / {one.step}" if one.step else one.flow
            table.add_row(one.order_number, moment(one.placed_at, house.settings.shop), worth, escape(mail), why)
        Console().print(table)


@credits_.command("again")
@click.option("--since", help="Only orders placed since: a date (2027-03-01) or a time ago ('30 days').")
def again(since: str | None) -> None:
    """Credit purchases anew by the settings of now, a slice at a time; broken off, it can be begun anew."""
    with opened("credits") as house:
        begin = begin_of(since, house.clock.now(), house.settings.shop.timezone)
        rules, seen, changed, after = house.settings.attribution.rules, 0, 0, 0
        while True:
            with house.database.reading() as connection:
                portion = attribution.slices(connection, begin, after)
            if portion is None:
                break
            numbers, after = portion
            with house.database.writing() as connection:
                changed += len(attribution.credit_orders(connection, numbers, rules))
            seen += len(numbers)
            click.echo(f"\r{seen:,} orders looked at, {changed:,} credited otherwise", nl=False, err=True)
        click.echo("", err=True)
        click.echo(f"{seen:,} orders looked at, {changed:,} are credited otherwise than before.")


def _as_json(one: CreditStory) -> dict[str, object]:
    return {
        "order": one.order_number,
        "placed_at": one.placed_at.isoformat(),
        "worth": str(one.total if one.counted else 0),
        "currency": one.currency,
        "flow": one.flow,
        "step": one.step,
        "by": one.by,
        "touched_at": one.touched_at.isoformat(),
    }


commands = (credits_,)
