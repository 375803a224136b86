"""`phin import`: customers and orders of the past from CSV files; looked at first, written when it is said."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from worker.domain.event_check import EventRules
from worker.domain.instants import known_zone
from worker.edges.acting import operator
from worker.edges.cli.opening import opened
from worker.edges.house import House
from worker.edges.importing.amounts import Mark
from worker.edges.importing.cells import STATUSES
from worker.edges.importing.columns import map_columns
from worker.edges.importing.dates import DayOrder
from worker.edges.importing.faults import ImportingError, RefusedFile
from worker.edges.importing.reading import Sheet, open_sheet
from worker.edges.importing.running import Import, Tally
from worker.edges.importing.survey import Plan, Said, survey
from worker.edges.importing.targets import Subject, squeezed
from worker.edges.importing.telling import tell_plan, tell_refused, tell_tally
from worker.edges.jobs import Job
from worker.language.yaml.diagnostics import counted
from worker.storage import audit

_SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|"}


@dataclass(frozen=True, slots=True)
class _Options:
    map: tuple[str, ...]
    dates: str | None
    decimal: str | None
    zone: str | None
    encoding: str | None
    separator: str | None
    write: bool
    refused: Path | None
    status: tuple[str, ...] = ()
    continued: bool = False


def _common(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(
        (
            click.argument("file", type=click.Path(path_type=Path)),
            click.option(
                "--map", multiple=True, metavar="COLUMN=FIELD", help="What a column holds; COLUMN= leaves it out."
            ),
            click.option(
                "--dates",
                type=click.Choice([order.value for order in DayOrder]),
                help="How days are written, where the file leaves it open.",
            ),
            click.option("--decimal", type=click.Choice(["point", "comma"]), help="What parts the decimals."),
            click.option("--zone", metavar="ZONE", help="Zone of times that name none; by default the shop's."),
            click.option("--encoding", metavar="NAME", help="The file's encoding; by default it is found out."),
            click.option("--separator", type=click.Choice([*_SEPARATORS]), help="What stands between cells."),
            click.option("--write", is_flag=True, help="Do it; without this, only tell what would be done."),
            click.option(
                "--refused", type=click.Path(path_type=Path), metavar="FILE", help="Where to write refused lines."
            ),
        )
    ):
        command = option(command)
    return command


@click.group("import")
def importing() -> None:
    """Take customers and orders of the past from a CSV file.

    Facts are kept; no flow is started and nothing is mailed. The file is looked at first, and nothing is written
    without --write or a yes at the terminal. The same file twice changes nothing. docs/import.md tells more.
    """


@importing.command()
@_common
@click.pass_context
def customers(context: click.Context, /, file: Path, **options: Any) -> None:
    """Import customers, one row each."""
    context.exit(_run(Subject.CUSTOMERS, file, _Options(**options)))


@importing.command()
@_common
@click.option(
    "--status", multiple=True, metavar="WORD=STATUS", help="What a word of the file means as an order's status."
)
@click.option("--continued", is_flag=True, help="A row without an order number belongs to the order above it.")
@click.pass_context
def orders(context: click.Context, /, file: Path, **options: Any) -> None:
    """Import orders, one row each or one row a line; rows with one order number are one order."""
    context.exit(_run(Subject.ORDERS, file, _Options(**options)))


def _run(subject: Subject, file: Path, options: _Options) -> int:
    """Look at the file, and write it where that is wanted; returns the exit status, 1 where lines were refused."""
    with opened("import") as house:
        console = Console()
        sheet = open_sheet(file, options.encoding, _SEPARATORS.get(options.separator or ""))
        if options.refused is not None and options.refused.exists() and options.refused.samefile(file):
            raise ImportingError("--refused names the file itself; name another one")
        mapped = map_columns(subject, sheet.header, house.settings.fields, options.map)
        plan = survey(sheet, mapped, _said(options, house), house.settings.shop.currency)
        tell_plan(console, plan)
        tally = None
        if not options.write:
            tally = _go(console, house, plan, sheet, options.refused, write=False)
            tell_tally(console, plan, tally, house.settings.shop, written=False)
            tell_refused(console, tally, options.refused)
        if options.write or (tally is not None and tally.fresh and _wanted(tally)):
            tally = _go(console, house, plan, sheet, options.refused, write=True)
            with house.database.writing() as connection:
                detail = {"lines_refused": tally.refusals.lines}
                audit.write(connection, operator(), f"{subject.value} imported", None, house.clock.now(), **detail)
            tell_tally(console, plan, tally, house.settings.shop, written=True)
            tell_refused(console, tally, options.refused)
        elif tally is not None and tally.fresh:
            console.print("Nothing was written; the same command with [bold]--write[/] does it.")
    assert tally is not None
    return 1 if tally.refusals.lines else 0


def _go(console: Console, house: House, plan: Plan, sheet: Sheet, path: Path | None, *, write: bool) -> Tally:
    shop = house.settings.shop
    run = Import(
        plan,
        house.database,
        EventRules.of(house.settings),
        currency=shop.currency,
        vietnamese=shop.language == "vi",
        now=house.clock.now,
        process=house.runners[Job.PROCESS_EVENTS],
    )
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(show_speed=False),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with (
        RefusedFile(path, sheet.header, sheet.separator) as refused,
        Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress,
    ):
        task = progress.add_task("writing" if write else "looking", total=plan.rows, rate="")

        def went(rows: int) -> None:
            speed = progress.tasks[0].speed
            progress.update(task, advance=rows, rate=f"{speed:,.0f} rows/s" if speed else "")

        try:
            return run.run(write=write, refused=refused, went=went)
        except KeyboardInterrupt:
            if write:
                console.print("Ended. What was written stays; the same command again goes on where it was.")
            raise


def _said(options: _Options, house: House) -> Said:
    zone = options.zone or house.settings.shop.timezone
    if not known_zone(zone):
        raise ImportingError(f"--zone {zone} is no IANA time zone; write one like 'Asia/Ho_Chi_Minh'")
    return Said(
        ZoneInfo(zone),
        DayOrder(options.dates) if options.dates else None,
        Mark(options.decimal) if options.decimal else None,
        dict(_status(word) for word in options.status),
        options.continued,
    )


def _status(word: str) -> tuple[str, str]:
    theirs, equals, ours = (part.strip() for part in word.rpartition("="))
    if not equals or not theirs or ours not in STATUSES:
        raise ImportingError(f"--status '{word}' is not understood; write --status 'WORD=…' with {', '.join(STATUSES)}")
    return squeezed(theirs), ours


def _wanted(tally: Tally) -> bool:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    refused = tally.refusals.lines
    without = f", without the {counted(refused, 'refused line')}" if refused else ""
    return click.confirm(f"Write {counted(tally.fresh, 'event')}{without}?", default=False)


commands = (importing,)
