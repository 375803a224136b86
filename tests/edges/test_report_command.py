"""`phin report` as a command: the parts of a flow make up its whole, mails to staff are apart, circles are told."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import insert, update

from tests.support.shop_folder import bare_house, take_events
from worker.domain.breakers import NOT_TAKEN
from worker.edges import publishing
from worker.edges.cli.report import report
from worker.edges.house import House
from worker.storage import circles
from worker.storage.tables import circle, credit, journey, message, orders

FLOW = "trigger: purchase\nonce: per order\nsteps: [{wait: 7 days}]\n"


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    """A shop with one customer who ordered three times: two journeys go on, one is set aside; staff got a mail."""
    monkeypatch.setenv("PHIN_HOME", str(tmp_path))
    made = bare_house(tmp_path, thanks=FLOW)
    publishing.publish(made)
    customer = {"id": "c1", "email": "c1@example.com"}
    for number in range(3):
        order = {"number": f"A{number}", "total": 100_000}
        take_events(made, {"id": f"e{number}", "type": "purchase", "customer": customer, "order": order})
    now = made.clock.now()
    to_staff = {"key": "m1", "staff": "mai", "journey_id": 1, "flow": "thanks", "step": "to-mai", "template": "news"}
    times = {"created_at": now, "not_before": now, "sent_at": now, "settled_at": now}
    with made.database.writing() as connection:
        connection.execute(update(journey).where(journey.c.id == 3).values(state="control"))
        connection.execute(insert(message).values(kind="transactional", state="sent", **to_staff, **times))
    made.close()
    return made


@pytest.mark.parametrize("width", [80, 160])
def test_the_parts_make_up_the_whole(house: House, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    """Given journeys under way and one set aside, then all are told, and a mail to staff is no mail to a customer."""
    monkeypatch.setenv("COLUMNS", str(width))
    shown = CliRunner().invoke(report, catch_exceptions=False).output
    if width == 80:
        assert "thanks  3 entered · 2 waiting · 0 done · 0 exited · 1 set aside\n" in shown
        assert "0 sent · " in shown
    else:
        head, row = (line for line in shown.splitlines() if line.strip().startswith(("flow ", "thanks ")))
        assert "set aside" in head
        assert row.split()[:7] == ["thanks", "3", "2", "0", "0", "1", "0"]
    assert "1 customer · 1 has bought" in shown
    assert "to staff  thanks: 1 sent" in shown
    assert "circle" not in shown
    assert all(len(line) <= width for line in shown.splitlines())


def test_what_waits_for_a_domain_is_not_said_to_wait_for_the_relay(house: House) -> None:
    """Given a mail behind a domain's breaker, and one that the relay did not take, then each is told for itself."""
    now = house.clock.now()
    times = {"created_at": now, "not_before": now, "settled_at": now, "customer_id": 1, "template": "news"}
    reasons = {"q1": "breaker: gmail.com by main", "q2": NOT_TAKEN}
    with house.database.writing() as connection:
        for key, reason in reasons.items():
            row = {"key": key, "reason": reason, "answer": f"of {key}", "state": "queued", "kind": "marketing"}
            connection.execute(insert(message).values(**row, **times))
    shown = CliRunner().invoke(report, catch_exceptions=False).output
    assert "1 mail waits for the relay: of q2 (phin relays)" in shown
    assert "1 mail waits: breaker: gmail.com by main (phin relays)" in shown


def test_a_circle_is_told_for_seven_days(house: House) -> None:
    """Given a circle of flows that was stopped twice, then the report says so, to people and to programs."""
    now = house.clock.now()
    with house.database.writing() as connection:
        circles.keep(connection, 1, "a", "a → b → a", now)
        circles.keep(connection, 2, "a", "a → b → a", now)
        circles.keep(connection, 2, "a", "a → b → a", now)
    shown = CliRunner().invoke(report, catch_exceptions=False).output
    assert "Flows start each other in a circle, a → b → a: stopped 2 times, last " in shown
    (told,) = json.loads(CliRunner().invoke(report, ["--json"], catch_exceptions=False).output)["circles"]
    assert (told["circle"], told["stopped"]) == ("a → b → a", 2)
    with house.database.writing() as connection:
        connection.execute(update(circle).values(at=now - timedelta(days=8)))
    assert "circle" not in CliRunner().invoke(report, catch_exceptions=False).output


def _sent(house: House, mails: int, followed: int, step: str = "a-mail-with-quite-a-long-name") -> None:
    """Let a step have sent mails that were all opened as far as they may be followed."""
    now = house.clock.now()
    of = {"customer_id": 1, "journey_id": 1, "flow": "thanks", "step": step, "template": "news", "kind": "marketing"}
    times = {"created_at": now, "not_before": now, "sent_at": now, "settled_at": now, "state": "sent"}
    with house.database.writing() as connection:
        for number in range(mails):
            seen = {"tracked": number < followed, "opened_at": now if number < followed else None}
            connection.execute(insert(message).values(key=f"{step}{number}", **of, **times, **seen))


@pytest.mark.parametrize("width", [80, 160])
@pytest.mark.parametrize("followed", [0, 2])
def test_rates_are_of_the_mails_that_may_be_followed(
    house: House, monkeypatch: pytest.MonkeyPatch, width: int, followed: int
) -> None:
    """Given mails to customers of whom some, or none, agreed to tracking, then rates are of those who did and this is
    told; where nobody did there is a dash and why. Nothing is cut off, however wide the terminal is."""
    monkeypatch.setenv("COLUMNS", str(width))
    _sent(house, 5, followed)
    of_all, of_one = (CliRunner().invoke(report, words, catch_exceptions=False).output for words in ([], ["thanks"]))
    for shown in (of_all, of_one):
        told = " ".join(shown.split())
        assert ("100.0 %" in told) is bool(followed)
        assert ("nobody agreed to be followed (docs/tracking.md)" in told) is (followed == 0)
        if followed and (width == 80 or shown is of_all):
            assert "may be followed" in told
        assert "…" not in shown
        assert all(len(line) <= width for line in shown.splitlines())
    assert "a-mail-with-quite-a-long-name" in of_one
    (flow,) = json.loads(CliRunner().invoke(report, ["--json"]).output)["flows"]
    assert (flow["sent"], flow["followed"], flow["open_rate"]) == (5, followed, 1.0 if followed else None)
    one = json.loads(CliRunner().invoke(report, ["thanks", "--json"]).output)["mails"]
    mails = [(mail["sent"], mail["followed"], mail["open_rate"]) for mail in one if mail["step"] != "to-mai"]
    assert mails == [(5, followed, 1.0 if followed else None)]


def test_a_flows_figures_are_whole_in_a_narrow_terminal(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given figures that no table of 80 columns holds, then each is told whole, in blocks."""
    monkeypatch.setenv("COLUMNS", "80")
    _sent(house, 3, 3)
    rich = {"order_number": "A0", "flow": "thanks", "step": "a-mail-with-quite-a-long-name", "journey_id": 1}
    with house.database.writing() as connection:
        at = house.clock.now()
        connection.execute(insert(credit).values(**rich, by="click", touched_at=at, placed_at=at))
        connection.execute(update(orders).where(orders.c.number == "A0").values(total=Decimal(123_456_789_000)))
    shown = CliRunner().invoke(report, ["thanks"], catch_exceptions=False).output
    assert "  3 sent · 3 opened (100.0 %) · 0 clicked (0.0 %) · 1 order" in shown
    assert "123,456,789,000 VND" in shown
    assert "to-mai\n  1 sent to staff · 0 orders\n" in shown
    assert all(len(line) <= 80 for line in shown.splitlines())
