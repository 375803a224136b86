"""`phin seasons`: on which days the seasons of `config/seasons.yaml` fall."""

from __future__ import annotations

import json
import os
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import click
from rich import box
from rich.console import Console
from rich.table import Table

from worker.domain.calendars.seasons import FIRST_YEAR, LAST_YEAR
from worker.edges.banner import near
from worker.edges.environment import read_home
from worker.edges.moments import day
from worker.language.config.seasons import read_seasons


@click.command(short_help="Print the days of the shop's seasons.")
@click.option("--year", type=click.IntRange(FIRST_YEAR, LAST_YEAR), help="By default this year and the next.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def seasons(year: int | None, as_json: bool) -> None:
    """Print the days of the shop's seasons."""
    home = read_home(os.environ)
    path = home.config / "seasons.yaml"
    known = read_seasons(path, near(path))
    this_year = datetime.now(UTC).astimezone(ZoneInfo(home.settings.shop.timezone)).year
    years = [year] if year else [this_year, min(this_year + 1, LAST_YEAR)]
    found = sorted(
        (falls, season.name, season.title) for season in known.values() for one in years for falls in season.days(one)
    )
    if as_json:
        told = [{"season": name, "day": falls.isoformat(), "title": dict(title)} for falls, name, title in found]
        click.echo(json.dumps(told, ensure_ascii=False, indent=2))
        return
    if not found:
        click.echo(f"No season in {near(path)}.")
        return
    language = home.settings.shop.language
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("day", "season", "title"):
        table.add_column(column, no_wrap=True)
    for falls, name, title in found:
        table.add_row(_day(falls), name, title.get(language) or next(iter(title.values()), name))
    Console().print(table)


def _day(falls: date) -> str:
    return day(datetime(falls.year, falls.month, falls.day, tzinfo=UTC))


commands = (seasons,)
