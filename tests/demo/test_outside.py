"""The demo speaks to Phin from outside, and nothing in Phin knows of it."""

from __future__ import annotations

import ast
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
ALLOWED = {"worker.edges.movable_clock"}  # the shop's clock, which a played shop may move


def modules(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


def test_the_demo_uses_nothing_of_phin_but_its_clock() -> None:
    """Given the demo's files, then all they import of Phin is what moves the clock."""
    used = {name for path in (ROOT / "demo").rglob("*.py") for name in modules(path) if name.startswith("worker")}
    assert used <= ALLOWED


def test_phin_knows_nothing_of_the_demo() -> None:
    """Given Phin's files, then none imports the demo; its command comes by the entry point alone."""
    assert not [
        path for path in (ROOT / "worker").rglob("*.py") if any(m.split(".")[0] == "demo" for m in modules(path))
    ]
    assert [point.value for point in metadata.entry_points(group="phin.commands", name="demo")] == ["demo.command:demo"]
