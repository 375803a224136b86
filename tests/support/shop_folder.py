"""A shop's folder with the shipped templates and flows, for commands that work on one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.processes import ROOT, clean_environment

SHIPPED = ("config", "flows", "templates")


def shop_folder(path: Path) -> Path:
    """Make a folder that has what Phin ships; its templates are the shipped ones themselves."""
    path.mkdir(parents=True, exist_ok=True)
    for name in SHIPPED:
        (path / name).symlink_to(ROOT / name)
    return path


def phin(folder: Path, *arguments: str, **environment: Any) -> subprocess.CompletedProcess[str]:
    """Run a command of Phin in a folder."""
    variables = clean_environment(PHIN_HOME=str(folder), COLUMNS="120", **environment)
    command = [sys.executable, "-m", "worker.edges.cli", *arguments]
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False, timeout=90)
