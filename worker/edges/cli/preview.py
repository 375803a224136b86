"""`phin preview`: a template as a customer would get it, in a browser or in the terminal, without sending anything."""

from __future__ import annotations

import os
import sys
import threading
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from worker.domain.errors import FileError, PhinError, Problem
from worker.edges.banner import near
from worker.edges.environment import Home, read_home
from worker.edges.logs import set_up_logs
from worker.edges.preview_page import facts_of, size_of, write_preview
from worker.edges.previews import make_preview
from worker.edges.secrecy import secrets_of
from worker.edges.var import open_var
from worker.edges.watching import follow
from worker.language.yaml.diagnostics import as_text
from worker.rehearsal.previewing import CLIPPED_AT, Asked, Previewed

FOLDER = "preview"  # under var


def whose_mail(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that say whose mail it is, and in which language."""
    for option in (
        click.option("--step", help="Which step of the flow sends it."),
        click.option("--flow", help="The flow that sends it; by default the first that does."),
        click.option("--language", metavar="LANGUAGE", help="vi or en; by default the customer's."),
        click.option("--order", metavar="NUMBER", help="An order of the database; by default the customer's latest."),
        click.option("--customer", metavar="CUSTOMER", help="The shop's id, an e-mail address, or #12."),
    ):
        command = option(command)
    return command


@click.command(short_help="Show a template as a customer would get it.")
@click.argument("template")
@whose_mail
@click.option("--no-open", is_flag=True, help="Write the files and open nothing.")
@click.option("--dark", is_flag=True, help="Show it in the dark at first.")
@click.option("--text", "as_text_part", is_flag=True, help="Print the text part, and open nothing.")
@click.option("--watch", is_flag=True, help="Make it anew whenever a file is saved, until Ctrl-C.")
def preview(template: str, no_open: bool, dark: bool, as_text_part: bool, watch: bool, **whose: str | None) -> None:
    """Show TEMPLATE with a customer's real data, or with a made-up customer where none is named.

    Nothing is sent and nothing is counted. The step that sends the template gives its values.
    """
    home = opened_home("preview")
    asked = Asked(template, **whose)
    seen = make_preview(home, asked)
    if as_text_part:
        click.echo(seen.rendered.text)
        return
    folder = home.settings.var / FOLDER
    written = write_preview(folder, seen, dark=dark, watched=watch)
    _tell(seen, written.page)
    if not no_open:
        _open(written.page)
    if watch:
        _watch(home, asked, lambda again: write_preview(folder, again, dark=dark, watched=True))


def opened_home(name: str) -> Home:
    """Return the shop's home for a command that needs no database; its `var` folder is made."""
    home = read_home(os.environ)
    set_up_logs("console", name, home.settings.shop.timezone, secrets_of(home))
    open_var(home.settings.var)
    return home


def _tell(seen: Previewed, page: Path) -> None:
    """Print what there is to say of the mail; errors and warnings of the template first."""
    console = Console(highlight=False)
    _tell_problems(seen.problems)
    share = min(1.0, seen.size / CLIPPED_AT)
    clipped = seen.size > CLIPPED_AT
    size = f"{size_of(seen)} of HTML" + ("; Gmail hides the end" if clipped else "")
    rows = [
        ("subject", Text(seen.rendered.subject, "bold")),
        ("preheader", Text(seen.rendered.preheader or "none", "" if seen.rendered.preheader else "yellow")),
        *((name, Text(value)) for name, value in facts_of(seen)),
        ("size", Text.assemble((size, "red" if clipped else ""), "  ", (_bar(share), "dim"))),
    ]
    console.print(Text.assemble((seen.template, "bold"), f" · {seen.language}"))
    for name, value in rows:
        console.print(Text.assemble((f"  {name:<10}", "dim"), value), soft_wrap=True)
    for number, link in enumerate(seen.links, 1):
        head = f"  {'links' if number == 1 else '':<10}"
        label = f"{link.label}  " if link.label else ""
        console.print(Text.assemble((head, "dim"), label, (link.url, "cyan")), soft_wrap=True)
    console.print(Text.assemble((f"  {'page':<10}", "dim"), near(page)), soft_wrap=True)


def _tell_problems(problems: tuple[Problem, ...]) -> None:
    for problem in problems:
        click.echo(as_text(problem), err=True)


def _bar(share: float, width: int = 20) -> str:
    filled = max(1, round(share * width))
    return "█" * filled + "░" * (width - filled)


def _open(page: Path) -> None:
    """Open the page in a browser with windows; one of the terminal would take the terminal."""
    windows = sys.platform in ("darwin", "win32") or any(os.environ.get(one) for one in ("DISPLAY", "WAYLAND_DISPLAY"))
    if not windows or not webbrowser.open(page.as_uri()):
        click.echo("No browser could be opened here; the page is a file that any browser shows.", err=True)


def _watch(home: Home, asked: Asked, write: Callable[[Previewed], object]) -> None:
    settings = home.settings
    click.echo("Watching; save a file to see it anew. Ctrl-C ends it.")

    def changed(paths: set[Path]) -> None:
        if not paths:
            return
        try:
            again = make_preview(home, asked)
        except FileError as error:
            _tell_problems(error.problems)
        except PhinError as error:
            click.echo(click.style(f"phin: {error}", fg="red"), err=True)
        else:
            write(again)
            _tell_problems(again.problems)
            click.echo(f"made anew: {again.rendered.subject} · {size_of(again)}")

    follow([settings.templates, settings.flows, home.config], changed, threading.Event())


commands = (preview,)
