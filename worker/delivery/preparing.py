"""From a claimed message to a finished mail: facts are loaded in batches, then each mail is rendered by itself."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from worker.delivery import mime
from worker.delivery.dkim import DkimSigner
from worker.delivery.envelope import return_path, wire_address
from worker.delivery.headers import MailHeaders
from worker.delivery.links import MessageLinks, bait_of
from worker.delivery.staff_mails import ForStaff, StaffMails
from worker.delivery.templates.library import TemplateLibrary
from worker.delivery.templates.rendered import CompiledTemplate, Rendered
from worker.delivery.tokens import Tokens
from worker.delivery.transport import Outgoing
from worker.delivery.utm import UtmMarks
from worker.delivery.values import shop_values, template_values
from worker.domain.customers import Customer
from worker.domain.facts import Facts, Need, Needs, ShopFacts
from worker.domain.journeys import Journey
from worker.domain.law import tagged
from worker.domain.light import light
from worker.domain.messages import REFUSAL_CONFIRMED, Kind, MessageState
from worker.domain.policy import SkipReason, may_follow
from worker.domain.settings import Settings
from worker.domain.staff import StaffOf, nobody
from worker.domain.zones import zone_of
from worker.storage import customers, facts, journeys, orders
from worker.storage.claims import Claimed
from worker.storage.database import told
from worker.storage.facts import Asking
from worker.storage.ledger import Marked

_NEEDS: Needs = frozenset({Need.COUPONS})  # what templates show of the past


@light
@dataclass(frozen=True, slots=True)
class Loaded:
    """A claimed message with what there is to know for it."""

    message: Claimed
    journey: Journey | None
    facts: Facts


@light
@dataclass(frozen=True, slots=True)
class Prepared:
    """A message whose mail is finished."""

    loaded: Loaded | ForStaff
    outgoing: Outgoing
    marked: Marked


@light
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
        signer: signs the mails, where they are signed here.

    Attributes:
        customers: reads them for the mails, and again for the rules of their sending.
        journeys: likewise.
    """

    def __init__(
        self,
        settings: Settings,
        templates: TemplateLibrary,
        tokens: Tokens,
        staff: StaffOf = nobody,
        signer: DkimSigner | None = None,
    ) -> None:
        self._settings = settings
        self._templates = templates
        self._tokens = tokens
        shop = settings.shop
        self._shop = shop
        self._tag = settings.policy.subject_tag
        self._asks_to_track = settings.policy.tracking_consent
        self.shop_facts = ShopFacts(shop.name, shop.timezone, shop.language, shop.currency, rfm=settings.rfm.limits)
        self._shop_values = shop_values(shop)
        self._zone = ZoneInfo(shop.timezone)
        self._moment: tuple[datetime | None, datetime | None] = (None, None)
        self._headers = MailHeaders(shop.sender.email.rpartition("@")[2])
        self._signer = signer
        self._staff_mails = StaffMails(staff, self.shop_facts, tokens, settings.url)
        self._utm = UtmMarks(settings.tracking.utm, shop.website)
        self._bait = bait_of(shop.website) if settings.tracking.honeypot else None
        self.customers, self.journeys = customers.again(), journeys.again()

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

    def seen(self, loaded: Loaded | ForStaff, language: str | None, now: datetime) -> Rendered | NotMade:
        """Render a mail as a browser shows it to its receiver: nothing of it is counted, and nothing is sent.

        Parameters:
            language: that it went out in; None: the customer's.
            now: when it went out.
        """
        number = loaded.message.id
        try:
            letter = self._to_staff(loaded, now) if isinstance(loaded, ForStaff) else self._to_customer(loaded)
            if isinstance(letter, SkipReason):
                return NotMade(number, MessageState.SKIPPED, letter.value)
            letter = replace(letter, language=language or letter.language)
            links = self._links(loaded, tracking=False, viewable=False)
            return self._rendered(loaded.message, letter, links)[1]
        except Exception as error:  # whatever a template runs into
            return NotMade(number, MessageState.FAILED, told(error))

    def _load(self, connection: Connection, claimed: Sequence[Claimed], now: datetime) -> list[Loaded]:
        whose = {message.id: message.customer_id for message in claimed if message.customer_id is not None}
        people = self.customers.by_id(connection, list(whose.values()))
        travels = self.journeys.by_id(connection, [message.journey_id for message in claimed if message.journey_id])
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
            owner = people[whose[message.id]]
            if message.to is not None:
                owner = customers.at_address(connection, owner, message.to)
            asked = Asking(owner, frozenset(), order)
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
            self._follows(loaded.message, customer),
            template_values(loaded.facts, self._shop_values, given, zone),
        )

    def _follows(self, message: Claimed, customer: Customer) -> bool:
        """Say whether a mail is tracked: never one by which Phin asks for a yes or confirms a no."""
        if message.template == REFUSAL_CONFIRMED or not may_follow(customer.consent, asks=self._asks_to_track):
            return False
        return not self._templates.get(message.template, customer.language or self._shop.language).asks_consent

    def _to_staff(self, loaded: ForStaff, now: datetime) -> _Letter | SkipReason:
        """Return a mail to staff: never tracked, and with nothing to refuse."""
        reason, person = loaded.needless, loaded.person
        if reason is not None or person is None:
            return reason or SkipReason.NO_STAFF
        values = self._staff_mails.values(loaded, self._shop_values, self._given(loaded.message), now)
        return _Letter(person.name, person.email, person.language, False, values)

    def _made(self, loaded: Loaded | ForStaff, letter: _Letter, now: datetime) -> Prepared:
        message, email = loaded.message, letter.email
        links = self._links(loaded, tracking=letter.tracked)
        template, rendered = self._rendered(message, letter, links)
        message_id = self._headers.message_id(message)
        content = mime.build(
            rendered,
            to_name=letter.name,
            to_email=email,
            message_id=message_id,
            date=self._here(now),
            headers=self._headers.of(message, links.unsubscribe, message.values.get("topic")),
            boundary=f"=_{random.getrandbits(96):024x}",
            wide=not email.isascii(),
        )
        if self._signer is not None:
            content = self._signer.sign(content, now)
        return Prepared(
            loaded,
            Outgoing(message.id, self._return_path(message, rendered), wire_address(email), content, message_id, True),
            Marked(message.id, email, template.language, rendered.subject, template.hash, message_id, letter.tracked),
        )

    def _return_path(self, message: Claimed, rendered: Rendered) -> str:
        """Return the envelope sender: one that tells the message where reports are received, else the sender's own."""
        domain = self._settings.bounces.domain
        return wire_address(rendered.from_email) if domain is None else return_path(self._tokens, domain, message.id)

    def _links(self, loaded: Loaded | ForStaff, *, tracking: bool, viewable: bool = True) -> MessageLinks:
        message = loaded.message
        return MessageLinks(
            self._tokens,
            self._settings.url,
            message.id,
            tracking=tracking,
            refusable=message.kind is Kind.MARKETING,
            mark=None if isinstance(loaded, ForStaff) else self._marks_of(message),
            bait=self._bait,
            viewable=viewable and not isinstance(loaded, ForStaff),
            surveys=self._settings.surveys,
        )

    def _rendered(self, message: Claimed, letter: _Letter, links: MessageLinks) -> tuple[CompiledTemplate, Rendered]:
        """Render a mail, with what the step says in place of the template."""
        template = self._templates.get(message.template, letter.language)
        marketing = message.kind is Kind.MARKETING
        letter.values["message"] = {"language": letter.language, "kind": message.kind.value}
        made = template.render(letter.values, links)
        subject = message.values.get("subject", made.subject)
        if marketing and message.staff is None:
            subject = tagged(subject, self._tag)
        from_name = message.values.get("from_name", made.from_name)
        return template, Rendered(
            subject, made.preheader, made.html, made.text, from_name, made.from_email, made.reply_to, made.files
        )

    def _marks_of(self, message: Claimed) -> Callable[[str], str] | None:
        return self._utm.of(message.flow or message.template, message.step, message.values.get("utm"))

    def _zone_of(self, customer: Customer) -> ZoneInfo:
        return zone_of(customer.timezone, self._shop.timezone)

    def _here(self, now: datetime) -> datetime:
        """Return the moment by the shop's clock; the mails of a batch are of one."""
        moment, here = self._moment
        if here is None or moment is not now:
            here = now.astimezone(self._zone)
            self._moment = (now, here)
        return here

    @staticmethod
    def _given(message: Claimed) -> Mapping[str, Any]:
        given = message.values.get("with")
        return given if isinstance(given, dict) else {}


def _journey_of(message: Claimed, travels: Mapping[int, Journey]) -> Journey | None:
    return travels.get(message.journey_id) if message.journey_id else None
