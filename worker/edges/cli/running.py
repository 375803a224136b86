"""Running a command: each error is told to a person in one line, with its remedy and without a traceback."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import import_module

import click

from worker.domain.errors import FileError, PhinError
from worker.language.yaml.diagnostics import as_text

TRACEBACK = "PHIN_TRACEBACK"  # set to anything: a database's error is shown with all that led to it


def run(command: click.Command, arguments: Sequence[str] | None) -> int:
    """Run a command and return its exit status; None stands for what was typed."""
    try:
        status = command.main(arguments, prog_name="phin", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return 130
    except FileError as error:
        for problem in error.problems:
            click.echo(as_text(problem), err=True)
        return 1
    except PhinError as error:
        return _told(str(error))
    except Exception as error:
        if os.environ.get(TRACEBACK) or not _is_of_database(error):
            raise
        return _told(import_module("worker.edges.cli.database_errors").words(error))
    return status if isinstance(status, int) else 0


def _told(words: str) -> int:
    click.echo(click.style(f"phin: {words}", fg="red"), err=True)
    return 1


def _is_of_database(error: Exception) -> bool:
    """Say whether SQLAlchemy or Alembic raised it; neither is loaded to find out."""
    return any(kind.__module__.partition(".")[0] in ("sqlalchemy", "alembic") for kind in type(error).__mro__)
