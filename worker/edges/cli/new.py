"""`phin new flow`: a flow of one's own begun from one that comes with Phin."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import click
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from worker.domain.errors import FileError, PhinError
from worker.edges.banner import near
from worker.edges.cli.painting import coloured, paint
from worker.edges.cli.schema_files import refresh
from worker.edges.cli.shop_files import ShopFiles, from_here, read_shop
from worker.edges.environment import find_home
from worker.edges.patterns import Pattern, begun_from, lay_out_templates, pattern, patterns
from worker.language.flow.flows import read_flow
from worker.language.library import flow_names
from worker.language.yaml.diagnostics import as_text

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}", re.IGNORECASE)


@click.group(short_help="Begin a flow from one that comes with Phin.")
def new() -> None:
    """Begin something of one's own from what comes with Phin."""


@new.command("flow")
@click.argument("name", required=False)
@click.option("--from", "source", metavar="PATTERN", help="The flow to begin from.")
@click.option("--list", "lists", is_flag=True, help="List the patterns: the flows that come with Phin.")
@click.option("--json", "as_json", is_flag=True, help="With --list, for programs.")
def flow(name: str | None, source: str | None, lists: bool, as_json: bool) -> None:
    """Write flows/NAME.yaml from a PATTERN, as a draft, and tell what to edit next. No file is overwritten.

    The flow sends the shop's own templates of those names; what the shop has not is written into its templates folder.
    """
    if lists:
        _list(as_json)
        return
    if name is None or source is None:
        raise click.UsageError(
            "say which: 'phin new flow NAME --from PATTERN'; 'phin new flow --list' lists the patterns"
        )
    if not _NAME.fullmatch(name):
        raise PhinError(f"a flow's name is made of letters (a to z), digits, '-', '_' and '.'; '{name}' is not")
    found = pattern(source)
    home = from_here(find_home(os.environ))
    shop = read_shop(home, os.environ)
    folder = home / shop.settings.flows
    if name in (flow_names(folder) or ()):
        raise PhinError(f"there is a flow '{name}' in {folder} already; nothing is overwritten, take another name")
    path = folder / f"{name}.yaml"
    text = begun_from(found, name)
    folder.mkdir(parents=True, exist_ok=True)
    with path.open("x", encoding="utf-8") as file:
        file.write(text)
    written = lay_out_templates(found, home / shop.settings.templates)
    click.echo(f"{coloured(str(path), bold=True)} is made from '{source}', as a draft: it runs for nobody yet")
    if found.templates:
        click.echo(f"  it sends  {', '.join(found.templates)}")
    shop = read_shop(home, os.environ)  # anew: with what was written just now
    for one in (*written, *_schemas(shop)):
        click.echo(f"  written   {near(one)}")
    _problems(shop, text, str(path))
    _next(found, name, str(path))


def _schemas(shop: ShopFiles) -> list[Path]:
    """Bring the schemas that editors complete by up to date: they hold the names of flows and templates."""
    try:
        return refresh(shop)
    except OSError as error:
        click.echo(f"  {error.filename} cannot be written ({error.strerror or error}): run 'phin schema --write'")
        return []


def _problems(shop: ShopFiles, text: str, shown: str) -> None:
    """Tell what the pattern needs and this shop has not: a segment, a season, a role."""
    templates: dict[str, tuple[str, ...]] = dict.fromkeys(shop.templates.names(), ())
    try:
        problems = read_flow(text, shown, shop.vocabulary, templates)[1]
    except FileError as error:
        problems = error.problems
    for problem in problems:
        click.echo(as_text(problem, paint))


def _next(found: Pattern, name: str, path: str) -> None:
    mail = f", phin preview {found.templates[0]}" if found.templates else ""
    click.echo(
        f"next\n"
        f"  1. edit {path}: title, trigger, when, steps; a mail with another text needs a template of its own\n"
        f"  2. phin check{mail}, phin graph {name}\n"
        f"  3. take the line 'status: draft' out, then phin diff {name}, phin publish {name}\n"
        f"     (where phin up runs, each valid edit is published when it is saved)"
    )


def _list(as_json: bool) -> None:
    known = patterns()
    if as_json:
        told = [
            {
                "pattern": name,
                "title": {language: text.written for language, text in one.flow.title.by_language.items()},
                "triggers": [str(trigger) for trigger in one.flow.triggers],
                "templates": one.templates,
            }
            for name, one in known.items()
        ]
        click.echo(json.dumps(told, ensure_ascii=False, indent=2))
        return
    table = Table("pattern", "what it is", "starts", box=box.SIMPLE_HEAD, pad_edge=False)
    table.columns[0].no_wrap = True
    for name, one in known.items():
        title = one.flow.title.within("en", "vi").written
        table.add_row(name, escape(title), escape(", ".join(map(str, one.flow.triggers))))
    Console().print(table)
    click.echo("phin new flow NAME --from PATTERN writes one as a draft; docs/cookbook.md tells when each is of use.")


commands = (new,)
