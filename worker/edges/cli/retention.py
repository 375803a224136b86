"""`phin retention`: for how long things are kept, what is due to be cleared, and what was."""

from __future__ import annotations

import json
from datetime import timedelta

import click
from rich import box
from rich.console import Console
from rich.table import Table

from worker.edges.cli.opening import opened
from worker.edges.moments import moment
from worker.edges.people import unreadable_hashes
from worker.storage import retention
from worker.storage.retention import RULES, Standing


@click.command("retention", short_help="Tell how long things are kept, and what was cleared.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def show(as_json: bool) -> None:
    """Tell for how long each kind of thing is kept, how much of it is due to be cleared, and what was cleared.

    The clock clears from three in the morning on. The times are settings: retention.* of config/phin.yaml.
    """
    with opened("retention") as house:
        now, shop = house.clock.now(), house.settings.shop
        with house.database.reading() as connection:
            standings = retention.standings(connection)
            lines = []
            for rule in RULES:
                days = rule.days(house.settings)
                due = 0 if days is None else retention.waiting(connection, rule, timedelta(days=days), now)
                lines.append((rule, days, due, standings.get(rule.name, Standing())))
        strange = unreadable_hashes(house)
        if as_json:
            told = [
                {
                    "setting": f"retention.{rule.name}",
                    "days": days,
                    "due": due,
                    "last": None if at.begun_at is None else at.begun_at.isoformat(),
                    "cleared": at.cleared,
                    "cleared_in_all": at.cleared_in_all,
                }
                for rule, days, due, at in lines
            ]
            click.echo(json.dumps({"rules": told, "hashes_of_missing_keys": strange}, indent=2))
            return
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for name in ("what", "kept for", "due", "cleared last", "in all"):
            table.add_column(name, justify="left" if name in ("what", "kept for") else "right", no_wrap=True)
        for rule, days, due, at in lines:
            kept = "ever" if days is None else f"{days:,} days"
            last = "–" if at.begun_at is None else f"{at.cleared:,}"
            table.add_row(rule.title, kept, f"{due:,}", last, f"{at.cleared_in_all:,}")
        Console().print(table)
        begun = [at.begun_at for *_, at in lines if at.begun_at is not None]
        when = f"last {moment(max(begun), shop)}" if begun else "not yet"
        click.echo(f"Cleared each night from 03:00 by the clock, {when}. Consents and the audit log are never cleared.")
        if strange:
            click.echo(
                f"{strange:,} keyed hashes of erased people were made with a key that is no longer in PHIN_SECRET_KEY: "
                "they can no longer keep an old list from writing to them. Put that key back at the end of the ring."
            )


commands = (show,)
