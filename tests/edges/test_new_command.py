"""`phin new flow`: every flow that comes with Phin begins one that passes the check, runs for nobody, harms no file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.support.phin_up import make_home
from tests.support.processes import ROOT
from worker.domain.errors import PhinError
from worker.edges.cli.check import check_all
from worker.edges.cli.new import new
from worker.edges.patterns import SCHEMA_LINE, patterns


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return make_home(tmp_path)


def phin(home: Path, *arguments: str) -> Result:
    return CliRunner().invoke(new, ["flow", *arguments], env={"PHIN_HOME": str(home)})


def errors(home: Path, name: str) -> list[str]:
    checked = check_all(home, {})
    assert name in checked.library.flows or name in checked.library.broken
    return [str(one) for one in checked.problems if one.severity == "error" and f"/{name}." in one.place.file]


def test_each_shipped_flow_is_a_pattern(home: Path) -> None:
    """Given the flows that come with Phin, then each is listed, and begins a draft without an error."""
    told = json.loads(phin(home, "--list", "--json").stdout)
    shipped = sorted(path.stem for path in (ROOT / "flows").glob("*.yaml"))
    assert [one["pattern"] for one in told] == shipped
    for name in shipped:
        assert phin(home, f"my-{name}", "--from", name).exit_code == 0
    checked = check_all(home, {})
    assert [str(one) for one in checked.problems if one.severity == "error"] == []
    mine = [checked.library.flows[f"my-{name}"] for name in shipped]
    assert {one.flow.status.value for one in mine} == {"draft"}
    assert all(one.text.startswith(SCHEMA_LINE + "\n") for one in mine)
    assert all(one.text.count("yaml-language-server") == 1 for one in mine)


def test_a_shop_without_templates_gets_those_that_are_sent(home: Path) -> None:
    """Given a shop with templates of its own only, then what the new flow sends is written, with its layouts."""
    templates = home / "templates"
    for path in sorted(templates.rglob("*.html")):
        path.unlink()
    told = phin(home, "spring", "--from", "tet")
    assert "templates/tet.vi.html" in told.stdout
    assert errors(home, "spring") == []
    assert [
        one for one in check_all(home, {}).problems if "templates/" in one.place.file and one.severity == "error"
    ] == []


def test_nothing_is_overwritten(home: Path) -> None:
    """Given a flow and a template of these names, then the flow is refused and the template stays as it is."""
    before = (home / "flows" / "birthday.yaml").read_text()
    (home / "templates" / "birthday.vi.html").write_text("mine")
    assert isinstance(phin(home, "birthday", "--from", "tet").exception, PhinError)
    assert (home / "flows" / "birthday.yaml").read_text() == before
    assert phin(home, "mine", "--from", "birthday").exit_code == 0
    assert (home / "templates" / "birthday.vi.html").read_text() == "mine"


@pytest.mark.parametrize("arguments", [("x", "--from", "birthdy"), ("../x", "--from", "birthday"), ("x",), ()])
def test_what_cannot_be_is_told(home: Path, arguments: tuple[str, ...]) -> None:
    """Given a pattern that there is not, a name that is none, or nothing, then an error, and nothing is written."""
    before = sorted(home.rglob("*.yaml"))
    assert phin(home, *arguments).exit_code != 0
    assert sorted(home.rglob("*.yaml")) == before


def test_every_pattern_is_written_as_its_author_wrote_it() -> None:
    """Given the patterns, then each has its title in both languages: it is what a list tells of it."""
    assert all({"vi", "en"} <= one.flow.title.by_language.keys() for one in patterns().values())
