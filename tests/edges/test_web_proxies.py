"""Whose address a hit is kept with: behind a named proxy the client's, and nobody's own word for it."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from tests.support.web import SIGNING, web_house
from worker.delivery.tokens import Tokens
from worker.domain.setting_mail import Tracking
from worker.edges.serving import configured
from worker.edges.web.app import build_app
from worker.storage.database import Database
from worker.storage.tables import hit

pytestmark = pytest.mark.anyio

PIXEL = f"/o/{Tokens([SIGNING]).open(12)}.gif"
USUAL = Tracking().trusted_proxies


async def hashes(database: Database, var: Path, trusted: tuple[str, ...], *asked: tuple[str, str | None]) -> list[str]:
    """Return the hash that each request is kept with: by whom it came, and what its X-Forwarded-For says."""
    app = build_app(web_house(database, var))
    config = configured(app, trusted)
    config.load()
    async with app.router.lifespan_context(app):
        for peer, forwarded in asked:
            transport = httpx.ASGITransport(config.loaded_app, client=(peer, 1))
            headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
            async with httpx.AsyncClient(transport=transport, base_url="http://p.example") as web:
                assert (await web.get(PIXEL, headers=headers)).status_code == 200
    with database.reading() as connection:
        return list(connection.execute(select(hit.c.ip_hash).order_by(hit.c.id)).scalars())


async def test_a_named_proxy_tells_the_clients_address(sqlite_database: Database, tmp_path: Path) -> None:
    """Given a proxy on this machine, then the client's address is what it says, and each client has its own hash."""
    direct, through, other = await hashes(
        sqlite_database,
        tmp_path,
        USUAL,
        ("203.0.113.7", None),
        ("127.0.0.1", "203.0.113.7"),
        ("127.0.0.1", "203.0.113.8"),
    )
    assert direct == through != other


async def test_anybody_elses_word_is_not_taken(sqlite_database: Database, tmp_path: Path) -> None:
    """Given a client that names another address itself, with and without a proxy, then its own is kept."""
    direct, claimed, claimed_through = await hashes(
        sqlite_database,
        tmp_path,
        USUAL,
        ("203.0.113.7", None),
        ("203.0.113.7", "198.51.100.1"),
        ("127.0.0.1", "198.51.100.1, 203.0.113.7"),
    )
    assert direct == claimed == claimed_through


async def test_a_chain_of_named_proxies_is_followed(sqlite_database: Database, tmp_path: Path) -> None:
    """Given networks of proxies, then the last address that is none of them is the client's; with none named, nobody
    is believed."""
    direct, chain = await hashes(
        sqlite_database,
        tmp_path,
        ("10.0.0.0/8", "192.0.2.1"),
        ("203.0.113.7", None),
        ("10.1.2.3", "198.51.100.1, 203.0.113.7, 192.0.2.1"),
    )
    assert direct == chain


async def test_with_no_proxy_named_nobody_is_believed(sqlite_database: Database, tmp_path: Path) -> None:
    """Given no trusted proxy at all, then the address is the connection's."""
    first, second = await hashes(sqlite_database, tmp_path, (), ("127.0.0.1", None), ("127.0.0.1", "203.0.113.7"))
    assert first == second
