"""Sample mails of a backtest, rendered from the real templates to files: what a customer would have got."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from worker.delivery.enclosures import shown_alone
from worker.delivery.links import MessageLinks
from worker.delivery.templates.errors import TemplateError
from worker.delivery.templates.library import TemplateLibrary
from worker.delivery.templates.rendered import Rendered
from worker.delivery.tokens import Tokens
from worker.delivery.values import shop_values, template_values
from worker.domain.conditions.values import Reading
from worker.domain.flows import Flow
from worker.domain.law import tagged
from worker.domain.messages import Kind
from worker.domain.settings import Settings
from worker.domain.steps import Coupon, walk
from worker.domain.zones import zone_of
from worker.rehearsal.backtest.tally import Sample
from worker.rehearsal.samples import COUPON_CODE


@dataclass(frozen=True, slots=True)
class Written:
    """What became of the samples.

    Parameters:
        files: the HTML files; beside each is one of the same name with the mail's text.
        faults: why mails could not be rendered, each fault once.
    """

    files: tuple[Path, ...]
    faults: tuple[str, ...]


class SampleWriter:
    """Renders samples. Links lead where they would, untracked; coupons have a made-up code.

    Parameters:
        folder: theirs alone: what lies in it of an earlier backtest is taken away.
    """

    def __init__(self, settings: Settings, templates: TemplateLibrary, flow: Flow, folder: Path) -> None:
        self._settings = settings
        self._templates = templates
        self._flow = flow
        self._folder = folder
        self._reading = Reading(fields=settings.fields)
        self._tokens = Tokens([secrets.token_bytes(32)])  # the page for unsubscribing is shown, and leads nowhere

    def write(self, samples: Sequence[Sample]) -> Written:
        """Write the mails to files; one that cannot be rendered harms no other."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for old in (*self._folder.glob("*.html"), *self._folder.glob("*.txt")):
            old.unlink()
        files: list[Path] = []
        faults: list[str] = []
        for number, sample in enumerate(samples, start=1):
            try:
                rendered = self._rendered(sample)
            except TemplateError as error:
                faults.append(str(error))
                continue
            day = sample.facts.now.astimezone(zone_of(None, self._settings.shop.timezone)).date()
            path = self._folder / f"{number:02}-{sample.step.name}-{day}-customer-{sample.journey.customer_id}.html"
            path.write_text(shown_alone(rendered.html, rendered.files), encoding="utf-8")
            path.with_suffix(".txt").write_text(_as_text(rendered), encoding="utf-8")
            files.append(path)
        return Written(tuple(files), tuple(dict.fromkeys(faults)))

    def _rendered(self, sample: Sample) -> Rendered:
        facts, step, shop = sample.facts, sample.step, self._settings.shop
        language = facts.customer.language or shop.language
        template = self._templates.get(step.template, language)
        given: dict[str, Any] = {name: self._reading.text(text, facts) for name, text in step.values}
        zone = zone_of(facts.customer.timezone, shop.timezone)
        values = template_values(facts, shop_values(shop), given, zone)
        if not values.get("coupons"):
            values["coupons"] = self._coupons(sample)
        values["message"] = {"language": language, "kind": sample.kind.value}
        refusable = sample.kind is Kind.MARKETING
        links = MessageLinks(
            self._tokens, self._settings.url, 0, tracking=False, refusable=refusable, surveys=self._settings.surveys
        )
        rendered = template.render(values, links)
        subject = rendered.subject
        if step.subject is not None:
            subject = self._reading.text(step.subject.within(language, shop.language), facts)
        if sample.kind is Kind.MARKETING:
            subject = tagged(subject, self._settings.policy.subject_tag)
        return replace(rendered, subject=subject, from_name=step.from_name or rendered.from_name)

    def _coupons(self, sample: Sample) -> dict[str, dict[str, Any]]:
        """Return a made-up code for each coupon that the flow gives."""
        return {
            one.coupon: {
                "code": f"{one.prefix or ''}{COUPON_CODE.rpartition('-')[2]}" if one.prefix else COUPON_CODE,
                "percent": one.percent,
                "amount": one.amount,
                "expires_at": sample.facts.now + one.expires.span() if one.expires else None,
            }
            for one in walk(self._flow.steps)
            if isinstance(one, Coupon)
        }


def _as_text(rendered: Rendered) -> str:
    return f"Subject: {rendered.subject}\nFrom: {rendered.from_name} <{rendered.from_email}>\n\n{rendered.text}\n"
