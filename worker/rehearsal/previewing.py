"""A mail as one customer would get it, made by delivery's own parts: without tracking, without a message, unsent."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from worker.delivery.links import MessageLinks
from worker.delivery.templates.library import TemplateLibrary
from worker.delivery.templates.rendered import CompiledTemplate, Rendered
from worker.delivery.tokens import Tokens
from worker.delivery.values import shop_values, template_values
from worker.domain.calendars.occurrences import Seasons
from worker.domain.conditions.values import Reading
from worker.domain.errors import PhinError, Problem
from worker.domain.facts import Facts, ShopFacts
from worker.domain.flows import Flow
from worker.domain.law import tagged
from worker.domain.messages import REFUSAL_CONFIRMED, Kind
from worker.domain.settings import Settings
from worker.domain.staff import Person, Staff
from worker.domain.zones import zone_of
from worker.rehearsal.occasions import Occasion, occasion_of
from worker.rehearsal.samples import Samples
from worker.rehearsal.scenes import Scene, Setting, real_scene
from worker.rehearsal.seen_links import NotedLinks, SeenLink, links_of
from worker.rehearsal.staff_scenes import staff_person, staff_values

CLIPPED_AT = 102 * 1024  # bytes of HTML; Gmail shows no more of a mail and writes "[Message clipped]"


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants to see.

    Parameters:
        template: its name, `welcome`.
        customer: the shop's id, an address, `#12`; None: the order's, or a made-up one.
        order: the shop's number; None: the customer's latest where the mail is about one.
        language: of the mail; None: the customer's.
        flow, step: which step sends it; by default the first that does.
    """

    template: str
    customer: str | None = None
    order: str | None = None
    language: str | None = None
    flow: str | None = None
    step: str | None = None


@dataclass(frozen=True, slots=True)
class Previewed:
    """A mail, and what is to be said of it.

    Parameters:
        language: of the text that there is, which may be another than was asked for.
        followed: the same as a tracked customer would get it.
        problems: what the check finds in the template.
        missing: names of values that no flow gives and that are shown in brackets or made up.
    """

    template: str
    language: str
    kind: Kind
    to_name: str | None
    to_email: str
    rendered: Rendered
    followed: Rendered
    links: tuple[SeenLink, ...]
    problems: tuple[Problem, ...]
    scene: Scene
    occasion: Occasion | None
    missing: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of the HTML as a tracked customer would get it."""
        return len(self.followed.html.encode())


class Previewing:
    """Makes previews for one shop.

    Parameters:
        staff: of `config/staff.yaml`, for mails to staff.
    """

    def __init__(self, settings: Settings, templates: TemplateLibrary, staff: Staff, seasons: Seasons) -> None:
        self._settings = settings
        self._templates = templates
        self._staff = staff
        self._seasons = seasons
        self._reading = Reading(fields=settings.fields)
        # Links are signed with a secret of this moment: they look as they would and lead nowhere.
        self._tokens = Tokens([secrets.token_bytes(32)])
        shop = settings.shop
        self._shop = ShopFacts(shop.name, shop.timezone, shop.language, shop.currency, rfm=settings.rfm.limits)

    def preview(
        self, asked: Asked, flows: Mapping[str, Flow], now: datetime, connection: Connection | None = None
    ) -> Previewed:
        """Make a mail.

        Parameters:
            flows: those that can be used, by name.
            connection: needed only where a customer or an order is named.

        Raises:
            TemplateError: it cannot be compiled, or not rendered for this customer.
            PhinError: there is no such template, flow, step, customer or order.
        """
        first = asked.language or self._settings.shop.language
        compiled = self._templates.get(asked.template, first)
        occasion = occasion_of(flows, asked.template, asked.flow, asked.step)
        scene = self._scene(asked, occasion, "order" in compiled.needs, first, now, connection)
        language = asked.language or scene.facts.customer.language or self._settings.shop.language
        person = staff_person(self._staff, occasion.step.to if occasion else None, asked.template, language)
        if person is not None:
            language = asked.language or person.language
        compiled = self._templates.get(asked.template, language)
        return self._made(asked, compiled, language, occasion, scene, person)

    def _scene(
        self,
        asked: Asked,
        occasion: Occasion | None,
        needs_order: bool,
        language: str,
        now: datetime,
        connection: Connection | None,
    ) -> Scene:
        samples = Samples(self._settings, language, now)
        setting = Setting(samples, self._shop, self._seasons, occasion, needs_order)
        if asked.customer is None and asked.order is None:
            return setting.made_up()
        if connection is None:
            raise PhinError("a customer or an order is looked up in the database; it is not there yet")
        return real_scene(connection, setting, asked.customer, asked.order)

    def _made(
        self,
        asked: Asked,
        compiled: CompiledTemplate,
        language: str,
        occasion: Occasion | None,
        scene: Scene,
        person: Person | None,
    ) -> Previewed:
        facts = scene.facts
        samples = Samples(self._settings, language, facts.now)
        given, missing = self._given(compiled, occasion, facts, samples)
        kind = Kind.TRANSACTIONAL if person else occasion.kind if occasion else _kind_of(compiled)
        if person is not None:
            values = staff_values(self._settings, self._tokens, asked.template, person, facts, given, samples)
        else:
            zone = zone_of(facts.customer.timezone, self._shop.timezone)
            values = template_values(facts, shop_values(self._settings.shop), given, zone)
        values["message"] = {"language": language, "kind": kind.value}
        refusable = kind is Kind.MARKETING
        viewable = person is None
        links = MessageLinks(
            self._tokens,
            self._settings.url,
            0,
            tracking=False,
            refusable=refusable,
            viewable=viewable,
            surveys=self._settings.surveys,
        )
        plain = NotedLinks(links)
        rendered = compiled.render(dict(values), plain)
        tracked = MessageLinks(
            self._tokens,
            self._settings.url,
            0,
            tracking=viewable,
            refusable=refusable,
            viewable=viewable,
            surveys=self._settings.surveys,
        )
        followed = compiled.render(dict(values), tracked)
        by_step, advertising = (occasion, facts, language), person is None and refusable
        return Previewed(
            template=asked.template,
            language=compiled.language,
            kind=kind,
            to_name=person.name if person else facts.customer.name,
            to_email=(person.email if person else facts.customer.email) or "",
            rendered=self._by_step(rendered, *by_step, advertising=advertising),
            followed=self._by_step(followed, *by_step, advertising=advertising),
            links=links_of(rendered.html, plain.counted),
            problems=compiled.problems,
            scene=scene,
            occasion=occasion,
            missing=missing,
        )

    def _by_step(
        self, rendered: Rendered, occasion: Occasion | None, facts: Facts, language: str, *, advertising: bool
    ) -> Rendered:
        """Put in what the step says in place of the template, and the shop's mark of advertising."""
        subject, from_name = rendered.subject, rendered.from_name
        if occasion is not None:
            step = occasion.step
            if step.subject is not None:
                subject = self._reading.text(step.subject.within(language, self._shop.language), facts)
            from_name = step.from_name or from_name
        if advertising:
            subject = tagged(subject, self._settings.policy.subject_tag)
        return replace(rendered, subject=subject, from_name=from_name)

    def _given(
        self, compiled: CompiledTemplate, occasion: Occasion | None, facts: Facts, samples: Samples
    ) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Return the values of the step's `with:`, and made-up ones for those that it does not give."""
        told = occasion.step.values if occasion is not None else ()
        given: dict[str, Any] = {name: self._reading.text(text, facts) for name, text in told}
        missing = tuple(
            name for name in compiled.values if name not in given and (occasion is None or name in compiled.needs)
        )
        return {**given, **{name: samples.given(name) for name in missing}}, missing


def _kind_of(compiled: CompiledTemplate) -> Kind:
    """Return what a mail is for that no flow sends: the one that Phin itself sends, or one that asks for a yes or
    takes back a no, is no advertising."""
    own = compiled.name == REFUSAL_CONFIRMED or compiled.asks_consent
    return Kind.TRANSACTIONAL if own else Kind.MARKETING
