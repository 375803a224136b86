"""`config/segments.yaml` to segments: for each name a condition, with a title and a word about it where wanted."""

from __future__ import annotations

from collections.abc import Mapping as Texts
from dataclasses import dataclass, field, replace
from pathlib import Path

from worker.domain.conditions.vocabulary import SEGMENT, Vocabulary
from worker.domain.errors import FileError, Problem
from worker.domain.segments import LARGEST, Segment, circle, named, size
from worker.language.expressions.conditions import UNREADABLE, Conditions
from worker.language.sound.known import Known
from worker.language.yaml.fields import Fields
from worker.language.yaml.files import load_text
from worker.language.yaml.nodes import Entry, Mapping, Node, Scalar, within
from worker.language.yaml.reading import read_nodes
from worker.language.yaml.scalars import is_name, one_line
from worker.language.yaml.source import Report

KEYS = ("title", "when", "about")
MOST = 100  # segments of a shop: each is kept for every customer
SEGMENTS_FILE = "segments.yaml"  # in the folder of the settings
LANGUAGES = ("vi", "en")
_EXAMPLE = "customer.orders_count >= 3"


@dataclass(frozen=True, slots=True)
class SegmentFile:
    """What the file of the segments says.

    Parameters:
        segments: those that can be used, by name, in the order of the file.
        broken: names of those that cannot; what was published of them before may go on.
        problems: in the order of the file, warnings too.
        readable: whether it is known which segments there are; where not, all that were published go on.
    """

    segments: Texts[str, Segment] = field(default_factory=dict)
    broken: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    readable: bool = True

    @property
    def names(self) -> frozenset[str] | None:
        """The segments that a flow may name, broken ones too; None where that is not known."""
        return frozenset((*self.segments, *self.broken)) if self.readable else None


@dataclass(frozen=True, slots=True)
class _Read:
    """A segment, and where its condition stands."""

    segment: Segment
    scalar: Scalar


def read_segments(path: Path, shown: str, vocabulary: Vocabulary | None) -> SegmentFile:
    """Read the segments of a shop; a shop without the file has none. One that is faulty harms only itself.

    Parameters:
        shown: how the file is called in problems.
        vocabulary: what conditions may name; None where the shop's settings cannot be read.
    """
    if not path.exists():
        return SegmentFile()
    try:
        report, root = read_nodes(load_text(path, shown), shown)
    except FileError as error:
        return SegmentFile(problems=error.problems, readable=False)
    if root is None and not _says_anything(report):
        return SegmentFile()
    if root is not None and not isinstance(root, Mapping):
        report.error(root, "the segments are names, each with its condition", "for example: loyal: " + _EXAMPLE)
    if root is None or not isinstance(root, Mapping) or report.failed:
        if isinstance(root, Mapping):
            _Reader(report, root, vocabulary).read()  # what else is wrong
        return SegmentFile(problems=report.problems, readable=False)
    return _Reader(report, root, vocabulary).read()


class _Reader:
    """Reads the segments of one file."""

    def __init__(self, report: Report, root: Mapping, vocabulary: Vocabulary | None) -> None:
        self._report = report
        self._entries = root.entries
        names = frozenset(entry.key.text for entry in root.entries)
        self._vocabulary = None if vocabulary is None else replace(vocabulary, segments=names)

    def read(self) -> SegmentFile:
        if len(self._entries) > MOST:
            self._report.error(self._entries[MOST].key, f"there are more than {MOST} segments")
            return SegmentFile(problems=self._report.problems, readable=False)
        found = {entry.key.text: self._segment(entry) for entry in self._entries}
        good = {name: one for name, one in found.items() if one is not None}
        if self._vocabulary is not None:  # else no call in them has been looked at
            self._refuse_circles(good)
        broken = tuple(name for name in found if name not in good)
        return SegmentFile({name: one.segment for name, one in good.items()}, broken, self._report.problems)

    def _segment(self, entry: Entry) -> _Read | None:
        report = Report(self._report.source)
        read = self._read(report, entry)
        for problem in report.problems:
            self._report.add(problem)
        return None if report.failed else read

    def _read(self, report: Report, entry: Entry) -> _Read | None:
        name = entry.key.text
        conditions = Conditions(report, self._vocabulary)
        known = is_name(report, entry.key, "a segment's name")
        node: Node | None = entry.value
        title: Texts[str, str] = {}
        about: Texts[str, str] = {}
        if isinstance(entry.value, Scalar) and entry.value.missing:
            report.error(entry.key, f"the segment '{name[:60]}' has no condition", f"write: {name[:60]}: {_EXAMPLE}")
            return None
        if not isinstance(entry.value, Scalar):
            form = f"{{title: {{vi: Khách quen, en: Loyal}}, when: {_EXAMPLE}}}"
            fields = Fields(report, entry.value, f"the segment '{name[:60]}'", KEYS, needed=("when",), form=form)
            title, about = (_texts(report, fields, key) for key in ("title", "about"))
            node = fields.value("when")
        when = UNREADABLE if node is None else conditions.condition(node, "'when'", SEGMENT)
        conditions.check(None)
        if when is not UNREADABLE and isinstance(node, Scalar) and (settled := Known().decide(when.tree)) is not None:
            who = "always holds: everyone is in this segment" if settled else "never holds: nobody is in this segment"
            report.warning(node, f"this {who}, whatever the values are")
        if not known or when is UNREADABLE or not isinstance(node, Scalar):
            return None
        return _Read(Segment(name, when, title, about), node)

    def _refuse_circles(self, good: dict[str, _Read]) -> None:
        """Refuse segments that go round in a circle, and those too large with what they name; take them out."""
        trees = {name: one.segment.when for name, one in good.items()}
        told: set[str] = set()
        ways = {name: way for name in trees if (way := circle(name, trees))}
        for name, way in ways.items():
            read = good.pop(name)
            if name not in told:
                told.update(way)
                ring = f"segments go round in a circle: {' → '.join(way)}"
                self._tell(read, way[1], f"the segment '{name}' names itself" if len(way) == 2 else ring)
        straight = {name: tree for name, tree in trees.items() if name not in ways}
        for name, tree in straight.items():
            if size(tree.tree, straight) > LARGEST:
                read = good.pop(name)
                message = f"the segment '{name}' is too large with the segments that it names"
                self._report.error(read.scalar, message)

    def _tell(self, of: _Read, other: str, message: str) -> None:
        call = next(call for name, call in named(of.segment.when.tree) if name == other)
        span = within(self._report.source.text, of.scalar, call.at, call.length)
        self._report.error(span, message, "each segment may name others that do not name it")


def _texts(report: Report, fields: Fields, key: str) -> Texts[str, str]:
    """Read a text of one line, or one for each language."""
    node = fields.value(key)
    if node is None:
        return {}
    if isinstance(node, Scalar):
        text = one_line(report, node, f"'{key}'")
        return {"": text} if text else {}
    inner = Fields(report, node, f"'{key}'", LANGUAGES, form="{vi: Khách quen, en: Loyal}")
    values = {language: inner.value(language) for language in inner}
    read = {one: one_line(report, value, f"'{key}'") for one, value in values.items() if value is not None}
    return {language: text for language, text in read.items() if text}


def _says_anything(report: Report) -> bool:
    lines = report.source.text.split("\n")
    return any(line.strip() and not line.lstrip().startswith("#") for line in lines)
