"""Journeys over days: waits, forks, conditions that come true, versions, crashes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from tests.support.shop import LAN, START, Shop
from worker.domain.work import Work
from worker.engine.failing import TRIES
from worker.storage import journeys
from worker.storage.database import Database
from worker.storage.due import due_work
from worker.storage.flows import set_paused
from worker.storage.tables import flow_version, journey, message, trace

AFTER = """
    trigger: purchase
    when: order.total >= 300_000
    steps:
      - send: thank-you
      - wait: 7 days
        at: "10:30"
      - send: review-invite
      - wait: 3 days
        until: clicked("review-invite")
      - if: not clicked("review-invite") and customer.tracking
        then:
          - send: reminder
        else:
          - exit: reviewed
"""


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop on both databases."""
    return Shop(database)


def _hit(shop: Shop, step: str, column: str) -> None:
    with shop.database.writing() as connection:
        values = {"state": "sent", "sent_at": shop.now, column: shop.now}
        connection.execute(update(message).where(message.c.step == step).values(**values))


def test_a_journey_keeps_the_days_and_hours_of_its_flow(shop: Shop) -> None:
    """Given a flow over ten days, when nobody clicks, then each mail is written at its own day and time."""
    shop.publish(after=AFTER)
    shop.buy("A1")
    shop.wait("30 days")
    assert shop.mails() == [
        ("01 Mar 14:00", "thank-you"),
        ("08 Mar 10:30", "review-invite"),
        ("11 Mar 10:30", "reminder"),
    ]
    (row,) = shop.journeys()
    assert row.state == "done"


def test_a_click_ends_a_wait_early_and_turns_the_fork(shop: Shop) -> None:
    """Given a wait until a click, when the click comes, then the journey goes on at once, the other way."""
    shop.publish(after=AFTER)
    shop.buy("A1")
    shop.wait("8 days")
    _hit(shop, "review-invite", "clicked_at")
    (row,) = shop.journeys()
    assert shop.reread(row.id) == Work()
    (row,) = shop.journeys()
    assert (row.state, row.reason) == ("exited", "reviewed")
    kinds = [kind for kind, _ in shop.trace(row.id)]
    assert kinds == ["entered", "send", "wait", "waited", "send", "wait", "waited", "fork", "exit"]


def test_stepping_again_changes_nothing(shop: Shop) -> None:
    """Given a journey that waits, when its job is repeated, then it writes nothing twice."""
    shop.publish(after=AFTER)
    shop.buy("A1")
    shop.now += timedelta(days=7)
    (row,) = shop.journeys()
    assert len(shop.reread(row.id, row.id).messages) == 1
    assert shop.reread(row.id) == Work()
    assert [step for _, step in shop.mails()] == ["thank-you", "review-invite"]


def test_a_wait_whose_condition_holds_already_is_no_wait(shop: Shop) -> None:
    """Given a wait until an order is there, when there is one, then the journey goes straight on."""
    shop.publish(f="trigger: signup\nsteps: [{wait: 3 days, until: customer.orders_count >= 1}, {send: welcome}]")
    shop.buy("A1")
    shop.send("signup")
    assert [step for _, step in shop.mails()] == ["welcome"]


def test_a_fact_ends_a_wait_in_the_transaction_of_its_event(shop: Shop) -> None:
    """Given a wait until the first order, when it comes in, then the next mail is written with it."""
    shop.publish(f="trigger: signup\nsteps: [{wait: 30 days, until: customer.orders_count >= 1}, {send: thank-you}]")
    shop.send("signup")
    assert len(shop.buy("A1").messages) == 1


def test_a_split_falls_the_same_way_each_time_and_by_its_weights(shop: Shop) -> None:
    """Given a split of three to one, when four hundred enter, then about so many go each way."""
    shop.publish(
        f="""
        trigger: signup
        steps:
          - split:
              plain: {weight: 3, then: [{send: plain}]}
              bold: {weight: 1, then: [{send: bold}]}
        """
    )
    work = Work()
    for i in range(400):
        whole = {"id": f"s{i}", "type": "signup", "time": START.isoformat(), "customer": {"id": f"c{i}"}}
        work += shop.receive(whole)[1]
    shop.process(work)
    steps = [step for _, step in shop.mails()]
    assert len(steps) == 400
    assert 70 <= steps.count("bold") <= 130


def test_under_way_a_journey_stays_on_its_version(shop: Shop) -> None:
    """Given a journey that waits, when its flow is published anew, then it ends on the text that it entered with."""
    shop.publish(f="trigger: signup\nsteps: [{wait: 1 day}, {send: old}]")
    shop.send("signup")
    shop.publish(f="trigger: signup\nsteps: [{wait: 1 day}, {send: new}]")
    shop.send("signup", {"id": "c2"})
    shop.wait("2 days")
    assert [step for _, step in shop.mails()] == ["old", "new"]
    with shop.database.reading() as connection:
        numbers = connection.execute(select(flow_version.c.number).order_by(flow_version.c.number)).scalars()
        assert list(numbers) == [1, 2]


def test_the_same_meaning_is_the_same_version_and_an_old_one_comes_back(shop: Shop) -> None:
    """Given a flow that is changed and changed back, when it is published, then it has two versions, not three."""
    first, second = "trigger: signup\nsteps: [{send: old}]", "trigger: signup\nsteps: [{send: new}]"
    for text in (first, "# a remark\n" + first, second, first):
        shop.publish(f=text)
    shop.send("signup")
    assert [step for _, step in shop.mails()] == ["old"]
    with shop.database.reading() as connection:
        assert len(connection.execute(select(flow_version)).all()) == 2


def test_a_paused_flow_takes_nobody_in_and_goes_on_with_its_waits(shop: Shop) -> None:
    """Given a journey that waits, when its flow is paused and resumed, then entries stop and the wait goes on."""
    shop.publish(f="trigger: signup\nsteps: [{wait: 1 day}, {send: welcome}]")
    shop.send("signup")
    with shop.database.writing() as connection:
        set_paused(connection, "f", True, shop.now)
    shop.send("signup", {"id": "c2"})
    shop.wait("2 days")
    assert len(shop.journeys()) == 1
    assert [step for _, step in shop.mails()] == ["welcome"]
    with shop.database.writing() as connection:
        set_paused(connection, "f", False, shop.now)
    shop.send("signup", {"id": "c3"})
    assert len(shop.journeys()) == 2


def test_after_an_outage_of_a_day_later_waits_count_from_now(shop: Shop) -> None:
    """Given a journey that was due yesterday, when it is found today, then its next wait begins today."""
    shop.publish(f="trigger: signup\nsteps: [{wait: 1 day}, {send: a}, {wait: 1 day}, {send: b}]")
    shop.send("signup")
    shop.now += timedelta(days=2)
    shop.step()
    shop.wait("3 days")
    assert shop.mails() == [("03 Mar 14:00", "a"), ("04 Mar 14:00", "b")]


def test_a_journey_that_cannot_go_on_harms_only_itself(shop: Shop) -> None:
    """Given a journey whose step is gone, when it is due with another, then the other goes on and it fails visibly."""
    shop.publish(f="trigger: signup\nsteps: [{wait: 1 day}, {send: welcome}]")
    shop.send("signup")
    shop.send("signup", {"id": "c2"})
    with shop.database.writing() as connection:
        connection.execute(update(journey).where(journey.c.id == 1).values(step="no such step"))
    for _ in range(TRIES + 1):
        shop.now += timedelta(days=1)
        shop.step()
    rows = shop.journeys()
    assert [row.state for row in rows] == ["failed", "done"]
    assert "no such step" in rows[0].reason
    assert len(shop.messages()) == 1


def test_texts_of_a_step_are_written_with_the_customers_values(shop: Shop) -> None:
    """Given a send with its own subject and values, when it is written, then they hold the customer's."""
    shop.publish(
        f="""
        trigger: purchase
        steps:
          - send: thank-you
            subject: {vi: "Cảm ơn {{ customer.name }}", en: "Thank you, {{ customer.name }}"}
            with: {code: "ORDER-{{ order.number }}"}
            expires: 2 days
        """
    )
    shop.buy("A1", customer=LAN | {"language": "vi"})
    (row,) = shop.messages()
    assert row._mapping["values"] == {"with": {"code": "ORDER-A1"}, "subject": "Cảm ơn Lan"}
    assert row.expires_at == START + timedelta(days=2)


def test_the_trace_is_numbered_without_gaps(shop: Shop) -> None:
    """Given a journey to its end, when its trace is read, then its lines are numbered from one on."""
    shop.publish(after=AFTER)
    shop.buy("A1")
    shop.wait("30 days")
    with shop.database.reading() as connection:
        numbers = list(connection.execute(select(trace.c.number).order_by(trace.c.number)).scalars())
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_journey_that_was_told_of_a_fact_looks_again_even_if_the_job_is_lost(shop: Shop) -> None:
    """Given a click whose job is lost with its process, when the sweep comes, then the journey goes on."""
    shop.publish(after=AFTER)
    shop.buy("A1")
    shop.wait("8 days")
    _hit(shop, "review-invite", "clicked_at")
    (row,) = shop.journeys()
    with shop.database.writing() as connection:
        assert journeys.wake_of(connection, [row.customer_id]) == [row.id]
    shop.step()
    assert [one.state for one in shop.journeys()] == ["exited"]


def test_a_journey_that_looked_in_vain_is_not_asked_again(shop: Shop) -> None:
    """Given a journey that was woken and has nothing to do, when it has looked, then the sweep leaves it alone."""
    shop.publish(after=AFTER)
    shop.buy("A1")
    with shop.database.writing() as connection:
        journeys.wake(connection, [1])
        assert due_work(connection, shop.flowbook.follow(connection), shop.now, 10).journeys == (1,)
    shop.step()
    with shop.database.reading() as connection:
        assert due_work(connection, shop.flowbook.follow(connection), shop.now, 10).journeys == ()


def test_what_workers_were_told_of_a_moment_ago_is_not_asked_for_again(shop: Shop) -> None:
    """Given an event and a mail of this moment, then they are due once they are older than hints take, or time was set.

    Who told nobody asks for them at once.
    """
    shop.publish(after=AFTER)
    shop.buy("A1")
    shop.receive({"id": "e2", "type": "cart.updated", "time": shop.now.isoformat(), "customer": LAN})

    def due(later: timedelta, hinted: timedelta) -> Work:
        with shop.database.reading() as connection:
            return due_work(connection, shop.flowbook.follow(connection), shop.now + later, 10, hinted)

    second, nothing = timedelta(seconds=1), timedelta(0)
    both = ((2,), (1,))
    assert [(found.events, found.messages) for found in (due(nothing, nothing), due(second, second))] == [both, both]
    assert (due(nothing, second).events, due(nothing, second).messages) == ((), ())
    assert due(timedelta(days=-1), second).events == (2,)
