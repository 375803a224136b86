"""`phin hits`: opens and clicks with what they were taken for and why, and classed again by the rules of now."""

from __future__ import annotations

import json
from collections import Counter

import click
from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from worker.delivery.hits import Again
from worker.domain.errors import PhinError
from worker.domain.hits import HONEYPOT, HitClass
from worker.domain.utm import without_utm
from worker.edges.cli.opening import opened
from worker.edges.cli.report import begin_of
from worker.edges.cli.report_mails import fits
from worker.edges.house import House
from worker.edges.moments import counted, moment
from worker.storage import customers, hit_list, hit_recount
from worker.storage.hit_list import Told

_STYLES = {HitClass.PERSON: "green", HitClass.PROXY: "cyan", HitClass.MACHINE: "dim"}
_SINCE = "Only hits since: a date (2027-03-01) or a time ago ('30 days')."


@click.group(invoke_without_command=True, short_help="Show opens and clicks, and whose they are.")
@click.option("--mail", type=int, metavar="NUMBER", help="Only those on this mail, by its number in the ledger.")
@click.option("--customer", metavar="WHO", help="Only those of a customer: the shop's id, an e-mail address, #number.")
@click.option("--class", "whose", type=click.Choice([one.value for one in HitClass]), help="Only those of this class.")
@click.option("--since", help=_SINCE)
@click.option("--most", default=50, show_default=True, type=click.IntRange(1, 10_000), help="How many to show.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_context
def hits(
    context: click.Context,
    mail: int | None,
    customer: str | None,
    whose: str | None,
    since: str | None,
    most: int,
    as_json: bool,
) -> None:
    """Show the latest opens and clicks: whose each is taken to be, and by what that was told.

    Flows act on people's hits only. A mail service's proxy counts among people's: it loads pictures when its user looks
    at the mail.
    """
    if context.invoked_subcommand is not None:
        if any((mail, customer, whose, since, as_json)):
            raise click.UsageError("these options are for the list; 'phin hits reclassify --help' tells its own")
        return
    with opened("hits") as house:
        begin = begin_of(since, house.clock.now(), house.settings.shop.timezone)
        with house.database.reading() as connection:
            people = None if customer is None else [one.id for one in customers.find(connection, customer)]
            if people is not None and not people:
                message = f"no customer is known as '{customer}'; name the shop's id, an e-mail address, or #number"
                raise PhinError(message)
            if mail is not None and not hit_list.is_mail(connection, mail):
                raise PhinError(f"there is no mail {mail}; 'phin hits' shows the numbers of mails beside their flows")
            such = HitClass(whose) if whose else None
            found = hit_list.latest(connection, most, mail=mail, customers=people, whose=such, since=begin)
        if as_json:
            click.echo(json.dumps([_as_json(one) for one in found], ensure_ascii=False, indent=2))
        elif not found:
            click.echo("No such hits.")
        else:
            _print(found, house, most)


def _print(found: list[Told], house: House, most: int) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("when", "mail", "customer", "what", "whose", "made with"):
        table.add_column(name, overflow="fold")
    rows: list[list[str | Text]] = []
    for one in found:
        made_with = ", ".join(part for part in (one.program, one.device) if part)
        when, mail = moment(one.at, house.settings.shop), f"{one.message} {one.flow or ''}".strip()
        rows.append([when, Text(mail), Text(_who(one)), Text(_what(one)), _whose(one), made_with or "–"])
        table.add_row(*rows[-1])
    console = Console(highlight=False)
    if fits(console, table):
        console.print(table)
    else:
        _blocks(console, rows)
    if len(found) == most:
        click.echo(f"These are the latest {most:,}; --most shows more.")


def _blocks(console: Console, rows: list[list[str | Text]]) -> None:
    """Print some lines a hit, where a row of the table would not fit; only an address longer than a line is cut."""
    for when, mail, who, what, whose, made_with in rows:
        console.print(Text.assemble(when, "  ", (str(what), "bold")), no_wrap=True, overflow="ellipsis")
        told = Text.assemble("  ", whose) if made_with == "–" else Text.assemble("  ", whose, " · ", made_with)
        console.print(Text.assemble("  mail ", mail, " · ", who), no_wrap=True, overflow="ellipsis")
        console.print(Padding(Text(str(told).strip(), style=_style(whose)), (0, 0, 0, 2)))


def _style(whose: str | Text) -> str:
    return str(whose.style) if isinstance(whose, Text) else ""


def _who(one: Told) -> str:
    return one.shop_id or ("–" if one.customer is None else f"#{one.customer}")


def _whose(one: Told) -> Text:
    if one.whose is None:
        return Text("not classed yet")
    why = f": {one.reason}" if one.reason and one.reason != one.program else ""
    return Text(f"{one.whose.value}{why}", style=_STYLES[one.whose])


def _what(one: Told) -> str:
    if one.kind.value == "open":
        return "opened"
    return "followed the hidden link" if one.link == HONEYPOT else f"clicked {without_utm(one.url or '')}".strip()


def _as_json(one: Told) -> dict[str, object]:
    return {
        "hit": one.id,
        "at": one.at.isoformat(),
        "kind": one.kind.value,
        "message": one.message,
        "customer": one.customer,
        "shop_id": one.shop_id,
        "flow": one.flow,
        "step": one.step,
        "link": one.link,
        "url": one.url,
        "class": one.whose and one.whose.value,
        "reason": one.reason,
        "program": one.program,
        "device": one.device,
        "user_agent": one.user_agent,
    }


@hits.command(short_help="Class hits again by the rules of now.")
@click.option("--since", help=_SINCE)
@click.option("--after", default=0, type=click.IntRange(0), metavar="NUMBER", help="Go on after this hit.")
@click.option("--dry-run", is_flag=True, help="Tell what would change, and change nothing.")
def reclassify(since: str | None, after: int, dry_run: bool) -> None:
    """Class the raw hits again by the rules of now, and count anew when mails and customers were opened and clicked.

    For after an upgrade or a change of 'tracking' in config/phin.yaml. Flows are not played again: journeys that acted
    on a hit stay where they are. It can be stopped at any time, and go on with --after.
    """
    with opened("hits") as house:
        begin = begin_of(since, house.clock.now(), house.settings.shop.timezone)
        with house.database.reading() as connection:
            total = hit_recount.count_classed(connection, begin, after)
        looked, reworded, mails, last = 0, 0, 0, after
        changed: Counter[tuple[HitClass, HitClass]] = Counter()
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        try:
            console = Console(stderr=True)
            with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
                bar = progress.add_task("looking again", total=total)
                while (done := house.hits.again(begin, last, dry=dry_run)) is not None:
                    looked, reworded, mails, last = _summed(done, looked, reworded, mails)
                    changed.update(done.changed)
                    progress.update(bar, completed=looked)
        except KeyboardInterrupt:
            click.echo(f"stopped; what was changed stays, and 'phin hits reclassify --after {last}' goes on", err=True)
        would = "would be" if dry_run else "are"
        click.echo(f"{counted(looked, 'hit')} looked at; {changed.total():,} {would} classed otherwise")
        for (old, new), count in sorted(changed.items()):
            click.echo(f"  {count:,} {old.value} → {new.value}")
        if reworded:
            click.echo(f"  {reworded:,} keep their class and {would} told by something else")
        if changed and not dry_run:
            click.echo(f"{counted(mails, 'mail')} counted anew; journeys that acted on a hit stay as they are")


def _summed(done: Again, looked: int, reworded: int, mails: int) -> tuple[int, int, int, int]:
    return looked + done.looked, reworded + done.reworded, mails + done.mails, done.last


commands = (hits,)
