"""`phin demo`: The Coffee's month, played through Phin's front door."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType

import click
from rich.console import Console

from demo.case import A_MONTH, FEWEST_CUSTOMERS, FEWEST_DAYS, Case, Window
from demo.door import Door, DoorError
from demo.figures import read_figures, show
from demo.files import write_books
from demo.house import UP_URL, HouseError, Phin, house_here, own_house, process_environment
from demo.player import Player, Tally
from demo.progress import TITLE, Display, display
from demo.script import Script, write_script
from worker.edges.movable_clock import Clock

LEAD = timedelta(days=1)  # before the first day, at which the shop's books are imported


@click.command(short_help="Play a month of The Coffee, a simulated shop.")
@click.option("--days", default=30, show_default=True, type=click.IntRange(FEWEST_DAYS, 31), help="How many days.")
@click.option(
    "--customers",
    default=1_000,
    show_default=True,
    type=click.IntRange(FEWEST_CUSTOMERS, 5_000),
    help="How many customers; all else is in proportion.",
)
@click.option("--seed", default=1, show_default=True, help="Another number plays another month.")
@click.option("--var", type=click.Path(path_type=Path), default=Path("var/demo"), show_default=True, help="Where to.")
@click.option("--keep", is_flag=True, help="Let the shop run on afterwards, until Ctrl-C.")
@click.option("--here", is_flag=True, help="Play into the 'phin up' that runs here, if nothing is in it yet.")
@click.pass_context
def demo(context: click.Context, /, days: int, customers: int, seed: int, var: Path, keep: bool, here: bool) -> None:
    """Play a month of The Coffee, a simulated shop, and hold what Phin reports of it against the case's figures.

    The shop's past is imported from CSV files; its month is reported by the API; its customers read their mail from
    the outbox and follow links, some as machines do. The clock is moved, so that a month takes minutes. It is played in
    a folder of its own, with a Phin of its own; no mail leaves this machine. docs/demo.md tells more.
    """
    console = Console(highlight=False)
    script = write_script(seed, Case.of(customers, days), Window.until(datetime.now(UTC), days))
    with _leaving():
        if here:
            context.exit(_play_here(console, script))
        context.exit(_play_apart(console, script, var.absolute(), keep=keep))


def _play_apart(console: Console, script: Script, var: Path, *, keep: bool) -> int:
    clock = Clock(var / "clock")

    def back_in_time() -> None:
        clock.stand_off(script.window.begin - LEAD - clock.machine())

    with own_house(var, process_environment(), back_in_time) as phin:
        status = _play(console, script, phin, clock, shared=False)
        if keep:
            console.print(
                f"\nThe shop runs on at [bold]{phin.url}[/]; look at {phin.url}/outbox. Ctrl-C ends it.",
                soft_wrap=True,
            )
            _until_told()
        else:
            console.print(
                f"\nTo look at it: [bold]PHIN_VAR={var} phin up[/] (or play it with --keep); "
                f"'PHIN_VAR={var} phin why {script.people[0].id}' tells of one customer.",
                soft_wrap=True,
            )
    return status


def _play_here(console: Console, script: Script) -> int:
    environment = process_environment()
    phin = house_here(environment)
    clock = Clock(phin.var / "clock")
    try:
        _nothing_there(phin)
    except click.ClickException:
        if UP_URL in environment:  # it was begun for this play, and the time was moved for it
            clock.restore()
        raise
    try:
        return _play(console, script, phin, clock, shared=True)
    finally:
        clock.restore()


def _nothing_there(phin: Phin) -> None:
    """Refuse to play where mails would leave the machine, or where a shop is at home already.

    Raises:
        HouseError: it is so; the message says what to do.
    """
    door = Door(phin.url, phin.key)
    try:
        used = next(door.mails(), None) is not None
    except DoorError as error:
        raise HouseError("mail is not captured here: real mails would go out; 'phin demo' plays apart") from error
    finally:
        door.close()
    if used:
        raise HouseError(f"{phin.var} is in use: there are mails in its outbox; 'phin demo' plays apart")


def _play(console: Console, script: Script, phin: Phin, clock: Clock, *, shared: bool) -> int:
    begun = time.monotonic()
    door = Door(phin.url, phin.key)
    console.print(f"[dim]{TITLE}[/]playing {_title(script)} …", soft_wrap=True)
    with display(console, script) as shown:
        _import(script, phin, clock, shown)
        player = Player(script, door, clock, phin.run, shown.played)
        tally = player.play()
    clock.restore()
    door.close()
    _tell(console, script, tally, time.monotonic() - begun)
    missed = show(console, read_figures(script, phin, shared=shared))
    if missed:
        console.print(f"[red]{missed} of the figures are not what the case says.[/]")
    return 1 if missed else 0


def _import(script: Script, phin: Phin, clock: Clock, shown: Display) -> None:
    begin = script.window.begin - LEAD
    if clock.now() < begin:
        clock.stand_off(begin - clock.machine())
    customers, orders = write_books(phin.var / "books", script.people, script.history)
    shown.says(f"importing {sum(not person.newcomer for person in script.people):,} customers")
    phin.run("import", "customers", str(customers), "--map", "Tên=customer.first_name", "--write")
    shown.says(f"importing {len(script.history):,} orders of the past")
    phin.run("import", "orders", str(orders), "--write")


def _title(script: Script) -> str:
    days = script.window.days
    span = "a month" if days >= A_MONTH else f"{days} days"
    return f"{span} of The Coffee: {script.case.customers:,} customers, {script.case.orders:,} orders"


def _tell(console: Console, script: Script, tally: Tally, seconds: float) -> None:
    console.print(
        f"{script.window.days} days played in {int(seconds) // 60} min {int(seconds) % 60:02d} s: "
        f"{tally.events:,} events, {tally.orders:,} orders, {tally.mails:,} mails, {tally.hits:,} opens and clicks, "
        f"{tally.refusals:,} unsubscribed, in {tally.steps:,} steps",
        soft_wrap=True,
    )


@contextmanager
def _leaving() -> Iterator[None]:
    """Have SIGTERM end the play as Ctrl-C does, so that clock and processes are left in order."""

    def leave(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _until_told() -> None:
    try:
        while True:
            signal.pause()
    except KeyboardInterrupt:
        pass
