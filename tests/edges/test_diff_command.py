"""`phin diff`: against what runs, against a commit, against a folder; and the workflow that posts it."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from ruamel.yaml import YAML
from sqlalchemy import Connection, select

from tests.support.processes import ROOT, clean_environment
from worker.edges.cli.commands import COMMANDS
from worker.edges.cli.diff import diff
from worker.storage.database import Database
from worker.storage.tables import customer, flow_version, journey

FLOW = """\
flow: {name}
kind: transactional
trigger: signup
steps:
  - send: hello
  - wait: {wait}
  - send: later
    name: later
"""
NOW = datetime(2027, 3, 1, tzinfo=UTC)
MAIL = "---\nsubject: Hello\n---\n<p>Hello</p>\n"


class Home:
    """A shop's folder, under git."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("config", "flows", "templates"):
            (folder / name).mkdir()
        (folder / "config" / "phin.yaml").write_text("shop: {name: The Coffee}\n")
        for name in ("hello", "later"):
            (folder / "templates" / f"{name}.vi.html").write_text(MAIL)
        for name in ("same", "other", "gone"):
            self.write(name, "7 days")

    def write(self, name: str, wait: str) -> None:
        (self.folder / "flows" / f"{name}.yaml").write_text(FLOW.format(name=name, wait=wait))

    def edit(self) -> None:
        """Change one flow, delete one, add one, break one."""
        self.write("other", "5 days")
        (self.folder / "flows" / "gone.yaml").unlink()
        self.write("fresh", "1 day")
        (self.folder / "flows" / "hurt.yaml").write_text("flow: hurt\ntriger: signup\n")

    def git(self, *arguments: str) -> None:
        who = ["-c", "user.name=Thu", "-c", "user.email=thu@example.com"]
        subprocess.run(["git", *who, *arguments], cwd=self.folder, check=True, capture_output=True)

    def commit(self) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "edit")

    def phin(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "worker.edges.cli", *arguments]
        environment = clean_environment(PHIN_HOME=str(self.folder))
        return subprocess.run(command, env=environment, cwd=self.folder, capture_output=True, text=True, check=False)

    def against(self, than: str, *more: str) -> Result:
        return CliRunner().invoke(diff, ["--against", than, *more], env={"PHIN_HOME": str(self.folder)})


@pytest.fixture
def home(tmp_path: Path) -> Home:
    found = Home(tmp_path)
    found.git("init", "-q", "-b", "main")
    found.commit()
    return found


def kinds(told: str) -> dict[str, tuple[str, list[str]]]:
    return {one["flow"]: (one["kind"], [change["text"] for change in one["changes"]]) for one in json.loads(told)}


EDITED = {
    "fresh": ("new", []),
    "gone": ("gone", []),
    "hurt": ("broken", []),
    "other": ("changed", ["wait 7 days → 5 days before later"]),
}


def test_a_branch_is_compared_with_where_it_began(home: Home) -> None:
    """Given a branch with edits, and others on main since, then only the branch's own are told, without a database."""
    home.git("checkout", "-q", "-b", "edit")
    home.edit()
    home.commit()
    home.git("checkout", "-q", "main")
    home.write("same", "9 days")
    home.commit()
    home.git("checkout", "-q", "edit")
    told = home.against("main", "--format", "json")
    assert (told.exit_code, kinds(told.stdout)) == (0, EDITED)
    assert not (home.folder / "var" / "phin.db").exists()


def test_a_folder_can_be_compared_with(home: Home, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Given the folder of a shop of before, then the same is told."""
    before = Home(tmp_path_factory.mktemp("before"))
    home.edit()
    assert kinds(home.against(str(before.folder), "--format", "json").stdout) == EDITED
    assert set(kinds(home.against(str(before.folder), "other", "--format", "json").stdout)) == {"other"}


def test_a_pull_request_is_told_in_markdown(home: Home) -> None:
    """Given edits, then the comment begins with its mark, shows each change in a block of its own, and the errors."""
    home.edit()
    text = home.against("HEAD", "--format", "markdown").stdout
    assert text.startswith("<!-- phin diff -->\n")
    for part in ("**fresh** is new, live", "```diff\n! wait 7 days → 5 days before later\n```", "hurt.yaml:2:1: error"):
        assert part in text


def test_the_status_says_whether_anything_differs_only_where_asked(home: Home) -> None:
    """Given no edits and then some, then the status is 0, and 1 with --exit-code and edits."""
    assert home.against("HEAD", "--exit-code").exit_code == 0
    home.edit()
    assert (home.against("HEAD").exit_code, home.against("HEAD", "--exit-code").exit_code) == (0, 1)


@pytest.mark.parametrize("than", ["nowhere", "--upload-pack=x", "HEAD~99"])
def test_what_is_neither_commit_nor_folder_is_told(home: Home, than: str) -> None:
    """Given a name that git does not know, then an error says so, and git is given no option by it."""
    told = home.against(than)
    assert told.exit_code != 0
    assert "neither" in str(told.exception)


def test_against_what_runs_those_under_way_are_counted_where_they_stand(home: Home) -> None:
    """Given two customers who wait on the first version, then the diff says on which step, and what migrate would do;
    once published, there is nothing left."""
    assert home.phin("release").returncode == 0
    _wait(home.folder / "var" / "phin.db", "other", "wait-1", 2)
    home.edit()
    text = home.phin("diff").stdout
    assert "other  v1 → v2  wait 7 days → 5 days before later\n" in text
    assert "under way: 2 (waiting 7 days before later 2) stay on v1" in text
    assert "'phin migrate other' would move 2 of them then" in text
    assert "gone   its file is gone: v1 would be paused" in text
    assert "hurt   its file has errors" in text

    refused = home.phin("publish")
    assert (refused.returncode, "nothing is published" in refused.stderr) == (1, True)
    assert home.phin("publish", "--only-valid").returncode == 0
    assert kinds(home.phin("diff", "--format", "json").stdout) == {"hurt": ("broken", [])}
    moved = home.phin("migrate", "other", "--yes").stdout
    assert "v1 → v2  2  waiting 7 days before later → waiting 5 days before later" in moved
    assert "moved 2 customers to other v2" in moved


def _wait(path: Path, flow: str, step: str, customers: int) -> None:
    database = Database(f"sqlite:///{path}")
    with database.writing() as connection:
        for number in range(1, customers + 1):
            _enter(connection, flow, step, number)
    database.close()


def _enter(connection: Connection, flow: str, step: str, number: int) -> None:
    version = connection.execute(select(flow_version.c.id).where(flow_version.c.flow == flow)).scalar_one()
    connection.execute(customer.insert().values(id=number, created_at=NOW, updated_at=NOW))
    stands = {"state": "waiting", "step": step, "entered_at": NOW, "due_at": NOW}
    connection.execute(
        journey.insert().values(flow=flow, version_id=version, customer_id=number, once_key="k", **stands)
    )


def commands_of(workflow: str) -> list[list[str]]:
    """Return the `phin` commands of a workflow's steps, as a shell would read them."""
    steps = YAML(typ="safe").load(workflow)["jobs"]["flows"]["steps"]
    lines = [line for step in steps for line in step.get("run", "").splitlines()]
    found = [re.split(r"\s(?:>|\||&&)\s", line.strip())[0] for line in lines if line.strip().startswith("phin ")]
    return [shlex.split(line)[1:] for line in found]


def test_each_command_of_the_workflow_exists() -> None:
    """Given the workflow of the documentation, then it is YAML, and each of its commands is one of phin's."""
    commands = commands_of((ROOT / "docs" / "github-actions.yml").read_text())
    assert [arguments[0] for arguments in commands] == ["check", "test", "diff"]
    known = {listed.name: listed for listed in COMMANDS}
    for name, *arguments in commands:
        command = known[name].load()
        command.make_context(name, arguments)  # a UsageError where an option is not known
