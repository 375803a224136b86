"""`phin hits`, and what `phin report` and a flow's page tell of opens and clicks: people's, and all with machines'."""

from __future__ import annotations

import html
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import insert, select, update

from tests.support.ledger import NOW
from tests.support.shop_folder import bare_house, take_events
from worker.delivery import hits as recording
from worker.domain.hits import HONEYPOT, HitKind
from worker.edges import publishing
from worker.edges.cli.hits import hits
from worker.edges.cli.report import report
from worker.edges.house import House
from worker.edges.web.hit_words import hits_told
from worker.storage import hit_counts
from worker.storage.database import Database
from worker.storage.hit_counts import Counts
from worker.storage.hits import NewHit
from worker.storage.tables import customer, flow_version, hit, journey, message

FLOW = "trigger: purchase\nonce: per order\nsteps: [{wait: 7 days}]\n"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
SAFARI = PHONE.replace("Mobile", "Version/17.0 Mobile") + " Safari/604.1"


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    """A shop with two mails of a flow: one that a person and machines looked at, one that Gmail alone did."""
    monkeypatch.setenv("PHIN_HOME", str(tmp_path))
    made = bare_house(tmp_path, thanks=FLOW)
    publishing.publish(made)
    person = {"id": "c1", "email": "c1@example.com"}
    for number in range(2):
        order = {"number": f"A{number}", "total": 100_000}
        take_events(made, {"id": f"e{number}", "type": "purchase", "customer": person, "order": order})
    now = made.clock.now()
    of_flow = {"customer_id": 1, "flow": "thanks", "step": "mail", "template": "news", "kind": "marketing"}
    times = {"created_at": now, "not_before": now, "sent_at": now - timedelta(hours=2), "settled_at": now}
    with made.database.writing() as connection:
        for number in (1, 2):
            values = {"id": number, "key": f"m{number}", "journey_id": number, "state": "sent"}
            connection.execute(insert(message).values(**values, **of_flow, **times))
    at = now - timedelta(hours=1)
    click: dict[str, Any] = {"link": 1, "url": "https://the-coffee.example/a?id=7&utm_source=phin&utm_medium=email#x"}
    new = [
        NewHit("a", 1, HitKind.OPEN, at, user_agent=PHONE),
        NewHit("b", 1, HitKind.OPEN, at + timedelta(minutes=5), user_agent=PHONE),
        NewHit("c", 1, HitKind.CLICK, at + timedelta(minutes=6), user_agent=SAFARI, **click),
        NewHit("d", 1, HitKind.OPEN, at, user_agent="Mozilla/5.0"),
        NewHit("e", 2, HitKind.OPEN, at, user_agent=GMAIL),
        NewHit("f", 2, HitKind.CLICK, at, link=HONEYPOT, user_agent=SAFARI),
    ]
    opens, clicks = recording.record(made.database, new)
    made.hits.run((opens + clicks).hits, now)
    made.close()
    return made


def run(command: Any, *arguments: str) -> str:
    result = CliRunner().invoke(command, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_the_list_tells_whose_each_hit_is_and_why(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given hits of a person, a proxy and machines, then the list has each with its class and reason, and narrows."""
    monkeypatch.setenv("COLUMNS", "200")
    shown = run(hits)
    assert "Apple Mail Privacy Protection" in shown
    assert "clicked https://the-coffee.example/a?id=7#x " in shown
    assert "utm_" not in shown
    assert " c1 " in shown and "#1" not in shown
    assert "Safari, phone" in shown
    told = json.loads(run(hits, "--json"))
    assert [(one["kind"], one["class"]) for one in told if one["message"] == 2] == [
        ("click", "machine"),
        ("open", "proxy"),
    ]
    assert {one["hit"] for one in json.loads(run(hits, "--json", "--class", "machine"))} == {
        one["hit"] for one in told if one["class"] == "machine"
    }
    assert len(json.loads(run(hits, "--json", "--mail", "1"))) == 4
    assert len(json.loads(run(hits, "--json", "--customer", "c1@example.com", "--most", "3"))) == 3
    assert "utm_source=phin" in json.dumps(told)
    assert {one["shop_id"] for one in told} == {"c1"}
    monkeypatch.setenv("COLUMNS", "80")
    narrow = run(hits)
    assert "  clicked https://the-coffee.example/a?id=7#x\n  mail 1 thanks · c1\n  person" in narrow
    assert "Apple Mail Privacy Protection" in " ".join(narrow.split())
    assert all(len(line) <= 80 for line in narrow.splitlines())
    wrong = CliRunner().invoke(hits, ["--mail", "9999"])
    assert wrong.exit_code and "there is no mail 9999" in str(wrong.exception)
    assert "No such hits" in run(hits, "--since", "1 minute")
    assert "@" not in json.dumps(told)


def test_reclassifying_tells_what_changed(house: House) -> None:
    """Given hits that were classed by other rules, then a dry run tells what would change, and the run changes it."""
    with house.database.writing() as connection:
        connection.execute(update(hit).where(hit.c.key == "d").values({"class": "person", "reason": "another program"}))
    dry = run(hits, "reclassify", "--dry-run")
    assert "6 hits looked at; 1 would be classed otherwise" in dry
    assert "1 person → machine" in dry
    done = run(hits, "reclassify")
    assert "1 are classed otherwise" in done
    assert "journeys that acted on a hit stay as they are" in done
    assert "0 are classed otherwise" in run(hits, "reclassify")
    assert run(hits, "reclassify", "--after", "5").startswith("1 hit looked at")


def test_the_report_tells_people_and_all(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given these hits, then the report has people's and all, mails and times, proxies named, programs and devices."""
    monkeypatch.setenv("COLUMNS", "80")
    shown = run(report)
    assert "opened   2 mails by people, 3 times · with machines 2, 4" in shown
    assert "1 mail of people's by a mail service's proxy alone" in shown
    assert "clicked  1 mail by people, 1 time · with machines 2, 2" in shown
    assert "Apple\xa0Mail\xa033.3\xa0% · Gmail\xa033.3\xa0% · Safari\xa033.3\xa0%" in shown
    assert "phone\xa0100.0\xa0%" in shown
    assert [line for line in shown[shown.index("hits") :].splitlines() if len(line) > 80] == []
    (flow,) = json.loads(run(report, "--json"))["flows"]
    assert flow["hits"]["opens"] == {"people": 2, "people_total": 3, "proxies": 1, "all": 2, "all_total": 4}
    assert flow["hits"]["programs"] == {"Apple Mail": 1, "Gmail": 1, "Safari": 1}


def test_hits_are_counted_by_flow_and_step(database: Database) -> None:
    """Given mails of two steps, one opened twice by a person and by machines, one by machines only, then each step and
    the flow have mails and times of people and of all; hits on mails to staff or of nobody are left out."""
    with database.writing() as connection:
        connection.execute(insert(customer).values(id=1, created_at=NOW, updated_at=NOW))
        connection.execute(
            insert(flow_version).values(id=1, flow="f", number=1, meaning="m", source="", published_at=NOW)
        )
        stood = {"flow": "f", "version_id": 1, "customer_id": 1, "once_key": "k", "state": "done", "entered_at": NOW}
        connection.execute(insert(journey).values(id=1, **stood))
        sent = {"journey_id": 1, "flow": "f", "template": "t", "kind": "marketing", "created_at": NOW}
        sent |= {"not_before": NOW, "sent_at": NOW, "state": "sent"}
        for number, step in ((1, "one"), (2, "two"), (3, "two")):
            connection.execute(insert(message).values(id=number, key=str(number), customer_id=1, step=step, **sent))
        connection.execute(insert(message).values(id=4, key="4", staff="mai", step="two", **sent))
        seen = [
            (1, "person"),
            (1, "proxy"),
            (1, "machine"),
            (2, "machine"),
            (2, "machine"),
            (3, "proxy"),
            (4, "person"),
        ]
        for number, (mail, whose) in enumerate([*seen, (99, "person")]):
            values = {"key": str(number), "message_id": mail, "kind": "open", "at": NOW, "class": whose}
            connection.execute(insert(hit).values(**values, program="Zalo" if whose == "person" else None))
        found = hit_counts.by_step(connection, "f", NOW)
        assert {step: counts.opens for step, counts in found.items()} == {
            "one": Counts(people=1, people_total=2, proxies=0, all=1, all_total=3),
            "two": Counts(people=1, people_total=1, proxies=1, all=2, all_total=3),
        }
        (flow,) = hit_counts.by_flow(connection).values()
        assert flow.opens == Counts(people=2, people_total=3, proxies=1, all=3, all_total=6)
        assert (flow.programs, flow.clicks) == ({"Zalo": 1}, Counts())
        assert hit_counts.by_flow(connection, NOW + timedelta(days=1)) == {}
        assert connection.execute(select(hit.c.id)).all()


@pytest.mark.parametrize(("language", "word"), [("vi", "máy chủ ảnh"), ("en", "image proxy")])
def test_a_flows_page_tells_them_in_both_languages(house: House, language: str, word: str) -> None:
    """Given these hits, then the table of a flow's page has a row for each step, with a cell for each head."""
    with house.database.reading() as connection:
        told = hits_told(hit_counts.by_step(connection, "thanks", house.clock.now() - timedelta(days=30)), language)
    assert told is not None
    ((step, opened, clicked, all_opened, all_clicked),) = told.rows
    assert len(told.heads) == 5
    assert step == "mail"
    assert opened.startswith("2 · 3 ")
    assert word in opened
    assert (clicked, all_clicked) == ("1", "2")
    assert all_opened.startswith("2 · 4 ")
    assert [re.sub(r"\D+", " ", html.unescape(share)).split() for _, share in told.shares] == [["33"] * 3, ["100"]]
    assert hits_told({}, language) is None
