"""What staff need to know of the customer of a task: their last orders and mails, their open cases, other tasks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, select

from worker.domain.customers import Customer
from worker.domain.orders import Order
from worker.domain.tasks import Task
from worker.storage import customers, orders, requests, tasks
from worker.storage.requests import Request
from worker.storage.tables import message
from worker.storage.tables import orders as order_table

LAST = 5  # orders, and mails, that are told of


@dataclass(frozen=True, slots=True)
class MailLine:
    """One of the customer's mails, its opens and clicks by people."""

    subject: str | None
    template: str
    state: str
    at: datetime
    opened_at: datetime | None
    clicked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Dossier:
    """A task with what belongs to it.

    Parameters:
        customer: None where the task is about nobody.
        order: the task's own.
        orders: the customer's last ones, the newest first, whatever became of them.
        mails: the customer's last ones, the newest first.
        tasks: the customer's other open tasks.
    """

    task: Task
    customer: Customer | None = None
    order: Order | None = None
    orders: Sequence[Order] = field(default=())
    mails: Sequence[MailLine] = field(default=())
    requests: Sequence[Request] = field(default=())
    tasks: Sequence[Task] = field(default=())


def dossier(connection: Connection, task_id: int) -> Dossier | None:
    """Return what there is to know for a task, or None where there is no such task."""
    task = tasks.by_id(connection, [task_id]).get(task_id)
    if task is None:
        return None
    order = orders.by_number(connection, [task.order_number]).get(task.order_number) if task.order_number else None
    if task.customer_id is None:
        return Dossier(task, order=order)
    number = task.customer_id
    return Dossier(
        task,
        customers.by_id(connection, [number]).get(number),
        order,
        _orders(connection, number),
        _mails(connection, number),
        requests.open_of(connection, number),
        [other for other in tasks.listed(connection, customer_id=number) if other.id != task_id],
    )


def _orders(connection: Connection, customer_id: int) -> list[Order]:
    latest = (
        select(order_table.c.number)
        .where(order_table.c.customer_id == customer_id, order_table.c.placed_at.is_not(None))
        .order_by(order_table.c.placed_at.desc(), order_table.c.id.desc())
        .limit(LAST)
    )
    numbers = list(connection.execute(latest).scalars())
    found = orders.by_number(connection, numbers)
    return [found[number] for number in numbers]


def _mails(connection: Connection, customer_id: int) -> list[MailLine]:
    statement = (
        select(message)
        .where(message.c.customer_id == customer_id)
        .order_by(message.c.created_at.desc(), message.c.id.desc())
        .limit(LAST)
    )
    return [
        MailLine(
            row.subject,
            row.template,
            row.state,
            row.sent_at or row.settled_at or row.created_at,
            row.opened_at,
            row.clicked_at,
        )
        for row in connection.execute(statement)
    ]
