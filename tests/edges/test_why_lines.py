"""The lines of `phin why`: hits that tell the same in one, and long lines that fit the terminal."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from worker.domain.addresses import MASK
from worker.domain.customers import Customer
from worker.domain.journeys import JourneyState
from worker.domain.settings import Settings
from worker.domain.tasks import Priority, Task, TaskState, TaskType
from worker.edges.cli.why import fitted
from worker.edges.telling import tell
from worker.edges.telling_mails import mail_parts
from worker.storage.stories import Asked, FlowStory, JourneyStory, Line, Story
from worker.storage.story_mails import HitStory, MailStory

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
    click = HitStory(
        "click", NOON + timedelta(hours=1), "person", None, "https://shop.example/a?utm_source=phin", "Mail"
    )
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


def test_a_task_without_a_name_stands_in_its_column_with_its_title() -> None:
    """Given task steps that are called by what they say, when they are told, then values are put in, and what is
    longer than the column is cut, so that what became of the task begins where it does in other lines."""
    steps = {
        "Tặng quà {{ customer.name }}": "Tặng quà Lan",
        "Gọi cho {{ customer.name }} về đơn": "Gọi cho chị Lan về đơn",
    }
    tasks = tuple(
        Task(
            id=number,
            key=step,
            state=TaskState.OPEN,
            type=TaskType.CALL,
            priority=Priority.NORMAL,
            title={"vi": title},
            note={},
            customer_id=1,
            order_number=None,
            request=None,
            journey_id=1,
            flow="gifts",
            step=step,
            role=None,
            assignee="huy",
            created_at=NOON,
            due_at=None,
        )
        for number, (step, title) in enumerate(steps.items(), 1)
    )
    lines = tuple(Line(NOON, "task", step, {}) for step in steps)
    journey = JourneyStory(1, 1, JourneyState.WAITING, NOON, None, None, None, lines, (), None, tasks)
    flow = FlowStory("gifts", "live", False, ("purchase",), (journey,), ())

    told = told_of(flow)

    assert "  12:00  Tặng quà Lan         task of huy" in told
    assert "  12:00  Gọi cho chị Lan về…  task of huy" in told


@pytest.mark.parametrize("state", ["failed", "unknown"])
def test_the_servers_own_words_are_told_without_the_address(state: str) -> None:
    """Given a mail that was refused, then its line has the server's sentence beside the code, with no address."""
    words = "5.7.1 Message from <lan@example.com> rejected as spam, see https://mx.example/1"
    mail = MailStory(1, "hello", "hello", state, "refused: 5.7.1", NOON, None, NOON, "Xin chào", words, ())
    told = "".join(text for text, _ in mail_parts(mail, Settings().shop, ZoneInfo("UTC"), NOON))
    assert told == f" {state}: refused: 5.7.1: {words.replace('lan@example.com', MASK)}"


def test_of_several_triggers_each_is_named() -> None:
    """Given a flow by two seasons whose condition does not hold, when it is told, then each line says which it is of;
    where the flow has one trigger nothing need be said."""
    asked = tuple(Asked(f"season {name} at 09:00", "when") for name in ("tet", "mid-autumn"))
    both = FlowStory("wishes", "live", False, tuple(one.trigger for one in asked), (), (), asked)
    one = FlowStory("wishes", "live", False, (asked[0].trigger,), (), (), asked[:1])

    reason = "not entered   its condition does not hold"
    assert [line.partition("not entered")[2] for line in told_of(both) if reason in line] == [
        "   its condition does not hold (season tet at 09:00)  (asked now)",
        "   its condition does not hold (season mid-autumn at 09:00)  (asked now)",
    ]
    assert any(line.endswith(f"{reason}  (asked now)") for line in told_of(one))


def told_of(flow: FlowStory) -> list[str]:
    story = Story(Customer(id=1, external_id="c1", created_at=NOON), (), (flow,), ())
    return ["".join(text for text, _ in line) for line in tell(story, Settings().shop, NOON)]
