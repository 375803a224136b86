"""A journey taken as far as it goes: the decision is the domain's, the writing down is here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import Connection

from worker.domain.conditions.tree import Expression
from worker.domain.conditions.values import Reading
from worker.domain.customers import Customer
from worker.domain.facts import Facts, ShopFacts
from worker.domain.journeys import Advance, Journey, JourneyState, TraceEntry, TraceKind, advance
from worker.domain.messages import Kind
from worker.domain.settings import Settings
from worker.domain.staff import Staff, StaffOf, nobody
from worker.domain.steps import Send
from worker.domain.zones import zone_of
from worker.engine.giving import give
from worker.storage import journeys, ledger, traces
from worker.storage.flowbook import Version

AGAIN = timedelta(hours=1)  # after which a journey is looked at again whose mail to staff has nobody to go to

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every decision needs beside the facts.

    Parameters:
        reading: how conditions are read.
        staff: returns the staff as it is now.
    """

    reading: Reading
    shop: ShopFacts
    staff: StaffOf = nobody

    @classmethod
    def of(
        cls, settings: Settings, segments: Mapping[str, Expression] | None = None, staff: StaffOf = nobody
    ) -> Surroundings:
        """Return the surroundings that the settings describe, with the flow book's segments."""
        shop = settings.shop
        facts = ShopFacts(shop.name, shop.timezone, shop.language, shop.currency, rfm=settings.rfm.limits)
        reading = Reading({} if segments is None else segments)  # one that is empty now may fill
        return cls(reading, facts, staff)

    def zone_of(self, customer: Customer) -> ZoneInfo:
        """Return the customer's time zone, or the shop's where none is known."""
        return zone_of(customer.timezone, self.shop.timezone)


def go_on(
    connection: Connection, around: Surroundings, version: Version, journey: Journey, facts: Facts
) -> list[int] | None:
    """Decide where the journey goes now and write it down.

    Returns:
        The numbers of the messages it wrote; None where it is held back for an hour, since nobody is known who is to
        get one of them.
    """
    decided = advance(version.route, journey, facts, around.reading, around.zone_of(facts.customer))
    return [] if decided is None else write(connection, around, version, journey, facts, decided)


def leave(connection: Connection, journey: Journey, reason: str, entry: TraceEntry, now: datetime) -> None:
    """End a journey because an exit rule fired or it was joined; what it has in the queue is taken back."""
    _move(connection, journey, Advance(JourneyState.EXITED, journey.step, None, reason, (), (entry,), True), now)


def write(
    connection: Connection, around: Surroundings, version: Version, journey: Journey, facts: Facts, decided: Advance
) -> list[int] | None:
    """Write a decision down: where the journey stands, its messages, its tasks, its trace.

    Nothing of it where the journey stands elsewhere by now: then somebody else has decided. None, and nothing of it
    either, where a mail to staff has nobody to go to: the journey is looked at again until there is somebody.
    """
    staff = around.staff()
    to_nobody = [mail for mail in decided.mails if mail.to is not None and not staff.members(mail.to)]
    if to_nobody:
        _hold_back(connection, journey, to_nobody[0], facts.now)
        return None
    messages = [one for step in decided.mails for one in _messages(around, staff, version, journey, facts, step)]
    if not _move(connection, journey, decided, facts.now):
        return []
    for step in decided.tasks:
        give(connection, around.reading, staff, journey, facts, step)
    return ledger.write(connection, messages, facts.now)


def _hold_back(connection: Connection, journey: Journey, step: Send, now: datetime) -> None:
    reason = f"nobody is known as '{step.to}' in config/staff.yaml, who is to get '{step.name}'"
    _log.error("a mail to staff has nobody to go to", flow=journey.flow, step=step.name, to=step.to, journey=journey.id)
    if journeys.hold_back(connection, journey.id, now + AGAIN, reason):
        traces.append(connection, journey.id, [TraceEntry(TraceKind.HELD, step.name, {"reason": reason})], now)


def _move(connection: Connection, journey: Journey, decided: Advance, now: datetime) -> bool:
    if not journeys.move(connection, journey, decided, now):
        return False
    if decided.withdraws:
        ledger.cancel(connection, journey.id, f"exit: {decided.reason}", now)
    traces.append(connection, journey.id, decided.trace, now)
    return True


def _messages(
    around: Surroundings, staff: Staff, version: Version, journey: Journey, facts: Facts, step: Send
) -> list[ledger.NewMessage]:
    """Return the customer's mail of a step, or one for each of the staff whom the step names."""
    customers_own = facts.customer.language or facts.shop.language
    mail = _message(around, version, journey, facts, step, customers_own)
    if step.to is None:
        return [mail]
    return [
        replace(
            _message(around, version, journey, facts, step, person.language),
            key=f"{mail.key}:{person.key}",
            customer_id=None,
            staff=person.key,
            kind=Kind.TRANSACTIONAL,
        )
        for person in staff.members(step.to)
    ]


def _message(
    around: Surroundings, version: Version, journey: Journey, facts: Facts, step: Send, language: str
) -> ledger.NewMessage:
    values: dict[str, object] = {}
    if step.values:
        values["with"] = {name: around.reading.text(text, facts) for name, text in step.values}
    if step.subject is not None:
        values["subject"] = around.reading.text(step.subject.within(language, facts.shop.language), facts)
    if step.from_name is not None:
        values["from_name"] = step.from_name
    return ledger.NewMessage(
        key=f"journey:{journey.id}:{step.name}:{journey.turn}",
        customer_id=journey.customer_id,
        kind=step.kind or version.flow.kind,
        template=step.template,
        not_before=facts.now,
        journey_id=journey.id,
        flow=journey.flow,
        step=step.name,
        order_number=journey.order_number,
        values=values,
        expires_at=facts.now + step.expires.span() if step.expires else None,
    )
