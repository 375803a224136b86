"""How `phin report` tells of mails: sent, how many may be followed, opened and clicked of these."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from worker.edges.moments import share

_ENDLESS = 10_000  # characters
WHY_NONE = "nobody agreed to be followed (docs/tracking.md)"


class Mails(Protocol):
    """Mails to customers, counted; `followed` are those that may be, and only these are `opened` and `clicked`."""

    sent: int
    followed: int
    opened: int
    clicked: int

    @property
    def open_rate(self) -> float | None:
        """Opened of followed."""

    @property
    def click_rate(self) -> float | None:
        """Clicked of followed."""


def fits(console: Console, table: Table) -> bool:
    """Say whether a terminal shows a table without cutting any of it."""
    unbound = console.options.update(max_width=_ENDLESS)
    return console.measure(table, options=unbound).maximum <= console.width


def seen(count: int, mails: Mails) -> str:
    """Return how many were opened or clicked; a dash where mails went out and nobody may know."""
    return "–" if mails.sent and not mails.followed else f"{count:,}"


def mail_parts(mails: Mails) -> list[str]:
    """Return what is told of mails where there is no room for a table, in parts that stand on one line each."""
    sent = f"{mails.sent:,} sent"
    if mails.sent and not mails.followed:
        return [sent, f"opened –, clicked –: {WHY_NONE}"]
    opened = f"{mails.opened:,} opened ({share(mails.open_rate)})"
    clicked = f"{mails.clicked:,} clicked ({share(mails.click_rate)})"
    if mails.followed < mails.sent:
        opened = f"of {mails.followed:,} that may be followed {opened}"
    return [sent, opened, clicked]


def print_parts(console: Console, parts: Sequence[str]) -> None:
    """Print parts set in below what they are of, each whole, on as many lines as the terminal needs."""
    line = ""
    for part in parts:
        longer = f"{line} · {part}" if line else f"  {part}"
        if line and cell_len(longer) > console.width:
            console.print(line, soft_wrap=True)
            longer = f"  {part}"
        line = longer
    console.print(line, soft_wrap=True)
