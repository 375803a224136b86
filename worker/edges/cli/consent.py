"""`phin consent`: the ledger of what a customer's address agreed to and refused, and a refusal that staff took."""

from __future__ import annotations

import json
import uuid
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from worker.domain.consents import PENDING
from worker.domain.customers import ConsentState, Customer, Purpose
from worker.domain.errors import PhinError
from worker.domain.event_check import EventRules
from worker.domain.wishes import Frequency
from worker.edges.acting import operator
from worker.edges.cli.opening import opened
from worker.edges.cli.why import fitted
from worker.edges.house import House
from worker.edges.moments import moment
from worker.engine.intake import take_in
from worker.storage import audit, consent, customers
from worker.storage.consent import LedgerLine
from worker.storage.events import OWN_SOURCE

_SAYS = {"subscribed": "yes", "unsubscribed": "no", "pending": "asked to confirm", "unknown": "never asked"}
_OFTEN = {Frequency.WEEKLY: "at most one a week", Frequency.MONTHLY: "at most one a month"}


@click.command("consent", short_help="Show what a customer agreed to and refused.")
@click.argument("customer")
@click.option(
    "--refuse", is_flag=True, help="Write down that the customer refused advertising, by phone or in the shop."
)
@click.option("--wording", help="With --refuse: what was said.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def show(customer: str, refuse: bool, wording: str | None, as_json: bool) -> None:
    """Show the ledger of consent of CUSTOMER (the shop's id, an e-mail address, or #12): what, when, where, to which
    words, and the proof.
    """
    if wording and not refuse:
        raise click.UsageError("--wording says what was said with --refuse")
    with opened("consent") as house:
        with house.database.reading() as connection:
            people = customers.find(connection, customer)
        if not people:
            raise PhinError(f"no customer is known as '{customer}'; name the shop's id, an e-mail address, or #number")
        if refuse:
            _refuse(house, people, wording)
            return
        told = [(one, _lines(house, one)) for one in people]
        if as_json:
            click.echo(json.dumps([_plain(*one) for one in told], ensure_ascii=False, indent=2))
            return
        for one, lines in told:
            _tell(house, one, lines)


def _lines(house: House, customer: Customer) -> list[LedgerLine]:
    if customer.email is None:
        return []
    with house.database.reading() as connection:
        return list(consent.lines(connection, customer.email))


def _refuse(house: House, people: list[Customer], wording: str | None) -> None:
    """Report a refusal that staff took, as everything comes in: flows hear of it, and it holds from then on."""
    if len(people) > 1:
        raise PhinError("several customers are known by that; name one by #number: " + _numbers(people))
    (customer,) = people
    if customer.email is None:
        raise PhinError("the customer has no e-mail address, and consent belongs to one")
    now, who = house.clock.now(), operator()
    whom = {"id": customer.external_id} if customer.external_id else {"email": customer.email}
    said = {"marketing": False, "source": f"staff: {who.who}", **({"wording": wording} if wording else {})}
    item = {"id": f"staff:{uuid.uuid4()}", "type": "unsubscribed", "time": now.isoformat()}
    receipt, work = take_in(
        house.database,
        [{**item, "customer": {**whom, "consent": said}}],
        OWN_SOURCE,
        EventRules.of(house.settings),
        now,
    )
    if receipt.refused:
        raise PhinError(f"it cannot be taken: {receipt.refused[0].error}")
    with house.database.writing() as connection:
        audit.write(connection, who, "refusal taken", f"customer {customer.id}", now)
    house.queue.enqueue(work)
    click.echo(
        f"#{customer.id} refused advertising; it holds as soon as a worker has read it, and 'phin consent' shows it"
    )


def _numbers(people: list[Customer]) -> str:
    return ", ".join(f"#{one.id}" for one in people)


def _tell(house: House, customer: Customer, lines: list[LedgerLine]) -> None:
    console, shop = Console(), house.settings.shop
    wishes, now = customer.consent.wishes, house.clock.now()
    console.print(Text(" · ".join(filter(None, (customer.name, customer.external_id, customer.email))), style="bold"))
    for purpose in Purpose:
        state = getattr(customer.consent, purpose.value).value
        last = next((one for one in reversed(lines) if one.purpose == purpose.value), None)
        since = "" if last is None else f"   {_says(last)} on {moment(last.line.at, shop)}, {last.told.source}"
        waits = state == ConsentState.UNKNOWN.value and last is not None and last.line.state == PENDING
        holds = "unconfirmed" if waits else _SAYS[state]
        console.print(Text(f"  {purpose.value:<10} {holds:<12}{since}"), soft_wrap=True)
    wished = [
        f"without {', '.join(sorted(wishes.topics_out))}" if wishes.topics_out else "",
        _OFTEN.get(wishes.frequency, ""),
        f"paused until {moment(wishes.paused_until, shop)}" if wishes.paused_until and wishes.paused(now) else "",
    ]
    if any(wished):
        console.print(Text(f"  {'wishes':<10} {', '.join(filter(None, wished))}"), soft_wrap=True)
    if not lines:
        console.print(Text("  nothing was ever said about consent"))
    for one in lines:
        proof = ", ".join(f"{name} {value}" for name, value in (one.told.proof or {}).items())
        said = f"  {moment(one.line.at, shop)}  {one.purpose:<10} {_says(one):<12} {one.told.source}"
        for part in fitted(Text(said + (f" · {proof}" if proof else "")), console):
            console.print(part, soft_wrap=True)
        for paragraph in (one.told.wording or "").splitlines():
            if paragraph:
                console.print(Text(f"      “{paragraph}”", style="dim"), soft_wrap=True)


def _says(line: LedgerLine) -> str:
    return "yes, anew" if line.line.anew and line.line.state == "subscribed" else _SAYS[line.line.state]


def _plain(customer: Customer, lines: list[LedgerLine]) -> dict[str, Any]:
    wishes = customer.consent.wishes
    return {
        "customer": customer.id,
        "id": customer.external_id,
        "email": customer.email,
        "marketing": customer.consent.marketing.value,
        "tracking": customer.consent.tracking.value,
        "topics_out": sorted(wishes.topics_out),
        "frequency": wishes.frequency.value,
        "paused_until": None if wishes.paused_until is None else wishes.paused_until.isoformat(),
        "ledger": [
            {
                "purpose": one.purpose,
                "state": one.line.state,
                "anew": one.line.anew,
                "at": one.line.at.isoformat(),
                "source": one.told.source,
                "wording": one.told.wording,
                "proof": one.told.proof,
            }
            for one in lines
        ],
    }


commands = (show,)
