"""`/`: for who is signed in what runs; for everybody else what this is, and how to get in."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from worker.delivery.formats import clock, long_date, money, number
from worker.delivery.links import task_url
from worker.delivery.tokens import Tokens
from worker.domain.errors import UnavailableError
from worker.domain.flows import FlowStatus
from worker.domain.tasks import Task
from worker.edges.web.chart import chart
from worker.edges.web.frame import Frame, Visitor
from worker.edges.web.mail_words import followed_of, seen_of
from worker.edges.web.overview import Overview, Overviews
from worker.edges.web.remedies import remarks
from worker.edges.web.writing import Clock, moment, percent, title_of
from worker.storage.flows import FlowRow
from worker.storage.overview import FlowCounts, MailDay

MOST_REMARKS = 12
_STATES = ("to_staff", "queued", "in_hand", "skipped", "cancelled", "failed", "returned", "unknown")
_QUIET = ("to_staff", "in_hand", "cancelled", "returned", "unknown", "failed")  # shown only where there are some
_WORRYING = ("failed", "returned", "unknown")

log = logging.getLogger(__name__)


class Home:
    """The page.

    Parameters:
        url: address of the web process, which the links of tasks begin with.
        zone: the shop's.
    """

    def __init__(
        self, frame: Frame, overviews: Overviews, tokens: Tokens, shop_clock: Clock, url: str, zone: ZoneInfo
    ) -> None:
        self._frame = frame
        self._overviews = overviews
        self._tokens = tokens
        self._clock = shop_clock
        self._url = url
        self._zone = zone

    async def page(self, request: Request) -> Response:
        """Show it."""
        visitor = self._frame.visitor(request)
        if visitor.session is None:
            return self._front(request, visitor)
        try:
            seen = await run_in_threadpool(self._overviews.take, self._clock.now())
        except UnavailableError as error:
            log.warning("the first page cannot be shown: %s", error)
            return self._frame.pages.notice("away", visitor.language, 503)
        return self._frame.page(request, visitor, "home.html", script=True, **self._values(seen, visitor))

    def _front(self, request: Request, visitor: Visitor) -> Response:
        t = self._frame.pages.texts(visitor.language)
        named = [("outbox", f"/outbox?lang={visitor.language}")] if self._frame.captures_mail else []
        links = [
            {"href": href, "name": t[f"front_{name}"], "about": t[f"front_{name}_about"]}
            for name, href in (*named, ("docs", "/docs"), ("ready", "/readyz"))
        ]
        return self._frame.page(
            request, visitor, "front.html", title=t["front_title"], text=t["front_text"], links=links
        )

    def _values(self, seen: Overview, visitor: Visitor) -> dict[str, Any]:
        language = visitor.language
        t = self._frame.pages.texts(language)
        found = remarks(seen, t, language)
        rows = sorted(seen.rows, key=_order)
        idle = [row for row in rows if _is_idle(row, seen)]
        local = seen.now.astimezone(self._zone)
        return {
            "title": t["home"],
            "today": long_date(local.date(), language, "EEEE, d MMMM" if language == "en" else "EEEE, 'ngày' d MMMM"),
            "as_of": t["as_of"].replace("{when}", clock(seen.now, self._zone, language)),
            "held": seen.all_held,
            "mails": self._mails(seen.mails, seen.day, t, language),
            "tasks": self._tasks(seen, visitor, t),
            "requests": self._requests(seen, t, language),
            "flows": [self._flow(row, seen, t, language) for row in rows if row not in idle],
            "idle": [self._flow(row, seen, t, language) for row in idle],
            "idle_count": t["idle_1" if len(idle) == 1 else "idle"].replace("{count}", number(len(idle), language)),
            "remarks": [
                {"one": one, "when": moment(one.at, seen.now, self._zone, language) if one.at else ""}
                for one in found[:MOST_REMARKS]
            ],
            "remarks_count": t["errors_link"].replace("{count}", number(len(found), language)) if found else None,
            "remarks_more": t["tasks_more"].replace("{count}", number(len(found) - MOST_REMARKS, language))
            if len(found) > MOST_REMARKS
            else None,
        }

    def _mails(self, day: MailDay, begin: datetime, t: Mapping[str, str], language: str) -> dict[str, Any]:
        # hours are counted on from the day's beginning; each is called as the clocks of the shop do
        hours = [f"{(begin + timedelta(hours=n)).astimezone(self._zone):%H}" for n in range(len(day.hours))]
        counts = [(name, getattr(day, name)) for name in _STATES]
        busy = [f"{hour}:00 – {number(count, language)}" for hour, count in zip(hours, day.hours, strict=True) if count]
        return {
            "sent": number(day.sent, language),
            "any": day.sent > 0,
            "opened": seen_of(day.opened, day.sent, day.followed, language),
            "open_rate": percent(day.open_rate or None, language),
            "clicked": seen_of(day.clicked, day.sent, day.followed, language),
            "click_rate": percent(day.click_rate or None, language),
            "followed": followed_of(day.sent, day.followed, t, language),
            "chart": chart(day.hours, hours),
            "chart_said": f"{t['chart']}: {', '.join(busy)}" if busy else t["no_mail_yet"],
            "states": [
                {"name": t[name], "count": number(count, language), "worrying": bool(count) and name in _WORRYING}
                for name, count in counts
                if count or name not in _QUIET
            ],
        }

    def _tasks(self, seen: Overview, visitor: Visitor, t: Mapping[str, str]) -> dict[str, Any]:
        language, tasks = visitor.language, seen.tasks
        rest = tasks.open - len(seen.most_urgent)
        return {
            "open": number(tasks.open, language),
            "today": number(tasks.today, language),
            "late": number(tasks.late, language),
            "any_late": tasks.late > 0,
            "away": self._away(seen, t, language),
            "list": [self._task(task, seen.now, visitor, t) for task in seen.most_urgent],
            "more": t["tasks_more"].replace("{count}", number(rest, language)) if rest > 0 else t["tasks_all"],
        }

    def _away(self, seen: Overview, t: Mapping[str, str], language: str) -> str | None:
        """Return how many tasks wait for somebody on leave, and when the first of those is back."""
        waiting = [
            (back, count) for who, count in seen.open_of.items() if (back := self._frame.away_until(who, seen.now))
        ]
        if not waiting:
            return None
        count = sum(count for _, count in waiting)
        when = moment(min(back for back, _ in waiting), seen.now, self._zone, language)
        named = t["tasks_away_1" if count == 1 else "tasks_away"]
        return named.replace("{count}", number(count, language)).replace("{when}", when)

    def _task(self, task: Task, now: datetime, visitor: Visitor, t: Mapping[str, str]) -> dict[str, Any]:
        person, late, language = visitor.person, task.late(now), visitor.language
        back = self._frame.away_until(task.assignee, now)
        due = None if task.due_at is None else moment(task.due_at, now, self._zone, language)
        return {
            "title": task.title_in(language) or task.key,
            "href": None if person is None else task_url(self._tokens, self._url, task.id, person.key),
            "late": late,
            "due": "" if due is None else t["task_late" if late else "task_due"].replace("{when}", due),
            "who": (self._frame.name_of(task.assignee) or t["task_nobody"])
            + (
                ""
                if back is None
                else f" ({t['task_away']})".replace("{when}", moment(back, now, self._zone, language))
            ),
        }

    def _requests(self, seen: Overview, t: Mapping[str, str], language: str) -> dict[str, Any]:
        figures = seen.requests
        return {
            "open": number(figures.open, language),
            "late": number(figures.late, language),
            "any_late": figures.late > 0,
            "in_time": number(figures.in_time, language),
            "of": t["requests_of"].replace("{count}", number(figures.opened, language)),
        }

    def _flow(self, row: FlowRow, seen: Overview, t: Mapping[str, str], language: str) -> dict[str, Any]:
        counts = seen.counts.get(row.name, FlowCounts())
        flow = seen.readable.get(row.name)
        write = partial(number, language=language)
        revenue = [money(total, currency, language) for currency, total in sorted(counts.revenue.items())]
        opened, clicked = (
            seen_of(count, counts.sent, counts.followed, language) for count in (counts.opened, counts.clicked)
        )
        rate, of = percent(counts.open_rate or None, language), followed_of(counts.sent, counts.followed, t, language)
        state = state_of(row, seen.all_held)
        to_staff = t["flow_to_staff"].replace("{count}", write(counts.to_staff)) if counts.to_staff else ""
        return {
            "name": row.name,
            "href": f"/flows/{quote(row.name)}",
            "title": row.name if flow is None else title_of(flow, language),
            "state": state,
            "state_name": t[f"state_{state}"],
            "cells": [
                # a phone shows four at most: what came of the flow is the fourth, in money where there is any
                (t["col_entered"], write(counts.entered), "", True),
                (t["col_under_way"], write(counts.under_way), "", False),
                (t["col_sent"], write(counts.sent), to_staff, True),
                (t["col_opened"], opened, " ".join(part for part in (rate, of) if part), True),
                (t["col_clicked"], clicked, percent(counts.click_rate or None, language), False),
                (t["col_goals"], write(counts.goals), "", counts.goals > 0 and not revenue),
                (t["col_revenue"], " + ".join(revenue), "", bool(revenue)),
            ],
        }


def state_of(row: FlowRow, all_held: bool) -> str:
    """Return how a flow stands: `live`, `draft`, `paused` by its file, `held` by hand, `all_held` with everything."""
    if row.paused_at is not None:
        return "held"
    return "all_held" if all_held and row.status == FlowStatus.LIVE.value else row.status


def _is_idle(row: FlowRow, seen: Overview) -> bool:
    counts = seen.counts.get(row.name, FlowCounts())
    return not (counts.entered or counts.under_way or counts.sent or counts.to_staff or counts.goals)


def _order(row: FlowRow) -> tuple[int, str]:
    """Live flows before paused ones before drafts; each kind by name, so that nothing moves while one reads."""
    return (["live", "paused", "draft"].index(row.status), row.name)
