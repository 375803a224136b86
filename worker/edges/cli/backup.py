"""`phin backup` and `phin restored`: a copy of this machine's database and files, and what to do once one is back."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from worker.edges import backing_up, restoring
from worker.edges.cli.opening import opened
from worker.edges.secrets import given

_SECRETS = ("PHIN_SECRET_KEY", "PHIN_INGEST_KEY", "PHIN_WEBHOOK_SECRET")


@click.command(short_help="Copy the database and made secrets while all runs.")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def backup(folder: Path) -> None:
    """Write a back-up into a new folder under FOLDER: SQLite's database, made secrets, spool; everything goes on.

    PostgreSQL has its own tools; docs/operations.md tells which. Once it is restored, run 'phin restored' first.
    """
    shows = sys.stderr.isatty()

    def tell(left: int, pages: int) -> None:
        if shows and pages:
            click.echo(f"\r{100 * (pages - left) // pages} % copied", nl=left == 0, err=True)

    with opened("backup") as house:
        target = backing_up.back_up(house, folder, house.clock.machine(), tell)
        size = (target / backing_up.DATABASE).stat().st_size
        click.echo(f"{target} holds the database ({size / 1_000_000:,.1f} MB), made secrets and spool.")
        if beside := [name for name in _SECRETS if given(house.home.environment, name)]:
            click.echo(f"Not in it, since the environment gives them: {', '.join(beside)}. Keep them as safely.")


@click.command(short_help="After a back-up was restored: send nothing twice.")
@click.option(
    "--relay-log",
    "logs",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A log of the relay since the back-up: mails that it names were sent. May be given several times.",
)
@click.option("--resume", is_flag=True, help="All that fell due since is written down: let everything go on.")
def restored(logs: tuple[Path, ...], resume: bool) -> None:
    """See to it that a restored database sends nothing that went out after its back-up was made.

    Run it before any process starts. It pauses everything, and calls unknown what may have been sent since. Then start
    clock and workers: they catch up, and send nothing. 'phin restored --resume' lets everything go on.
    """
    if resume and logs:
        raise click.UsageError("--relay-log belongs to the first run, without --resume")
    with opened("restored") as house:
        doubts = restoring.end(house) if resume else restoring.begin(house, logs)
    if logs:
        click.echo(f"Sent, as the relay's log says: {doubts.sent:,}.")
    click.echo(f"Unknown, since they may have been sent: {doubts.unknown:,} ('phin unknown' lists them).")
    if resume:
        click.echo("Everything goes on.")
    else:
        click.echo("Everything is paused. Start clock and workers now, and then run: phin restored --resume")


commands = (backup, restored)
