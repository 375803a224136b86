"""How a play is followed: one line that renews itself on a terminal, else a line now and then."""

from __future__ import annotations

import time
from datetime import datetime
from types import TracebackType
from typing import Protocol

from rich.console import Console
from rich.text import Text

from demo.case import ZONE
from demo.player import Tally
from demo.script import Script

EVERY = 5.0  # seconds between two lines where there is no terminal
RENEWED_EVERY = 0.1
WIDTH = 20  # characters of the bar
TITLE = "  demo shop  "
CLEAR = "\r\x1b[2K"  # to the line's beginning, and nothing on it


class Display(Protocol):
    """What a person sees of the play."""

    def __enter__(self) -> Display: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def says(self, text: str) -> None:
        """Tell what is being done before the first day."""

    def played(self, tally: Tally) -> None:
        """Tell what was done so far."""


def display(console: Console, script: Script) -> Display:
    """Return the display that suits where the output goes."""
    return Renewing(console, script) if console.is_terminal else Lines(console, script)


class Lines:
    """A line now and then."""

    def __init__(self, console: Console, script: Script) -> None:
        self._console = console
        self._script = script
        self._last = 0.0

    def __enter__(self) -> Lines:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is to be tidied up."""

    def says(self, text: str) -> None:
        """Tell what is being done before the first day."""
        self._console.print(f"{TITLE}{text}", soft_wrap=True)

    def played(self, tally: Tally) -> None:
        """Tell what was done so far, if the last line is old."""
        now = time.monotonic()
        if now - self._last < EVERY:
            return
        self._last = now
        self._console.print(
            f"{TITLE}{share(self._script, tally.moment):>4.0%}  {_day(tally.moment)}  {_counts(tally)}",
            soft_wrap=True,
        )


class Renewing:
    """One line that renews itself.

    The cursor rests at its beginning, so that a line which another process of the house writes takes its place, and the
    progress goes on beneath.
    """

    def __init__(self, console: Console, script: Script) -> None:
        self._console = console
        self._script = script
        self._last = 0.0

    def __enter__(self) -> Renewing:
        self._console.show_cursor(False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._console.file.write(CLEAR)
        self._console.show_cursor(True)

    def says(self, text: str) -> None:
        """Tell what is being done before the first day."""
        self._draw(Text.assemble((TITLE, "dim"), text))

    def played(self, tally: Tally) -> None:
        """Tell what was done so far."""
        now = time.monotonic()
        if now - self._last < RENEWED_EVERY:
            return
        self._last = now
        done = share(self._script, tally.moment)
        full = round(done * WIDTH)
        self._draw(
            Text.assemble(
                (TITLE, "dim"),
                _day(tally.moment),
                "  ",
                ("━" * full, "cyan"),
                ("━" * (WIDTH - full), "bright_black"),
                f" {done:>4.0%}  ",
                (_counts(tally), "bold"),
            )
        )

    def _draw(self, text: Text) -> None:
        text.truncate(self._console.width - 1)
        self._console.file.write(CLEAR)
        self._console.print(text, end="\r", no_wrap=True, overflow="crop", soft_wrap=True)


def share(script: Script, moment: datetime) -> float:
    """Return how much of the window lies before a moment, from 0 to 1."""
    window = script.window
    return min(1.0, max(0.0, (moment - window.begin) / (window.end - window.begin)))


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(ZONE):%a %d %b}"


def _counts(tally: Tally) -> str:
    return f"{tally.orders:,} orders · {tally.mails:,} mails · {tally.hits:,} opens and clicks"
