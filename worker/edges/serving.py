"""The web process: uvicorn on a socket of ours, which may have been opened before by `phin up`."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import FrameType
from typing import cast

import uvicorn
from starlette.types import ASGIApp

from worker.domain.settings import Settings
from worker.edges.leaving import FINISHES_WITHIN
from worker.edges.standing import listen
from worker.edges.web.guarded_http import Watch

# Seconds after which a thread that waits for Python's lock gets it. The loop hardly lets go of it while requests come
# in, and what writes hits to the disk needs it twice for each group: a group waits that long beside the disk.
SWITCHES_EACH = 0.0002
LISTEN_FD = "PHIN_LISTEN_FD"  # the listening socket that `phin up` holds: while the web process starts anew, it waits


def listener_of(settings: Settings, environment: Mapping[str, str]) -> socket.socket:
    """Return the socket to serve: the inherited one, else a new one.

    Raises:
        SettingError: the port or the address cannot be had.
    """
    inherited = environment.get(LISTEN_FD)
    if inherited:
        return socket.socket(fileno=os.dup(int(inherited)))
    return listen(settings.bind, settings.port)


def serve(app: ASGIApp, listener: socket.socket, trusted_proxies: Sequence[str] = ()) -> None:
    """Answer requests until SIGTERM, then finish those that are under way.

    uvicorn takes the signals over while it runs, and hands them on to whoever had them before when it has ended.

    Parameters:
        trusted_proxies: addresses and networks whose X-Forwarded-For tells the client's address; others' is ignored.
    """
    sys.setswitchinterval(SWITCHES_EACH)
    gc.collect()
    gc.freeze()  # what is there by now stays; going through all of it again and again keeps requests waiting
    _Server(configured(app, trusted_proxies)).run(sockets=[listener])


class _Server(uvicorn.Server):
    """Looks once a second whether it should end, and at once when it is told to; uvicorn's own looks ten times."""

    _told: asyncio.Event | None = None
    _loop: asyncio.AbstractEventLoop | None = None

    async def main_loop(self) -> None:
        """Go on until it is told to end; each tick writes the date that answers bear."""
        self._loop, self._told = asyncio.get_running_loop(), asyncio.Event()
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._told.wait(), 1.0)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End, by a signal."""
        super().handle_exit(sig, frame)
        if self._loop is not None and self._told is not None:
            self._loop.call_soon_threadsafe(self._told.set)


def configured(app: ASGIApp, trusted_proxies: Sequence[str], watch: Watch | None = None) -> uvicorn.Config:
    """Return how the application is served.

    Parameters:
        watch: over the connections; by default over as many as this process may have.
    """
    return uvicorn.Config(
        app,
        http=cast("type[asyncio.Protocol]", watch or Watch.of_this_process()),
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=list(trusted_proxies),
        timeout_graceful_shutdown=int(FINISHES_WITHIN),
        lifespan="on",
    )
