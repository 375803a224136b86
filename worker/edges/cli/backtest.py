"""`phin backtest`: the stored history played through a flow that need not be live, and what would have come of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from worker.domain.errors import FileError, PhinError
from worker.domain.flows import Flow
from worker.edges import publishing
from worker.edges.banner import near
from worker.edges.cli.backtest_lines import as_json, lines
from worker.edges.cli.opening import opened
from worker.edges.house import House
from worker.language.flow.flows import read_flow
from worker.language.library import ENDINGS, flow_names
from worker.language.yaml.files import load_text
from worker.language.yaml.suggestions import did_you_mean
from worker.rehearsal.backtest.playing import Question
from worker.rehearsal.backtest.playing import backtest as play
from worker.rehearsal.backtest.samples import SampleWriter, Written
from worker.rehearsal.backtest.tally import Window

FOLDER = "backtest"  # under var
_DAY = click.DateTime(["%Y-%m-%d"])
_YEAR = timedelta(days=365)


class Share(click.ParamType[float]):
    """A share written as `10%`."""

    name = "share"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read it, as a number from 0 to 1."""
        if isinstance(value, float):
            return value
        try:
            percent = float(str(value).removesuffix("%").strip())
        except ValueError:
            percent = -1.0
        if not str(value).strip().endswith("%") or not 0 <= percent <= 100:
            self.fail(f"'{value}' is no share; write one from 0% to 100%", param, ctx)
        return percent / 100


@click.command(short_help="Play the stored history through a flow that is not live yet.")
@click.argument("flow")
@click.option("--since", type=_DAY, metavar="DATE", help="Entries from this day on; by default a year before --until.")
@click.option("--until", type=_DAY, metavar="DATE", help="The last day that is played; by default today.")
@click.option("--samples", default=3, show_default=True, type=click.IntRange(0, 100), help="Mails written to files.")
@click.option("--clicks", default=0.0, type=Share(), metavar="SHARE", help="Play this share of mails as clicked, 10%.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def backtest(flow: str, since: datetime | None, until: datetime | None, samples: int, clicks: float, form: str) -> int:
    """Play the events of the past through FLOW, the name of a flow in the flows folder or a file, as it is now.

    Tells who would have entered, which mails would have gone out and which not, and how many reached the goal
    without it. Nothing is written to the database, nothing is sent.
    """
    with opened("backtest") as house:
        read = _flow(house, flow)
        window = _window(house, since, until)
        segments = {name: one.when for name, one in house.read_segments().segments.items()}
        question = Question(
            read, window, house.settings, segments, house.seasons(), house.staff(), clicks=clicks, samples=samples
        )
        with _progress(form) as progress:
            found = play(house.database, question, progress)
        written = None
        if samples:
            folder = house.settings.var / FOLDER / read.name
            written = SampleWriter(house.settings, house.templates, read, folder).write(found.tally.chosen())
        if form == "json":
            click.echo(json.dumps(as_json(found, written), ensure_ascii=False, indent=2))
        else:
            console = Console(highlight=False, soft_wrap=True)
            for line in lines(found, written, near(house.settings.var / FOLDER / read.name), console.width):
                console.print(line)
    return 1 if found.tally.failed or _faulty(written) else 0


def _faulty(written: Written | None) -> bool:
    return written is not None and bool(written.faults)


def _flow(house: House, word: str) -> Flow:
    """Return a flow by the name of its file in the flows folder, or by any file."""
    path = Path(word)
    if path.suffix.lower() in ENDINGS:
        if not path.is_file():
            raise PhinError(f"there is no file {word}")
        vocabulary = replace(house.vocabulary, flows=flow_names(house.settings.flows))
        return read_flow(load_text(path, word), word, vocabulary, house.templates.needs())[0]
    library = publishing.read_flows(house)
    if word in library.flows:
        return library.flows[word].flow
    if word in library.broken:
        raise FileError(tuple(one for one in library.problems if f"/{word}." in one.place.file))
    known = [*library.flows, *library.broken]
    hint = did_you_mean(word, known) or f"there are: {', '.join(sorted(known)) or 'none'}"
    raise PhinError(f"there is no flow '{word}'; {hint}")


def _window(house: House, since: datetime | None, until: datetime | None) -> Window:
    """Return the time from the beginning of one day to the end of another in the shop's zone, at most till now."""
    zone, now = ZoneInfo(house.settings.shop.timezone), house.clock.now()

    def begins(day: datetime, after: int = 0) -> datetime:
        return datetime.combine(day.date() + timedelta(days=after), time(), tzinfo=zone).astimezone(UTC)

    last = now if until is None else min(begins(until, 1), now)
    first = last - _YEAR if since is None else begins(since)
    if first >= last:
        raise PhinError("there is no time to play: --since lies after --until, or after today")
    return Window(first, last)


class _Told(Protocol):
    def __call__(self, done: int, of: int, /) -> None: ...


@contextmanager
def _progress(form: str) -> Iterator[_Told]:
    """Show how far it is, on the terminal's error output so that what is printed can be piped."""
    columns = (TextColumn("  playing the history"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=form == "json" or not console.is_terminal) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)


commands = (backtest,)
