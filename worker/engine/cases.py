"""Cases: `support.requested` opens one, `support.closed` closes it."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection

from worker.engine.recording import Recorded
from worker.storage import requests
from worker.storage.pending import PendingEvent
from worker.storage.requests import Request


def tell_case(connection: Connection, event: PendingEvent, recorded: Recorded, within: timedelta) -> str | None:
    """Write down what an event tells of a request, in whatever order events come in; returns the request's number.

    A request for which the shop has no number is known by `#` and our number of the event that opened it; a closing
    without one closes the customer's only open request.

    Parameters:
        within: how long a request may take to be solved.
    """
    if event.type == "support.requested":
        number = event.request or f"#{event.id}"
        requests.opens(connection, _case(event, recorded, number, within))
        return number
    if event.type != "support.closed":
        return event.request
    customer = recorded.customer.id
    mine = requests.open_of(connection, customer)
    number = event.request or (mine[0].number if len(mine) == 1 else "")
    if not number:
        return None
    by = str(event.data.get("by") or event.source)
    known = requests.by_number(connection, [number])
    if not known:  # what opened it is still to come
        requests.opens(connection, _case(event, recorded, number, within, closed_by=by))
    else:
        requests.close(connection, number, customer, event.at, by)
    return number


def _case(
    event: PendingEvent, recorded: Recorded, number: str, within: timedelta, *, closed_by: str | None = None
) -> Request:
    return Request(
        number=number,
        customer_id=recorded.customer.id,
        order_number=recorded.order.number if recorded.order else None,
        subject=_line(event, "subject"),
        channel=_line(event, "channel"),
        opened_at=event.at,
        due_at=event.at + within,
        closed_at=event.at if closed_by is not None else None,
        closed_by=closed_by,
    )


def _line(event: PendingEvent, name: str) -> str | None:
    value = event.data.get(name)
    return None if value is None else str(value)[:500]
