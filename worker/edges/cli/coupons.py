"""`phin coupons`: how the coupons of each name stand, and finding what became of a code."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from worker.domain.coupons import normal_code
from worker.domain.errors import PhinError
from worker.edges.cli.coupon_loading import load
from worker.edges.cli.opening import opened
from worker.edges.coupon_names import coupons_of_flows
from worker.edges.house import House
from worker.edges.moments import amount as money
from worker.edges.moments import moment, share
from worker.storage import coupons as rows
from worker.storage import customers, journeys, pools
from worker.storage.coupons import CouponRow
from worker.storage.pools import Figures

LOW = 50  # codes left in a pool below which it is told


@click.group(invoke_without_command=True, short_help="Count coupons, fill a pool of codes, find a code.")
@click.option("--low", default=LOW, show_default=True, metavar="N", help="Warn of pools with fewer codes left.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_context
def coupons(context: click.Context, low: int, as_json: bool) -> None:
    """Tell for each coupon how many codes were made, drawn and redeemed, and what the orders came to."""
    if context.invoked_subcommand is not None:
        if as_json:
            raise click.UsageError("--json is for the list, 'phin coupons --json'")
        return
    with opened("coupons") as house:
        with house.database.reading() as connection:
            known = {one.name: one for one in pools.figures(connection, house.clock.now())}
            named = coupons_of_flows(connection, house.flowbook)
        found = [known.get(name) or Figures(name) for name in sorted(known.keys() | named)]
        if as_json:
            click.echo(json.dumps([_as_json(one) for one in found], ensure_ascii=False, indent=2))
        else:
            _show(found, low)


def _as_json(one: Figures) -> dict[str, object]:
    revenue = {currency: float(total) for currency, total in sorted(one.revenue.items())}
    counts = {name: getattr(one, name) for name in ("made", "loaded", "left", "given", "redeemed")}
    return {"coupon": one.name, **counts, "revenue": revenue}


def _show(found: Sequence[Figures], low: int) -> None:
    if not found:
        click.echo("No coupon yet: a flow gives one by the step 'coupon: NAME'; docs/coupons.md tells more.")
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("coupon", no_wrap=True)
    for column in ("made", "loaded", "left", "given", "redeemed", "", "revenue"):
        table.add_column(column, justify="right", no_wrap=True)
    for one in found:
        table.add_row(
            escape(one.name),
            f"{one.made:,}",
            f"{one.loaded:,}" if one.loaded else "–",
            f"{one.left:,}" if one.loaded else "–",
            f"{one.given:,}",
            f"{one.redeemed:,}",
            share(one.redeemed / one.given) if one.given else "",
            " + ".join(money(total, currency) for currency, total in sorted(one.revenue.items())),
        )
    console = Console()
    console.print(table)
    for one in found:
        if one.loaded and one.left < low:
            said = "no code is left: journeys wait for it"
            if one.left:
                said = "one code is left" if one.left == 1 else f"only {one.left:,} codes are left"
            console.print(
                f"[yellow]{escape(one.name)}: {said}; fill the pool: phin coupons load {one.name} FILE[/]",
                highlight=False,
                soft_wrap=True,
            )
    console.print("[dim]'phin coupons find CODE' tells whose one is, and what became of it[/]", highlight=False)


@coupons.command(short_help="Tell whose a code is, and what became of it.")
@click.argument("code")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def find(code: str, as_json: bool) -> None:
    """Tell whose CODE is, when and by which flow it was given, and which order redeemed it."""
    with opened("coupons") as house:
        with house.database.reading() as connection:
            row = rows.by_code(connection, [normal_code(code)]).get(normal_code(code))
            if row is None:
                raise PhinError(f"no coupon has the code '{normal_code(code)}'; neither loaded nor made here")
            people = customers.by_id(connection, [row.customer_id] if row.customer_id else [])
            travels = journeys.by_id(connection, [row.journey_id] if row.journey_id else [])
        whose = next((one.external_id or f"#{one.id}" for one in people.values()), None)
        flow = next((one.flow for one in travels.values()), None)
        if as_json:
            click.echo(json.dumps(_found_as_json(row, whose, flow), ensure_ascii=False, indent=2))
        else:
            _show_found(row, whose, flow, house)


def _found_as_json(row: CouponRow, whose: str | None, flow: str | None) -> dict[str, Any]:
    terms = row.terms
    times = {"expires_at": terms.expires_at, "given_at": row.given_at, "redeemed_at": row.redeemed_at}
    return {
        "code": row.code,
        "coupon": row.name,
        "percent": None if terms.percent is None else float(terms.percent),
        "amount": None if terms.amount is None else float(terms.amount),
        "currency": terms.currency,
        "from": "pool" if row.loaded else "made",
        "customer": whose,
        "flow": flow,
        "step": row.step,
        "order": row.order_number,
        **{name: None if at is None else at.isoformat() for name, at in times.items()},
    }


def _show_found(row: CouponRow, whose: str | None, flow: str | None, house: House) -> None:
    shop, terms, now = house.settings.shop, row.terms, house.clock.now()
    off = ""
    if terms.percent is not None:
        off = f" · {terms.percent} %"
    elif terms.amount is not None:
        off = f" · {money(terms.amount, terms.currency or shop.currency)}"
    until = f" · until {moment(terms.expires_at, shop)}" if terms.expires_at else ""
    over = " (over)" if row.expired(now) and row.redeemed_at is None else ""
    click.echo(f"{row.code} · {row.name}{off}{until}{over}")
    came = "loaded" if row.loaded else "made"
    if row.given_at is None:
        click.echo(f"  {came} {moment(row.made_at, shop)}, waits in the pool: nobody was given it yet")
    else:
        click.echo(f"  {came} {moment(row.made_at, shop)}, given to {whose} {moment(row.given_at, shop)}")
        click.echo(f"  by {flow}, step {row.step} · 'phin why {whose}' tells more")
    if row.redeemed_at is None:
        click.echo("  not redeemed")
    else:
        late = " after its time" if row.expired(row.redeemed_at) else ""
        click.echo(f"  redeemed {moment(row.redeemed_at, shop)}{late} by order {row.order_number}")


coupons.add_command(load)
commands = (coupons,)
