"""What `phin up` says when everything runs: what, where, which flows, where to look, what to try."""

from __future__ import annotations

import json
import secrets
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from worker.domain.settings import Settings


@dataclass(frozen=True, slots=True)
class Line:
    """One part of the house.

    Parameters:
        what: what it is: `SQLite 3.53.4`, `11 live · 1 draft`.
        where: where it is found, or nothing.
        state: what is to be said of it, or nothing.
        good: whether it is as it should be.
    """

    part: str
    what: str
    where: str = ""
    state: str = ""
    good: bool = True


def show(console: Console, title: str, lines: Sequence[Line], command: str) -> None:
    """Print the banner: one line a part, then how to end it and what to try.

    Nothing is wrapped or cut to the terminal's width: addresses and the command are there to be copied.
    """

    def say(*parts: tuple[str, str]) -> None:
        console.print(Text.assemble(*parts), soft_wrap=True)

    say((title, "bold"))
    for line in lines:
        told = "  ".join(part for part in (line.what, line.where, line.state) if part)
        say((f"  {line.part:<10} ", "dim"), (told, "" if line.good else "red"))
    say(("Ctrl-C ends it. To report a purchase (the same line again counts once):", ""))
    say((f"  {command}", "cyan"))


def near(path: Path) -> str:
    """Return the path as seen from where the command was run, if it lies beneath."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def trial_command(settings: Settings, url: str, key: str | None) -> str:
    """Return a curl line that reports a purchase of two things by a customer who agreed to mail.

    Parameters:
        key: the ingest key to show; None where it is the owner's secret, which stays unsaid.
    """
    body = json.dumps(trial_event(settings), ensure_ascii=False, separators=(",", ":"))
    bearer = f"Authorization: Bearer {key}" if key else "Authorization: Bearer YOUR_INGEST_KEY"
    return f"curl -H {shlex.quote(bearer)} -d {shlex.quote(body)} {url}/v1/events"


def trial_event(settings: Settings) -> dict[str, Any]:
    """Return a purchase as a shop would report it, in the shop's currency."""
    unit = 1_000 if settings.shop.currency == "VND" else 1
    number = f"TRY-{secrets.token_hex(3).upper()}"
    lines = [
        {"sku": "AR-250", "name": "Arabica Cầu Đất 250 g", "category": "arabica", "quantity": 2, "price": 180 * unit},
        {"sku": "PHIN-4", "name": "Phin nhôm cỡ 4", "category": "phin", "quantity": 1, "price": 90 * unit},
    ]
    return {
        "id": f"purchase-{number}",
        "type": "purchase",
        "customer": {
            "id": "lan",
            "email": "lan@example.com",
            "name": "Nguyễn Thị Lan",
            "first_name": "Lan",
            "language": settings.shop.language,
            "consent": {"marketing": True, "tracking": True, "source": "checkout"},
        },
        "order": {"number": number, "total": 450 * unit, "currency": settings.shop.currency, "lines": lines},
    }
