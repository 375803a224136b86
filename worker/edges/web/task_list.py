"""`/tasks`: what is to be done, one's own or everybody's, in the order of the morning's digest: late, today, later."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from worker.delivery.formats import number
from worker.delivery.links import task_url
from worker.delivery.tokens import Tokens
from worker.domain.errors import UnavailableError
from worker.domain.staff import Person
from worker.domain.tasks import Priority, Task, in_order
from worker.edges.web.frame import Frame, Visitor
from worker.edges.web.overview import day_begins
from worker.edges.web.texts_tasks import TASK_TEXTS
from worker.edges.web.writing import Clock, moment
from worker.storage import customers, tasks
from worker.storage.database import Database

PATH = "/tasks"
EVERYONE = "everyone"  # the value of `who` that asks for the tasks of all
MOST = 200  # tasks that are shown; what is due first comes first
_TOMORROW = timedelta(hours=36)  # from the beginning of a day: within the next one, however long the day is

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What there is to show: open tasks in their order, the names of their customers, whether there are more."""

    tasks: Sequence[Task]
    names: Mapping[int, str]
    more: bool


class TaskList:
    """The page.

    Parameters:
        url: address of the web process, which the links of tasks begin with.
        zone: the shop's, for who is not in `config/staff.yaml`.
    """

    def __init__(
        self, frame: Frame, database: Database, tokens: Tokens, shop_clock: Clock, url: str, zone: ZoneInfo
    ) -> None:
        self._frame = frame
        self._database = database
        self._tokens = tokens
        self._clock = shop_clock
        self._url = url
        self._zone = zone

    async def page(self, request: Request) -> Response:
        """Show it to who is signed in; tell everybody else how to get in."""
        visitor = self._frame.visitor(request)
        w = TASK_TEXTS[visitor.language]
        if visitor.session is None:
            title, text = w["list_closed_title"], w["list_closed_text"]
            return self._frame.page(request, visitor, "task_gone.html", status=403, title=title, text=text)
        person, now = visitor.person, self._clock.now()
        whose = None if person is None or request.query_params.get("who") == EVERYONE else person
        try:
            seen = await run_in_threadpool(self._look, whose, now)
        except UnavailableError as error:
            log.warning("the tasks cannot be shown: %s", error)
            return self._frame.pages.notice("away", visitor.language, 503)
        return self._frame.page(request, visitor, "tasks.html", **self._values(seen, whose, visitor, now, w))

    def _look(self, whose: Person | None, now: datetime) -> _Seen:
        with self._database.reading() as connection:
            found = tasks.listed(connection, assignee=None if whose is None else whose.key, limit=MOST + 1)
            shown = in_order(found[:MOST], now)
            about = customers.by_id(connection, sorted({task.customer_id for task in shown if task.customer_id}))
        names = {key: one.name or one.first_name or "" for key, one in about.items()}
        return _Seen(shown, names, len(found) > MOST)

    def _values(
        self, seen: _Seen, whose: Person | None, visitor: Visitor, now: datetime, w: Mapping[str, str]
    ) -> dict[str, Any]:
        language, zone = visitor.language, self._zone if visitor.person is None else visitor.person.zone
        tomorrow = day_begins(day_begins(now, zone) + _TOMORROW, zone)
        groups: dict[str, list[dict[str, Any]]] = {"late": [], "today": [], "later": []}
        for task in seen.tasks:
            today = task.due_at is not None and task.due_at < tomorrow
            group = "late" if task.late(now) else "today" if today else "later"
            groups[group].append(self._row(task, seen.names, whose, visitor, _writer(now, zone, language), w))
        return {
            "title": w["list"],
            "w": w,
            "groups": [(name, w[f"list_{name}"], number(len(rows), language), rows) for name, rows in groups.items()],
            "empty": None if seen.tasks else w["list_none" if whose is None else "list_none_yours"],
            "more": w["list_more"].replace("{count}", number(MOST, language)) if seen.more else None,
            "views": []
            if visitor.person is None
            else [
                {"href": PATH, "name": w["list_yours"], "current": whose is not None},
                {"href": f"{PATH}?who={EVERYONE}", "name": w["list_everyone"], "current": whose is None},
            ],
        }

    def _row(
        self,
        task: Task,
        names: Mapping[int, str],
        whose: Person | None,
        visitor: Visitor,
        write: Callable[[datetime], str],
        w: Mapping[str, str],
    ) -> dict[str, Any]:
        language, person = visitor.language, visitor.person
        due = "" if task.due_at is None else write(task.due_at)
        who = (self._frame.name_of(task.assignee) or w["list_nobody"]) if whose is None else ""
        about = [w[f"type_{task.type.value}"], names.get(task.customer_id or 0, ""), who]
        return {
            "title": task.title_in(language) or w["nameless"].replace("{number}", number(task.id, language)),
            "href": None if person is None else task_url(self._tokens, self._url, task.id, person.key),
            "due": due or w["no_due"],
            "about": " · ".join(part for part in about if part),
            "priority": w["priority_high"] if task.priority is Priority.HIGH else None,
        }


def _writer(now: datetime, zone: ZoneInfo, language: str) -> Callable[[datetime], str]:
    return lambda at: moment(at, now, zone, language)
