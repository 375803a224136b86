"""`phin coupons load`: a pool is filled with the shop's own codes, from a file."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from worker.domain.coupons import is_coupon_name
from worker.domain.errors import PhinError
from worker.edges.acting import operator
from worker.edges.cli.opening import opened
from worker.edges.coupon_names import coupons_of_flows
from worker.edges.house import House
from worker.edges.importing.codes import Found, read_codes
from worker.language.yaml.suggestions import did_you_mean
from worker.storage import audit, pools
from worker.storage.coupons import Terms

AT_ONCE = 2_000  # codes in one transaction
SHOWN = 20  # faulty lines


@click.command(short_help="Fill a pool with codes of the shop's own.")
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--percent", metavar="N", help="What each takes off, in per cent: 10 or 12.5.")
@click.option("--amount", metavar="N", help="What each takes off, in the shop's currency: 50000.")
@click.option("--expires", metavar="DAY", help="The last day on which they are good: 2027-12-31.")
@click.option("--column", metavar="NAME", help="The CSV column with the codes; by default it is found out.")
@click.option("--encoding", metavar="NAME", help="The file's encoding; by default it is found out.")
@click.option("--new", is_flag=True, help="Load codes of a name that no published flow has yet.")
@click.pass_context
def load(
    context: click.Context,
    name: str,
    file: Path,
    percent: str | None,
    amount: str | None,
    expires: str | None,
    column: str | None,
    encoding: str | None,
    new: bool,
) -> None:
    """Fill the pool of the coupon NAME from FILE: one code a line, or a CSV file with a column of codes.

    From then on the flows' steps 'coupon: NAME' draw from it; each code is given once. The same file twice changes
    nothing.
    """
    with opened("coupons") as house:
        if not is_coupon_name(name):
            raise PhinError(f"'{name}' is no coupon's name: those are made of letters (a to z), digits and '_'")
        with house.database.reading() as connection:
            named = coupons_of_flows(connection, house.flowbook)
        if name not in named and not new:  # codes in the pool of a misspelt name would be lost to the right one
            hint = did_you_mean(name, sorted(named)) or "publish the flow first"
            raise PhinError(
                f"no published flow has the step 'coupon: {name}'; {hint.removesuffix('?')} (--new loads them anyway)"
            )
        terms = _terms(house, percent, amount, expires)
        found = read_codes(file, encoding, column)
        there = _load(house, name, found, terms)
        with house.database.reading() as connection:
            left = pools.left(connection, name, house.clock.now(), 10_000_000) or 0
        _tell(name, file, found, there, left)
    context.exit(1 if found.faults else 0)


def _terms(house: House, percent: str | None, amount: str | None, expires: str | None) -> Terms:
    if percent is not None and amount is not None:
        raise PhinError("a coupon takes off a percentage or an amount, not both: say --percent or --amount")
    off = None if percent is None else _number("--percent", percent.strip().removesuffix("%").strip())
    if off is not None and not 0 < off <= 100:
        raise PhinError(f"--percent {percent} is not between 0 and 100")
    money_off = None if amount is None else _number("--amount", amount)
    if money_off is not None and not 0 < money_off <= 10**12:
        raise PhinError(f"--amount {amount} is not more than nothing")
    currency = house.settings.shop.currency if amount is not None else None
    return Terms(off, money_off, currency, None if expires is None else _end_of(expires, house))


def _number(option: str, text: str) -> Decimal:
    try:
        number = Decimal(text.replace("_", ""))
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or number != round(number, 4):
        raise PhinError(f"{option} {text} is no number; write one like 10, 12.5 or 50_000")
    return number


def _end_of(text: str, house: House) -> datetime:
    """Return the last second of a day in the shop's zone."""
    try:
        day = datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 - a day has no zone
    except ValueError:
        raise PhinError(f"--expires {text} is no day; write one like 2027-12-31") from None
    zone = ZoneInfo(house.settings.shop.timezone)
    end = datetime.combine(day + timedelta(days=1), time(), zone) - timedelta(seconds=1)
    if end <= house.clock.now():
        raise PhinError(f"--expires {text} is over already; such codes would never be given to anybody")
    return end


def _load(house: House, name: str, found: Found, terms: Terms) -> dict[str, str]:
    codes = list(found.codes)
    there: dict[str, str] = {}
    console = Console(stderr=True)
    bar = (TextColumn("loading"), BarColumn(), MofNCompleteColumn())
    with Progress(*bar, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=len(codes))
        for start in range(0, len(codes), AT_ONCE):
            some = codes[start : start + AT_ONCE]
            with house.database.writing() as connection:
                there |= pools.load(connection, name, some, terms, house.clock.now())
            progress.update(task, advance=len(some))
    with house.database.writing() as connection:
        pools.settle(connection)
        new = len(codes) - len(there)
        audit.write(connection, operator(), "coupons loaded", f"coupon {name}", house.clock.now(), codes=new)
    return there


def _tell(name: str, file: Path, found: Found, there: dict[str, str], left: int) -> None:
    where = f", column '{found.heading}'" if found.heading else ""
    click.echo(f"{file}: {found.encoding}{where}")
    others = [(found.codes[code], f"'{code}' is a code of '{of}'") for code, of in there.items() if of != name]
    ours = len(there) - len(others)
    click.echo(f"  {len(found.codes) - len(there):,} new codes in the pool of '{name}', {left:,} left to draw")
    if ours:
        click.echo(f"  {ours:,} were there already, and stay as they are")
    for title, lines in (
        ("repeated in the file, taken once", [(line, f"the same as line {first}") for line, first in found.repeated]),
        ("of another coupon, left as they are", others),
        ("refused", found.faults),
    ):
        if lines:
            click.echo(f"  {len(lines):,} {title}:")
            for line, said in sorted(lines)[:SHOWN]:
                click.echo(f"    {file}:{line}: {said}")
            if len(lines) > SHOWN:
                click.echo(f"    and {len(lines) - SHOWN:,} more")
