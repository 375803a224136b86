"""From a claimed message to a finished mail: facts are loaded in batches, then each mail is rendered by itself."""

from __future__ import annotations

import logging
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from worker.delivery import mime
from worker.delivery.links import MessageLinks
from worker.delivery.staff_mails import ForStaff, StaffMails
from worker.delivery.templates.library import TemplateLibrary
from worker.delivery.tokens import Tokens
from worker.delivery.transport import Outgoing
from worker.delivery.values import shop_values, template_values
from worker.domain.customers import ConsentState, Customer
from worker.domain.facts import Facts, Need, Needs, ShopFacts
from worker.domain.journeys import Journey
from worker.domain.messages import Kind, MessageState
from worker.domain.policy import SkipReason
from worker.domain.settings import Settings
from worker.domain.staff import StaffOf, nobody
from worker.domain.zones import zone_of
from worker.storage import customers, facts, journeys, orders
from worker.storage.claims import Claimed
from worker.storage.database import told
from worker.storage.facts import Asking
from worker.storage.ledger import Marked

_NEEDS: Needs = frozenset({Need.COUPONS})  # what templates show of the past


@dataclass(frozen=True, slots=True)
class Loaded:
    """A claimed message with what there is to know for it."""

    message: Claimed
    journey: Journey | None
    facts: Facts


@dataclass(frozen=True, slots=True)
class Prepared:
    """A message whose mail is finished."""

    loaded: Loaded | ForStaff
    outgoing: Outgoing
    marked: Marked


@dataclass(frozen=True, slots=True)
class _Letter:
    """Whom a mail goes to, and what its template may show."""

    name: str | None
    email: str
    language: str
    tracked: bool
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class NotMade:
    """A message of which no mail is made: there is nobody to send it to, or the template failed for it.

    Parameters:
        reason: the skip reason, or template, place and fault.
    """

    message: int
    state: MessageState
    reason: str

    @property
    def level(self) -> int:
        """How loudly a log should say it."""
        return logging.ERROR if self.state is MessageState.FAILED else logging.INFO


class Preparing:
    """Makes mails.

    Parameters:
        tokens: signs the links.
    """

    def __init__(self, settings: Settings, templates: TemplateLibrary, tokens: Tokens, staff: StaffOf = nobody) -> None:
        self._settings = settings
        self._templates = templates
        self._tokens = tokens
        shop = settings.shop
        self._shop = shop
        self.shop_facts = ShopFacts(shop.name, shop.timezone, shop.language, shop.currency, rfm=settings.rfm.limits)
        self._shop_values = shop_values(shop)
        self._zone = ZoneInfo(shop.timezone)
        self._domain = shop.sender.email.rpartition("@")[2]
        self._staff_mails = StaffMails(staff, self.shop_facts, tokens, settings.url)

    def load(
        self, connection: Connection, claimed: Sequence[Claimed], now: datetime
    ) -> list[Loaded | ForStaff | NotMade]:
        """Load what the mails need; a message of which that fails harms no other.

        Raises:
            DBAPIError: the database failed.
        """
        try:
            mine = [message for message in claimed if message.staff is None]
            others = [message for message in claimed if message.staff is not None]
            return [*self._load(connection, mine, now), *self._staff_mails.load(connection, others, now)]
        except DBAPIError:
            raise
        except Exception as error:
            if len(claimed) > 1:
                return [one for message in claimed for one in self.load(connection, [message], now)]
            return [NotMade(message.id, MessageState.FAILED, told(error)) for message in claimed]

    def make(self, loaded: Loaded | ForStaff, now: datetime) -> Prepared | NotMade:
        """Render one mail; a fault in it harms no other."""
        number = loaded.message.id
        try:
            letter = self._to_staff(loaded, now) if isinstance(loaded, ForStaff) else self._to_customer(loaded)
            if isinstance(letter, SkipReason):
                return NotMade(number, MessageState.SKIPPED, letter.value)
            return self._made(loaded, letter, now)
        except Exception as error:  # whatever a template runs into
            return NotMade(number, MessageState.FAILED, told(error))

    def _load(self, connection: Connection, claimed: Sequence[Claimed], now: datetime) -> list[Loaded]:
        whose = {message.id: message.customer_id for message in claimed if message.customer_id is not None}
        people = customers.by_id(connection, list(whose.values()))
        travels = journeys.by_id(connection, [message.journey_id for message in claimed if message.journey_id])
        asking = [
            (journey, people[whose[message.id]], _NEEDS)
            for message in claimed
            if (journey := _journey_of(message, travels)) is not None
        ]
        known = facts.for_journeys(connection, asking, self.shop_facts, now)
        numbers = [message.order_number for message in claimed if message.order_number and not message.journey_id]
        loose = orders.by_number(connection, numbers)
        loaded = []
        for message in claimed:
            journey = _journey_of(message, travels)
            if journey is not None:
                loaded.append(Loaded(message, journey, known[journey.id]))
                continue
            order = loose.get(message.order_number) if message.order_number else None
            asked = Asking(people[whose[message.id]], frozenset(), order)
            loaded.append(Loaded(message, None, facts.load(connection, asked, self.shop_facts, now)))
        return loaded

    def _to_customer(self, loaded: Loaded) -> _Letter | SkipReason:
        customer = loaded.facts.customer
        if customer.erased or customer.email is None:
            return SkipReason.ERASED if customer.erased else SkipReason.NO_ADDRESS
        given, zone = self._given(loaded.message), self._zone_of(customer)
        return _Letter(
            customer.name,
            customer.email,
            customer.language or self._shop.language,
            customer.consent.tracking is ConsentState.SUBSCRIBED,
            template_values(loaded.facts, self._shop_values, given, zone),
        )

    def _to_staff(self, loaded: ForStaff, now: datetime) -> _Letter | SkipReason:
        """Return a mail to staff: never tracked, and with nothing to refuse."""
        reason, person = loaded.needless, loaded.person
        if reason is not None or person is None:
            return reason or SkipReason.NO_STAFF
        values = self._staff_mails.values(loaded, self._shop_values, self._given(loaded.message), now)
        return _Letter(person.name, person.email, person.language, False, values)

    def _made(self, loaded: Loaded | ForStaff, letter: _Letter, now: datetime) -> Prepared:
        message, email, tracked = loaded.message, letter.email, letter.tracked
        template = self._templates.get(message.template, letter.language)
        marketing = message.kind is Kind.MARKETING
        links = MessageLinks(self._tokens, self._settings.url, message.id, tracking=tracked, refusable=marketing)
        letter.values["message"] = {"language": letter.language, "kind": message.kind.value}
        rendered = template.render(letter.values, links)
        rendered = replace(
            rendered,
            subject=message.values.get("subject", rendered.subject),
            from_name=message.values.get("from_name", rendered.from_name),
        )
        message_id = f"{_stable(message)}@{self._domain}"
        content = mime.build(
            rendered,
            to_name=letter.name,
            to_email=email,
            message_id=message_id,
            date=now.astimezone(self._zone),
            headers=self._headers(message, links),
            boundary=f"=_{random.getrandbits(96):024x}",
        )
        return Prepared(
            loaded,
            Outgoing(message.id, rendered.from_email, email, content, message_id),
            Marked(message.id, email, template.language, rendered.subject, template.hash, message_id, tracked),
        )

    def _headers(self, message: Claimed, links: MessageLinks) -> dict[str, str]:
        headers = {
            "Auto-Submitted": "auto-generated",
            "Feedback-ID": f"{message.flow or 'phin'}:{self._domain}:{message.kind.value}:phin",
        }
        if links.unsubscribe is not None:  # RFC 8058
            headers["List-Unsubscribe"] = f"<{links.unsubscribe}>"
            headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        return headers

    def _zone_of(self, customer: Customer) -> ZoneInfo:
        return zone_of(customer.timezone, self._shop.timezone)

    @staticmethod
    def _given(message: Claimed) -> Mapping[str, Any]:
        given = message.values.get("with")
        return given if isinstance(given, dict) else {}


def _journey_of(message: Claimed, travels: Mapping[int, Journey]) -> Journey | None:
    return travels.get(message.journey_id) if message.journey_id else None


def _stable(message: Claimed) -> str:
    """The same for every try of one message, and another for any other message of any database."""
    return sha256(f"{message.key}|{message.created_at.isoformat()}".encode()).hexdigest()[:32]
