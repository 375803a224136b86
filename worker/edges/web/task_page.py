"""`/t/TOKEN`: a task on the phone of the one who is to do it. Looking changes nothing; buttons close it, take it, put
it off.

The link says which task and who acts; it is good as long as that person is in `config/staff.yaml`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from worker.delivery.tokens import Tokens
from worker.domain.errors import UnavailableError
from worker.domain.staff import Person, StaffOf, next_working_moment
from worker.domain.tasks import BY_STAFF, PHIN, Outcome, Task
from worker.domain.work import Work
from worker.edges.web.forms import read_form
from worker.edges.web.frame import Frame, Visitor
from worker.edges.web.task_view import task_values
from worker.edges.web.texts_tasks import TASK_TEXTS
from worker.edges.web.writing import Clock
from worker.engine.tasks import LONGEST_REMARK, Handled, Tasks
from worker.storage.database import Database
from worker.storage.dossier import Dossier, dossier

SNOOZES = ("2h", "tomorrow", "3d", "1w")
_ACTIONS = ("close", "take", "snooze")
_DAYS = {"tomorrow": 1, "3d": 3, "1w": 7}

log = logging.getLogger(__name__)


class TaskPage:
    """The page.

    Parameters:
        enqueue: told what follows from a change.
    """

    def __init__(
        self,
        frame: Frame,
        tokens: Tokens,
        tasks: Tasks,
        staff: StaffOf,
        database: Database,
        clock: Clock,
        enqueue: Callable[[Work], object],
    ) -> None:
        self._frame = frame
        self._tokens = tokens
        self._tasks = tasks
        self._staff = staff
        self._database = database
        self._clock = clock
        self._enqueue = enqueue

    async def show(self, request: Request) -> Response:
        """Show the task; nothing changes by that."""
        return await self._shown(request)

    async def post(self, request: Request) -> Response:
        """Close it, take it, or put it off; then show it again."""
        found = self._tokens.read_task(request.path_params["token"])
        person = None if found is None else self._staff().people.get(found.person)
        if found is None or person is None:
            return self._gone(request)
        fields = await read_form(request)
        visitor = self._visitor(request, person)
        if not self._frame.forms.holds(request, fields, visitor.session):
            return self._frame.pages.notice("stale", visitor.language, 403)
        w = TASK_TEXTS[visitor.language]
        remark = fields.get("remark", "").strip()
        action = fields.get("action", "")
        asked = fields.get("outcome") if action == "close" else None
        outcome = next((one for one in BY_STAFF if one.value == asked), None)
        if action not in _ACTIONS:
            return await self._shown(request, 422, said=w["choose_action"], remark=remark)
        if action == "snooze" and fields.get("until") not in SNOOZES:
            return await self._shown(request, 422, said=w["choose_until"], remark=remark)
        if action == "close" and outcome is None:
            return await self._shown(request, 422, said=w["choose_outcome"], remark=remark)
        if len(remark) > LONGEST_REMARK:
            return await self._shown(request, 422, said=w["long_remark"], remark=remark, chosen=fields.get("outcome"))
        try:
            handled = await run_in_threadpool(self._act, found.task, person, action, fields, outcome, remark)
        except UnavailableError as error:
            log.warning("a task cannot be changed: %s", error)
            return self._frame.pages.notice("away", visitor.language, 503)
        task = handled.task
        if task is None:
            return self._gone(request)
        self._enqueue(handled.work)
        if handled.changed or (outcome is not None and _said_before(task, person, outcome, remark)):
            done = "?done=1" if action == "close" else ""
            return RedirectResponse(f"/t/{request.path_params['token']}{done}", 303)
        lost = None
        if outcome is not None:
            lost = w["not_kept"].replace("{outcome}", w[f"outcome_{outcome.value}"])
        said = self._refused(task, w, action, person)
        return await self._shown(request, 409, said=said, lost=lost, lost_remark=remark)

    def _act(
        self, task: int, person: Person, action: str, fields: dict[str, str], outcome: Outcome | None, remark: str
    ) -> Handled:
        now = self._clock.now()
        if action == "close" and outcome is not None:
            return self._tasks.close(task, outcome, person.key, now, remark)
        if action == "snooze":
            return self._tasks.snooze(task, _until(fields["until"], person, now), now, person.key)
        return self._tasks.take(task, person.key, now)

    def _refused(self, task: Task, w: Mapping[str, str], action: str, person: Person) -> str | None:
        if task.is_open:
            if action == "take" and task.assignee == person.key:
                return None
            who = self._staff().people.get(task.assignee or "")
            return w["too_late_taken"].replace("{who}", who.name if who else task.assignee or "")
        if task.closed_by == PHIN:
            return w["too_late_phin"]
        if task.closed_by == person.key:
            return w["too_late_yours"].replace("{outcome}", w[f"outcome_{task.outcome.value}"] if task.outcome else "")
        who = self._staff().people.get(task.closed_by or "")
        return w["too_late"].replace("{who}", who.name if who else task.closed_by or "")

    async def _shown(self, request: Request, status: int = 200, *, said: str | None = None, **given: Any) -> Response:
        found = self._tokens.read_task(request.path_params["token"])
        person = None if found is None else self._staff().people.get(found.person)
        if found is None or person is None:
            return self._gone(request)
        visitor = self._visitor(request, person)
        try:
            known = await run_in_threadpool(self._known, found.task)
        except UnavailableError as error:
            log.warning("a task cannot be shown: %s", error)
            return self._frame.pages.notice("away", visitor.language, 503)
        if known is None:
            return self._gone(request)
        w = TASK_TEXTS[visitor.language]
        good = said is None and request.query_params.get("done") == "1" and not known.task.is_open
        values = task_values(known, person, self._staff(), self._clock.now(), visitor.language, self._link)
        values |= {
            "said": w["thanks"] if good else said,
            "good": good,
            "w": w,
            "outcomes": [(one.value, w[f"outcome_{one.value}"]) for one in BY_STAFF],
            "snoozes": [(one, w[f"snooze_{one}"]) for one in SNOOZES],
            "lost": None,
            "lost_remark": "",
            "remark": "",
            "chosen": None,
            **given,
        }
        return self._frame.page(request, visitor, "task.html", form=True, status=status, **values)

    def _known(self, task: int) -> Dossier | None:
        with self._database.reading() as connection:
            return dossier(connection, task)

    def _link(self, task: int, person: Person) -> str:
        return f"/t/{self._tokens.task(task, person.key)}"

    def _visitor(self, request: Request, person: Person) -> Visitor:
        """Return who looks: whom the link is for, in their language unless another is asked for."""
        visitor = self._frame.visitor(request)
        return replace(visitor, language=self._frame.pages.language(request, person.language))

    def _gone(self, request: Request) -> Response:
        visitor = self._frame.visitor(request)
        w = TASK_TEXTS[visitor.language]
        return self._frame.page(
            request, visitor, "task_gone.html", status=404, title=w["gone_title"], text=w["gone_text"]
        )


def _said_before(task: Task, person: Person, outcome: Outcome, remark: str) -> bool:
    """Say whether the person closed it with these very words: a button pressed twice, so that nothing was lost."""
    return (task.closed_by, task.outcome, task.remark or "") == (person.key, outcome, remark)


def _until(word: str, person: Person, now: datetime) -> datetime:
    """Return until when a task is put off: hours by the clock, days to when the person works from that day on."""
    if word not in _DAYS:
        return now + timedelta(hours=2)
    day = (now.astimezone(person.zone) + timedelta(days=_DAYS[word])).date()
    begin = datetime(day.year, day.month, day.day, tzinfo=person.zone)
    return next_working_moment(person, begin) or begin + timedelta(hours=9)
