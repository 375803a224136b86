"""What a backtest counts, and what it takes for known of the past; it writes nothing."""

from __future__ import annotations

import textwrap
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert, select, update

from tests.support.backtesting import BEGIN, LivedShop
from tests.support.post import Office
from tests.support.shop import YES
from worker.domain.errors import UnavailableError
from worker.domain.repurchase import Prediction
from worker.domain.settings import Settings
from worker.language.flow.flows import read_flow
from worker.rehearsal.backtest.playing import Question, backtest
from worker.rehearsal.backtest.samples import SampleWriter
from worker.rehearsal.backtest.tally import Tally, Window
from worker.storage import history, predictions
from worker.storage.database import Database
from worker.storage.tables import address, customer, message, metadata

THANKS = """
    trigger: purchase
    goal: {event: purchase, within: 14 days}
    steps: [{send: thank-you}, {wait: 2 days}, {send: review}]
    """


def lan(**said: Any) -> dict[str, Any]:
    return {"id": "c1", "email": "lan@example.com", "name": "Lan", "consent": YES, **said}


def order(number: str, total: int = 450_000) -> dict[str, Any]:
    line = {"sku": "AR-250", "category": "arabica", "quantity": 1, "price": total}
    return {"order": {"number": number, "total": total, "lines": [line]}}


def tally(shop: LivedShop, body: str, **more: Any) -> Tally:
    return shop.played("trial", textwrap.dedent(body), **more)[0].tally


@pytest.fixture
def shop(database: Database, tmp_path: Path) -> LivedShop:
    return LivedShop(database, tmp_path, texts={"review": "Chào", "win": "Chào"})


def contents(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    with database.reading() as connection:
        rows = {one.name: connection.execute(select(one)).all() for one in metadata.sorted_tables}
    return {name: sorted((tuple(row) for row in found), key=repr) for name, found in rows.items()}


def test_nothing_is_written(shop: LivedShop) -> None:
    """Given a history, when it is played twice, then all tables are as before, and both told the same."""
    shop.happen("purchase", lan(), **order("A1"))
    shop.live_until(shop.now + timedelta(days=3))
    before = contents(shop.database)
    first, second = tally(shop, THANKS, samples=3), tally(shop, THANKS, samples=3)
    assert first == second and first.mails == 2
    assert contents(shop.database) == before


def test_the_database_itself_refuses_to_write_while_it_is_looked_at(database: Database) -> None:
    """Given a look at the history, when something would write in it, then the database refuses; later it writes."""
    new = {"email": "lan@example.com"}
    with pytest.raises(UnavailableError), history.looking(database) as connection:
        connection.execute(insert(address), new)
    with database.writing() as connection:
        connection.execute(insert(address), new)


def test_the_bar_is_what_customers_did_by_themselves(shop: LivedShop) -> None:
    """Given three buyers of whom one buys again in time, then the bar is one of four, with the money it brought."""
    for number, person in (("A1", "c1"), ("B1", "c2"), ("C1", "c3")):
        shop.happen("purchase", lan(id=person, email=f"{person}@example.com"), **order(number))
    shop.live_until(BEGIN + timedelta(days=10))
    shop.happen("purchase", lan(), **order("A2", 300_000))
    shop.live_until(BEGIN + timedelta(days=20))
    shop.happen("purchase", lan(id="c2", email="c2@example.com", consent=YES), **order("B2", 100_000))
    found = tally(shop, THANKS, until=BEGIN + timedelta(days=17))
    assert found.bar is not None
    assert (found.bar.entries, found.bar.reached, found.bar.running) == (4, 1, 1)
    assert found.bar.rate == 0.25 and found.bar.revenue == {"VND": Decimal(300_000)}
    assert (found.looked_at, found.people, found.entered) == (3, 3, 4)


def test_what_was_loaded_as_history_is_played_as_it_happened(shop: LivedShop) -> None:
    """Given orders of the past loaded today, when they are played, then each enters at its own day."""
    for days, number in ((40, "A1"), (20, "A2")):
        at = (BEGIN - timedelta(days=days)).isoformat()
        shop.send("purchase", lan(), time=at, history=True, **order(number))
    found, runs = shop.played(
        "trial", textwrap.dedent(THANKS), since=BEGIN - timedelta(days=60), until=BEGIN + timedelta(days=1)
    )
    assert [run.journey.entered_at for run in runs] == [BEGIN - timedelta(days=40), BEGIN - timedelta(days=20)]
    assert found.tally.days == {date(2027, 1, 20): 1, date(2027, 1, 22): 1, date(2027, 2, 9): 1, date(2027, 2, 11): 1}


def test_facts_are_what_they_were_then(shop: LivedShop) -> None:
    """Given a customer who moved, bought more and unsubscribed since, then each entry sees what was known at it."""
    shop.happen("purchase", lan(city="Huế"), **order("A1"))
    shop.live_until(BEGIN + timedelta(days=5))
    shop.happen("purchase", lan(city="Hà Nội"), **order("A2"))
    shop.happen("unsubscribed", {"id": "c1"})
    shop.live_until(BEGIN + timedelta(days=10))
    body = THANKS.replace("goal:", 'when: customer.city == "Huế" and customer.orders_count == 1\n    goal:')
    found = tally(shop, body)
    assert (found.entered, found.mails, found.not_entered) == (1, 2, {"when": 1})
    assert found.failing == {'customer.city == "Huế"': 1, "customer.orders_count == 1": 1}
    later = tally(shop, THANKS)
    assert later.held_back == {("review", "unsubscribed"): 1} and later.mails == 3


def test_what_no_event_tells_is_taken_as_it_is_today(shop: LivedShop) -> None:
    """Given a field and a consent that no event told, when the past is played, then they are as they are today."""
    shop.happen("purchase", {"id": "c1", "email": "lan@example.com"}, **order("A1"))
    with shop.database.writing() as connection:
        connection.execute(update(customer).values(fields={"city": "Huế"}, birthday=date(1990, 3, 3)))
        connection.execute(insert(address).values(email="lan@example.com", marketing="subscribed"))
    shop.live_until(BEGIN + timedelta(days=5))
    found = tally(shop, "trigger: [purchase, birthday]\nwhen: customer.city == 'Huế'\nsteps: [{send: win}]\n")
    assert (found.entered, found.mails) == (2, 2)


def test_nobody_clicks_unless_a_share_is_asked_for(shop: LivedShop) -> None:
    """Given a wait for a click, then nobody clicks; with all mails clicked, the journey goes on two hours later."""
    shop.happen("purchase", lan(), **order("A1"))
    shop.live_until(BEGIN + timedelta(days=9))
    body = """
        trigger: purchase
        steps:
          - send: win
          - wait: 5 days
            until: clicked("win")
          - if: clicked("win")
            then: [{exit: clicked}]
            else: [{exit: silent}]
        """
    assert tally(shop, body).ends == {("exited", "silent"): 1}
    assert tally(shop, body, clicks=1.0).ends == {("exited", "clicked"): 1}


def test_what_steps_do_is_counted_and_seen_by_later_steps(shop: LivedShop) -> None:
    """Given steps that write, tag, suppress, give and tell, then each is counted, and later steps go by it."""
    shop.settings = Settings.model_validate({**shop.settings.model_dump(), "fields": {"points": "number"}})
    shop.happen("purchase", lan(), **order("A1"))
    shop.live_until(BEGIN + timedelta(days=1))
    shop.happen("purchase", lan(), **order("A2"))
    shop.live_until(BEGIN + timedelta(days=9))
    body = """
        trigger: purchase
        steps:
          - add: {points: 10}
          - coupon: thanks
            prefix: CAMON
          - emit: level.reached
          - task: Call {{ customer.name }}
            close_when: {event: purchase}
          - if: customer.points >= 20
            then:
              - tag: regular
              - send: win
              - suppress: enough for now
          - wait: 2 days
          - if: '"regular" in customer.tags'
            then: [{send: review}]
        """
    found = tally(shop, body)
    done = {verb: count for (verb, _), count in found.done.items()}
    assert done == {"add": 2, "coupon": 2, "emit": 2, "task": 2, "tag": 1, "suppress": 1}
    assert found.sent == {"win": 1}
    assert found.held_back == {("review", "suppressed"): 2}


def test_quiet_hours_and_caps_count_with_what_was_really_sent(shop: LivedShop) -> None:
    """Given a cap of one a day and a quiet night, then a mail waits for the morning, and the next is left out."""
    policy = {"quiet_hours": "13:00-19:00", "per_day": 1}
    shop.settings = Settings.model_validate({**shop.settings.model_dump(), "policy": policy})
    shop.happen("purchase", lan(), **order("A1"))
    shop.live_until(BEGIN + timedelta(hours=8))
    shop.happen("purchase", lan(), **order("A2"))
    shop.live_until(BEGIN + timedelta(days=1))
    body = "trigger: purchase\nsteps: [{send: win}]\n"
    found, runs = shop.played("trial", body)
    assert [mail.sent_at for run in runs for mail in run.mails] == [BEGIN + timedelta(hours=5)]
    assert found.tally.held_back == {("win", "cap: 1 in 24 hours"): 1}
    sent = {"kind": "marketing", "template": "win", "created_at": BEGIN, "not_before": BEGIN, "sent_at": BEGIN}
    with shop.database.writing() as connection:
        one = connection.execute(select(customer.c.id)).scalar_one()
        connection.execute(insert(message), {**sent, "key": "m", "customer_id": one, "flow": "other", "state": "sent"})
    assert shop.played("trial", body)[0].tally.mails == 0


def test_a_sends_condition_holidays_and_silence_count_as_in_delivery(shop: LivedShop) -> None:
    """Given a day off, a shop that asks for no prior yes, and a mail for orders that stand, then the backtest moves the
    mail to the day after, sends to who said nothing, and leaves out the one whose order was cancelled."""
    day = (BEGIN + timedelta(hours=7)).date().isoformat()
    policy = {"marketing_consent": "opt-out", "holidays": [day]}
    shop.settings = Settings.model_validate({**shop.settings.model_dump(), "policy": policy})
    silent = {key: value for key, value in lan().items() if key != "consent"}
    shop.happen("purchase", silent, **order("A1"))
    shop.happen("purchase", silent, **order("A2"))
    shop.live_until(BEGIN + timedelta(hours=1))
    shop.happen("order.cancelled", silent, order={"number": "A2"})
    shop.live_until(BEGIN + timedelta(days=3))
    body = 'trigger: purchase\nsteps:\n  - send: win\n    when: order.status != "cancelled"\n'
    found, runs = shop.played("trial", body)
    assert found.tally.held_back == {("win", 'condition: order.status != "cancelled"'): 1}
    (sent,) = [mail.sent_at for run in runs for mail in run.mails]
    local = sent.astimezone(ZoneInfo("Asia/Ho_Chi_Minh"))
    assert (local.date() - (BEGIN + timedelta(hours=7)).date(), local.hour) == (timedelta(days=1), 0)


def test_the_holdout_is_set_aside_and_counted_for_the_bar(shop: LivedShop) -> None:
    """Given everybody in the holdout, then nobody gets mail, and the bar still counts what they did."""
    shop.happen("purchase", lan(), **order("A1"))
    shop.live_until(BEGIN + timedelta(days=3))
    shop.happen("purchase", lan(), **order("A2"))
    found = tally(shop, THANKS.replace("goal:", "holdout: 50%\n    goal:"), since=BEGIN, until=shop.now)
    everybody = found.set_aside == found.entered
    assert found.bar is not None and found.bar.reached == 1 and found.set_aside in (0, 2)
    assert (found.mails == 0) == everybody


def test_samples_are_rendered_from_the_real_templates(shop: LivedShop, tmp_path: Path) -> None:
    """Given two steps, when three samples are asked for, then files of both hold what that customer would have got."""
    for number in range(3):
        person = lan(id=f"c{number}", email=f"c{number}@example.com", name=f"Khách {number}")
        shop.happen("purchase", person, **order(f"A{number}"))
    shop.live_until(BEGIN + timedelta(days=3))
    flow = read_flow(f"flow: trial\n{textwrap.dedent(THANKS)}", "trial.yaml", None)[0]
    question = Question(flow, Window(BEGIN, shop.now), shop.settings, samples=3)
    chosen = backtest(shop.database, question).tally.chosen()
    folder = tmp_path / "samples"
    folder.mkdir()
    (folder / "99-old.html").write_text("of an earlier backtest")
    office: Office = shop.office
    written = SampleWriter(shop.settings, office.library, flow, folder).write(chosen)
    assert [path.name.split("-")[0] for path in written.files] == ["01", "02", "03"] and not written.faults
    assert sorted({one.step.name for one in chosen}) == ["review", "thank-you"]
    assert sorted(folder.glob("*.html")) == sorted(written.files)
    for path, sample in zip(written.files, chosen, strict=True):
        name = sample.facts.customer.name
        assert f"Subject: {sample.step.name}: {name}" in path.with_suffix(".txt").read_text()
        assert "@" not in path.name and "<html" in path.read_text()


def test_a_flow_that_was_live_is_told(shop: LivedShop) -> None:
    """Given a flow that was live in the time, when it is played, then the result says how many it really entered."""
    shop.publish(trial=THANKS)
    shop.happen("purchase", lan(), **order("A1"))
    shop.live_until(BEGIN + timedelta(days=1))
    assert shop.played("trial", textwrap.dedent(THANKS))[0].was_live == 1
    later = shop.played("trial", textwrap.dedent(THANKS), since=BEGIN + timedelta(hours=1))
    assert later[0].was_live == 0


def test_what_is_foretold_is_as_today(shop: LivedShop) -> None:
    """Given a prediction of today, when the past is played, then conditions see it at each moment."""
    shop.happen("purchase", lan(), **order("A1"))
    shop.live_until(BEGIN + timedelta(days=1))
    with shop.database.writing() as connection:
        predictions.say(connection, [(1, Prediction(0.4, BEGIN + timedelta(days=30)))])
    likely, unlikely = (THANKS.replace("goal:", f"when: customer.alive {sign} 0.5\n    goal:") for sign in (">=", "<"))
    assert (tally(shop, likely).entered, tally(shop, unlikely).entered) == (0, 1)
