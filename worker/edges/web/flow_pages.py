"""`/flows/NAME`: one flow – its steps with how many stand at each, and the journeys that entered last."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from markupsafe import Markup
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from worker.delivery.formats import number
from worker.delivery.outbox import captured_as
from worker.domain.errors import UnavailableError
from worker.domain.graph_telling import graph_of
from worker.domain.journeys import JourneyState
from worker.domain.lift import Lift
from worker.edges.graph_figures import figures_of
from worker.edges.graph_svg import graph_svg
from worker.edges.web.frame import Frame, Visitor
from worker.edges.web.hit_words import hits_told
from worker.edges.web.home import state_of
from worker.edges.web.lift_words import lift_told
from worker.edges.web.mail_words import followed_of, seen_of
from worker.edges.web.outline import Outline, outline
from worker.edges.web.overview import PERIOD
from worker.edges.web.texts_reasons import WAITING, reason_in
from worker.edges.web.writing import Clock, day, moment, title_of
from worker.storage import flows, hit_counts, outcomes, revenue, standing
from worker.storage.database import Database
from worker.storage.flowbook import FlowBook, Version
from worker.storage.flows import FlowRow
from worker.storage.graph_counts import GraphCounts
from worker.storage.hit_counts import HitCounts
from worker.storage.revenue import Revenue
from worker.storage.standing import JourneyMail, Latest, StepCounts

LATEST = 20  # journeys that are shown
_MAIL_STATES = {"claimed": "in_hand", "transmitting": "in_hand", "bounced": "returned", "complained": "returned"}
_WITH_REASON = ("skipped", "cancelled", "failed")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What there is to show of a flow; `version` is None where this Phin cannot read the version's text."""

    row: FlowRow
    version: Version | None
    all_held: bool
    steps: Mapping[str, StepCounts]
    revenue: Mapping[str, Revenue]
    latest: Sequence[Latest]
    lift: Lift | None = None
    hits: Mapping[str, HitCounts] = field(default_factory=dict)


class FlowPages:
    """The pages.

    Parameters:
        zone: the shop's.
    """

    def __init__(self, frame: Frame, database: Database, flowbook: FlowBook, shop_clock: Clock, zone: ZoneInfo) -> None:
        self._frame = frame
        self._database = database
        self._flowbook = flowbook
        self._clock = shop_clock
        self._zone = zone

    async def page(self, request: Request) -> Response:
        """Show one flow."""
        visitor = self._frame.visitor(request)
        if visitor.session is None:
            return RedirectResponse("/", 303)
        now = self._clock.now()
        try:
            seen = await run_in_threadpool(self._look, request.path_params["name"], now)
        except UnavailableError as error:
            log.warning("a flow cannot be shown: %s", error)
            return self._frame.pages.notice("away", visitor.language, 503)
        if seen is None:
            return self._frame.missing(request)
        return self._frame.page(request, visitor, "flow.html", script=True, **self._values(seen, now, visitor))

    def _look(self, name: str, now: datetime) -> _Seen | None:
        with self._database.reading() as connection:
            row = next((row for row in flows.all_flows(connection) if row.name == name), None)
            if row is None:
                return None
            return _Seen(
                row,
                self._flowbook.version(connection, row.version.id),
                bool(flows.switches(connection).get(flows.PAUSED)),
                standing.step_counts(connection, name, now - PERIOD),
                revenue.by_step(connection, name, now - PERIOD),
                standing.latest(connection, name, LATEST),
                outcomes.lifts(connection, name).get(name),
                hit_counts.by_step(connection, name, now - PERIOD),
            )

    def _values(self, seen: _Seen, now: datetime, visitor: Visitor) -> dict[str, Any]:
        language = visitor.language
        t = self._frame.pages.texts(language)
        row, version = seen.row, seen.version
        told = Outline((), ()) if version is None else outline(version.flow, row.version.source)
        shown = {line.step for line in told.lines}
        in_order = dict.fromkeys([*(line.step for line in told.lines if line.step), *sorted(seen.hits)])
        state = state_of(row, seen.all_held)
        since = day(row.version.published_at, self._zone, language)
        return {
            "title": row.name if version is None else title_of(version.flow, language),
            "name": row.name,
            "state": state,
            "state_name": t[f"state_{state}"],
            "version": t["version"].replace("{number}", str(row.version.number)).replace("{when}", since),
            "as_of": t["as_of"].replace("{when}", moment(now, now, self._zone, language)),
            "readable": version is not None,
            "graph": "" if version is None else self._graph(version, seen, language),
            "entry": told.entry,
            "lift": None if seen.lift is None else lift_told(seen.lift, language),
            "hits": hits_told({step: seen.hits[step] for step in in_order if step in seen.hits}, language),
            "lines": [
                {"depth": line.depth, "verb": line.verb, "text": line.text, "step": line.step}
                | _counted(seen.steps.get(line.step or "", StepCounts()), line.verb, t, language)
                for line in told.lines
            ],
            "elsewhere": [
                (step, number(counts.here, language))
                for step, counts in sorted(seen.steps.items())
                if counts.here and step not in shown
            ],
            "latest": [self._journey(one, now, visitor, t) for one in seen.latest],
            "example": _why(seen.latest),
        }

    def _graph(self, version: Version, seen: _Seen, language: str) -> Markup:
        """Return the picture of a version, with what the page counts anyway."""
        drawn = graph_of(version.flow, language, self._frame.pages.shop_language)
        counts = GraphCounts(seen.steps, revenue=seen.revenue)
        return Markup(graph_svg(drawn, figures_of(drawn, counts), whole=False))  # it escapes its texts

    def _journey(self, one: Latest, now: datetime, visitor: Visitor, t: Mapping[str, str]) -> dict[str, Any]:
        def write(at: datetime | None) -> str:
            return "" if at is None else moment(at, now, self._zone, visitor.language)

        word = f"stand_{one.state.value}"
        if one.state is JourneyState.WAITING:
            word = "stand_begins" if one.step is None else "stand_waiting" if one.due_at is None else "stand_until"
        when = write(one.due_at if one.state is JourneyState.WAITING else one.ended_at)
        stands = (
            t[word]
            .replace("{step}", one.step or "")
            .replace("{when}", when)
            .replace("{reason}", reason_in(one.reason, visitor.language) or "–")
        )
        return {
            "customer": one.customer or t["guest"],
            "name": one.name or "",
            "version": one.version,
            "entered": write(one.entered_at),
            "stands": stands,
            "state": one.state.value,
            "mails": [self._mail(mail, visitor.language, t) for mail in one.mails],
        }

    def _mail(self, mail: JourneyMail, language: str, t: Mapping[str, str]) -> dict[str, Any]:
        captured = mail.message_id is not None and mail.state == "sent" and self._frame.captures_mail
        name = quote(captured_as(mail.id, mail.message_id), safe="@") if captured and mail.message_id else ""
        return {
            "step": mail.step or "",
            "state": t[_MAIL_STATES.get(mail.state, mail.state)],
            "reason": reason_in(mail.reason, language) if _says_why(mail) else "",
            "subject": mail.subject or "",
            "href": f"/outbox/{name}?lang={language}" if name else None,
        }


def _says_why(mail: JourneyMail) -> bool:
    """Say whether a mail's reason is shown; of one that waits, where it waits for its hour, its day or its turn."""
    return mail.state in _WITH_REASON or (mail.state == "queued" and mail.reason in WAITING)


def _counted(counts: StepCounts, verb: str, t: Mapping[str, str], language: str) -> dict[str, Any]:
    """Return the counts of a line, those that mean something there."""
    sent, of = counts.sent - counts.to_staff, followed_of(counts.sent - counts.to_staff, counts.followed, t, language)
    seen = [(counts.opened, "opened"), (counts.clicked, "clicked")]
    told = [f"{seen_of(count, sent, counts.followed, language)} {t[word]}" for count, word in seen]
    mails = [f"{number(counts.sent, language)} {t['sent']}", *told, *([of] if of else [])]
    return {
        "here": f"{number(counts.here, language)} {t['here']}" if counts.here else "",
        "mails": " · ".join(mails) if verb == "send" else "",
    }


def _why(latest: Sequence[Latest]) -> str:
    customer = next((one.customer for one in latest if one.customer), None)
    return f"phin why {shlex.quote(customer) if customer else 'CUSTOMER'}"
