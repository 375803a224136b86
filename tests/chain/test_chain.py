"""The whole chain with real processes: an event by HTTP, a mail by SMTP, its open and click, the story, the figures."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.phin_up import PhinUp, make_home, phin_up
from tests.support.processes import wait_until
from tests.support.smtp_sink import SmtpSink
from tests.support.visitor import Visitor, purchase, read_letter

LAN = {
    "id": "c1",
    "email": "mai@khach.example",
    "name": "Nguyễn Thị Lan",
    "first_name": "Lan",
    "language": "vi",
    "consent": {"marketing": True, "tracking": True, "source": "checkout"},
}
READING = 2.5  # seconds after which a click is no longer too soon to be a person's


@pytest.fixture
def sink() -> Iterator[SmtpSink]:
    """A real SMTP server."""
    with SmtpSink() as server:
        yield server


@pytest.fixture
def started(tmp_path: Path, database_url: str, sink: SmtpSink) -> Iterator[tuple[PhinUp, Visitor]]:
    """Phin on each database, sending by SMTP, with its own queue server."""
    settings = {"PHIN_DATABASE_URL": database_url, "PHIN_SMTP_URL": sink.url}
    with phin_up(make_home(tmp_path), **settings) as up:
        yield up, Visitor(up, **settings)


def test_from_a_purchase_to_the_story_of_its_mail(started: tuple[PhinUp, Visitor], sink: SmtpSink) -> None:
    """Given a shop that runs, when a customer buys, reads, clicks and refuses, then each comes back and is told."""
    _, visitor = started
    # a purchase comes in, the right mail goes out
    assert visitor.report(purchase("p1", "A1", LAN)) == {"accepted": 1, "duplicates": 0, "refused": []}
    assert visitor.report(purchase("p1", "A1", LAN)) == {"accepted": 0, "duplicates": 1, "refused": []}
    wait_until(lambda: len(sink.mails) == 1, "the confirmation arrives")
    letter = read_letter(sink.mails[0].content)
    assert "A1" in letter.subject
    assert "450.000" in letter.html
    assert "Arabica Cầu Đất 250 g" in letter.text
    assert sink.mails[0].recipients == ("mai@khach.example",)

    # its open and click come back, told apart from a machine's
    time.sleep(READING)
    pixel = visitor.get(letter.pixel)
    assert (pixel.status_code, pixel.headers["content-type"], len(pixel.content)) == (200, "image/gif", 43)
    click = visitor.get(letter.link(1))
    utm = "utm_source=phin&utm_medium=email&utm_campaign=order-confirmation&utm_content=order-confirmation"
    assert (click.status_code, click.headers["location"]) == (302, f"https://the-coffee.example/orders/A1?{utm}")
    visitor.get(letter.pixel, agent="Mozilla/5.0")
    told = [("open", "person"), ("click", "person"), ("open", "machine")]
    wait_until(lambda: visitor.hits("c1", "order-confirmation") == told, "the hits are classed")

    # a sign-up's mail is marketing: it carries the refusal, which holds at once
    visitor.report({"id": "s1", "type": "signup", "customer": LAN})
    wait_until(lambda: len(sink.mails) == 2, "the welcome arrives")
    welcome = read_letter(sink.mails[1].content)
    assert welcome.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert visitor.get(welcome.unsubscribe).status_code == 200
    assert visitor.why("c1")["customer"]["consent"]["marketing"] == "subscribed"
    one_click = httpx.post(welcome.unsubscribe, data={"List-Unsubscribe": "One-Click"}, timeout=30)
    assert one_click.status_code == 200
    story = visitor.why("c1")
    assert story["customer"]["consent"]["marketing"] == "unsubscribed"

    # the story and the figures
    by_flow = {told["flow"]: told for told in story["flows"]}
    (way,) = by_flow["order-confirmation"]["journeys"]
    assert [(mail["template"], mail["state"]) for mail in way["mails"]] == [("order-confirmation", "sent")]
    figures = {one["flow"]: one for one in json.loads(visitor.phin("report", "--json"))["flows"]}
    confirmed = figures["order-confirmation"]
    assert (confirmed["entered"], confirmed["sent"], confirmed["opened"], confirmed["clicked"]) == (1, 1, 1, 1)
    assert "mai@khach.example" not in visitor.up.said


def test_an_edited_flow_takes_effect_and_a_broken_one_leaves_its_last_version(
    started: tuple[PhinUp, Visitor], sink: SmtpSink
) -> None:
    """Given a running shop, when a flow's file is edited, broken and mended, then each valid text takes effect."""
    up, visitor = started
    file = up.home / "flows" / "order-confirmation.yaml"
    text = file.read_text(encoding="utf-8")

    def versions() -> dict[str, int]:
        return {one["flow"]: one["version"] for one in json.loads(visitor.phin("flows", "--json"))}

    file.write_text(text.replace("trigger: purchase", "trigger: purchase\nwhen: order.total >= 900_000"), "utf-8")
    wait_until(lambda: versions()["order-confirmation"] == 2, "the edited flow is published")
    visitor.report(purchase("p1", "A1", LAN))
    wait_until(lambda: bool(_refusals(visitor)), "the event was offered")
    assert _refusals(visitor)[0]["detail"]["seen"][0]["seen"] == {"order.total": 450000}

    file.write_text(text.replace("steps:", "stepps:"), "utf-8")
    wait_until(lambda: "did you mean 'steps'" in up.said, "the broken file is told")
    assert versions()["order-confirmation"] == 2

    file.write_text(text, "utf-8")
    wait_until(lambda: versions()["order-confirmation"] == 1, "the first text is back")
    visitor.report(purchase("p2", "A2", LAN))
    wait_until(lambda: len(sink.mails) == 1, "the confirmation arrives")
    assert "A2" in read_letter(sink.mails[0].content).subject


def test_pause_stops_sending_and_resume_goes_on(started: tuple[PhinUp, Visitor], sink: SmtpSink) -> None:
    """Given everything paused, when a sign-up comes and all is resumed, then who came meanwhile did not enter."""
    _, visitor = started
    visitor.phin("pause", "--all")
    visitor.report({"id": "s1", "type": "signup", "customer": LAN})
    wait_until(lambda: bool(visitor.why("c1")["events"]), "the event is processed")
    visitor.phin("resume", "--all")
    visitor.report({"id": "s2", "type": "signup", "customer": LAN | {"id": "c2", "email": "minh@example.com"}})
    wait_until(lambda: len(sink.mails) == 1, "the second welcome arrives")
    assert sink.mails[0].recipients == ("minh@example.com",)


def _refusals(visitor: Visitor) -> list[dict[str, dict[str, list[dict[str, object]]]]]:
    flows = visitor.why("c1")["flows"] if visitor.up else []
    return [refusal for told in flows for refusal in told["refusals"] if told["flow"] == "order-confirmation"]
