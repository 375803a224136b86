"""`phin diff`: what publishing would change, flow by flow, and how many customers are under way where."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

import click

from worker.domain.errors import PhinError, Problem
from worker.edges.cli.diff_text import as_markdown, as_text
from worker.edges.cli.opening import opened
from worker.edges.cli.shop_files import from_here, read_shop
from worker.edges.comparing import FlowDifference, against_database, against_files
from worker.edges.earlier import read_earlier
from worker.edges.environment import find_home
from worker.language.library import Library, read_library
from worker.language.yaml.suggestions import did_you_mean


@click.command(short_help="Tell what publishing would change, flow by flow.")
@click.argument("flow", nargs=-1)
@click.option("--against", metavar="REF|FOLDER", help="Compare with a branch, commit or folder, without a database.")
@click.option("--exit-code", is_flag=True, help="Exit status 1 where anything would change, or a file has errors.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "markdown"]),
    default="text",
    help="For people (text), programs (json), a pull request (markdown).",
)
@click.pass_context
def diff(context: click.Context, flow: tuple[str, ...], against: str | None, exit_code: bool, form: str) -> None:
    """Tell what publishing the files would change in what runs: of each FLOW named, or of all.

    Customers under way stay on the version that they entered with; how many of them stand where is told with each flow.
    With --against nothing but files is compared, as for a pull request: of a branch, since this one left it.
    """
    library, folder = _library()
    if against is None:
        with opened("diff") as house, house.database.reading() as connection:
            found = against_database(connection, library, frozenset(flow) if flow else None)
            _known(flow, {*library.flows, *library.broken, *house.flowbook.triggers(connection)})
        than = "what runs"
    else:
        earlier = read_earlier(folder, against)
        _known(flow, {*library.flows, *library.broken, *earlier.flows, *earlier.broken})
        found = against_files(earlier, library, frozenset(flow) if flow else None)
        than = earlier.named
    if form == "json":
        click.echo(json.dumps([_as_json(one) for one in found], ensure_ascii=False, indent=2))
    elif form == "markdown":
        click.echo(as_markdown(found, than))
    else:
        click.echo(as_text(found, than))
    context.exit(1 if exit_code and found else 0)


def _library() -> tuple[Library, Path]:
    """Read the flows of the files, without a database; returns their folder too."""
    home = find_home(os.environ)
    shop = read_shop(from_here(home), os.environ)
    shown = shop.folder / shop.settings.flows
    return read_library(shown, shop.vocabulary, shop.templates.needs(), shown=str(shown)), home / shop.settings.flows


def _known(names: tuple[str, ...], known: set[str]) -> None:
    for name in names:
        if name not in known:
            hint = did_you_mean(name, sorted(known)) or f"there are: {', '.join(sorted(known)) or 'none'}"
            raise PhinError(f"there is no flow '{name}'; {hint}")


def _as_json(one: FlowDifference) -> dict[str, object]:
    found = asdict(one)
    found["problems"] = [_problem(problem) for problem in one.problems]
    return found


def _problem(problem: Problem) -> dict[str, object]:
    place = problem.place
    return {"file": place.file, "line": place.line, "column": place.column, "message": problem.message}


commands = (diff,)
