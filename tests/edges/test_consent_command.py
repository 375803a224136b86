"""`phin consent` shows the ledger of an address, and takes a refusal that staff heard."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.support.consents import LAN, say
from tests.support.ledger import add_customer
from worker.domain.customers import Purpose
from worker.edges.cli.check import check_all
from worker.edges.cli.main import phin
from worker.storage.consent import Told
from worker.storage.database import Database
from worker.storage.migrations import migrate

NOW = datetime(2027, 3, 1, 7, 0, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A shop's folder with a database in which Lan agreed to marketing and was asked before."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "phin.yaml").write_text("shop: {name: The Coffee}\n")
    (tmp_path / "var").mkdir()
    database = Database(f"sqlite:///{tmp_path / 'var' / 'phin.db'}")
    migrate(database)
    with database.writing() as connection:
        add_customer(connection, external_id="c1", email=LAN, name="Lan")
        add_customer(connection, external_id="c2", name="Mai")
        say(connection, True, NOW, confirmed=False, told=Told("form", "Tôi muốn nhận tin", {"event": 12}))
        say(connection, True, NOW, anew=True, told=Told("confirmation: form", "Tôi đồng ý", {"message": 3, "line": 1}))
    database.close()
    return tmp_path


def run(*words: str) -> tuple[int, str]:
    """Return exit status and output of a command."""
    result = CliRunner().invoke(phin, ["consent", *words])
    return result.exit_code, result.output + (str(result.exception) if result.exception else "")


@pytest.mark.usefixtures("home")
def test_it_shows_every_word_with_source_wording_and_proof() -> None:
    """Given two words, then each stands there with when, where, which text and what proves it."""
    status, out = run("c1")
    assert status == 0
    assert "marketing yes yes, anew on Mon 1 Mar 2027 14:00, confirmation: form" in " ".join(out.split())
    assert "Mon 1 Mar 2027 14:00  marketing  asked to confirm form · event 12" in out
    assert "yes, anew    confirmation: form · message 3, line 1" in out
    assert "“Tôi muốn nhận tin”" in out and "“Tôi đồng ý”" in out
    told = json.loads(run("c1", "--json")[1])
    assert [(line["state"], line["anew"]) for line in told[0]["ledger"]] == [("pending", False), ("subscribed", True)]


def test_a_yes_that_waits_is_not_told_as_never_asked(home: Path) -> None:
    """Given a yes to tracking that waits, then what holds is that it is unconfirmed."""
    database = Database(f"sqlite:///{home / 'var' / 'phin.db'}")
    with database.writing() as connection:
        say(connection, True, NOW, purpose=Purpose.TRACKING, confirmed=False, told=Told("form"))
    database.close()
    out = run("c1")[1]
    assert "tracking   unconfirmed    asked to confirm on" in out and "never asked" not in out


@pytest.mark.usefixtures("home")
def test_who_said_nothing_and_who_is_unknown() -> None:
    """Given a customer without an address, and a word that names nobody, then each is told."""
    assert "nothing was ever said" in run("c2")[1]
    status, out = run("nobody")
    assert status != 0 and "no customer is known as 'nobody'" in out
    status, out = run("c2", "--refuse")
    assert status != 0 and "no e-mail address" in out


def test_a_refusal_that_staff_took_comes_in_as_an_event(home: Path) -> None:
    """Given a refusal on the phone, when it is written down, then it comes in with who took it."""
    status, out = run("c1", "--refuse", "--wording", "nói qua điện thoại")
    assert status == 0, out
    database = Database(f"sqlite:///{home / 'var' / 'phin.db'}")
    with database.reading() as connection:
        (row,) = connection.exec_driver_sql("SELECT type, payload FROM event").all()
        deeds = connection.exec_driver_sql('SELECT action, "on" FROM audit').all()
    database.close()
    said = json.loads(row.payload)["customer"]["consent"]
    assert (row.type, said["marketing"], said["wording"]) == ("unsubscribed", False, "nói qua điện thoại")
    assert said["source"].startswith("staff: ")
    assert ("refusal taken", "customer 1") in [tuple(deed) for deed in deeds]


def test_the_check_tells_of_a_confirmation_without_its_mail(home: Path) -> None:
    """Given a shop that confirms refusals and has no mail for it, then the check says so; with the mail it is quiet."""
    settings = home / "config" / "phin.yaml"
    settings.write_text("shop: {name: The Coffee}\npolicy: {refusal_confirmed: true}\n")
    assert any("no template 'refusal-confirmed'" in one.message for one in check_all(home, {}).problems)
    (home / "templates").mkdir()
    for language in ("vi", "en"):
        mail = home / "templates" / f"refusal-confirmed.{language}.html"
        mail.write_text("---\nsubject: Xong\n---\n<html><body><p>Xong</p></body></html>")
    assert not any("refusal-confirmed'" in one.message for one in check_all(home, {}).problems)
