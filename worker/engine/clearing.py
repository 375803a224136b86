"""The clearing of what was kept long enough: each rule once a night, in slices, as the settings say."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import structlog

from worker.domain.settings import Settings
from worker.engine.failing import transact
from worker.storage import retention
from worker.storage.database import Database
from worker.storage.retention import RULES, Rule, Standing

_log = structlog.get_logger(__name__)


class Clearing:
    """Clears; the clock's work.

    Parameters:
        due: says whether a rule that last began then (None for never) is to begin anew now.
    """

    def __init__(
        self, database: Database, settings: Settings, due: Callable[[datetime | None, datetime], bool]
    ) -> None:
        self._database = database
        self._settings = settings
        self._due = due

    def turn(self, now: datetime, more_time: Callable[[], bool]) -> bool:
        """Take on what is under way, and begin what is due, while there is time; says whether something is left."""
        with self._database.reading() as connection:
            standings = retention.standings(connection)
        for rule in RULES:
            days = rule.days(self._settings)
            at = standings.get(rule.name, Standing())
            if days is None or not (at.under_way or self._due(at.begun_at, now)):
                continue
            if not at.under_way:
                transact(self._database, partial(retention.begin, rule=rule, now=now))
            if not self._clear(rule, timedelta(days=days), now, more_time):
                return True
        return False

    def _clear(self, rule: Rule, kept: timedelta, now: datetime, more_time: Callable[[], bool]) -> bool:
        """Take a pass on; says whether it came to its end."""
        while transact(self._database, partial(retention.clear, rule=rule, kept=kept, now=now)):
            if not more_time():
                return False
        with self._database.reading() as connection:
            cleared = retention.standings(connection)[rule.name].cleared
        if cleared:
            _log.info("what was kept long enough was cleared", rule=rule.name, rows=cleared)
        return more_time()
