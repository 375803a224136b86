"""`phin graph`: a flow as a picture, with how many customers are where."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import click
from rich.console import Console

from worker.domain.errors import FileError, PhinError
from worker.domain.flows import Flow
from worker.domain.graph_telling import graph_of
from worker.domain.graph_words import LANGUAGES
from worker.domain.graphs import FlowGraph
from worker.edges.banner import near
from worker.edges.cli.preview import opened_home
from worker.edges.environment import Home
from worker.edges.graph_figures import figures_of
from worker.edges.graph_mermaid import graph_mermaid
from worker.edges.graph_svg import NO_FIGURES, Figures, graph_svg
from worker.edges.graph_text import graph_text
from worker.edges.looking import NoDatabaseError, looked_at
from worker.edges.movable_clock import Clock
from worker.language.library import read_library
from worker.language.yaml.suggestions import did_you_mean
from worker.storage.graph_counts import graph_counts

FORMATS = ("svg", "mermaid", "text")
_BY_ENDING = {".svg": "svg", ".mmd": "mermaid", ".mermaid": "mermaid", ".txt": "text"}


@click.command(short_help="Draw a flow, with how many customers are where.")
@click.argument("flow")
@click.option("--format", "form", type=click.Choice(FORMATS), help="By default that of the file; else text.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="A file: flow.svg, flow.mmd, flow.txt.")
@click.option("--language", type=click.Choice(LANGUAGES), help="By default the shop's.")
@click.option("--days", type=click.IntRange(1, 3650), default=30, show_default=True, help="How far back is counted.")
@click.option("--no-counts", is_flag=True, help="Draw the steps alone.")
def graph(flow: str, form: str | None, output: Path | None, language: str | None, days: int, no_counts: bool) -> None:
    """Draw FLOW as its file is now. Where there is a database, each step says how many are there and came to it."""
    home = opened_home("graph")
    shop = home.settings.shop
    drawn = graph_of(_flow(home, flow), language or shop.language, shop.language)
    figures = NO_FIGURES if no_counts else _figures(home, drawn, days)
    form = form or _BY_ENDING.get(output.suffix.lower() if output else "", "svg" if output else "text")
    if form == "text" and output is None:
        console = Console(highlight=False)
        for line in graph_text(drawn, figures):
            console.print(line, soft_wrap=True)
        return
    text = _written(drawn, figures, form)
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise PhinError(f"--output {output} cannot be written: {error.strerror}") from error
    click.echo(near(output.absolute()))


def _written(drawn: FlowGraph, figures: Figures, form: str) -> str:
    if form == "svg":
        return graph_svg(drawn, figures)
    if form == "mermaid":
        return graph_mermaid(drawn, figures)
    return "".join(f"{line.plain}\n" for line in graph_text(drawn, figures))


def _flow(home: Home, name: str) -> Flow:
    folder = home.settings.flows
    library = read_library(folder, None, shown=near(folder))
    if name in library.flows:
        return library.flows[name].flow
    if name in library.broken:
        raise FileError(tuple(one for one in library.problems if f"/{name}." in one.place.file))
    known = [*library.flows, *library.broken]
    hint = did_you_mean(name, known) or f"there are: {', '.join(sorted(known)) or 'none'}"
    raise PhinError(f"there is no flow '{name}'; {hint}")


def _figures(home: Home, drawn: FlowGraph, days: int) -> Figures:
    """Return what is counted; nothing, and a word about it, where there is no database."""
    since = Clock(home.settings.var / "clock").now() - timedelta(days=days)
    try:
        with looked_at(home) as connection:
            counts = graph_counts(connection, drawn.name, since)
    except NoDatabaseError as error:
        click.echo(f"Without counts: {error}", err=True)
        return NO_FIGURES
    local = since.astimezone(ZoneInfo(home.settings.shop.timezone))
    return figures_of(drawn, counts, f"{local:%d/%m/%Y}" if drawn.language == "vi" else f"{local.day} {local:%b %Y}")


commands = (graph,)
