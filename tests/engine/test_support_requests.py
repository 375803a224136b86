"""Support requests: a case from the event that opens it to the one that closes it, its task between, and counts."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.shop import LAN
from tests.support.staffed import StaffedShop
from worker.domain.tasks import Outcome
from worker.storage import requests
from worker.storage.database import Database
from worker.storage.requests import Request, RequestFigures
from worker.storage.task_figures import Doing, task_figures

SUPPORT = """
    kind: transactional
    trigger: {event: support.requested}
    steps:
      - send: support-received
      - task: "Answer {{ customer.name }}: {{ event.subject }}"
        name: answer
        assign: care
        due: 48 hours
        close_when: {event: support.closed}
        hold: true
      - if: open_request()
        then: [{send: sorry}]
        else: [{send: how-was-it}]
"""


@pytest.fixture
def shop(database: Database) -> StaffedShop:
    """A shop with a flow for support, on both databases."""
    made = StaffedShop(database)
    made.publish(support=SUPPORT)
    return made


def _figures(shop: StaffedShop) -> RequestFigures:
    with shop.database.reading() as connection:
        return requests.figures(connection, shop.now)


def _case(shop: StaffedShop, number: str) -> Request:
    with shop.database.reading() as connection:
        return requests.by_number(connection, [number])[number]


def _ask(shop: StaffedShop, number: str | None, customer: str = "c1", **event: object) -> None:
    who = {**LAN, "id": customer, "email": f"{customer}@example.com"}
    data = {"subject": "The bag is torn", "channel": "web"} | ({"request": number} if number else {})
    shop.follow(shop.send("support.requested", who, data=data, **event))


def test_the_task_done_closes_the_case_and_the_flow_goes_on(shop: StaffedShop) -> None:
    """Given a request, when staff do its task, then the case is closed by them, in time, and the customer is asked."""
    _ask(shop, "R1")
    (task,) = shop.all_tasks()
    assert (task.request, task.title_in("vi"), task.due_at) == (
        "R1",
        "Answer Lan: The bag is torn",
        shop.now + timedelta(hours=48),
    )
    shop.wait("5 hours")
    shop.close(task.id, by="mai")
    case = _case(shop, "R1")
    assert (case.subject, case.channel, case.closed_at, case.closed_by) == (
        "The bag is torn",
        "web",
        shop.now,
        "mai",
    )
    assert [kind for kind, _ in shop.own_events()] == ["task.closed", "support.closed"]
    assert [step for _, step in shop.mails()] == ["support-received", "how-was-it"]
    assert _figures(shop) == RequestFigures(opened=1, open=0, late=0, solved=1, in_time=1)


def test_the_shops_closing_ends_the_task(shop: StaffedShop) -> None:
    """Given two requests of a customer, when the shop closes one, then its task alone closes, once."""
    _ask(shop, "R1")
    _ask(shop, "R2")
    shop.follow(shop.send("support.closed", data={"request": "R2"}))
    assert [(one.request, one.state) for one in shop.all_tasks()] == [("R1", "open"), ("R2", "done")]
    assert [kind for kind, _ in shop.own_events()] == ["task.closed"]
    assert _case(shop, "R2").closed_by == "shop"
    assert [step for _, step in shop.mails()][2:] == ["sorry"]  # R1 is open still


def test_a_task_given_up_leaves_the_case_open(shop: StaffedShop) -> None:
    """Given a request whose task is closed otherwise than as done, then the case is open, and late after its time."""
    _ask(shop, "R1")
    shop.close(shop.all_tasks()[0].id, Outcome.NOT_REACHED)
    assert _figures(shop) == RequestFigures(opened=1, open=1)
    shop.wait("49 hours")
    assert _figures(shop) == RequestFigures(opened=1, open=1, late=1)
    shop.send("support.closed", data={"request": "R1"})
    assert _figures(shop) == RequestFigures(opened=1, solved=1)


def test_a_request_without_a_number_is_known_by_its_event(shop: StaffedShop) -> None:
    """Given a shop that numbers no requests, then a closing closes the customer's only one."""
    _ask(shop, None)
    (task,) = shop.all_tasks()
    assert task.request is not None
    assert task.request.startswith("#")
    shop.follow(shop.send("support.closed"))
    assert _figures(shop).solved == 1
    assert [one.state for one in shop.all_tasks()] == ["done"]


def test_events_in_another_order_tell_the_same(shop: StaffedShop) -> None:
    """Given a closing that comes in before what opened it, then the case is closed; asked again later, it is open."""
    earlier = (shop.now - timedelta(hours=3)).isoformat()
    shop.send("support.closed", data={"request": "R1"})
    _ask(shop, "R1", time=earlier)
    case = _case(shop, "R1")
    assert (case.opened_at, case.closed_at) == (shop.now - timedelta(hours=3), shop.now)
    assert case.due_at == case.opened_at + timedelta(hours=48)
    shop.now += timedelta(days=1)
    _ask(shop, "R1")
    assert _case(shop, "R1").closed_at is None
    assert _figures(shop) == RequestFigures(opened=1, open=1)


def test_anothers_request_is_left_alone(shop: StaffedShop) -> None:
    """Given a number that is one customer's, when another's event names it, then theirs stays as it is."""
    _ask(shop, "R1")
    _ask(shop, "R1", customer="c2", type="support.requested")
    shop.send("support.closed", {**LAN, "id": "c2", "email": "c2@example.com"}, data={"request": "R1"})
    case = _case(shop, "R1")
    assert (case.customer_id, case.closed_at) == (1, None)


def test_a_guest_who_is_known_keeps_the_case(shop: StaffedShop) -> None:
    """Given a guest with a request and a task, when the shop gives them an id, then both are the customer's."""
    shop.send("signup", {"id": "c9", "email": "c9@example.com"})
    guest = {"email": "lan@example.com", "name": "Lan"}
    shop.send("support.requested", guest, data={"request": "R1", "subject": "?"})
    shop.send("product.viewed", {"id": "c9", "email": "lan@example.com"})
    assert _case(shop, "R1").customer_id == 1
    assert [one.customer_id for one in shop.all_tasks()] == [1]


def test_the_figures_tell_who_did_what_and_how_fast(shop: StaffedShop) -> None:
    """Given tasks done by two people, one closed by itself, one late, then each is counted where it belongs."""
    for number in range(5):
        _ask(shop, f"R{number}", customer=f"c{number}")
    first, second, third, *_ = shop.all_tasks()
    shop.now += timedelta(hours=2)
    shop.close(first.id, by="mai")
    shop.now += timedelta(hours=2)
    shop.close(second.id, by="mai")
    shop.close(third.id, by="huy")
    shop.follow(shop.send("support.closed", {**LAN, "id": "c3", "email": "c3@example.com"}, data={"request": "R3"}))
    shop.now += timedelta(days=3)
    fourth = shop.all_tasks()[3]
    with shop.database.reading() as connection:
        found = task_figures(connection, shop.now)
        later = task_figures(connection, shop.now, shop.now)
    assert (found.given, found.open, found.late, found.done, found.by_itself) == (5, 1, 1, 4, 1)
    assert (found.median_hours, found.by) == (4.0, {"huy": Doing(1, 4.0), "mai": Doing(2, 3.0)})
    assert later.given == 0
    assert fourth.outcome == "by itself"
    with shop.database.reading() as connection:
        assert [case.number for case in requests.listed(connection)] == ["R4"]
        assert len(requests.listed(connection, open_only=False)) == 5
    assert _figures(shop) == RequestFigures(opened=5, open=1, late=1, solved=4, in_time=4)
