"""`phin schema`: what an editor completes, explains and checks by while one writes a shop's files."""

from __future__ import annotations

import os

import click

from worker.domain.errors import PhinError
from worker.edges.cli.schema_files import write_schemas
from worker.edges.cli.shop_files import from_here, read_shop
from worker.edges.environment import find_home
from worker.language.schema.files import KINDS, schema_of, written


@click.command(short_help="JSON Schemas of flows and settings, for editors.")
@click.argument("kind", type=click.Choice(KINDS), required=False)
@click.option("--write", is_flag=True, help="Write them to config/schema/, all of them where no KIND is named.")
def schema(kind: str | None, write: bool) -> None:
    """Print the JSON Schema of one KIND of file (flow, where none is named), with the shop's own names in it.

    With --write it goes to config/schema/, where the first line of each shipped file points to:
    `# yaml-language-server: $schema=../config/schema/flow.json`. Editors with the YAML language server complete
    and check by it.
    """
    folder = from_here(find_home(os.environ))
    names = read_shop(folder, os.environ).names
    if not write:
        click.echo(written(schema_of(kind or "flow", names)), nl=False)
        return
    try:
        found = write_schemas(folder, names, [kind] if kind else KINDS)
    except OSError as error:
        raise PhinError(f"{error.filename} cannot be written: {error.strerror or error}") from error
    for path, changed in found.items():
        click.echo(f"{path}  {'written' if changed else 'as it was'}")


commands = (schema,)
