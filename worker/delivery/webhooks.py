"""Webhooks told: taken in hand in batches, signed, posted side by side, settled by what was answered."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from worker.delivery.open_internet import Poster
from worker.domain.journeys import TraceEntry, TraceKind
from worker.domain.webhooks import Answer, Verdict, WebhookState, judge, signature
from worker.domain.work import Work
from worker.storage import traces, webhooks
from worker.storage.database import Database
from worker.storage.flowbook import FlowBook
from worker.storage.webhooks import WebhookRow

AT_ONCE = 16  # webhooks taken in hand, and posted side by side
LEASE = timedelta(minutes=5)  # after which somebody else takes what was taken in hand and not settled

_log = structlog.get_logger(__name__)


class Times(Protocol):
    """What tells the time."""

    def now(self) -> datetime:
        """Return the shop's time."""

    def machine(self) -> datetime:
        """Return the machine's own time, which is what a receiver compares with its own."""


class Webhooks:
    """Tells other systems.

    Parameters:
        keys: that sign; several while receivers change over.
        timeout: seconds that an answer may take.
    """

    def __init__(
        self,
        database: Database,
        flowbook: FlowBook,
        keys: tuple[bytes, ...],
        times: Times,
        *,
        allow_private: bool = False,
        timeout: float = 15.0,
    ) -> None:
        self._database = database
        self._flowbook = flowbook
        self._keys = keys
        self._times = times
        self._poster = Poster(allow_private=allow_private, timeout=timeout)

    def run(self, ids: Sequence[int]) -> Work:
        """Tell those of these webhooks that may be told now, in rounds of some; returns those that are left."""
        token = secrets.token_hex(8)
        now = self._times.now()
        with self._database.writing() as connection:
            catalogue = self._flowbook.follow(connection)
            flows = () if catalogue.all_held else tuple(catalogue.sending)
            taken = webhooks.claim(connection, ids, token=token, until=now + LEASE, now=now, flows=flows, limit=AT_ONCE)
        if not taken:
            return Work()
        with ThreadPoolExecutor(len(taken), "webhook") as pool:
            answers = list(pool.map(self._post, taken))
        for row, answer in zip(taken, answers, strict=True):
            self._settle(row, token, answer)
        done = {row.id for row in taken}
        return Work(webhooks=tuple(number for number in ids if number not in done))

    def close(self) -> None:
        """Close the connections."""
        self._poster.close()

    def _post(self, row: WebhookRow) -> Answer:
        body, at = row.body.encode(), self._times.machine()
        headers = {
            "content-type": "application/json",
            "user-agent": "Phin",
            "webhook-id": row.key,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": signature(self._keys, row.key, at, body),
        }
        return self._poster.post(row.url, headers, body)

    def _settle(self, row: WebhookRow, token: str, answer: Answer) -> None:
        now = self._times.now()
        verdict = judge(row.key, row.attempts, answer, now)
        with self._database.writing() as connection:
            ours = webhooks.settle(connection, row.id, token, verdict, answer, now)
            if ours and verdict.state is not WebhookState.QUEUED:
                traces.append(connection, row.journey_id, [_entry(row, verdict, answer)], now)
        if verdict.state is not WebhookState.DELIVERED:
            say = _log.error if verdict.state is WebhookState.FAILED else _log.warning
            say("a webhook was not taken", webhook=row.id, flow=row.flow, step=row.step, answer=answer.told[:80])


def _entry(row: WebhookRow, verdict: Verdict, answer: Answer) -> TraceEntry:
    detail = {"url": row.url, verdict.state.value: answer.told, "tries": row.attempts}
    return TraceEntry(TraceKind.WEBHOOK, row.step, detail)
