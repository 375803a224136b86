"""The lines of `phin why`: hits that tell the same in one, and long lines that fit the terminal."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from worker.domain.customers import Customer
from worker.domain.journeys import JourneyState
from worker.domain.settings import Settings
from worker.edges.cli.why import fitted
from worker.edges.telling import tell
from worker.storage.stories import FlowStory, HitStory, JourneyStory, Line, MailStory, Story

NOON = datetime(2027, 3, 1, 5, 0, tzinfo=UTC)


@given(st.text(st.sampled_from("ab cđ ọ ·"), max_size=300), st.integers(30, 120))
def test_no_word_is_lost_and_no_line_is_too_long(text: str, width: int) -> None:
    """Given any line and width, when it is fitted, then its words all stand there in order, and each line fits."""
    console = Console(file=io.StringIO(), force_terminal=True, width=width)
    lines = fitted(Text("  " + text), console)
    assert "".join("".join(line.plain for line in lines).split()) == "".join(text.split())
    assert all(line.cell_len <= width for line in lines)


def test_hits_that_tell_the_same_stand_once() -> None:
    """Given a mail opened five times by a person and once by a machine, and clicked once, when it is told, then the
    five stand together with their number and the times of the first and the last."""
    opens = tuple(HitStory("open", NOON + timedelta(minutes=10 * n), "person", None, None, "Mail") for n in range(5))
    machine = HitStory("open", NOON, "machine", "prefetch", None, "Mozilla/5.0")
    click = HitStory("click", NOON + timedelta(hours=1), "person", None, "https://shop.example/a", "Mail")
    mail = MailStory(1, "hello", "hello", "sent", None, NOON, NOON, NOON, "Xin chào", None, (*opens, machine, click))
    line = Line(NOON, "send", "hello", {"template": "hello"})
    journey = JourneyStory(1, 1, JourneyState.DONE, NOON, NOON, None, None, (line,), (mail,), None)
    flow = FlowStory("welcome", "live", False, ("signup",), (journey,), ())
    story = Story(Customer(id=1, external_id="c1", email="lan@example.com", created_at=NOON), (), (flow,), ())

    told = ["".join(text for text, _ in line) for line in tell(story, Settings().shop, NOON + timedelta(days=1))]

    (sent,) = [line for line in told if "sent 12:00:00" in line]
    assert "opened 5 times, 12:00 to 12:40 (person)" in sent
    assert sent.count("opened") == 2 and "opened 12:00 (machine: prefetch)" in sent
    assert "clicked https://shop.example/a 13:00 (person)" in sent
