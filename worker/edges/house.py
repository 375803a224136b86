"""The composition: what one process of Phin is made of, put together once, in one place."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cached_property
from importlib import metadata
from pathlib import Path

import structlog
from sqlalchemy import Connection

from worker.delivery.bounces.recording import Bounces
from worker.delivery.hits import Hits
from worker.delivery.outbox import OutboxTransport
from worker.delivery.preparing import Preparing
from worker.delivery.recovery import Recovery
from worker.delivery.relay_health import RelayHealth
from worker.delivery.sender import Mailroom
from worker.delivery.sending import Sending
from worker.delivery.smtp import SmtpTransport
from worker.delivery.smtp_relay import parse_relays
from worker.delivery.templates.library import TemplateLibrary
from worker.delivery.tokens import Tokens
from worker.delivery.traffic_plan import TrafficPlan
from worker.delivery.transport import Transport
from worker.delivery.webhooks import Webhooks
from worker.domain.conditions.vocabulary import Vocabulary
from worker.domain.customers import Customer
from worker.domain.errors import Problem, UnavailableError
from worker.domain.pseudonyms import Pseudonyms
from worker.domain.relays import named_urls
from worker.domain.work import Work
from worker.edges.banner import near
from worker.edges.dkim_keys import dkim_signer
from worker.edges.environment import Home
from worker.edges.gathering import database_version
from worker.edges.imap_address import parse_mailbox
from worker.edges.jobs import Job
from worker.edges.metrics_key import MetricsKeys, read_metrics_keys
from worker.edges.movable_clock import Clock
from worker.edges.provider_keys import ProviderKeys, read_provider_keys
from worker.edges.queue import Queue, open_queue
from worker.edges.seasons import FollowedSeasons
from worker.edges.secrets import Secrets, read_secrets
from worker.edges.staff import followed_staff
from worker.edges.var import TEMPLATES_KEPT, open_var
from worker.engine.asking import ask_now
from worker.engine.finding import Finding
from worker.engine.in_hand import Hands, blame_the_dead
from worker.engine.processing import Processing
from worker.engine.reminders import Reminders
from worker.engine.rush import NO_RUSH, Rush
from worker.engine.segments import Segments
from worker.engine.stepping import Stepping
from worker.engine.surroundings import Surroundings
from worker.engine.tasks import Tasks
from worker.language.config.seasons import SEASONS_FILE
from worker.language.config.segments import SEGMENTS_FILE, SegmentFile, read_segments
from worker.language.config.staff import FILE as STAFF_FILE
from worker.language.library import flow_names
from worker.storage.database import Database
from worker.storage.due import due_work
from worker.storage.flowbook import FlowBook
from worker.storage.stories import Asked

LONG_LOG = 16_000_000  # bytes
STINT = 0.5  # seconds of one tick for the segments, so that half of the time is left for other work

_log = structlog.get_logger(__name__)


class House:
    """Everything that one process works with; its parts are made when they are first asked for.

    Parameters:
        home: the shop's folder and settings.
        secrets, clock, queue: by default those of the home folder. waited_for: what the database is told of writers.
    """

    def __init__(
        self,
        home: Home,
        *,
        secrets: Secrets | None = None,
        clock: Clock | None = None,
        queue: Queue | None = None,
        waited_for: bool = False,
    ) -> None:
        self.home = home
        self.settings = home.settings
        open_var(self.settings.var)
        self.secrets = secrets or read_secrets(home.environment, self.settings.var)
        self.signer = dkim_signer(self.settings, home.environment)
        self.clock = clock or Clock(self.settings.var / "clock")
        self.queue = queue or open_queue(self.settings.redis_url)
        self.database = Database(home.database_url, pool=self.settings.queue.threads + 2, waited_for=waited_for)
        self.flowbook = FlowBook()
        self.hands = Hands(self.settings.var / "run" / "hands")
        beside = self.database.on_this_machine and not self.database.is_sqlite  # whose lock says who goes first
        self.precedence = Rush(self.settings.var / "run" / "rush") if beside else NO_RUSH
        self.staff = followed_staff(home)
        self.seasons = FollowedSeasons(home.config / SEASONS_FILE)
        if self.settings.bounces.imap_url:
            parse_mailbox(self.settings.bounces.imap_url)  # like the relays: told at the start
        if self.settings.smtp_url:
            parse_relays(self.settings.smtp_url)  # what cannot be used is told at the start, not at the first mail
            TrafficPlan.of(self.settings)

    @property
    def vocabulary(self) -> Vocabulary:
        """What conditions may name, as the shop's files are now."""
        vocabulary = Vocabulary.of(self.settings, segments=self.read_segments().names)
        return replace(vocabulary, staff=self.staff.words(), seasons=self.seasons.read().names)

    def read_segments(self) -> SegmentFile:
        """Return the segments of the file as it is now, with their problems."""
        path = self.home.config / SEGMENTS_FILE
        return read_segments(path, near(path), Vocabulary.of(self.settings, flows=flow_names(self.settings.flows)))

    @property
    def beside_flows(self) -> dict[Path, Callable[[], Sequence[Problem]]]:
        """The files that flows name things of, with what says what is wrong with each."""
        config = self.home.config
        return {
            config / STAFF_FILE: self.staff.problems,
            config / SEGMENTS_FILE: lambda: self.read_segments().problems,
            config / SEASONS_FILE: lambda: self.seasons.read().problems,
        }

    @cached_property
    def segments(self) -> Segments:
        """Keeps who is in which segment; the clock's work."""
        return Segments(self.database, self.flowbook, self.settings)

    def keep_segments(self) -> None:
        """Look at customers whose facts changed, and take passes over all of them further, for one stint."""
        until = time.monotonic() + STINT
        more = True
        while more and time.monotonic() < until:
            work, more = self.segments.turn(self.clock.now())
            self.queue.enqueue(work)

    def finding(self, stopping: Callable[[], bool]) -> Finding:
        """Return what finds the customers of triggers of the clock; the clock's work.

        Parameters:
            stopping: says whether to leave off.
        """
        return Finding(self.database, self.flowbook, self.settings, self.seasons, stopping=stopping)

    def surroundings(self) -> Surroundings:
        """Return what conditions are read with, the published segments among it."""
        return Surroundings.of(self.settings, self.flowbook.segments, self.staff)

    def ask_now(self, connection: Connection, customer: Customer) -> dict[str, list[Asked]]:
        """Return what the flows that find their customers themselves say of one now."""
        return ask_now(connection, self.flowbook, self.settings, customer, self.seasons(), self.clock.now())

    @cached_property
    def tokens(self) -> Tokens:
        """Makes and reads what stands in links."""
        return Tokens(self.secrets.signing)

    @cached_property
    def pseudonyms(self) -> Pseudonyms:
        """Makes the keyed hashes of who was erased."""
        return Pseudonyms(self.secrets.signing)

    @cached_property
    def templates(self) -> TemplateLibrary:
        """The templates, followed as their files change."""
        settings = self.settings
        kept = settings.var / TEMPLATES_KEPT
        return TemplateLibrary(settings.templates, settings.shop, fields=settings.fields, cache=kept)

    @cached_property
    def sending(self) -> Sending:
        """The senders of this process."""
        room = Mailroom(
            self.database,
            self.flowbook,
            Preparing(self.settings, self.templates, self.tokens, self.staff, self.signer),
            self.transport,
            self.settings.var / "journals",
            self.settings,
            self.clock,
        )
        return Sending(room)

    @cached_property
    def metrics_keys(self) -> MetricsKeys:
        """Who may read the figures."""
        return read_metrics_keys(self.home.environment)

    @cached_property
    def provider_keys(self) -> ProviderKeys:
        """What the webhooks of mail providers are checked with."""
        return read_provider_keys(self.home.environment)

    @cached_property
    def bounces(self) -> Bounces:
        """Takes reports of mails that came back."""
        return Bounces(self.database, self.tokens, self.settings.bounces)

    @cached_property
    def webhooks(self) -> Webhooks:
        """Tells other systems what flows have for them."""
        told, about = self.settings.webhooks, (self.database, self.flowbook, self.secrets.webhook, self.clock)
        return Webhooks(*about, allow_private=told.allow_private, timeout=told.timeout)

    @cached_property
    def relay_health(self) -> Mapping[str, RelayHealth]:
        """What this process's senders learn of each relay, by its name."""
        return {name: RelayHealth(str(relay)) for name, relay in parse_relays(self.settings.smtp_url or "").items()}

    @cached_property
    def hits(self) -> Hits:
        """Tells people's opens and clicks from machines'."""
        rules, too_soon = self.settings.attribution.rules, timedelta(seconds=self.settings.tracking.too_soon)
        return Hits(self.database, too_soon=too_soon, crediting=rules)

    @cached_property
    def runners(self) -> dict[Job, Callable[[Sequence[int]], Work]]:
        """What does each kind of work, at the time of the house's clock."""
        about = (self.database, self.flowbook, self.settings, self.staff)
        processing = Processing(*about, pseudonyms=self.pseudonyms, hands=self.hands, precedence=self.precedence)
        stepping = Stepping(*about, hands=self.hands)
        hits = self.hits
        return {
            Job.PROCESS_EVENTS: lambda ids: processing.run(ids, self.clock.now()),
            Job.PROCESS_HITS: lambda ids: hits.run(ids, self.clock.now()),
            Job.STEP_JOURNEYS: lambda ids: stepping.run(ids, self.clock.now()),
            Job.SEND_MESSAGES: self.sending.run,
            Job.SEND_WEBHOOKS: self.webhooks.run,
        }

    @cached_property
    def tasks(self) -> Tasks:
        """What staff do with their tasks."""
        return Tasks(self.database, self.settings, self.staff)

    @cached_property
    def reminders(self) -> Reminders:
        """Tells staff what is due; the clock's work."""
        return Reminders(self.database, self.flowbook, self.settings, self.staff)

    def remind(self) -> None:
        """Write the mails to staff that are due, and close the tasks whose condition came true."""
        self.queue.enqueue(self.reminders.run(self.clock.now()))

    @property
    def captures_mail(self) -> bool:
        """Whether mail is kept in the outbox instead of being sent."""
        return self.settings.smtp_url is None

    def transport(self, relay: str) -> Transport:
        """Return a new transport, for one sender: that of the relay of this name, or the outbox."""
        if self.settings.smtp_url is None:
            return OutboxTransport(self.settings.var / "outbox")
        url = named_urls(self.settings.smtp_url)[relay]
        return self.relay_health[relay].watch(SmtpTransport(url, timeout=self.settings.sending.timeout))

    def due(self, limit: int) -> Work:
        """Return what could be done now, at most so many rows of each kind."""
        now, hinted = self.clock.now(), self.queue.hinted
        with self.database.reading() as connection:
            return due_work(connection, self.flowbook.follow(connection), now, limit, hinted)

    def blame_the_dead(self) -> None:
        """Count a try for what processes died of: before anything is taken in hand, and again and again."""
        try:
            blame_the_dead(self.database, self.settings.var / "run" / "hands", self.clock.now())
        except UnavailableError as error:
            _log.warning("what processes died of has to wait", why=str(error))

    def recover(self, *, leases: bool = True) -> None:
        """Settle what dead senders left on this machine and, by their `leases`, elsewhere; tell who waits for it."""
        self.blame_the_dead()
        recovery = Recovery(self.database, self.settings.var / "journals", self.settings.sending)
        self.queue.enqueue(recovery.run(self.clock.now(), self.clock.machine() if leases else None).work)

    def checkpoint(self) -> None:
        """Cut SQLite's log short where it has grown; a reader that stayed long keeps SQLite from doing so itself."""
        path = self.database.engine.url.database if self.database.is_sqlite else None
        log = Path(f"{path}-wal")
        if path is None or not log.exists() or log.stat().st_size < LONG_LOG:
            return
        connection = self.database.engine.raw_connection()  # outside of any transaction
        try:
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            connection.close()

    def database_name(self) -> str:
        """Return the database's name and version, `SQLite 3.53.4`."""
        with self.database.reading() as connection:
            return database_version(connection)

    def close(self) -> None:
        """Close what is open."""
        if "sending" in self.__dict__:
            self.sending.close()
        if "webhooks" in self.__dict__:
            self.webhooks.close()
        self.hands.close()
        self.queue.close()
        self.database.close()


def version() -> str:
    """Return Phin's own version."""
    return metadata.version("phin")
