"""`phin check`: everything that is wrong with the settings, seasons, segments, flows and templates, told at once."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import click

from worker.delivery.templates.library import TemplateLibrary
from worker.domain.conditions.vocabulary import Vocabulary
from worker.domain.errors import FileError, PhinError, Place, Problem, SettingError
from worker.domain.settings import Settings, Shop
from worker.edges.cli.parsers import PARSERS, secret_problems
from worker.edges.environment import find_home
from worker.edges.movable_clock import Clock
from worker.edges.var import TEMPLATES_KEPT
from worker.language.campaigns import campaigns_over
from worker.language.diagnostics import (
    as_github,
    as_json,
    as_sarif,
    as_text,
    counted,
    counts,
    in_order,
    plain,
    summary,
)
from worker.language.library import Library, flow_names, read_library
from worker.language.seasons import SEASONS_FILE, inspect_seasons
from worker.language.segments import SEGMENTS_FILE, read_segments
from worker.language.settings import inspect_settings
from worker.language.staff import FILE as STAFF_FILE
from worker.language.staff import read_staff, words_of

_COLOURS: dict[str, dict[str, object]] = {
    "place": {"bold": True},
    "error": {"fg": "red", "bold": True},
    "warning": {"fg": "yellow", "bold": True},
    "caret": {"fg": "red", "bold": True},
    "gutter": {"fg": "blue"},
    "hint": {"fg": "green"},
}


@dataclass(frozen=True, slots=True)
class Checked:
    """What was looked at, and what was found.

    Parameters:
        templates: how many there are, each in one language or more.
    """

    library: Library
    templates: int
    problems: tuple[Problem, ...]


def check_all(folder: Path, environment: Mapping[str, str]) -> Checked:
    """Check the settings, flows and templates of a shop's folder; problems are in the order of files and lines."""
    folder = _from_here(folder)
    found, problems = inspect_settings(folder / "config" / "phin.yaml", environment, PARSERS)
    settings = found or Settings()
    kept = folder / settings.var / TEMPLATES_KEPT
    templates = TemplateLibrary(folder / settings.templates, settings.shop, fields=settings.fields, cache=kept)
    shown = str(folder / settings.templates)
    in_templates = [
        replace(one, place=replace(one.place, file=f"{shown}/{one.place.file}")) for one in templates.check()
    ]
    vocabulary = Vocabulary.of(settings, flows=flow_names(folder / settings.flows)) if found else None
    path = folder / "config" / SEGMENTS_FILE
    segments = read_segments(path, str(path), vocabulary)
    path = folder / "config" / SEASONS_FILE
    seasons = inspect_seasons(path, str(path))
    staff, in_staff = _staff(folder, settings.shop)
    library = read_library(
        folder / settings.flows,
        replace(vocabulary, segments=segments.names, seasons=seasons.names, staff=staff) if vocabulary else None,
        templates.needs(),
    )
    beside = [*secret_problems(environment), *seasons.problems, *segments.problems, *in_staff]
    over = _over(library, folder, settings)
    found_problems = [*problems, *beside, *library.problems, *over, *in_templates]
    return Checked(library, len(templates.names()), tuple(in_order(found_problems)))


def _over(library: Library, folder: Path, settings: Settings) -> list[Problem]:
    """Return which campaigns are over by the shop's clock; a clock that cannot be read is told in their place."""
    clock = Clock(folder / settings.var / "clock")
    try:
        now = clock.now()
    except SettingError as error:
        return [Problem(Place(str(clock.path), 0, 0), str(error))]
    return campaigns_over(library, str(folder / settings.flows), now, settings.shop.timezone)


def _staff(folder: Path, shop: Shop) -> tuple[frozenset[str] | None, tuple[Problem, ...]]:
    """Return what tasks may be assigned to (None where that cannot be said), and what is wrong with the file."""
    path = folder / "config" / STAFF_FILE
    try:
        return words_of(read_staff(path, str(path), shop)), ()
    except FileError as error:
        return None, error.problems


@click.command(short_help="Tell what is wrong with settings, flows, templates.")
@click.option("--strict", is_flag=True, help="Warnings count as errors.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "sarif", "github"]),
    default="text",
    help="For people (text), programs (json), code scanning (sarif), pull requests (github).",
)
@click.pass_context
def check(context: click.Context, strict: bool, form: str) -> None:
    """Check settings, staff, flows and templates, and tell everything that is wrong at once.

    Nothing is changed and nothing is started. Exit status 1 where there are errors.
    """
    began = time.monotonic()
    try:
        folder = find_home(os.environ)
    except PhinError as error:
        raise click.ClickException(str(error)) from error
    checked = check_all(folder, os.environ)
    problems = checked.problems
    looked_at = {"flows": checked.library.files, "templates": checked.templates}
    if form == "json":
        click.echo(as_json(problems, looked_at))
    elif form == "sarif":
        click.echo(as_sarif(problems, version("phin")))
    else:
        for problem in problems:
            click.echo(as_github(problem) if form == "github" else as_text(problem, _paint))
        what = f"{counted(checked.library.files, 'flow')} and {counted(checked.templates, 'template')}"
        click.echo(summary(problems, what, time.monotonic() - began))
    errors, warnings = counts(problems)
    context.exit(1 if errors or (strict and warnings) else 0)


commands = (check,)


def _paint(role: str, text: str) -> str:
    """Give a part of a problem its colour; click takes it away again where no terminal reads."""
    if os.environ.get("NO_COLOR"):
        return plain(role, text)
    return click.style(text, **_COLOURS.get(role, {}))  # type: ignore[arg-type]  # keywords of click.style


def _from_here(folder: Path) -> Path:
    """Return the folder as seen from where the command runs, if it lies there: short paths, as an editor opens them."""
    here = Path.cwd()
    return folder.relative_to(here) if folder.is_relative_to(here) else folder
