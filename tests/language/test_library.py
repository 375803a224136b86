"""The flows of a folder are read all; a bad file is told and hides none of the others."""

from __future__ import annotations

import os
from pathlib import Path

from tests.language.samples import VOCABULARY
from worker.domain.conditions.vocabulary import Vocabulary
from worker.domain.settings import Settings
from worker.language.library import Library, read_library

GOOD = "flow: {name}\ntrigger: purchase\nsteps:\n  - send: welcome\n"


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text.format(name=name))
    return folder


def library_of(folder: Path) -> Library:
    return read_library(folder, VOCABULARY, shown="flows")


def told(library: Library) -> list[str]:
    return [f"{problem.place}: {problem.message}" for problem in library.problems]


def test_a_bad_file_hides_none_of_the_others(tmp_path: Path) -> None:
    """Given good files and bad ones, then the good ones are flows, and each bad one is told."""
    write(tmp_path, a=GOOD, b="flow: b\ntriger: x\n", c=GOOD, d="", e="flow: e\ntrigger: purch")

    library = library_of(tmp_path)

    assert list(library.flows) == ["a", "c"]
    assert library.broken == ("b", "d", "e")
    assert library.files == 5
    assert library.flows["a"].text == GOOD.format(name="a")
    assert library.flows["a"].path == tmp_path / "a.yaml"
    assert told(library) == [
        "flows/b.yaml:1:1: a flow needs 'steps'",
        "flows/b.yaml:2:1: unknown key 'triger' in a flow",
        "flows/d.yaml:1:1: the file is empty",
        "flows/e.yaml:1:1: a flow needs 'steps'",
        "flows/e.yaml:2:10: there is no trigger 'purch'",
    ]


def test_warnings_of_good_files_are_told(tmp_path: Path) -> None:
    """Given a file that can be used and surprises, then it is a flow, and told."""
    write(tmp_path, a=GOOD + "  - exit: done\n  - wait: 1 day\n")

    library = library_of(tmp_path)

    assert list(library.flows) == ["a"]
    assert told(library) == ["flows/a.yaml:6:3: no journey comes to this step: all have ended by line 5"]


def test_only_flows_are_read(tmp_path: Path) -> None:
    """Given editors' copies, hidden files, tests of flows and other things, then they are left alone."""
    write(tmp_path, a=GOOD)
    for name in (".b.yaml", "#c.yaml#", ".#d.yaml", "e.yaml~", "f.yaml.swp", "4913", "README.md", "~g.yaml"):
        (tmp_path / name).write_text("triger: x")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "a.yaml").write_text("test: x")
    (tmp_path / "drawings").mkdir()

    library = library_of(tmp_path)

    assert (list(library.flows), library.problems, library.files) == (["a"], (), 1)


def test_a_flow_in_a_folder_within_is_told_and_not_read(tmp_path: Path) -> None:
    """Given a file in a folder of its own, then a warning says that it is not read."""
    (tmp_path / "autumn").mkdir()
    write(tmp_path / "autumn", a=GOOD)

    assert told(library_of(tmp_path)) == [
        "flows/autumn: flows stand in flows itself; what is in this folder is not read"
    ]


def test_two_files_of_one_flow_are_told(tmp_path: Path) -> None:
    """Given `a.yaml` and `a.yml`, then the second is told, and the first is the flow."""
    write(tmp_path, a=GOOD)
    (tmp_path / "a.yml").write_text(GOOD.format(name="a"))

    library = library_of(tmp_path)

    assert list(library.flows) == ["a"]
    assert told(library) == ["flows/a.yml:1:1: there is another file of the flow 'a'"]


def test_what_cannot_be_read_is_a_problem_of_its_own(tmp_path: Path) -> None:
    """Given a folder, a broken link and a pipe that are called like flows, then each is told, and none blocks."""
    write(tmp_path, a=GOOD)
    (tmp_path / "b.yaml").mkdir()
    (tmp_path / "c.yaml").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "d.yaml")

    library = library_of(tmp_path)

    assert list(library.flows) == ["a"]
    assert told(library) == [
        "flows/b.yaml:1:1: this is not a file",
        "flows/c.yaml:1:1: the file cannot be read: No such file or directory",
        "flows/d.yaml:1:1: this is not a file",
    ]


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    """Given no folder, then that is a problem, not an exception."""
    assert told(library_of(tmp_path / "flows")) == [
        "flows: the folder of flows cannot be read: No such file or directory"
    ]


def test_conditions_know_the_other_flows(tmp_path: Path) -> None:
    """Given `in_flow` of a flow that is in the folder, even broken, and of one that is not, then that is told."""
    asks = GOOD + "when: in_flow('{other}')\n"
    write(tmp_path, a=asks.replace("{other}", "b"), b="flow: b\n", c=asks.replace("{other}", "bb"))

    library = read_library(tmp_path, Vocabulary.of(Settings()), shown="flows")

    assert list(library.flows) == ["a"]
    assert "flows/c.yaml:5:15: there is no flow 'bb'" in told(library)
