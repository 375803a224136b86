"""`phin flows`: what is live, what holds it, and what became of its file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.processes import clean_environment

FLOW = "flow: {name}\ntrigger: signup\nsteps: [{{exit: nothing to do}}]\n"


def _phin(home: Path, *arguments: str, columns: int = 200) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "worker.edges.cli", *arguments]
    environment = clean_environment(PHIN_HOME=str(home), COLUMNS=str(columns))
    return subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True, check=False, timeout=60)


def _flows(home: Path) -> dict[str, dict[str, Any]]:
    return {one["flow"]: one for one in json.loads(_phin(home, "flows", "--json").stdout)}


def test_what_stands_where_is_told(tmp_path: Path) -> None:
    """Given a live flow, one whose file broke, one whose file is gone and one that never was whole, then each is told
    so; and when everything is paused, a program is told who holds what."""
    for folder in ("config", "flows", "templates"):
        (tmp_path / folder).mkdir()
    (tmp_path / "config" / "phin.yaml").write_text("shop: {name: The Coffee}\n")
    files = {name: tmp_path / "flows" / f"{name}.yaml" for name in ("good", "hurt", "gone", "never")}
    for name in ("good", "hurt", "gone"):
        files[name].write_text(FLOW.format(name=name))
    assert _phin(tmp_path, "release").returncode == 0

    files["hurt"].write_text("flow: hurt\ntriger: signup\n")
    files["never"].write_text("flow: never\n")
    files["gone"].unlink()
    assert _phin(tmp_path, "publish", "--only-valid").returncode == 0
    before = _flows(tmp_path)
    assert _phin(tmp_path, "pause", "--all").returncode == 0
    after = _flows(tmp_path)
    text = _phin(tmp_path, "flows").stdout

    assert {name: (one["state"], one["file"]) for name, one in before.items()} == {
        "good": ("live", "here"),
        "hurt": ("live", "broken"),
        "gone": ("paused", "gone"),
        "never": ("not published", "broken"),
    }
    assert {name: (one["state"], one["paused_by"]) for name, one in after.items()} == {
        "good": ("paused", "everything"),
        "hurt": ("paused", "everything"),
        "gone": ("paused", "file"),
        "never": ("not published", None),
    }
    for told in ("phin resume --all", "file has errors", "file is gone", "phin check"):
        assert told in text


def test_a_terminal_of_eighty_columns_suffices(tmp_path: Path) -> None:
    """Given all is paused and one flow by hand besides, then each flow takes one line of 80 columns, notes are beneath.

    The note on what holds everything is said once, not on each line.
    """
    for folder in ("config", "flows", "templates"):
        (tmp_path / folder).mkdir()
    (tmp_path / "config" / "phin.yaml").write_text("shop: {name: The Coffee}\n")
    names = ["first-purchase-thank-you", "birthday", "win-back"]
    for name in names:
        (tmp_path / "flows" / f"{name}.yaml").write_text(FLOW.format(name=name))
    assert _phin(tmp_path, "release").returncode == 0
    assert _phin(tmp_path, "pause", "birthday").returncode == 0
    assert _phin(tmp_path, "pause", "--all").returncode == 0

    lines = [line for line in _phin(tmp_path, "flows", columns=80).stdout.splitlines() if line.strip()]
    head, _, *rows = lines[: 2 + len(names)]
    notes = "\n".join(lines[2 + len(names) :])

    assert head.split() == ["flow", "state", "version", "since", "under", "way"]
    assert [row.split()[:3] for row in rows] == [[name, "paused", "v1"] for name in sorted(names)]
    assert max(map(len, rows)) <= 80
    assert "birthday: paused by hand; 'phin resume birthday' goes on" in notes
    assert notes.count("Everything is paused") == 1 and "win-back" not in notes
