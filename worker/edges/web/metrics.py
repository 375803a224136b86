"""`/metrics`: the figures for Prometheus, for whoever presents `PHIN_METRICS_KEY`, or asks from this machine.

An answer is kept for a moment, and one scrape gathers at a time, so that a flood of requests costs what one does.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from ipaddress import ip_address

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.exposition import choose_encoder
from starlette.requests import Request
from starlette.responses import Response

from worker.edges.exposition import Exposition, Seen
from worker.edges.metrics_key import MetricsKeys
from worker.edges.web.keys import Keys, refusal

KEPT_FOR = 1.0  # seconds for which an answer is given again
WITHIN = 3.0  # seconds that gathering may take; what is older is told until then
READY_WITHIN = 1.0  # seconds that finding out whether this process is ready may take
LOCAL_ONLY = "these figures are for this machine only; set PHIN_METRICS_KEY, and send it as 'Authorization: Bearer KEY'"


class Metrics:
    """The endpoint.

    Parameters:
        gather: returns what is seen now; blocks.
        fault: returns what keeps this process from taking events, or None (`worker.edges.web.health`).
        given: the keys that may read the figures; where there is none, only this machine may.
        keys: lets in who presents one of them.
    """

    def __init__(
        self,
        gather: Callable[[], Seen],
        fault: Callable[[], Awaitable[str | None]],
        given: MetricsKeys,
        keys: Keys,
    ) -> None:
        self._gather = gather
        self._fault = fault
        self._given = given
        self._keys = keys
        self._thread = ThreadPoolExecutor(1, "metrics")
        self._gathering: asyncio.Task[Seen] | None = None
        self._seen = Seen()
        self._seen_at = float("-inf")
        self._ready = True

    async def get(self, request: Request) -> Response:
        """Tell the figures."""
        if self._given.digests:
            admitted = self._keys.admit(request)
            if isinstance(admitted, Response):
                return admitted
        elif not _asked_here(request):
            return refusal(401, LOCAL_ONLY, {"WWW-Authenticate": 'Bearer realm="phin metrics"'})
        seen = await self._now()
        registry = CollectorRegistry()
        registry.register(Exposition(seen))
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=registry)
        encode, kind = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(registry), headers={"Cache-Control": "no-store"}, media_type=kind)

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _now(self) -> Seen:
        """Return what was seen a moment ago, or what is seen now; who asks while another gathers waits for that."""
        if time.monotonic() - self._seen_at < KEPT_FOR:
            return self._seen
        if self._gathering is None or self._gathering.done():
            self._gathering = asyncio.create_task(self._look())
        with suppress(TimeoutError):
            return await asyncio.wait_for(asyncio.shield(self._gathering), WITHIN)
        late = Seen()
        late.put("database_up", 0)
        late.put("ready", 0)
        return late

    async def _look(self) -> Seen:
        loop = asyncio.get_running_loop()
        seen, _ = await asyncio.gather(loop.run_in_executor(self._thread, self._gather), self._ask())
        seen.put("ready", self._ready)
        self._seen, self._seen_at = seen, time.monotonic()
        return seen

    async def _ask(self) -> None:
        """Find out whether this process is ready; where that takes too long, what was known last holds."""
        with suppress(TimeoutError):
            self._ready = await asyncio.wait_for(self._fault(), READY_WITHIN) is None


def _asked_here(request: Request) -> bool:
    """Say whether this machine asks, by a name that can only be its own, and no proxy speaks for another."""
    forwarded = any(name in request.headers for name in ("x-forwarded-for", "forwarded", "x-real-ip"))
    client = request.client is not None and _is_this_machine(request.client.host)
    return client and not forwarded and _is_this_machine(request.url.hostname)


def _is_this_machine(name: str | None) -> bool:
    if name is None:
        return False
    if name == "localhost":
        return True
    try:
        return ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False
