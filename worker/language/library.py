"""All flows of a folder, and the problems of all of its files: a bad file never hides the others."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from worker.domain.conditions.vocabulary import Vocabulary
from worker.domain.errors import FileError, Place, Problem, Severity
from worker.domain.flows import Flow
from worker.language.flow.flows import read_flow
from worker.language.sound.circles import circles
from worker.language.sound.needs import Templates
from worker.language.yaml.files import load_text

ENDINGS = (".yaml", ".yml")
_COUPON = re.compile(r"""\bcoupon["']? *: *["']?([A-Za-z][A-Za-z0-9_]*)""")
TESTS = "tests"  # the folder of flow tests, beside the flows


@dataclass(frozen=True, slots=True)
class FlowFile:
    """A flow that can be used, with the text that it was read from (kept in the database beside its meaning)."""

    flow: Flow
    text: str
    path: Path


@dataclass(frozen=True, slots=True)
class Library:
    """The flows of a folder.

    Parameters:
        flows: by name, those that can be used.
        broken: names of those whose files have errors; what ran of them before may go on.
        problems: of all files, in their order, warnings too.
    """

    flows: Mapping[str, FlowFile]
    broken: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def files(self) -> int:
        """How many files were read."""
        return len(self.flows) + len(self.broken)


def read_library(
    folder: Path,
    vocabulary: Vocabulary | None,
    templates: Templates | None = None,
    *,
    shown: str | None = None,
) -> Library:
    """Read every flow of a folder; folders in it are not looked into, hidden files and editors' copies left alone.

    Parameters:
        vocabulary: what conditions may name, to which the names of the flows are added; None where the shop's
            settings cannot be read, so that nothing is called unknown.
        templates: those there are, with what they need; None where that is not known and not checked.
        shown: how the folder is called in problems; by default its path.
    """
    shown = str(folder) if shown is None else shown
    try:
        paths, problems = _flow_files(folder, shown)
    except OSError as error:
        message = f"the folder of flows cannot be read: {error.strerror or error}"
        return Library({}, (), (Problem(Place(shown, 0, 0), message),))
    if vocabulary is not None and vocabulary.flows is None:
        vocabulary = replace(vocabulary, flows=frozenset(path.stem for path in paths))
    if vocabulary is not None and vocabulary.coupons is None:
        vocabulary = replace(vocabulary, coupons=_coupons(paths))
    flows: dict[str, FlowFile] = {}
    broken: list[str] = []
    for path in paths:
        file = f"{shown}/{path.name}"
        try:
            if path.stem in flows or path.stem in broken:
                raise FileError((Problem(Place(file, 1, 1), f"there is another file of the flow '{path.stem}'"),))
            text = load_text(path, file)
            flow, warnings = read_flow(text, file, vocabulary, templates)
        except FileError as error:
            broken.append(path.stem)
            problems += error.problems
        else:
            flows[flow.name] = FlowFile(flow, text, path)
            problems += warnings
    problems += circles([(file.flow, file.text, f"{shown}/{file.path.name}") for file in flows.values()])
    return Library(flows, tuple(broken), tuple(problems))


def flow_names(folder: Path) -> frozenset[str] | None:
    """Return the names that the files of a folder give to flows, broken ones too; None where it cannot be read."""
    try:
        return frozenset(path.stem for path in _flow_files(folder, str(folder))[0])
    except OSError:
        return None


def _coupons(paths: list[Path]) -> frozenset[str]:
    """Return what looks like the name of a coupon in any of the files, those too that cannot be read as flows."""
    found: set[str] = set()
    for path in paths:
        try:
            found.update(_COUPON.findall(load_text(path, path.name)))
        except FileError:
            continue  # told where the file is read
    return frozenset(found)


def _flow_files(folder: Path, shown: str) -> tuple[list[Path], list[Problem]]:
    """Return the files that are flows, and a warning for each that looks like one and is not read."""
    paths: list[Path] = []
    problems: list[Problem] = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith((".", "#", "~")):
            continue
        if path.suffix.lower() in ENDINGS:
            paths.append(path)
        elif path.is_dir() and path.name != TESTS:
            inner = sorted(one for one in path.rglob("*") if one.suffix.lower() in ENDINGS)
            if inner:
                message = f"flows stand in {shown} itself; what is in this folder is not read"
                place = Place(f"{shown}/{path.name}", 0, 0)
                problems.append(Problem(place, message, Severity.WARNING))
    return paths, problems
