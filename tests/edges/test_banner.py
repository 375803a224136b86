"""What `phin up` says can be read at a glance, and its command works when it is pasted."""

from __future__ import annotations

import io
import json
import re
import shlex
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from worker.domain.event_check import CheckedEvent, EventRules, check_event
from worker.domain.setting_groups import Shop
from worker.domain.settings import Settings
from worker.edges.banner import Line, show, trial_command, trial_event
from worker.storage.tables import metadata


@pytest.mark.parametrize(("currency", "language"), [("VND", "vi"), ("EUR", "en")])
def test_the_trial_event_is_one_that_is_taken(currency: str, language: str) -> None:
    """Given a shop, then the purchase that is offered passes the check, with two lines that sum up to its total."""
    settings = Settings(shop=Shop(currency=currency, language=language))
    event = trial_event(settings)
    assert isinstance(check_event(event, EventRules.of(settings), datetime.now(UTC)), CheckedEvent)
    lines = event["order"]["lines"]
    assert len(lines) == 2
    assert sum(line["quantity"] * line["price"] for line in lines) == event["order"]["total"]


def test_the_command_survives_a_shell() -> None:
    """Given the command, when a shell takes it apart, then header, body and address are what they should be."""
    words = shlex.split(trial_command(Settings(), "http://127.0.0.1:8787", "dev-key"))
    assert words[0] == "curl"
    assert words[words.index("-H") + 1] == "Authorization: Bearer dev-key"
    assert json.loads(words[words.index("-d") + 1])["type"] == "purchase"
    assert words[-1] == "http://127.0.0.1:8787/v1/events"


def test_a_secret_key_stays_unsaid() -> None:
    """Given an ingest key from the environment, then the command has a place for it and not the key."""
    assert "YOUR_INGEST_KEY" in trial_command(Settings(), "http://x", None)


def test_nothing_is_cut_to_the_terminals_width() -> None:
    """Given a narrow terminal, then addresses and the command stand whole on one line each."""
    out = io.StringIO()
    url = "http://127.0.0.1:8787/a/rather/long/address/that/does/not/fit"
    show(Console(file=out, width=40), "Phin", [Line("web", "here", url)], "curl " + "x" * 100)
    assert url in out.getvalue()
    assert "curl " + "x" * 100 in out.getvalue()


def test_it_fits_into_a_terminal() -> None:
    """Given a banner, then what the house says itself is at most 78 columns wide; only the command is longer."""
    out = io.StringIO()
    show(Console(file=out, width=200), "Phin", [], "curl")
    assert max(map(len, out.getvalue().splitlines())) <= 78


def test_the_readme_shows_what_is_printed_now() -> None:
    """Given the README's sample of what phin up prints, then tables and flows are as many as there are."""
    home = Path(__file__).parents[2]
    readme = (home / "README.md").read_text()
    flows = list((home / "flows").glob("*.yaml"))
    waiting = [one for one in flows if re.search(r"^status:\s*(draft|paused)", one.read_text(), re.MULTILINE)]
    assert f"{len(metadata.tables)} tables, up to date" in readme
    assert f"{len(flows) - len(waiting)} live · 0 draft · 0 broken" in readme
    assert f"{len(flows)} flows and their mails come with Phin" in readme
