"""Whether advertising says who sends it, how to reach them, and how to refuse more: looked for in finished mails.

A template that names them all, itself or in its layouts, is taken to show them. Of any other a mail is made for a
made-up customer, as `phin preview` makes it, and looked through: an author may have written them out. A text part of
the author's own is held to the same: who reads text sees nothing else.

Asked for by Vietnam's Decree 91/2020 (name, contacts, a way to refuse), by CAN-SPAM (15 U.S.C. 7704 (a)(5): postal
address, a way to refuse) and by the EU's Directive 2000/31 (article 5: address, contacts).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from html import unescape

from worker.delivery.links import UNSUBSCRIBE_PATH
from worker.delivery.templates.library import TemplateLibrary
from worker.domain.calendars.occurrences import Seasons
from worker.domain.errors import PhinError, Problem, Severity
from worker.domain.flows import Flow
from worker.domain.messages import Kind
from worker.domain.settings import Settings
from worker.domain.staff import Staff
from worker.domain.steps import Send, walk
from worker.rehearsal.occasions import Occasion
from worker.rehearsal.previewing import Asked, Previewing

_NAMES = ("shop.address", "shop.phone", "unsubscribe_url")


def imprint_problems(
    settings: Settings,
    templates: TemplateLibrary,
    flows: Mapping[str, Flow],
    seasons: Seasons,
    now: datetime,
) -> list[Problem]:
    """Return what the advertising of these flows lacks, each template once, with places as the templates' check has.

    A template that cannot be rendered for the made-up customer is told of elsewhere, and not here.
    """
    sent = dict(_advertising(flows))
    found: list[Problem] = []
    previewing = Previewing(settings, templates, Staff(), seasons)
    for name, occasion in sorted(sent.items()):
        for language in templates.languages(name):
            asked = Asked(name, language=language, flow=occasion.flow.name, step=occasion.step.name)
            try:
                parts = templates.get(name, language).parts
                own = parts.text.text.source if parts.text is not None and parts.own_text else None
                if all(
                    named in source
                    for source in (parts.html.text.source, own)
                    if source is not None
                    for named in _NAMES
                ):
                    continue
                seen = previewing.preview(asked, flows, now)
            except PhinError:
                continue
            for message, hint in _lacking(unescape(seen.rendered.html), settings):
                told = f"the mail {message}, and {occasion} sends it as advertising"
                found.append(parts.sources.problem(1, told, Severity.WARNING, hint=hint))
            if own is None:
                continue
            line = parts.sources.read(f"{name}.{language}.txt").start + 1
            for message, hint in _lacking(seen.rendered.text, settings, html=False):
                told = f"the mail's text part {message}, and {occasion} sends it as advertising"
                found.append(parts.sources.problem(line, told, Severity.WARNING, hint=hint))
    return found


def settings_lack(settings: Settings, flows: Mapping[str, Flow]) -> Iterator[tuple[str, Severity, str]]:
    """Yield what the settings do not say though these flows advertise: message, severity and remedy of each problem."""
    if not any(_advertising(flows)):
        return
    if not settings.shop.address:
        told = "shop.address is empty, so that no mail says where the shop is; advertising has to"
        yield told, Severity.WARNING, "write the postal address"
    if not settings.shop.phone:
        told = "shop.phone is empty; advertising has to say how the shop is reached"
        yield told, Severity.WARNING, "write the telephone number"


def _advertising(flows: Mapping[str, Flow]) -> Iterator[tuple[str, Occasion]]:
    """Yield each template that is sent as advertising, with a step that does."""
    for flow in flows.values():
        for step in walk(flow.steps):
            if isinstance(step, Send) and (occasion := Occasion(flow, step)).kind is Kind.MARKETING:
                yield step.template, occasion


def _lacking(text: str, settings: Settings, *, html: bool = True) -> Iterator[tuple[str, str]]:
    """Yield what a part of a mail lacks, and what to write."""
    shop = settings.shop
    shown = " ".join(text.split())
    as_there = ", as layouts/mail.html does" if html else ""
    if " ".join(shop.address.split()) not in shown:
        yield "does not show the shop's address", f"write {{{{ shop.address }}}}{as_there}"
    reached = (shop.phone, shop.sender.email, shop.sender.reply_to)
    if shop.phone and not any(one and one in shown for one in reached):
        yield "does not say how to reach the shop", f"write {{{{ shop.phone }}}}{as_there}"
    if f"{settings.url}{UNSUBSCRIBE_PATH}" not in shown:
        link = '<a href="{{ unsubscribe_url }}">…</a>' if html else "…: {{ unsubscribe_url }}"
        yield "shows no way to refuse more", f"write {{% if unsubscribe_url %}}{link}{{% endif %}}"
