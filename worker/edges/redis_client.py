"""Connections to Redis or Valkey that give up soon and never ask twice by themselves.

redis-py repeats a command whose answer was lost; for a queue that means a job done twice in the same moment.
"""

from __future__ import annotations

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from worker.domain.errors import SettingError


def open_client(url: str, *, timeout: float) -> redis.Redis:
    """Return a client; it connects at its first command.

    Parameters:
        url: `redis://`, `rediss://` (TLS) or `unix://`.
        timeout: seconds that connecting, and each answer, may take.

    Raises:
        SettingError: the URL cannot be read.
    """
    options: dict[str, object] = {
        "socket_timeout": timeout,
        "retry": Retry(NoBackoff(), 0),
        "health_check_interval": 0,
        "protocol": 2,
    }
    if not url.startswith("unix:"):
        options["socket_connect_timeout"] = timeout
    try:
        return redis.Redis.from_url(url, **options)
    except ValueError as error:
        raise SettingError(f"redis_url cannot be read ({error}); write redis://host:6379/0") from error
