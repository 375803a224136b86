"""`flows/tests/` to tests: each file holds one or a list of them, each with what is given and what is expected."""

from __future__ import annotations

from collections.abc import Mapping as Types
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from worker.domain.conditions.vocabulary import Vocabulary
from worker.domain.errors import FileError, Problem
from worker.domain.event_check import EventRules
from worker.domain.flow_tests import FlowTest
from worker.domain.flows import Flow
from worker.domain.settings import Settings
from worker.language.flow.event_values import Values
from worker.language.flow.events import EventNames
from worker.language.flow_tests.expected import ExpectedReader
from worker.language.flow_tests.given import GivenReader
from worker.language.library import ENDINGS, TESTS
from worker.language.yaml.fields import Fields
from worker.language.yaml.files import load_text
from worker.language.yaml.nodes import Mapping, Node, Scalar, Sequence
from worker.language.yaml.reading import read_nodes
from worker.language.yaml.scalars import one_line, scalar
from worker.language.yaml.source import Report
from worker.language.yaml.suggestions import did_you_mean

KEYS = ("test", "flow", "with", "from", "until", "given", "expect", "finally")
NEEDED = ("test", "flow", "expect")


@dataclass(frozen=True, slots=True)
class TestFolder:
    """The tests of a folder.

    Parameters:
        tests: those that can be run, in the order of files and lines.
        files: how many were read.
        problems: of all files.
    """

    tests: tuple[FlowTest, ...] = ()
    files: int = 0
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """What tests are held against.

    Parameters:
        flows: those that can be used, by name.
        names: of all flows, broken ones too.
    """

    settings: Settings
    vocabulary: Vocabulary | None
    flows: Types[str, Flow]
    names: frozenset[str]


def read_flow_tests(text: str, file: str, known: Known) -> tuple[FlowTest, ...]:
    """Read the tests of one file.

    Raises:
        FileError: the file has errors; all of them.
    """
    report, root = read_nodes(text, file)
    reader = _TestReader(report, known)
    nodes = () if root is None else root.items if isinstance(root, Sequence) else (root,)
    tests = [found for node in nodes if (found := reader.test(node)) is not None]
    if report.failed:
        raise FileError(report.problems)
    return tuple(tests)


def read_test_folder(flows: Path, known: Known, shown: str) -> TestFolder:
    """Read all tests beside the flows, those in folders too; a bad file never hides the others.

    Parameters:
        flows: the folder of the flows.
        shown: how that folder is called in problems.
    """
    folder = flows / TESTS
    tests: list[FlowTest] = []
    problems: list[Problem] = []
    paths = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in ENDINGS and not path.name.startswith((".", "#", "~"))
    )
    for path in paths:
        file = f"{shown}/{TESTS}/{path.relative_to(folder)}"
        try:
            tests += read_flow_tests(load_text(path, file), file, known)
        except FileError as error:
            problems += error.problems
    return TestFolder(tuple(tests), len(paths), tuple(problems))


class _TestReader:
    def __init__(self, report: Report, known: Known) -> None:
        self._report = report
        self._known = known
        self._rules = EventRules.of(known.settings)
        events = EventNames(report, known.vocabulary)
        self._given = GivenReader(report, self._rules, known.settings.shop.timezone, events)
        self._names: set[str] = set()

    def test(self, node: Node) -> FlowTest | None:
        """Read one test; None where it cannot be run."""
        if not isinstance(node, Mapping):
            self._report.error(node, "a test is keys and values, such as 'test: a silent buyer gets a call'")
            return None
        fields = Fields(self._report, node, "a test", KEYS, needed=NEEDED)
        named, flow_node = fields.value("test"), fields.value("flow")
        name = None if named is None else one_line(self._report, named, "'test'")
        if name is not None and name in self._names:
            self._report.error(fields.key("test"), f"there is another test called '{name}' in this file")
        self._names.add(name or "")
        flow_name = None if flow_node is None else self._flow(flow_node, "'flow'")
        flow = self._known.flows.get(flow_name or "")
        node_given = fields.value("given") or Mapping(node.start, node.start + 1)
        given = self._given.read(node_given, flow)
        since = given.times.bound(fields, "from", last=False) or given.since
        until = given.times.bound(fields, "until", last=True) or given.until
        listed, last = fields.value("expect"), fields.value("finally")
        expected = () if listed is None else ExpectedReader(self._report, given.times, flow).read(listed)
        if since is None and not given.happenings:
            message = "nothing is given that happens, and no 'from' says when the test begins"
            if not self._report.failed:  # else what happens may only be miswritten
                self._report.error(node.entries[0].key if node.entries else node, message)
            return None
        return FlowTest(
            name=name or "",
            flow=flow_name or "",
            zone=given.times.zone,
            customer=given.customer,
            given=given.happenings,
            expected=expected,
            place=self._report.source.place(fields.key("test") if "test" in fields else node),
            beside=self._beside(fields),
            control=given.control,
            branches=given.branches,
            pools=given.pools,
            foretold=given.foretold,
            out_of_stock=given.out_of_stock,
            since=since,
            until=until,
            finally_={} if last is None else self._finally(last),
        )

    def _flow(self, node: Node, what: str) -> str | None:
        found = scalar(self._report, node, what, "the name of a flow")
        if found is None or found.text in self._known.names:
            return None if found is None else found.text
        hint = did_you_mean(found.text, sorted(self._known.names))
        self._report.error(found, f"there is no flow '{found.text[:60]}'", hint)
        return None

    def _beside(self, fields: Fields) -> tuple[str, ...]:
        node = fields.value("with")
        nodes = () if node is None else node.items if isinstance(node, Sequence) else (node,)
        return tuple(found for one in nodes if (found := self._flow(one, "'with'")) is not None)

    def _finally(self, node: Node) -> Types[str, Any]:
        """Read what the customer's own fields and tags are at the end: `{customer: {points: 10, tags: [club]}}`."""
        fields = Fields(self._report, node, "'finally'", ("customer",), needed=("customer",))
        customer = fields.value("customer")
        if not isinstance(customer, Mapping):
            return {}
        known = [*self._rules.fields, "tags"]
        for entry in customer.entries:
            if entry.key.text not in known:
                hint = did_you_mean(entry.key.text, known) or f"known here: {', '.join(known)}"
                self._report.error(entry.key, f"unknown key '{entry.key.text[:60]}' in 'customer'", hint)
        found: dict[str, Any] = Values(self._rules).customer(customer)
        for entry in customer.entries:
            if isinstance(entry.value, Scalar) and entry.value.text == "none":
                found[entry.key.text] = None
        return found
