"""What the web application needs of the house that it is part of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol

from worker.delivery.templates.library import TemplateLibrary
from worker.delivery.tokens import Tokens
from worker.domain.calendars.occurrences import Seasons
from worker.domain.conditions.vocabulary import Vocabulary
from worker.domain.settings import Settings
from worker.domain.staff import StaffOf
from worker.domain.work import Work
from worker.edges.metrics_key import MetricsKeys
from worker.edges.provider_keys import ProviderKeys
from worker.edges.queue_standing import Waiting
from worker.edges.secrets import Secrets
from worker.edges.web.flow_files import Beside
from worker.engine.rush import Precedence
from worker.storage.database import Database
from worker.storage.flowbook import FlowBook


class _Queue(Protocol):
    def enqueue(self, work: Work, parts: int = 1) -> object: ...

    def reachable(self) -> bool: ...

    def standing(self) -> Mapping[str, Waiting] | None: ...


class _Clock(Protocol):
    def now(self) -> datetime: ...

    def machine(self) -> datetime: ...


class Composed(Protocol):
    """What the web needs of the house."""

    @property
    def settings(self) -> Settings:
        """The shop's settings."""

    @property
    def secrets(self) -> Secrets:
        """Keys of the shop and of the links."""

    @property
    def database(self) -> Database:
        """The database."""

    @property
    def clock(self) -> _Clock:
        """The shop's time."""

    @property
    def precedence(self) -> Precedence:
        """What lets processing make way for many events at once."""

    @property
    def queue(self) -> _Queue:
        """Where work for others is announced."""

    @property
    def tokens(self) -> Tokens:
        """What reads links."""

    @property
    def vocabulary(self) -> Vocabulary:
        """What conditions may name."""

    @property
    def templates(self) -> TemplateLibrary:
        """The templates."""

    @property
    def flowbook(self) -> FlowBook:
        """The published flows."""

    @property
    def seasons(self) -> Callable[[], Seasons]:
        """What returns the shop's seasons as they are now."""

    @property
    def staff(self) -> StaffOf:
        """What returns the people of `config/staff.yaml`."""

    @property
    def beside_flows(self) -> Beside:
        """The files that flows name things of, with what says what is wrong with each."""

    @property
    def provider_keys(self) -> ProviderKeys:
        """What the webhooks of mail providers are checked with."""

    @property
    def metrics_keys(self) -> MetricsKeys:
        """Who may read the figures."""

    @property
    def captures_mail(self) -> bool:
        """Whether mail is kept in the outbox instead of being sent."""
