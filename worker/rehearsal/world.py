"""A shop in memory: engine and delivery as in production, on a database that forgets, with a clock moved by hand."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import update

from worker.delivery.hits import Hits
from worker.delivery.preparing import Preparing
from worker.delivery.sender import Mailroom
from worker.delivery.sending import Sending
from worker.delivery.templates.library import TemplateLibrary
from worker.delivery.tokens import Tokens
from worker.delivery.transport import Answer, Journal, Outcome, Outgoing
from worker.domain.calendars.occurrences import Seasons
from worker.domain.chance import ByHash
from worker.domain.event_check import EventRules
from worker.domain.flows import Flow, FlowStatus
from worker.domain.journeys import Journey
from worker.domain.segments import Segment
from worker.domain.settings import Settings
from worker.domain.staff import Staff
from worker.domain.steps import Branch, Split
from worker.domain.work import Work
from worker.engine.finding import Finding
from worker.engine.processing import Processing
from worker.engine.publishing import Source, publish
from worker.engine.reminders import Reminders
from worker.engine.segment_publishing import publish_segments
from worker.engine.segments import Segments
from worker.engine.stepping import Stepping
from worker.engine.surroundings import Surroundings
from worker.engine.tasks import Tasks
from worker.rehearsal.still_flows import StillFlowBook
from worker.storage.memory import MemoryDatabase
from worker.storage.tables import trigger_start

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)  # when the flows and segments were published
_SECRET = b"what signs the links of mails that nobody gets"
_INSTANT = timedelta(microseconds=1)

# Everything that the clock would find, now or later, with the time at which it would: one customer has few rows.
# Not a journey that is held back (it waits with a reason, and no attempt of it failed): production tries it again each
# hour, since somebody may fill the pool or name the person; here nobody does, and only a new fact has it looked at.
_PENDING = """
    SELECT 'journey', id, look_at FROM journey
        WHERE state = 'waiting' AND look_at IS NOT NULL AND (reason IS NULL OR attempts > 0)
    UNION ALL SELECT 'journey', id, 0 FROM journey WHERE state = 'waiting' AND look_again
    UNION ALL SELECT 'message', id, not_before FROM message WHERE state = 'queued'
    UNION ALL SELECT 'event', id, coalesce(not_before, 0) FROM event WHERE state = 'received'
"""
_WITH_STAFF = f"""{_PENDING}
    UNION ALL SELECT 'reminder', id, due_at FROM task_reminder WHERE settled_at IS NULL
    UNION ALL SELECT 'reminder', id, 0 FROM task WHERE look_again
"""


@dataclass(frozen=True, slots=True)
class ShopFiles:
    """What the shop's folder says, read.

    Parameters:
        flows: those that can be used, by name, with their texts.
        templates: their folder.
        cache: where what was compiled of them is kept for the next time, or None.
    """

    settings: Settings
    flows: Mapping[str, Source]
    segments: Mapping[str, Segment]
    seasons: Seasons
    staff: Staff
    templates: Path
    cache: Path | None = None


class Chosen(ByHash):
    """Chance as a test says it: everybody is in the holdout, or nobody; a split's way where one is named."""

    def __init__(self) -> None:
        self.control = False
        self.branches: Mapping[str, str] = {}

    def branch(self, split: Split, journey: Journey) -> Branch:
        """Return the way that is named for a split, else the one that falls to the journey."""
        named = self.branches.get(split.name)
        return next((one for one in split.branches if one.name == named), None) or super().branch(split, journey)

    def sets_aside(self, flow: str, customer_id: int, holdout: float) -> bool:  # noqa: ARG002 -- as `Chance` has it
        """Say whether a customer is set aside."""
        return self.control and holdout > 0


class Postbag:
    """A transport that keeps every mail."""

    def __init__(self) -> None:
        self.mails: dict[int, Outgoing] = {}

    def send(self, mails: Sequence[Outgoing], journal: Journal) -> Iterator[Answer]:
        """Take the mails."""
        for mail in mails:
            journal.handing(mail.message)
            self.mails[mail.message] = mail
            answer = Answer(mail.message, Outcome.ACCEPTED, 250, "kept")
            journal.answered(answer)
            yield answer

    def close(self) -> None:
        """Close nothing."""


@dataclass(slots=True)
class Pending:
    """What waits for its time.

    Parameters:
        due: what could be done now.
        reminders: whether staff are to be told of something now.
        next: when the next of the rest is due; None where nothing is left.
    """

    due: Work = field(default_factory=Work)
    reminders: bool = False
    next: datetime | None = None


class World:
    """One shop in memory, for one thread; used by one test after another.

    Parameters:
        files: what the shop's folder says.
    """

    def __init__(self, files: ShopFiles) -> None:
        self.files = files
        self.settings = settings = files.settings
        self.now_ = LONG_AGO
        self.rules = EventRules.of(settings)
        self.chance = Chosen()
        self.post = Postbag()
        self.database = database = MemoryDatabase()
        self.flowbook = book = StillFlowBook()
        self._folder = Path(tempfile.mkdtemp(prefix="phin-test-"))
        # the mail that confirms a refusal is no flow's, and has no place in what a flow did
        silent = settings.policy.model_copy(update={"refusal_confirmed": False})
        of_flows = settings.model_copy(update={"policy": silent})
        self._processing = Processing(database, book, of_flows, self.staff, self.chance)
        self._stepping = Stepping(database, book, settings, self.staff, self.chance)
        self._hits = Hits(database)
        self.tasks = Tasks(database, settings, self.staff)
        templates = TemplateLibrary(
            files.templates, settings.shop, fields=settings.fields, cache=files.cache, monotonic=lambda: 0.0
        )
        preparing = Preparing(settings, templates, Tokens([_SECRET]), self.staff)
        at_once = settings.model_copy(update={"smtp_url": None})  # what relays and rates would hold back goes
        self._sending = Sending(Mailroom(database, book, preparing, lambda _: self.post, self._folder, at_once, self))
        self._published: dict[str, Source] = {}
        self._running: frozenset[str] | None = None
        self._finding = self._new_finding()
        self._segments = Segments(database, book, settings, self.chance)
        self._reminders = Reminders(database, book, settings, self.staff)
        publish_segments(database, files.segments, frozenset(), settings.rfm.limits, LONG_AGO)
        self.keep_segments()
        self.around = Surroundings.of(settings, book.segments, self.staff, self.chance)

    def now(self) -> datetime:
        """Return the time as it was set."""
        return self.now_

    def machine(self) -> datetime:
        """Return the same: a lease is never over."""
        return self.now_

    def staff(self) -> Staff:
        """Return the staff of the shop's file."""
        return self.files.staff

    @contextmanager
    def play(self, names: Collection[str], first: datetime, begins: datetime) -> Iterator[None]:
        """Have these flows live and a time begin at which nothing has happened; all of it is undone at the end.

        Parameters:
            first: the time then.
            begins: from when on triggers of the clock count.
        """
        if self._running != frozenset(names):
            self._run(names)
            self._running = frozenset(names)
        with self.database.undone():
            self.now_ = first
            self._finding = self._new_finding()
            if self.flowbook.timed:
                with self.database.writing() as connection:
                    connection.execute(update(trigger_start).values(since=begins - _INSTANT))
            yield
            self.post.mails.clear()

    def follow(self, work: Work) -> None:
        """Do the work, and what comes of it, until nothing does."""
        while work:
            now = self.now_
            following = Work()
            if work.events:
                following += self._processing.run(work.events, now)
            if work.hits:
                following += self._hits.run(work.hits, now)
            if work.journeys:
                following += self._stepping.run(work.journeys, now)
            if work.messages:
                following += self._sending.run(work.messages)
            work = following

    def pending(self) -> Pending:
        """Return what is due and what comes next."""
        found = Pending()
        ids: dict[str, list[int]] = {"journey": [], "message": [], "event": []}
        moment = (self.now_ - LONG_AGO) // _INSTANT
        coming: list[int] = []
        with self.database.reading() as connection:
            asked = connection.exec_driver_sql(_WITH_STAFF if self.flowbook.with_staff else _PENDING)
            for kind, number, at in asked:
                if at > moment:
                    coming.append(at)
                elif kind == "reminder":
                    found.reminders = True
                elif number not in ids[kind]:
                    ids[kind].append(number)
        found.due = Work(tuple(ids["event"]), tuple(ids["journey"]), tuple(ids["message"]))
        found.next = LONG_AGO + min(coming) * _INSTANT if coming else None
        return found

    def remind(self) -> None:
        """Tell staff what is due, and close the tasks whose condition came true."""
        self.follow(self._reminders.run(self.now_))

    def find(self) -> int:
        """Look whether a turn of a trigger of the clock has come; returns how many entered."""
        return self._finding.run(self.now_)

    def keep_segments(self) -> None:
        """Look who came into a segment."""
        more = True
        while more:
            work, more = self._segments.turn(self.now_)
            self.follow(work)

    def close(self) -> None:
        """Forget everything."""
        self._sending.close()
        self.database.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, names: Collection[str]) -> None:
        """Have these flows run, whatever the status of their files; each is published when it is first needed."""
        files = self.files.flows
        if new := [name for name in names if name not in self._published]:
            self._published |= {name: Source(_live(files[name].flow), files[name].text) for name in new}
            publish(self.database, self._published, frozenset(), LONG_AGO)
            with self.database.reading() as connection:
                self.flowbook.read(connection)
        self.flowbook.run(names)

    def _new_finding(self) -> Finding:
        seasons = self.files.seasons
        return Finding(self.database, self.flowbook, self.settings, lambda: seasons, chance=self.chance)


def _live(flow: Flow) -> Flow:
    return replace(flow, status=FlowStatus.LIVE)
