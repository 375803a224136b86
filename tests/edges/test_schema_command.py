"""`phin schema` writes what editors complete and check by, with the shop's own names, where the files point to."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from jsonschema import Draft7Validator

from tests.support.yaml_core import as_an_editor_has_it
from worker.edges.cli.check import check
from worker.edges.cli.new import new
from worker.edges.cli.schema import schema
from worker.edges.cli.schema_files import refresh, stale
from worker.edges.cli.shop_files import read_shop
from worker.language.schema.files import KINDS

HOUSE = Path(__file__).parent.parent.parent
SHIPPED = sorted(
    path for folder in ("flows", "config") for path in (HOUSE / folder).rglob("*.yaml") if "schema" not in path.parts
)
POINTER = re.compile(r"# yaml-language-server: \$schema=(\S+)\n")


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a shop with one flow, where the command is run."""
    for folder in ("config", "flows", "templates"):
        (tmp_path / folder).mkdir()
    (tmp_path / "config" / "phin.yaml").write_text("fields: {points: number}\n")
    (tmp_path / "flows" / "a.yaml").write_text("flow: a\ntrigger: signup\nsteps: [{wait: 1 day}]\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PHIN_HOME", raising=False)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(schema, arguments, catch_exceptions=False)


def test_a_schema_is_printed_with_the_shop_s_names(shop: Path) -> None:
    """Given a template and a segment, then the schema of flows offers both; --write is not needed to see it."""
    (shop / "templates" / "hello.vi.html").write_text("---\nsubject: Chào\n---\n<p>Chào</p>\n")
    (shop / "config" / "segments.yaml").write_text("loyal: customer.orders_count >= 3\n")

    made = json.loads(run().output)

    assert made == json.loads(run("flow").output)
    assert made["definitions"]["send-step"]["properties"]["send"]["enum"] == ["hello"]
    assert '"loyal"' in run("flow").output
    assert json.loads(run("staff").output)["required"] == ["people"]
    assert not (shop / "config" / "schema").exists()


def test_written_schemas_that_are_out_of_date_are_told(shop: Path) -> None:
    """Given written schemas, when a template comes, the check says which file is out of date; written anew, nothing."""
    assert "config/schema/flow.json  written" in run("--write").output
    assert "config/schema/flow.json  as it was" in run("--write").output
    for language in ("vi", "en"):
        (shop / "templates" / f"hello.{language}.html").write_text("---\nsubject: Chào\n---\n<p>Chào</p>\n")

    told = CliRunner().invoke(check, catch_exceptions=False).output

    assert "config/schema/flow.json: warning: editors complete and check by this file, and it is out of date" in told
    assert "run 'phin schema --write'" in told
    assert "config/schema/flow.json  written" in run("flow", "--write").output
    assert CliRunner().invoke(check, ["--strict"]).exit_code == 0


def test_what_editors_complete_by_keeps_nothing_from_being_published(shop: Path) -> None:
    """Given a schema that is out of date, then the check tells of it and --strict lets it pass, and nothing else."""
    run("--write")
    (shop / "flows" / "b.yaml").write_text("flow: b\ntrigger: signup\nsteps: [{wait: 1 day}]\n")

    told = CliRunner().invoke(check, ["--strict"])

    assert (told.exit_code, told.output.count("it is out of date")) == (0, 1)
    (shop / "flows" / "b.yaml").write_text("flow: b\ntrigger: signup\nsteps: [{exit: a}, {wait: 1 day}]\n")
    assert CliRunner().invoke(check, ["--strict"]).exit_code == 1


def test_a_new_flow_brings_the_schemas_up_to_date(shop: Path) -> None:
    """Given written schemas, when a flow is begun from a pattern, they are written anew; where there are none, none."""
    assert CliRunner().invoke(new, ["flow", "b", "--from", "welcome"]).exit_code == 0
    assert not (shop / "config" / "schema").exists()
    run("--write")

    made = CliRunner().invoke(new, ["flow", "c", "--from", "welcome"])

    assert "written   config/schema/test.json" in made.output
    assert stale(shop, read_shop(shop, {}).names) == []


def test_schemas_stay_while_the_settings_cannot_be_read(shop: Path) -> None:
    """Given settings that cannot be used, then schemas keep the names that they have."""
    run("--write")
    (shop / "config" / "phin.yaml").write_text("fields: [\n")
    before = {path: path.read_text() for path in (shop / "config" / "schema").iterdir()}

    assert refresh(read_shop(shop, {})) == []
    assert {path: path.read_text() for path in (shop / "config" / "schema").iterdir()} == before


def test_the_shipped_schemas_are_those_of_the_shipped_files() -> None:
    """Given what ships, then its schemas are what 'phin schema --write' would write; else: run it, and commit them."""
    files = read_shop(HOUSE, {})

    assert [one.place.file for one in stale(HOUSE, files.names)] == []
    assert {path.stem for path in (HOUSE / "config" / "schema").iterdir()} == set(KINDS)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: str(path.relative_to(HOUSE)))
def test_every_shipped_file_points_to_a_schema_that_finds_it_good(path: Path) -> None:
    """Given a shipped YAML file, then its first line points to a schema that is there, and by it nothing is wrong."""
    text = path.read_text(encoding="utf-8")
    pointer = POINTER.match(text)
    assert pointer, "the first line names no schema"

    validator = Draft7Validator(json.loads((path.parent / pointer[1]).read_text(encoding="utf-8")))

    assert [error.message for error in validator.iter_errors(as_an_editor_has_it(text))] == []
