"""Connections to Redis or Valkey that give up soon and never ask twice by themselves.

redis-py repeats a command whose answer was lost; for a queue that means a job done twice in the same moment.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

import redis
from redis.backoff import NoBackoff
from redis.connection import parse_url
from redis.retry import Retry
from redis.sentinel import Sentinel

from worker.domain.errors import SettingError

SENTINEL = ("redis+sentinel", "rediss+sentinel")
SENTINEL_PORT = 26_379
FORMS = (
    "write redis://host:6379/0, rediss:// for TLS, unix:///path, or redis+sentinel://host1:26379,host2:26379/service/0"
)


def open_client(url: str, *, timeout: float) -> redis.Redis:
    """Return a client; it connects at its first command.

    Parameters:
        url: `redis://`, `rediss://` (TLS), `unix://`, or `redis+sentinel://host1:port,host2:port/service/db`, by TLS
            `rediss+sentinel://`. What redis-py reads of a URL's query counts, such as `ssl_ca_certs=FILE`.
        timeout: seconds that connecting, and each answer, may take.

    Raises:
        SettingError: the URL cannot be read.
    """
    options: dict[str, Any] = {
        "socket_timeout": timeout,
        "retry": Retry(NoBackoff(), 0),
        "health_check_interval": 0,
        "protocol": 2,
    }
    if not url.startswith("unix:"):
        options["socket_connect_timeout"] = timeout
    try:
        parts = urlsplit(url)
        if parts.scheme in SENTINEL:
            return _behind_sentinels(parts, options)
        return redis.Redis.from_url(url, **options)
    except ValueError as error:
        raise SettingError(f"redis_url (PHIN_REDIS_URL) cannot be read ({error}); {FORMS}") from error


def _behind_sentinels(parts: SplitResult, options: dict[str, Any]) -> redis.Redis:
    """Return a client of whichever server the sentinels call the master, asked anew at each connection.

    By `rediss+sentinel` servers and sentinels are spoken to by TLS; `sentinel_tls=no` leaves the sentinels out of it.
    User and password are the servers'; `sentinel_username` and `sentinel_password` the sentinels' own.
    """
    hosts = [urlsplit(f"//{host}") for host in parts.netloc.rpartition("@")[2].split(",")]
    service, _, number = parts.path.strip("/").partition("/")
    if not service or not all(host.hostname for host in hosts):
        raise ValueError("it names no sentinels, or no service")
    sentinels = [(host.hostname, host.port or SENTINEL_PORT) for host in hosts]
    # redis-py gives neither this nor its sentinels types
    said: dict[str, Any] = parse_url(f"redis://?{parts.query}")  # type: ignore[no-untyped-call]
    to_them = {name: value for name in ("username", "password") if (value := said.pop(f"sentinel_{name}", None))}
    tls = parts.scheme == SENTINEL[1]
    tls_to_them = said.pop("sentinel_tls", "yes") != "no" and tls
    certificates = {name: value for name, value in said.items() if name.startswith("ssl_")}
    login = {
        name: unquote(value) for name, value in (("username", parts.username), ("password", parts.password)) if value
    }
    asked = Sentinel(  # type: ignore[no-untyped-call]
        sentinels,
        sentinel_kwargs={**options, **to_them, "ssl": tls_to_them, **(certificates if tls_to_them else {})},
    )
    master: redis.Redis = asked.master_for(  # type: ignore[no-untyped-call]
        service, **{"db": int(number or 0), "ssl": tls, **said, **options, **login}
    )
    return master
