"""`phin credits`, `phin report FLOW` and `phin why`: what purchases are credited to, as the shop's people read it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import insert, update

from tests.support.shop import Shop
from worker.edges.cli.commands import Commands
from worker.edges.environment import read_home
from worker.edges.house import House
from worker.storage.migrations import migrate
from worker.storage.tables import customer, hit, message

FLOW = """
trigger: signup
steps:
  - if: customer.orders_count == 0
    then: [{send: welcome}]
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A shop in which Lan got a mail, clicked in it, and bought twice, the second time two weeks later."""
    for folder in ("config", "flows", "templates"):
        (tmp_path / folder).mkdir()
    (tmp_path / "config" / "phin.yaml").write_text("shop: {name: The Coffee}\n")
    monkeypatch.setenv("PHIN_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "120")
    house = House(read_home({"PHIN_HOME": str(tmp_path)}))
    migrate(house.database)
    shop = Shop(house.database)
    shop.publish(hello=FLOW)
    shop.send("signup")
    with shop.database.writing() as connection:
        gone = {"state": "sent", "sent_at": shop.now, "settled_at": shop.now}
        connection.execute(update(message).values(**gone, opened_at=shop.now, clicked_at=shop.now))
        values = {"key": "k", "message_id": 1, "kind": "click", "at": shop.now, "class": "person"}
        connection.execute(insert(hit).values(**values))
        connection.execute(update(customer).values(last_opened_at=shop.now, last_clicked_at=shop.now))
    shop.wait("1 hour")
    shop.buy("A1")
    shop.wait("14 days")
    shop.buy("A2", 200_000)
    return shop


def phin(*arguments: str) -> Result:
    return CliRunner().invoke(Commands(), list(arguments))


def test_purchases_are_told_with_what_they_are_credited_for(shop: Shop) -> None:
    """Given a purchase after a click, then the list has order, mail and click; where there is none it says so."""
    told = phin("credits").output
    assert "A1" in told and "hello / welcome" in told and "clicked Mon 1 Mar" in told and "A2" not in told
    (one,) = json.loads(phin("credits", "--json").output)
    assert (one["order"], one["flow"], one["step"], one["by"], one["worth"]) == (
        "A1",
        "hello",
        "welcome",
        "click",
        "450000",
    )
    wrong = phin("credits", "--flow", "helo")
    assert wrong.exit_code == 2 and "there is no flow 'helo'; did you mean 'hello'?" in wrong.output
    shop.publish(other=FLOW)
    assert "No purchase is credited to mails of 'other' yet" in phin("credits", "--flow", "other").output


def test_longer_windows_credit_what_was_bought_before(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given another window, when purchases are credited again, then it holds for those of before, and is told."""
    assert "2 orders looked at, 0 are credited otherwise" in phin("credits", "again").output
    monkeypatch.setenv("PHIN_ATTRIBUTION_CLICK_WITHIN", "30 days")
    assert "2 orders looked at, 1 are credited otherwise" in phin("credits", "again").output
    assert [one["order"] for one in json.loads(phin("credits", "--json").output)] == ["A2", "A1"]
    monkeypatch.setenv("PHIN_ATTRIBUTION_CLICK_WITHIN", "soon")
    assert "PHIN_ATTRIBUTION_CLICK_WITHIN" in str(phin("credits", "again").exception)


def test_a_flows_mails_and_ways_are_told_with_what_they_brought(shop: Shop) -> None:
    """Given a credited purchase, then the flow's own report has it by mail and by way, and why has it at the mail."""
    told = json.loads(phin("report", "hello", "--json").output)
    (mail,), ways = told["mails"], told["ways"]
    assert (mail["step"], mail["sent"], mail["clicked"], mail["orders"], mail["revenue"]) == (
        "welcome",
        1,
        1,
        1,
        {"VND": "450000"},
    )
    assert [(one["step"], one["way"], one["journeys"], one["orders"]) for one in ways] == [("if-1", "then", 1, 1)]
    shown = phin("report", "hello").output
    assert "if-1 → then" in shown and "450,000" in shown
    assert "order A1 is credited to it, by the click" in phin("why", "c1").output
    (flow,) = json.loads(phin("report", "--json").output)["flows"]
    assert (flow["orders"], flow["revenue"]) == (1, {"VND": "450000"})
    wrong = phin("report", "helo")
    assert wrong.exit_code == 2 and "did you mean 'hello'?" in wrong.output
