"""Running a command: each error is told to a person in one line, with its remedy and without a traceback."""

from __future__ import annotations

from collections.abc import Sequence

import click

from worker.domain.errors import FileError, PhinError
from worker.language.diagnostics import as_text


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
        click.echo(click.style(f"phin: {error}", fg="red"), err=True)
        return 1
    return status if isinstance(status, int) else 0
