"""What one sender learns of relays and domains from answers, and writes into the breakers that all processes share.

Only refusals cost anything: a mail that is taken is looked at twice only where something was refused before.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from worker.delivery.transport import Answer, Outcome
from worker.domain.addresses import masked
from worker.domain.answers import Reach, Stage, class_answer
from worker.domain.breakers import MUTE_IN_A_ROW, Breaker, BreakerState, Key, Strike, passed, struck
from worker.storage import relays
from worker.storage.relays import LastAnswer

TOLD_EVERY = timedelta(seconds=10)  # the last answer of one kind is written no more often
_OF_RECIPIENT = (Stage.RCPT, Stage.DATA, Stage.DOT)
_UNANSWERED = (Stage.RCPT, Stage.DATA)
_LONGEST = 300  # characters of an answer that are kept

_log = structlog.get_logger(__name__)


class Struck:
    """The breakers as one sender knows them, with what it has learned and not written yet."""

    def __init__(self) -> None:
        self._seen: dict[Key, Breaker] = {}
        self._learned: list[tuple[Key, int, Strike | None, datetime]] = []
        self._answers: dict[tuple[str, str], LastAnswer] = {}
        self._told_at: dict[tuple[str, str], datetime] = {}
        self._before: tuple[int | None, str] | None = None
        self._answered = 0
        self._mute: dict[str, set[int]] = {}  # by relay: mails in a row that it said no word to

    def look(self, connection: Connection, domains: Collection[str]) -> None:
        """Read what is known of these domains; once a batch."""
        self._seen = relays.breakers(connection, domains)

    @property
    def any(self) -> bool:
        """Whether anything was refused of late."""
        return bool(self._seen)

    def due(self, now: datetime) -> list[Breaker]:
        """Return the breakers that want a probe."""
        return [one for one in self._seen.values() if one.wants_probe(now)]

    def stopping(self, relay: str, domain: str) -> Breaker | None:
        """Return what keeps mails to this receiver from going by this relay, or None; one that wants a probe does."""
        shut = self.of(relay, domain)
        return max(shut, key=lambda one: one.until or one.changed_at) if shut else None

    def of(self, relay: str, domain: str) -> list[Breaker]:
        """Return the breakers of this relay, as a whole and for this receiver, that are not closed."""
        if not self._seen:
            return []
        found = (self._seen.get(Key(relay)), self._seen.get(Key(relay, domain)))
        return [one for one in found if one is not None and one.until is not None]

    def put(self, breaker: Breaker) -> None:
        """Take over what this sender has just written itself."""
        self._seen[breaker.key] = breaker

    def begin(self) -> None:
        """Say that another group is handed over."""
        self._before, self._answered = None, 0

    def note(self, relay: str, domain: str, answer: Answer, now: datetime) -> None:
        """Learn from one answer."""
        self._remember(relay, answer, now)
        first, before = self._answered == 0, self._before
        self._answered += 1
        self._before = None
        doubted = self._mute.get(relay)
        if answer.code is not None and not answer.ours:
            self._mute.pop(relay, None)
        if answer.outcome is Outcome.ACCEPTED:
            if self._seen:
                self._note_taken(relay, domain, answer.message, now)
            return
        if answer.outcome is Outcome.UNKNOWN or answer.ours:
            return
        self._before = (answer.code, answer.text)
        if answer.stage is Stage.CONNECT and before == self._before:
            return  # the same event as the answer before: nobody was told of this mail
        verdict = class_answer(answer.code, answer.text, answer.stage)
        if verdict.reach is Reach.MAIL:
            if self._seen and answer.code is not None and answer.stage in _OF_RECIPIENT:
                self._note_taken(relay, domain, answer.message, now)  # an answer about a mailbox is no refusal of us
            return
        key = Key(relay, domain) if verdict.reach is Reach.DOMAIN else Key(relay)
        certain = verdict.certain and (first or bool(doubted) or answer.stage is not Stage.CONNECT)
        if answer.code is None and answer.stage in _UNANSWERED:
            mute = self._mute.setdefault(relay, set())
            mute.add(answer.message)
            certain = len(mute) >= MUTE_IN_A_ROW
            if not certain and not self.of(relay, domain):
                return  # it may be this mail alone: the next ones tell
        words = masked(answer.text)[:_LONGEST]
        strike = Strike(answer.message, certain, answer.code is None or answer.code < 500, answer.code, words)
        self._learned.append((key, answer.message, strike, now))
        self._seen[key] = struck(self._seen.get(key), key, strike, now)

    def write(self, connection: Connection, now: datetime) -> None:
        """Write what was learned, in the transaction that settles those mails."""
        if self._learned:
            held = relays.hold_breakers(connection, {key.domain for key, *_ in self._learned})
            changed: dict[Key, Breaker | None] = {}
            for key, message, strike, at in self._learned:
                one = changed.get(key, held.get(key))
                if strike is not None:
                    changed[key] = struck(one, key, strike, at)
                elif one is not None:
                    changed[key] = passed(one, message)
            relays.put_breakers(connection, changed, now)
            for key, after in changed.items():
                _tell(key, held.get(key), after)
        fresh = [
            one
            for kind, one in self._answers.items()
            if kind not in self._told_at or abs(now - self._told_at[kind]) >= TOLD_EVERY
        ]
        if fresh:
            relays.note_answers(connection, fresh)
            self._told_at |= {(one.relay, one.outcome): now for one in fresh}

    def written(self) -> None:
        """Say that what was written is committed."""
        self._learned.clear()
        self._answers.clear()

    def _note_taken(self, relay: str, domain: str, message: int, now: datetime) -> None:
        for key in (Key(relay), Key(relay, domain)):
            one = self._seen.get(key)
            if one is None:
                continue
            self._learned.append((key, message, None, now))
            left = passed(one, message)
            if left is None:
                del self._seen[key]

    def _remember(self, relay: str, answer: Answer, now: datetime) -> None:
        outcome = answer.outcome.value
        told = self._told_at.get((relay, outcome))
        if told is None or now - told >= TOLD_EVERY:
            text = masked(answer.text)[:_LONGEST]
            self._answers[relay, outcome] = LastAnswer(relay, outcome, answer.code, text, now)


def _tell(key: Key, before: Breaker | None, after: Breaker | None) -> None:
    """Log what opened and closed, a domain at a time; of a relay as a whole `RelayHealth` tells."""
    if not key.domain:
        return
    was = before is not None and before.state is not BreakerState.CLOSED
    if after is not None and after.state is BreakerState.OPEN and (before is None or before.opened != after.opened):
        why = f"{after.code or ''} {after.answer}".strip()
        until = None if after.until is None else after.until.isoformat()
        _log.warning("a domain does not take our mail", domain=key.domain, relay=key.relay, until=until, why=why)
    elif was and after is None:
        _log.info("the domain takes our mail again", domain=key.domain, relay=key.relay)
