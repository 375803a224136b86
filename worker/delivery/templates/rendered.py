"""A compiled template, and a mail rendered from it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import jinja2
from markupsafe import escape

from worker.delivery.enclosures import Enclosed
from worker.delivery.formats import FormatError
from worker.delivery.templates.errors import RenderLimitError, StylesheetError, TemplateError
from worker.delivery.templates.inline import inline, parsed, written
from worker.delivery.templates.limits import RUN, STEPS, Run, limited_range, produce
from worker.delivery.templates.links import Link, Links
from worker.delivery.templates.made import Text
from worker.delivery.templates.pieces import lower_first
from worker.delivery.templates.sources import Sources
from worker.delivery.templates.text_part import text_of, tidy, tidy_lines
from worker.domain.errors import Problem, Severity
from worker.domain.light import light

# What a template's expression can raise. An error of any other kind is a fault of ours and goes through as it is.
_FAULTS = (
    jinja2.TemplateError,
    RenderLimitError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
_TELLING = (jinja2.TemplateError, RenderLimitError, FormatError, TypeError, ArithmeticError)  # name no value
# Jinja says which by Python's own writing of it, with its place in memory.
_UNCALLED = re.compile(r"<.*?(?:function|method) (?:\w+\.)*(\w+).* is not safely callable|.* is not safely callable")
_PIXEL = '<img src="{}" width="1" height="1" alt="" style="display:block;width:1px;height:1px;border:0">'
# No text, no size, no place among the tabs, nothing that a screen reader tells: only what reads the source finds it.
_HONEYPOT = '<a href="{}" rel="nofollow" aria-hidden="true" tabindex="-1" style="display:none"></a>'


@light
@dataclass(frozen=True, slots=True)
class Rendered:
    """A mail's parts for one customer, still to be put into MIME.

    Parameters:
        files: the pictures that the HTML shows, and the attachments; the same for everyone.
    """

    subject: str
    preheader: str
    html: str
    text: str
    from_name: str
    from_email: str
    reply_to: str | None
    files: tuple[Enclosed, ...] = ()


class Part:
    """One part of a template: a text that is always the same, or a Jinja template, made when it is first needed.

    Parameters:
        make: makes the template of a text that is Jinja.
    """

    __slots__ = ("_make", "_template", "line", "text")

    def __init__(self, text: Text, make: Callable[[Text], jinja2.Template]) -> None:
        self.text = text
        self.line = None if text.jinja else _one_line(text.source)  # in one line, where it is always the same
        self._make = make
        self._template: jinja2.Template | None = None

    def prepare(self) -> jinja2.Template | None:
        """Return the template; None where the text is always the same."""
        if self._template is None and self.text.jinja:
            self._template = self._make(self.text)  # two threads may make two, which are the same
        return self._template


@dataclass(frozen=True, slots=True)
class Parts:
    """What a compiled template renders from.

    Parameters:
        text: None where the text is made from each mail's HTML.
        own_text: whether the author wrote the text, so that its lines are kept.
        inlined: whether the CSS is in the elements already.
        files: what travels with each mail.
        pages: names of the mail's own pages that one of the parts shows, of `worker.delivery.templates.links.PAGES`.
        sources: the files, for the places of errors.
        shop: `shop` as templates see it.
        zone: of customers whose own is not known.
    """

    subject: Part
    preheader: Part
    from_name: Part
    from_email: Part
    reply_to: Part
    html: Part
    text: Part | None
    own_text: bool
    inlined: bool
    files: tuple[Enclosed, ...]
    pages: tuple[str, ...]
    sources: Sources
    shop: Mapping[str, Any]
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class CompiledTemplate:
    """A template in one language, ready to render.

    Parameters:
        name: `welcome`.
        language: of its text: `vi`, `en` …
        hash: over all files that it is made of.
        links: the tracked links, by number.
        problems: what the check found; a template with problems may still render.
        values: names that the flow gives with `with:`.
        needs: what no mail can be made without: `order`, `event.FIELD`, some of the values.
    """

    name: str
    language: str
    hash: str
    links: tuple[Link, ...]
    problems: tuple[Problem, ...]
    values: tuple[str, ...]
    needs: frozenset[str]
    parts: Parts = field(repr=False, compare=False)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """The problems that surprise somebody and stop nothing."""
        return tuple(problem for problem in self.problems if problem.severity is Severity.WARNING)

    @property
    def asks_consent(self) -> bool:
        """Whether it asks its reader for a yes: to confirm a sign-up, or to take a refusal back."""
        return "confirm_url" in self.parts.pages

    def render(self, values: Mapping[str, Any], links: Links) -> Rendered:
        """Render the mail for one customer.

        Parameters:
            values: what the template may show beside the shop, by name: plain values in plain dicts and lists.
            links: makes the addresses of this mail.

        Raises:
            TemplateError: a value is missing or cannot be shown so, or the mail grows beyond all bounds.
        """
        parts = self.parts
        message = {**(values.get("message") or {}), "language": self.language}
        own = links.pages
        pages = {name: own[name] for name in parts.pages}
        context = {
            "range": limited_range,
            **values,
            **pages,
            "shop": parts.shop,  # the texts of which are in the parts already
            "message": message,
            RUN: Run(links, _zone(values, parts.zone), frozenset(pages.values())),
        }
        message["subject"] = subject = self._line(parts.subject, context)
        message["preheader"] = preheader = self._line(parts.preheader, context)
        html = self._part(parts.html, context)
        text = None
        if parts.text is not None:
            text = (tidy_lines if parts.own_text else tidy)(self._part(parts.text, context))
        if not parts.inlined or text is None:
            root = parsed(html)
            try:
                inline(root)
            except StylesheetError as error:
                raise parts.sources.error(1, str(error), near="<style") from error
            html = written(root)
            text = tidy(text_of(root)) if text is None else text
        return Rendered(
            subject=subject,
            preheader=preheader,
            html=_with_pixel(html, links.pixel, links.honeypot),
            text=text,
            from_name=self._line(parts.from_name, context),
            from_email=self._part(parts.from_email, context).strip(),
            reply_to=self._part(parts.reply_to, context).strip() or None,
            files=parts.files,
        )

    def _line(self, part: Part, context: dict[str, Any]) -> str:
        return _one_line(self._part(part, context)) if part.line is None else part.line

    def _part(self, part: Part, context: dict[str, Any]) -> str:
        template = part.prepare()
        if template is None:
            return part.text.source
        run: Run = context[RUN]
        run.steps, run.until = STEPS, None
        try:
            return produce(template, template.new_context(context, shared=True))
        except _FAULTS as error:
            raise self._placed(error) from error

    def _placed(self, error: Exception) -> TemplateError:
        """Tell a fault with the place in the template that it came from."""
        line = 1
        step = error.__traceback__
        while step:
            template = step.tb_frame.f_globals.get("__jinja_template__")
            if isinstance(template, jinja2.Template):
                line = template.get_corresponding_lineno(step.tb_lineno)
            step = step.tb_next
        message = (
            lower_first(str(error)) if isinstance(error, _TELLING) else f"cannot be shown ({type(error).__name__})"
        )
        if uncalled := _UNCALLED.fullmatch(message):
            message = f"'{uncalled[1] or 'this'}' cannot be called in a mail"
        quoted = message.split("'")
        near = quoted[1].split(".")[-1] if len(quoted) > 2 else ""
        return self.parts.sources.error(line, message, near=near)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _zone(values: Mapping[str, Any], shop: ZoneInfo) -> ZoneInfo:
    customer = values.get("customer")
    name = customer.get("timezone") if isinstance(customer, Mapping) else None
    if not name:
        return shop
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return shop  # one customer's mistyped zone is no reason for no mail


def _with_pixel(html: str, pixel: str | None, honeypot: str | None) -> str:
    added = (_HONEYPOT.format(escape(honeypot)) if honeypot else "") + (_PIXEL.format(escape(pixel)) if pixel else "")
    if not added:
        return html
    end = html.rfind("</body>")
    return html + added if end < 0 else f"{html[:end]}{added}{html[end:]}"
