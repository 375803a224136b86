"""Flow tests for tests: flows written in the test, and tests of them, played in one world with small templates."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from worker.domain.conditions.vocabulary import Vocabulary
from worker.domain.flow_tests import FlowTest
from worker.domain.settings import Settings
from worker.domain.staff import Person, Staff
from worker.engine.publishing import Source
from worker.language.config.segments import read_segments
from worker.language.flow.flows import read_flow
from worker.language.flow_tests.files import Known, read_flow_tests
from worker.rehearsal.comparing import Verdict, judge
from worker.rehearsal.flow_tests import Played, play
from worker.rehearsal.world import ShopFiles, World

TEMPLATE = """---
subject: "Hello {{{{ customer.name | default('bạn') }}}}"
---
<html><body><p>Chào {{{{ customer.name }}}} {{{{ code | default('') }}}}</p><p><a href="https://shop.example/">link</a></p>
{{% if unsubscribe_url %}}<p><a href="{{{{ unsubscribe_url }}}}">stop</a></p>{{% endif %}}</body></html>
"""
STAFF_TEMPLATES = ("task", "reminder", "overdue", "escalated")
STAFF = Staff(
    {"mai": Person("mai", "Mai", "mai@shop.example"), "linh": Person("linh", "Linh", "linh@shop.example")},
    {"care": ("mai",), "manager": ("linh",)},
)


class Rehearsal:
    """Flows, and a world to play their tests in.

    Parameters:
        folder: where templates are written.
        segments: text of the segments' file.
        flows: by name (`_` for `-`), each the text of its file without the line of its name.
    """

    def __init__(
        self, folder: Path, *, segments: str = "", settings: dict[str, Any] | None = None, **flows: str
    ) -> None:
        self.settings = Settings.model_validate(settings or {})
        templates = folder / "templates"
        (templates / "staff").mkdir(parents=True)
        for name in ("hello", "again", "offer", "thank-you", "review-invite", "birthday"):
            (templates / f"{name}.vi.html").write_text(TEMPLATE.format(name=name), encoding="utf-8")
        for name in STAFF_TEMPLATES:
            (templates / "staff" / f"{name}.vi.html").write_text(TEMPLATE.format(name=name), encoding="utf-8")
        path = folder / "segments.yaml"
        path.write_text(textwrap.dedent(segments), encoding="utf-8")
        found = read_segments(path, "segments.yaml", Vocabulary.of(self.settings)) if segments else None
        self.vocabulary = Vocabulary.of(self.settings, segments=found.names if found else None)
        sources = {}
        for key, body in flows.items():
            name = key.replace("_", "-")
            text = f"flow: {name}\n{textwrap.dedent(body)}"
            sources[name] = Source(read_flow(text, f"{name}.yaml", self.vocabulary)[0], text)
        self.known = Known(
            self.settings, self.vocabulary, {name: one.flow for name, one in sources.items()}, frozenset(sources)
        )
        segments_ = found.segments if found else {}
        self.world = World(ShopFiles(self.settings, sources, segments_, {}, STAFF, templates))

    def read(self, text: str) -> tuple[FlowTest, ...]:
        """Read the tests of a file."""
        return read_flow_tests(textwrap.dedent(text), "flows/tests/one.yaml", self.known)

    def play(self, text: str) -> Played:
        """Play the one test of a file."""
        (test,) = self.read(text)
        return play(self.world, test)

    def judge(self, text: str) -> Verdict:
        """Play the one test of a file and hold it against what it expects."""
        (test,) = self.read(text)
        return judge(test, play(self.world, test))

    def lines(self, text: str) -> list[str]:
        """Play a test, and return what was seen: `2027-03-01 14:00 send hello`."""
        (test,) = self.read(text)
        return [
            f"{one.at.astimezone(test.zone):%Y-%m-%d %H:%M} {one.what.value} {one.name or one.details['reason']}"
            for one in play(self.world, test).seen
        ]


@contextmanager
def rehearsal(folder: Path, **given: Any) -> Iterator[Rehearsal]:
    """Open a rehearsal and close it again."""
    made = Rehearsal(folder, **given)
    try:
        yield made
    finally:
        made.world.close()
