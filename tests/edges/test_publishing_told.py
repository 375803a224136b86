"""What publishing tells in the log: many new flows in one line, and one headline for each broken file."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from worker.domain.errors import Place, Problem, Severity
from worker.edges.publishing import MOST_NEW, Publication, tell
from worker.engine.publishing import Published
from worker.engine.segment_publishing import PublishedSegment


def told(flows: list[Published], segments: list[PublishedSegment], problems: tuple[Problem, ...] = ()) -> list[str]:
    """Return what is logged, line by line, each with whose line it is."""
    with capture_logs() as lines:
        tell(Publication(0, 0, 0, 0, tuple(flows), problems, segment_changes=tuple(segments)))
    return [" ".join(str(line[key]) for key in ("event", "flow", "segment", "change") if key in line) for line in lines]


@pytest.mark.parametrize(("flows", "segments", "line"), [(31, 11, "31 flows, 11 segments"), (6, 0, "6 flows")])
def test_a_first_publication_is_one_line(flows: int, segments: int, line: str) -> None:
    """Given many new flows and segments, then one line counts them, and what was changed has lines of its own."""
    new = [Published(f"f{number}", 1, "new") for number in range(flows)]
    found = [PublishedSegment(f"s{number}", "new") for number in range(segments)]
    assert told([*new, Published("welcome", 2, "new version")], found) == [
        f"published {line}",
        "published welcome new version",
    ]


def test_a_few_are_named() -> None:
    """Given few new ones, then each is named."""
    new = [Published(f"f{number}", 1, "new") for number in range(MOST_NEW - 1)]
    lines = told(new, [PublishedSegment("loyal", "new")])
    assert lines == ["published loyal new", *(f"published {one.flow} new" for one in new)]


def test_a_broken_file_has_one_headline() -> None:
    """Given two errors in one file, one in another and a warning, then each file is told once, with all its errors."""
    problems = (
        Problem(Place("flows/a.yaml", 2, 1), "one"),
        Problem(Place("flows/a.yaml", 3, 1), "odd", Severity.WARNING),
        Problem(Place("flows/b.yaml", 2, 1), "two"),
        Problem(Place("flows/a.yaml", 5, 1), "three"),
    )
    lines = told([], [], problems)
    assert [[part in line for part in ("one", "two", "three", "odd")] for line in lines] == [
        [True, False, True, False],
        [False, True, False, False],
    ]
    assert all(line.count("cannot be used") == 1 for line in lines)
