"""Dashboard, alert rules and their page: each figure that they name is one that Phin gives, with the labels it has."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.support.processes import ROOT
from worker.edges.exposition import AT_ONCE, NOW, TIMES, TOTALS, names
from worker.storage.standing_counts import COUNTS
from worker.storage.vital_signs import VitalSigns

DOCS = ROOT / "docs"
UNPACKED = ROOT / ".venv" / "prometheus" / "usr" / "bin"  # by .ci/run: Debian's package, not installed
_SELECTOR = re.compile(r"\b(phin_[a-z_]+|process_[a-z_]+|up)\b(?:\{([^}]*)\})?")
_LABEL = re.compile(r"([a-z_]+)\s*(?:=~|!~|!=|=)\s*\"([^\"]*)\"")
_BY = re.compile(r"\b(?:by|on|without)\s*\(([^)]*)\)")
OWN = {"job", "instance", "le"}
PROCESS = {"process_resident_memory_bytes", "process_cpu_seconds_total", "process_start_time_seconds", "up"}
WORDS = {
    "role": {"web", "worker", "clock"},
    "scope": {"relay", "domain"},
    "state": {"queued", "claimed", "transmitting", "unknown", "received", "refused"},
    "class": {"hard", "complaint", "person"},
    "file": {"wal", "database"},
    "kind": {"open", "click", "event", "journey", "transactional", "marketing", "hit", "webhook", "reminder", "turn"},
}


def _labels() -> dict[str, set[str]]:
    """Return the labels of each series."""
    found = {f"phin_{one.name}_total": set(one.labels) for one in TOTALS}
    for one in TIMES:
        found |= {f"phin_{one.name}_{part}": set(one.labels) for part in ("bucket", "sum", "count")}
    return found | {f"phin_{one.name}": set(one.labels) for one in (*NOW, *AT_ONCE)}


def _dashboard() -> Iterator[tuple[str, str]]:
    board = json.loads((DOCS / "grafana-dashboard.json").read_text())
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"]
    for variable in board["templating"]["list"][1:]:
        yield variable["name"], variable["definition"]
    for annotation in board["annotations"]["list"][1:]:
        yield annotation["name"], annotation["expr"]


def _rules() -> Iterator[tuple[str, str]]:
    for group in YAML(typ="safe").load(DOCS / "alert-rules.yaml")["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]


@pytest.mark.parametrize(("where", "expression"), [pytest.param(*one, id=one[0]) for one in (*_dashboard(), *_rules())])
def test_expressions_ask_for_what_there_is(where: str, expression: str) -> None:
    """Given an expression of a panel or an alert, then its figures, labels and values are those of `/metrics`."""
    known = _labels()
    asked = list(_SELECTOR.finditer(expression))
    assert asked, "it asks for nothing of ours"
    labels = set()
    for found in asked:
        name, selector = found[1], found[2] or ""
        assert name in known or name in PROCESS, f"{name} is none of the figures"
        labels |= known.get(name, set())
        for label, value in _LABEL.findall(selector):
            assert label in known.get(name, set()) | OWN, f"{name} has no label {label}"
            assert value.startswith("$") or set(value.split("|")) <= WORDS.get(label, {value}), (label, value)
    for group in _BY.findall(expression):
        assert {label.strip() for label in group.split(",")} <= labels | OWN, f"{group} are not labels of {labels}"


def test_the_words_of_labels_are_those_of_the_figures() -> None:
    """Given the kinds of work that are asked for, then the words above are the same."""
    assert "due" in VitalSigns.__slots__
    assert COUNTS.keys() == {"messages", "journeys", "events", "staff"}


def test_the_page_tells_of_every_figure_and_alert() -> None:
    """Given the page, then each figure stands in it, each alert has its heading, and each rule leads there."""
    page = (DOCS / "monitoring.md").read_text()
    for name in names():
        plain = re.sub(r"_(bucket|sum|count)$", "", name) if "_seconds_" in name else name
        assert f"`{plain}`" in page, f"{plain} is not told"
    headings = set(re.findall(r"^### (Phin\w+)$", page, re.MULTILINE))
    assert headings == {alert for alert, _ in _rules()}
    for group in YAML(typ="safe").load(DOCS / "alert-rules.yaml")["groups"]:
        for rule in group["rules"]:
            assert rule["annotations"]["runbook_url"] == f"monitoring.md#{rule['alert'].lower()}"
            assert rule["labels"]["severity"] in ("critical", "warning")


def test_what_to_do_is_where_the_page_says() -> None:
    """Given the page's links to how Phin is run, then each leads to a heading there."""
    page, other = ((DOCS / name).read_text() for name in ("monitoring.md", "operations.md"))
    headings = {title.strip().lower().replace(" ", "-") for title in re.findall(r"^#+ (.+)$", other, re.MULTILINE)}
    asked = set(re.findall(r"operations\.md#([a-z-]+)", page))
    assert len(asked) > 3
    assert asked <= headings


def test_the_dashboard_can_be_imported() -> None:
    """Given the dashboard, then no panels overlap or share a number, and all ask the chosen data source."""
    board = json.loads((DOCS / "grafana-dashboard.json").read_text())
    assert board["id"] is None
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
        assert panel["type"] == "row" or panel["datasource"]["uid"] == "${datasource}"


def _promtool() -> Path | None:
    found = shutil.which("promtool", path=f"{UNPACKED}:/usr/bin:/usr/local/bin")
    return Path(found) if found else None


def test_prometheus_reads_the_rules_and_they_go_off() -> None:
    """Given Prometheus' own tool, then it reads the rules, and those of its tests go off when they should, only."""
    promtool = _promtool()
    if promtool is None:
        pytest.skip("promtool is not on this machine; .ci/run unpacks Debian's package prometheus")
    for arguments in (
        ("check", "rules", "docs/alert-rules.yaml"),
        ("test", "rules", "tests/data/monitoring/alerts.test.yaml"),
    ):
        done = subprocess.run(
            [promtool, *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
