"""`phin check`: everything that is wrong with the settings, seasons, segments, flows and templates, told at once."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import click

from worker.domain.errors import PhinError, Place, Problem, SettingError, Severity
from worker.domain.flows import Flow
from worker.domain.messages import REFUSAL_CONFIRMED
from worker.domain.settings import Settings
from worker.edges.cli.painting import paint
from worker.edges.cli.parsers import secret_problems
from worker.edges.cli.schema_files import stale
from worker.edges.cli.shop_files import ShopFiles, from_here, read_shop
from worker.edges.dkim_keys import dkim_domain
from worker.edges.environment import find_home
from worker.edges.movable_clock import Clock
from worker.language.config.seasons import SEASONS_FILE, inspect_seasons
from worker.language.flow_tests.files import Known, read_test_folder
from worker.language.library import Library, read_library
from worker.language.sound.campaigns import campaigns_over
from worker.language.yaml.diagnostics import (
    as_github,
    as_json,
    as_sarif,
    as_text,
    counted,
    counts,
    in_order,
    summary,
)
from worker.language.yaml.suggestions import listed
from worker.rehearsal.imprints import imprint_problems, settings_lack
from worker.rehearsal.mail_settings import mail_problems


@dataclass(frozen=True, slots=True)
class Checked:
    """What was looked at, and what was found.

    Parameters:
        templates: how many there are, each in one language or more.
        tests: how many files of flow tests there are.
        roots: the folders whose files are read.
        stale: those of the problems that say that a schema for editors is out of date; they keep nothing from running.
    """

    library: Library
    templates: int
    tests: int
    problems: tuple[Problem, ...]
    roots: tuple[Path, ...]
    stale: tuple[Problem, ...] = ()

    def of(self, paths: Sequence[Path]) -> tuple[Problem, ...]:
        """Return the problems of these files and folders; all where none is named.

        Raises:
            PhinError: nothing that is read stands there.
        """
        within = [path.resolve() for path in paths]
        for path, found in zip(paths, within, strict=True):
            if not any(_touch(found, root.resolve()) for root in self.roots):
                raise PhinError(f"nothing of '{path}' is checked; {listed(map(str, self.roots), 'and')} are")
        if not within:
            return self.problems
        files = {file: Path(file).resolve() for file in {one.place.file for one in self.problems}}
        return tuple(one for one in self.problems if any(files[one.place.file].is_relative_to(path) for path in within))


def check_all(folder: Path, environment: Mapping[str, str]) -> Checked:
    """Check the settings, flows and templates of a shop's folder; problems are in the order of files and lines."""
    shop = read_shop(from_here(folder), environment)
    folder, settings, templates = shop.folder, shop.settings, shop.templates
    shown = str(folder / settings.templates)
    signs = dkim_domain(settings) if settings.dkim.sign else None
    looks = (*templates.check(), *mail_problems(settings, templates, signs))
    in_templates = [_beneath(shown, one) for one in looks]
    library = read_library(folder / settings.flows, shop.vocabulary, templates.needs())
    over = _over(library, folder, settings)
    flows = {name: file.flow for name, file in library.flows.items()}
    imprint = _imprint(shop, flows, shown) if shop.vocabulary is not None else []
    known = Known(settings, shop.vocabulary, flows, frozenset((*flows, *library.broken)))
    tests = read_test_folder(folder / settings.flows, known, str(folder / settings.flows))
    outdated = stale(folder, shop.names)
    beside = [*shop.problems, *secret_problems(environment), *outdated]
    problems = tuple(in_order([*beside, *library.problems, *over, *tests.problems, *in_templates, *imprint]))
    roots = (folder / "config", folder / settings.flows, folder / settings.templates)
    return Checked(library, len(templates.names()), tests.files, problems, roots, tuple(outdated))


def _beneath(shown: str, problem: Problem) -> Problem:
    """Return a template's problem with its file as the command tells it."""
    return replace(problem, place=replace(problem.place, file=f"{shown}/{problem.place.file}"))


def _imprint(shop: ShopFiles, flows: Mapping[str, Flow], shown: str) -> list[Problem]:
    """Return where advertising does not say who sends it and how to refuse more."""
    config = shop.folder / "config"
    seasons = inspect_seasons(config / SEASONS_FILE, SEASONS_FILE).seasons
    lacking = imprint_problems(shop.settings, shop.templates, flows, seasons, datetime.now(UTC))
    in_settings = [Problem(Place(str(config / "phin.yaml"), 0, 0), *one) for one in settings_lack(shop.settings, flows)]
    return [*in_settings, *_unconfirmed(shop, config), *(_beneath(shown, one) for one in lacking)]


def _unconfirmed(shop: ShopFiles, config: Path) -> list[Problem]:
    """Return what keeps refusals from being confirmed where the settings ask for it: the mail is not there."""
    if not shop.settings.policy.refusal_confirmed or REFUSAL_CONFIRMED in shop.templates.names():
        return []
    message = (
        f"'policy.refusal_confirmed' is on, and there is no template '{REFUSAL_CONFIRMED}' to confirm a refusal with"
    )
    hint = f"write {shop.settings.templates}/{REFUSAL_CONFIRMED}.{shop.settings.shop.language}.html (docs/consent.md)"
    return [Problem(Place(str(config / "phin.yaml"), 0, 0), message, Severity.WARNING, hint)]


def _touch(one: Path, other: Path) -> bool:
    return one.is_relative_to(other) or other.is_relative_to(one)


def _over(library: Library, folder: Path, settings: Settings) -> list[Problem]:
    """Return which campaigns are over by the shop's clock; a clock that cannot be read is told in their place."""
    clock = Clock(folder / settings.var / "clock")
    try:
        now = clock.now()
    except SettingError as error:
        return [Problem(Place(str(clock.path), 0, 0), str(error))]
    return campaigns_over(library, str(folder / settings.flows), now, settings.shop.timezone)


@click.command(short_help="Tell what is wrong with settings, flows, templates.")
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--strict", is_flag=True, help="Warnings count as errors.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "sarif", "github"]),
    default="text",
    help="For people (text), programs (json), code scanning (sarif), pull requests (github).",
)
@click.pass_context
def check(context: click.Context, paths: tuple[Path, ...], strict: bool, form: str) -> None:
    """Check settings, staff, flows and templates, and tell everything that is wrong at once.

    With PATHS, files or folders, only what is wrong with those is told, and counts. Nothing is changed and nothing is
    started. Exit status 1 where there are errors.
    """
    began = time.monotonic()
    try:
        folder = find_home(os.environ)
    except PhinError as error:
        raise click.ClickException(str(error)) from error
    checked = check_all(folder, os.environ)
    problems = checked.of(paths)
    looked_at = {"flows": checked.library.files, "templates": checked.templates, "tests": checked.tests}
    if form == "json":
        click.echo(as_json(problems, looked_at))
    elif form == "sarif":
        click.echo(as_sarif(problems, version("phin")))
    else:
        for problem in problems:
            click.echo(as_github(problem) if form == "github" else as_text(problem, paint))
        flows, tests = counted(checked.library.files, "flow"), counted(checked.tests, "file") + " of tests"
        beside = f", {tests}" if checked.tests else ""
        what = f"{flows}{beside} and {counted(checked.templates, 'template')}"
        if paths:
            elsewhere = counted(len(checked.problems) - len(problems), "problem")
            what = f"{', '.join(map(str, paths))}; elsewhere {elsewhere}"
        click.echo(summary(problems, what, time.monotonic() - began))
    errors, warnings = counts(problems)
    warnings -= sum(problem in checked.stale for problem in problems)
    context.exit(1 if errors or (strict and warnings) else 0)


commands = (check,)
