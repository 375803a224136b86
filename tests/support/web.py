"""The web application on a database of the test's, spoken to in this process or by a real server."""

from __future__ import annotations

import hashlib
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette

from tests.support.clock import HandClock
from worker.delivery.templates.library import TemplateLibrary
from worker.delivery.tokens import Tokens
from worker.domain.calendars.occurrences import Seasons
from worker.domain.conditions.vocabulary import Vocabulary
from worker.domain.settings import Settings
from worker.domain.staff import StaffOf, nobody
from worker.domain.work import Work
from worker.edges.metrics_key import MetricsKeys
from worker.edges.provider_keys import ProviderKeys
from worker.edges.queue_standing import Waiting
from worker.edges.secrets import IngestKey, Secrets
from worker.edges.web.app import build_app
from worker.edges.web.flow_files import Beside
from worker.engine.rush import NO_RUSH, Precedence
from worker.storage.database import Database
from worker.storage.flowbook import FlowBook

KEY = "the-key-of-the-shop-1234"
OTHER_KEY = "the-key-of-the-till-5678"
SIGNING = b"a secret that signs the links of tests"
BASE = "http://127.0.0.1:8787"


@dataclass
class Told:
    """A queue that writes down what it is told."""

    work: list[Work] = field(default_factory=list)
    answers: bool = True

    def enqueue(self, work: Work, parts: int = 1) -> bool:
        self.work.append(work)
        return self.answers

    def reachable(self) -> bool:
        return self.answers

    def standing(self) -> Mapping[str, Waiting] | None:
        return {"prompt": Waiting(2, 1.5), "bulk": Waiting(0, 0.0)} if self.answers else None

    def all(self) -> Work:
        return sum(self.work, Work())


@dataclass
class WebHouse:
    """What the web needs of a house."""

    settings: Settings
    database: Database
    clock: HandClock = field(default_factory=HandClock)
    queue: Told = field(default_factory=Told)
    precedence: Precedence = NO_RUSH
    captures_mail: bool = True
    staff: StaffOf = nobody
    flowbook: FlowBook = field(default_factory=FlowBook)
    seasons: Callable[[], Seasons] = dict
    beside_flows: Beside = field(default_factory=dict)
    tokens: Tokens = field(default_factory=lambda: Tokens([SIGNING]))
    provider_keys: ProviderKeys = field(default_factory=ProviderKeys)
    metrics_keys: MetricsKeys = field(default_factory=MetricsKeys)
    secrets: Secrets = field(
        default_factory=lambda: Secrets(
            (SIGNING,),
            (
                IngestKey("shop", hashlib.sha256(KEY.encode()).digest()),
                IngestKey("till", hashlib.sha256(OTHER_KEY.encode()).digest()),
            ),
        )
    )

    @cached_property
    def vocabulary(self) -> Vocabulary:
        return Vocabulary.of(self.settings)

    @cached_property
    def templates(self) -> TemplateLibrary:
        return TemplateLibrary(self.settings.templates, self.settings.shop)

    @property
    def spool(self) -> Path:
        return self.settings.var / "spool"


def web_house(database: Database, var: Path, **settings: Any) -> WebHouse:
    """Return a house with these settings."""
    shop = {"name": "The Coffee", "website": "https://thecoffee.example"}
    return WebHouse(Settings(var=var, **{"shop": shop, **settings}), database)


def client(house: WebHouse, address: str = "127.0.0.1", base: str = BASE) -> httpx.AsyncClient:
    """Return a client that speaks to the application in this process, from this address."""
    transport = httpx.ASGITransport(build_app(house), client=(address, 12345), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url=base)


@asynccontextmanager
async def living(house: WebHouse, address: str = "127.0.0.1") -> AsyncIterator[httpx.AsyncClient]:
    """Give a client as `client` does, of an application that begins and ends: then all that it took is written."""
    app = build_app(house)
    transport = httpx.ASGITransport(app, client=(address, 12345), raise_app_exceptions=False)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url=BASE) as web:
        yield web


def post(
    web: httpx.AsyncClient, content: Any, *, key: str | None = KEY, headers: Mapping[str, str] | None = None
) -> Any:
    """Report events; what is neither bytes nor text is sent as JSON."""
    body = content if isinstance(content, bytes | str) else json.dumps(content)
    bearer = {} if key is None else {"Authorization": f"Bearer {key}"}
    return web.post("/v1/events", content=body, headers={**bearer, **(headers or {})})


def purchase(number: int = 1, **more: Any) -> dict[str, Any]:
    """Return a purchase."""
    return {
        "id": f"e{number}",
        "type": "purchase",
        "customer": {"id": f"c{number}", "email": f"c{number}@example.com"},
        "order": {"number": f"A{number}", "total": 450_000},
        **more,
    }


@contextmanager
def serving(app: Starlette) -> Iterator[str]:
    """Serve the application on a free port; gives the URL."""
    config = uvicorn.Config(app, access_log=False, log_config=None, lifespan="on", server_header=False)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        until = time.monotonic() + 20
        while not server.started and time.monotonic() < until:
            time.sleep(0.01)
        assert server.started
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(20)
    assert not thread.is_alive()
