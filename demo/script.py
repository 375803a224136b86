"""The script of the month: all that will happen, as data, the same for the same seed, customers and end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from random import Random

from demo import orders, support
from demo.campaign import openings
from demo.case import Case, Window
from demo.events import Handling, Happening, of_incident, of_order, signup
from demo.orders import Order
from demo.people import Part, Person, people
from demo.support import Request
from demo.surveys import surveys
from demo.visits import visits

REFUSERS = 0.012  # of the customers: unsubscribe from one of their mails during the month


@dataclass(frozen=True, slots=True)
class Script:
    """The month.

    Parameters:
        history: orders before the month.
        openings: when each of those who open the offer does, by the customer's id.
        refusals: since when a customer unsubscribes from the next marketing mail that comes, by id.
        happenings: what the shop reports, in order.
        handlings: what its staff do in Phin.
    """

    seed: int
    case: Case
    window: Window
    people: tuple[Person, ...]
    history: tuple[Order, ...]
    orders: tuple[Order, ...]
    requests: tuple[Request, ...]
    openings: Mapping[str, datetime]
    refusals: Mapping[str, datetime]
    happenings: tuple[Happening, ...]
    handlings: tuple[Handling, ...]


def write_script(seed: int, case: Case, window: Window) -> Script:
    """Return the script of a month."""
    everybody = people(seed, case, window)
    history = orders.history(seed, window, everybody)
    opened = openings(seed, window, everybody)
    number = int(history[-1].number[2:]) + 1
    month = orders.month(seed, case, window, everybody, opened, number)
    script = Script(
        seed,
        case,
        window,
        everybody,
        history,
        month,
        support.requests(seed, case, window, everybody),
        opened,
        _refusals(seed, window, everybody, month),
        (),
        (),
    )
    happenings = [one for one in _happenings(script) if isinstance(one, Happening)]
    handlings = [one for one in _happenings(script) if isinstance(one, Handling) and one.at < window.end]
    return replace(
        script,
        happenings=tuple(sorted(happenings, key=lambda one: (one.at, str(one.events[0]["id"])))),
        handlings=tuple(sorted(handlings, key=lambda one: (one.at, one.order))),
    )


def _happenings(script: Script) -> Iterator[Happening | Handling]:
    by_id = {person.id: person for person in script.people}
    for person in script.people:
        if person.newcomer:
            yield signup(person)
    for order in script.orders:
        yield from of_order(order, by_id[order.customer])
        yield from of_incident(order)
    for request in script.requests:
        yield from support.of_request(request, by_id[request.customer])
    yield from surveys(script.seed, script.case, script.window, script.people, script.orders)
    yield from visits(script.seed, script.case, script.window, script.people, script.orders)


def _refusals(
    seed: int, window: Window, everybody: tuple[Person, ...], month: tuple[Order, ...]
) -> dict[str, datetime]:
    """Return who unsubscribes: some who get marketing mail, and nobody of those whom the offer goes to: they count."""
    rng = Random(f"{seed}:refusals")
    bought = {order.customer for order in month if order.placed_at < window.begin + (window.end - window.begin) * 0.7}
    may = [
        person
        for person in everybody
        if person.marketing and person.part is Part.OUTSIDE and (person.newcomer or person.id in bought)
    ]
    chosen = rng.sample(may, min(len(may), max(1, round(REFUSERS * len(everybody)))))
    return {person.id: window.begin + (window.end - window.begin) * 0.6 * rng.random() for person in chosen}
