"""What is wrong with a template by the shop's settings: surveys that there are not, senders that nothing signs."""

from __future__ import annotations

from collections.abc import Iterator

from worker.delivery.templates.check_surveys import survey_problems
from worker.delivery.templates.library import TemplateLibrary
from worker.delivery.templates.rendered import CompiledTemplate
from worker.domain.errors import PhinError, Problem, Severity
from worker.domain.settings import Settings


def mail_problems(settings: Settings, templates: TemplateLibrary, signs: str | None) -> list[Problem]:
    """Return what the settings make wrong in any template, each thing once, with places as the templates' check has.

    A template that cannot be compiled is told of elsewhere, and not here.

    Parameters:
        signs: the domain that mails are signed with; None where they are not signed here.
    """
    found: dict[Problem, None] = {}
    for name in templates.names():
        for language in templates.languages(name):
            try:
                compiled = templates.get(name, language)
            except PhinError:
                continue
            found |= dict.fromkeys(survey_problems(compiled, settings.surveys))
            if signs is not None:
                found |= dict.fromkeys(_unsigned(compiled, signs))
    return list(found)


def _unsigned(compiled: CompiledTemplate, signs: str) -> Iterator[Problem]:
    """Tell of a sender's address whose domain is not that of the signature: DMARC takes no account of such a one.

    RFC 7489 3.1.1, relaxed alignment, as far as it can be known without a list of public suffixes.
    """
    sender = compiled.parts.from_email.text
    domain = sender.source.strip().rpartition("@")[2].lower()
    signed = signs.lower()
    if sender.jinja or domain == signed or domain.endswith(f".{signed}"):
        return
    sources = compiled.parts.sources
    message = (
        f"mails are signed with '{signs}' (dkim), and this one comes from '{domain}': DMARC counts no such signature"
    )
    hint = f"write an address at {signs}, or leave 'from_email' out"
    yield sources.problem(1, message, Severity.WARNING, near=sender.source.strip(), hint=hint)
