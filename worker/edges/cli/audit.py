"""`phin audit`: what staff and operators did, and when."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import click
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from worker.edges.cli.opening import opened
from worker.edges.moments import moment
from worker.storage import audit
from worker.storage.audit import Deed, Way

_DAY = click.DateTime(["%Y-%m-%d", "%Y-%m-%d %H:%M"])


@click.command("audit", short_help="Show what staff and operators did.")
@click.option("--since", type=_DAY, metavar="DATE", help="From when on, in the shop's zone.")
@click.option("--who", metavar="NAME", help="Only what somebody did whose name holds this.")
@click.option("--action", metavar="WORDS", help="Only actions that begin so: 'person', 'task closed'.")
@click.option("--on", metavar="WHAT", help="Only what was done to this: 'task 12', 'flow win-back'.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=200, show_default=True, help="The latest so many.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def show(
    since: datetime | None, who: str | None, action: str | None, on: str | None, limit: int, as_json: bool
) -> None:
    """Show what staff and operators did, the latest last: who, when, how, what, to what.

    The log is only ever added to, in the transaction in which a thing is done; people are named by keyed hashes.
    """
    with opened("audit") as house:
        begun = None if since is None else since.replace(tzinfo=ZoneInfo(house.settings.shop.timezone)).astimezone(UTC)
        with house.database.reading() as connection:
            found = audit.listed(connection, since=begun, who=who, action=action, on=on, limit=limit)
        if as_json:
            click.echo(json.dumps([_plain(deed) for deed in found], ensure_ascii=False, indent=2))
            return
        if not found:
            click.echo("Nothing was done." if since is None and who is None else "Nothing of that kind was done.")
            return
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for name in ("when", "who", "what was done"):
            table.add_column(name, no_wrap=name == "when")
        for deed in found:
            table.add_row(*map(escape, (moment(deed.at, house.settings.shop), _who(deed), _what(deed))))
        Console().print(table)


def _who(deed: Deed) -> str:
    """Return who it was, and how where that was not a command."""
    return deed.actor.who if deed.actor.way is Way.COMMAND else f"{deed.actor.who} ({deed.actor.way.value})"


def _what(deed: Deed) -> str:
    """Return what was done, to what, with what."""
    detail = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in deed.detail.items())
    return " · ".join(part for part in (deed.action, deed.on, detail) if part)


def _plain(deed: Deed) -> dict[str, object]:
    return {
        "number": deed.id,
        "at": deed.at.isoformat(),
        "who": deed.actor.who,
        "way": deed.actor.way.value,
        "action": deed.action,
        "on": deed.on,
        "detail": dict(deed.detail),
    }


commands = (show,)
