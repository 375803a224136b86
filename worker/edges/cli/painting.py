"""Colour on a terminal: it only helps, and NO_COLOR takes it away."""

from __future__ import annotations

import os

import click

from worker.language.yaml.diagnostics import plain

_COLOURS: dict[str, dict[str, object]] = {
    "place": {"bold": True},
    "error": {"fg": "red", "bold": True},
    "warning": {"fg": "yellow", "bold": True},
    "caret": {"fg": "red", "bold": True},
    "gutter": {"fg": "blue"},
    "hint": {"fg": "green"},
}


def paint(role: str, text: str) -> str:
    """Give a part of a problem its colour; click takes it away again where no terminal reads."""
    if os.environ.get("NO_COLOR"):
        return plain(role, text)
    return click.style(text, **_COLOURS.get(role, {}))  # type: ignore[arg-type]  # keywords of click.style


def coloured(text: str, colour: str | None = None, *, bold: bool = False) -> str:
    """Return a text in a colour of click's."""
    return text if os.environ.get("NO_COLOR") else click.style(text, fg=colour, bold=bold or None)


def warning(text: str) -> str:
    """Return a text in the colour of what one should look at."""
    return coloured(text, "yellow")
