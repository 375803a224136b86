"""Tasks: given out by rotation, reminded of in working hours, escalated, put off, closed once by one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from tests.support.shop import LAN
from tests.support.staffed import HUY, LINH, MAI, STAFF, StaffedShop, off
from worker.domain.tasks import Outcome, TaskState
from worker.engine.tasks import TaskError
from worker.storage import tasks
from worker.storage.database import Database
from worker.storage.tables import customer, message, task

CALL = """
    kind: transactional
    trigger: purchase
    steps:
      - task: Call {{ customer.name }} about order {{ order.number }}
        name: call
        assign: care
        due: 2 days
        remind: [1 day, 2 hours]
        overdue: 1 day
        escalate: {to: manager, after: 2 days}
        type: call
        priority: high
      - send: thank-you
"""


@pytest.fixture
def shop(database: Database) -> StaffedShop:
    """A shop with staff, on both databases; it is Monday, 14:00 in Ho Chi Minh City."""
    return StaffedShop(database)


def test_a_task_is_given_out_and_the_journey_goes_on(shop: StaffedShop) -> None:
    """Given a task step, when a journey comes to it, then the next of the role has the task, and the mail goes out."""
    shop.publish(call=CALL)
    shop.buy("A1")
    (given,) = shop.all_tasks()
    assert (given.title, given.assignee, given.role) == ({"": "Call Lan about order A1"}, "mai", "care")
    assert (given.type, given.priority, given.state) == ("call", "high", TaskState.OPEN)
    assert given.due_at == shop.now + timedelta(days=2)
    assert [step for _, step in shop.mails()] == ["thank-you"]
    assert [row.state for row in shop.journeys()] == ["done"]


def test_turns_are_taken_fairly(shop: StaffedShop) -> None:
    """Given two people in a role, when four tasks come, then each has two; who is on leave is passed over."""
    shop.publish(call=CALL)
    for number in range(4):
        shop.buy(f"A{number}")
    shop.change(off(MAI, "2027-03-01"))
    shop.buy("A4")
    shop.buy("A5")
    assert [one.assignee for one in shop.all_tasks()] == ["mai", "huy", "mai", "huy", "huy", "huy"]


def test_with_all_of_a_role_on_leave_the_first_one_back_has_it(shop: StaffedShop) -> None:
    """Given a role on leave, when a task comes, then who is back first has it, and hears of it on that morning."""
    shop.change(off(MAI, "2027-03-01", "2027-03-10"), off(HUY, "2027-03-01", "2027-03-02"))
    shop.publish(call=CALL)
    shop.buy("A1")
    (given,) = shop.all_tasks()
    assert given.assignee == "huy"
    shop.wait("44 hours")
    assert shop.staff_mails() == [("Wed 03 Mar 08:00", "digest", "huy"), ("Wed 03 Mar 08:30", "task", "huy")]


def test_reminders_come_once_each_in_working_hours(shop: StaffedShop) -> None:
    """Given a task that nobody does, then its mails come one by one, in hours, and at last another has it."""
    shop.publish(call=CALL)
    shop.buy("A1")
    shop.wait("8 days")
    told = [mail for mail in shop.staff_mails() if mail[1] != "digest"]
    assert told == [
        ("Mon 01 Mar 14:00", "task", "mai"),
        ("Tue 02 Mar 14:00", "reminder", "mai"),
        ("Wed 03 Mar 12:00", "reminder", "mai"),
        ("Thu 04 Mar 14:00", "overdue", "mai"),
        ("Fri 05 Mar 14:00", "escalated", "linh"),
    ]
    (given,) = shop.all_tasks()
    assert (given.assignee, given.role) == ("linh", "manager")
    digests = [mail for mail in shop.staff_mails() if mail[1] == "digest"]
    assert digests == [  # due today on Wednesday, late from then on, and Linh's once it is hers; none at the weekend
        ("Wed 03 Mar 08:00", "digest", "mai"),
        ("Thu 04 Mar 08:00", "digest", "mai"),
        ("Fri 05 Mar 08:00", "digest", "mai"),
        ("Mon 08 Mar 08:00", "digest", "linh"),
        ("Tue 09 Mar 08:00", "digest", "linh"),
    ]


def test_a_night_and_a_weekend_are_no_working_hours(shop: StaffedShop) -> None:
    """Given a task on Friday evening, due on Monday morning, then it is told on Monday, and nothing after it is due."""
    shop.publish(
        call="trigger: purchase\nsteps:\n"
        "- {task: Call, assign: mai, due: 60 hours, remind: [1 day, 1 hour], overdue: 1 hour}"
    )
    shop.now += timedelta(days=4, hours=7, minutes=30)  # Friday 21:30; due on Monday 09:30
    shop.buy("A1")
    shop.wait("4 days")
    assert [mail for mail in shop.staff_mails() if mail[1] != "digest"] == [
        ("Mon 08 Mar 08:30", "task", "mai"),
        ("Mon 08 Mar 10:30", "overdue", "mai"),
    ]


def test_a_clock_that_stood_still_tells_the_last_thing_only(shop: StaffedShop) -> None:
    """Given no tick for days, when the clock ticks again, then one mail says where the task stands now."""
    shop.publish(call=CALL)
    shop.buy("A1")
    shop.now += timedelta(days=3, hours=1)
    shop.remind()
    shop.remind()
    assert [mail for mail in shop.staff_mails() if mail[1] != "digest"] == [("Thu 04 Mar 15:00", "overdue", "mai")]


def test_two_clocks_tell_once(shop: StaffedShop) -> None:
    """Given two clocks that look at the same moment, then each reminder and each digest is one mail."""
    shop.publish(call=CALL)
    for number in range(6):
        shop.buy(f"A{number}")
    shop.now += timedelta(days=2, hours=-5)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: shop.reminders.run(shop.now), range(4)))
    told = [(template, who) for _, template, who in shop.staff_mails()]
    assert (
        sorted(told) == [("digest", "huy"), ("digest", "mai")] + [("reminder", "huy")] * 3 + [("reminder", "mai")] * 3
    )


def test_two_workers_at_once_give_fair_turns(shop: StaffedShop) -> None:
    """Given customers whose orders are processed side by side, then each task has one assignee, and all as many."""
    shop.publish(call=CALL)
    works = []
    for number in range(8):
        person = {**LAN, "id": f"c{number}", "email": f"c{number}@example.com"}
        whole = {"id": f"x{number}", "type": "purchase", "time": shop.now.isoformat(), "customer": person}
        works.append(shop.receive(whole | {"order": {"number": f"B{number}", "total": 1}})[1])
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(shop.process, works))
    assert sorted(str(one.assignee) for one in shop.all_tasks()) == ["huy"] * 4 + ["mai"] * 4


def test_of_two_who_close_a_task_the_second_is_told(shop: StaffedShop) -> None:
    """Given two people closing one task at once, then one does, the other hears who did, and nothing is doubled."""
    shop.publish(call=CALL)
    shop.buy("A1")
    (given,) = shop.all_tasks()
    said = ((Outcome.DONE, "mai"), (Outcome.NOT_REACHED, "huy"))
    with ThreadPoolExecutor(2) as pool:
        handled = list(pool.map(lambda one: shop.tasks.close(given.id, one[0], one[1], shop.now), said))
    first, second = sorted(handled, key=lambda one: not one.changed)
    assert (first.changed, second.changed) == (True, False)
    assert first.task is not None
    assert second.task == first.task
    assert (first.task.closed_by, first.task.outcome) in (("mai", "done"), ("huy", "not reached"))
    assert len(shop.own_events()) == 1


def test_a_closed_task_is_told_no_more(shop: StaffedShop) -> None:
    """Given a task whose mail waits, when it is closed, then the mail is taken back and no reminder comes."""
    shop.publish(call=CALL)
    shop.buy("A1")
    shop.reminders.run(shop.now)
    (given,) = shop.all_tasks()
    closed = shop.close(given.id, remark="  reached at once  ").task
    assert closed is not None
    assert (closed.state, closed.outcome, closed.closed_by, closed.remark) == ("done", "done", "mai", "reached at once")
    shop.wait("10 days")
    assert shop.staff_mails() == []


def test_closing_is_an_event_that_flows_hear(shop: StaffedShop) -> None:
    """Given a flow by task.closed, when a task is closed, then it is entered, once, with what came of it."""
    shop.publish(
        call=CALL, after="trigger: {event: task.closed}\nwhen: event.outcome == 'not reached'\nsteps: [{send: sorry}]"
    )
    shop.buy("A1")
    (given,) = shop.all_tasks()
    shop.close(given.id, Outcome.NOT_REACHED)
    shop.close(given.id, Outcome.DONE)
    assert shop.own_events() == [("task.closed", {"task": "call", "outcome": "not reached", "by": "mai"})]
    assert [step for _, step in shop.mails()] == ["thank-you", "sorry"]


def test_a_journey_waits_for_a_held_task(shop: StaffedShop) -> None:
    """Given `hold: true`, then the journey stands at the task until it is closed, and can ask whether it was done."""
    shop.publish(
        f="""
        trigger: purchase
        steps:
          - task: {vi: "Gọi {{ customer.name }}", en: "Call {{ customer.name }}"}
            name: call
            assign: huy
            hold: true
          - if: task_done("call")
            then: [{send: good}]
            else: [{send: bad}]
        """
    )
    shop.buy("A1")
    shop.buy("A2")
    first, second = shop.all_tasks()
    assert first.title_in("en") == "Call Lan"
    shop.wait("30 days")
    assert shop.mails() == []
    shop.close(first.id, Outcome.DONE)
    shop.close(second.id, Outcome.NOT_NEEDED)
    assert [step for _, step in shop.mails()] == ["good", "bad"]
    waited = dict(shop.trace(shop.journeys()[0].id))["waited"]
    assert waited == {"task": "done", "by": "mai"}


@pytest.mark.parametrize("hold", ["true", "false"])
def test_a_task_closes_by_itself(shop: StaffedShop, hold: str) -> None:
    """Given `close_when` as a condition, when a fact makes it true, then the task is closed by Phin, at once."""
    shop.publish(
        f=f"""
        trigger: signup
        steps:
          - task: Ask what is missing
            name: ask
            assign: care
            close_when: customer.orders_count >= 1
            hold: {hold}
          - exit: over
        """
    )
    shop.send("signup")
    shop.send("product.viewed")
    assert [one.state for one in shop.all_tasks()] == ["open"]
    shop.follow(shop.buy("A1"))
    (closed,) = shop.all_tasks()
    assert (closed.state, closed.outcome, closed.closed_by) == ("done", "by itself", "phin")
    assert [row.state for row in shop.journeys()] == ["exited"]
    assert len(shop.own_events()) == 1


def test_an_event_of_another_order_closes_nothing(shop: StaffedShop) -> None:
    """Given `close_when` as an event, then one of another order leaves the task open, and its own closes it."""
    shop.publish(
        f="trigger: {event: order.incident}\nsteps:\n"
        "- {task: Send anew, assign: care, close_when: {event: order.delivered}}"
    )
    shop.buy("A1")
    shop.buy("A2")
    shop.send("order.incident", order={"number": "A1"})
    shop.send("order.delivered", order={"number": "A2"})
    assert [one.state for one in shop.all_tasks()] == ["open"]
    shop.send("order.delivered", order={"number": "A1"})
    assert [one.state for one in shop.all_tasks()] == ["done"]


def test_a_task_that_nothing_is_left_to_do_for_is_not_given(shop: StaffedShop) -> None:
    """Given a condition that holds already, when a journey comes to the task, then there is none, and it goes on."""
    shop.publish(
        f="trigger: purchase\nsteps: [{task: Win, assign: care, hold: true, close_when: customer.orders_count >= 1}]"
    )
    shop.buy("A1")
    assert shop.all_tasks() == []
    assert [row.state for row in shop.journeys()] == ["done"]
    assert dict(shop.trace(1))["task"]["reason"] == "not needed"


def test_a_click_closes_a_task_of_a_journey_that_has_ended(shop: StaffedShop) -> None:
    """Given a hit that makes a condition true, when the clock looks, then the task is closed."""
    shop.publish(
        f="trigger: purchase\nsteps:\n- send: look\n"
        "- {task: Call, assign: care, close_when: customer.last_clicked_at is defined}"
    )
    shop.buy("A1")
    with shop.database.writing() as connection:
        connection.execute(update(customer).values(last_clicked_at=shop.now))
        tasks.wake_of(connection, [1])
    shop.remind()
    assert [one.outcome for one in shop.all_tasks()] == ["by itself"]


def test_an_exit_leaves_tasks_open(shop: StaffedShop) -> None:
    """Given a journey at a held task, when an exit ends it, then the task stays, and closing it wakes nobody."""
    shop.publish(
        f="trigger: purchase\nexit: [{event: refund}]\nsteps: [{task: Call, assign: care, hold: true}, {send: x}]"
    )
    shop.buy("A1")
    shop.send("refund", order={"number": "A1"})
    assert [row.state for row in shop.journeys()] == ["exited"]
    (given,) = shop.all_tasks()
    assert given.is_open
    assert shop.close(given.id).changed
    assert shop.mails() == []


def test_a_task_put_off_is_quiet_until_then(shop: StaffedShop) -> None:
    """Given a task put off beyond its due time, then it is due then, reminders move, and it says that it is back."""
    shop.publish(call=CALL)
    shop.buy("A1")
    (given,) = shop.all_tasks()
    until = shop.now + timedelta(days=4, hours=-4)  # Friday 10:00
    handled = shop.tasks.snooze(given.id, until, shop.now)
    assert handled.task is not None
    assert (handled.changed, handled.task.due_at, handled.task.snoozed_until) == (True, until, until)
    shop.wait("4 days")
    assert [mail for mail in shop.staff_mails() if mail[1] != "digest"] == [("Fri 05 Mar 10:00", "reminder", "mai")]
    shop.wait("3 days")
    assert [mail for mail in shop.staff_mails() if mail[1] != "digest"] == [
        ("Fri 05 Mar 10:00", "reminder", "mai"),
        ("Mon 08 Mar 08:30", "escalated", "linh"),  # late since Saturday, and at a weekend nobody is told
    ]
    with pytest.raises(TaskError, match="has passed"):
        shop.tasks.snooze(given.id, shop.now, shop.now)


def test_a_task_changes_hands(shop: StaffedShop) -> None:
    """Given a task of Mai's, when Huy takes it, then it is in progress and his; given on, the other hears of it."""
    shop.publish(call=CALL)
    shop.buy("A1")
    shop.remind()
    (given,) = shop.all_tasks()
    taken = shop.tasks.take(given.id, "huy", shop.now)
    assert taken.task is not None
    assert (taken.changed, taken.task.assignee, taken.task.state) == (True, "huy", "in progress")
    again = shop.tasks.take(given.id, "mai", shop.now)
    assert (again.changed, again.task and again.task.assignee) == (False, "huy")
    assert shop.tasks.assign(given.id, "care", "huy", shop.now).changed
    shop.wait("25 hours")
    told = [("Mon 01 Mar 14:00", "task", "mai"), ("Mon 01 Mar 14:00", "task", "mai")]
    assert shop.staff_mails() == [*told, ("Tue 02 Mar 14:00", "reminder", "mai")]
    with pytest.raises(TaskError, match="did you mean 'manager'"):
        shop.tasks.assign(given.id, "maneger", "huy", shop.now)
    assert shop.tasks.take(99, "huy", shop.now).task is None


def test_a_task_of_somebody_who_left_goes_to_another(shop: StaffedShop) -> None:
    """Given an assignee who is not of the staff any more, when something is to be told, then the role's next has it."""
    shop.publish(call=CALL)
    shop.buy("A1")
    shop.staff = replace(STAFF, people={"huy": HUY, "linh": LINH}, roles={"care": ("huy",), "manager": ("linh",)})
    shop.remind()
    assert shop.staff_mails() == [("Mon 01 Mar 14:00", "task", "huy")]
    assert [one.assignee for one in shop.all_tasks()] == ["huy"]


def test_with_nobody_there_a_task_waits(shop: StaffedShop) -> None:
    """Given a role that is gone, when a task comes, then it waits unassigned, and is given out once there is one."""
    shop.publish(call=CALL)
    shop.staff = replace(STAFF, people={"linh": LINH}, roles={"manager": ("linh",)})
    shop.buy("A1")
    assert [(one.assignee, one.role) for one in shop.all_tasks()] == [(None, "care")]
    shop.remind()
    shop.staff = STAFF
    shop.wait("2 hours")
    assert shop.staff_mails() == [("Mon 01 Mar 15:00", "task", "mai")]


def test_a_mail_to_a_role_goes_to_each_of_it(shop: StaffedShop) -> None:
    """Given `send:` with `to:`, then each of the role gets a mail that is not the customer's, once."""
    shop.publish(f="trigger: purchase\nsteps: [{send: thank-you}, {send: new-order, to: care}]")
    shop.buy("A1")
    rows = shop.messages()
    assert [(row.template, row.customer_id, row.staff) for row in rows] == [
        ("thank-you", 1, None),
        ("new-order", None, "mai"),
        ("new-order", None, "huy"),
    ]
    assert {row.kind for row in rows if row.staff} == {"transactional"}


def test_an_erased_customers_task_keeps_nothing_of_them(shop: StaffedShop) -> None:
    """Given a task with the customer's name, when the customer is forgotten, then it names nobody and still counts."""
    shop.publish(call=CALL)
    shop.buy("A1")
    (given,) = shop.all_tasks()
    shop.remind()
    shop.close(given.id, remark="Lan was glad")
    with shop.database.writing() as connection:
        connection.execute(update(message).where(message.c.staff.is_not(None)).values(subject="Call Lan"))
        tasks.forget(connection, 1)
        row = connection.execute(select(task)).one()
        subjects = connection.execute(select(message.c.subject).where(message.c.staff.is_not(None))).scalars().all()
    assert (row.title, row.note, row.remark, row.outcome) == ({}, {}, None, "done")
    assert set(subjects) == {None}
