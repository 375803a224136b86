"""The queue: reached, keeping what it is given, and how long its jobs wait."""

from __future__ import annotations

from typing import Any

import redis

from worker.domain.errors import SettingError, UnavailableError
from worker.edges.doctor.findings import Findings, fault, fine, note, size, span, warning
from worker.edges.doctor.patient import Patient
from worker.edges.queue import QUEUES
from worker.edges.queue_server import QueueServer, find_server, server_version
from worker.edges.queue_standing import standing
from worker.edges.redis_client import open_client
from worker.edges.standing import running_at

OLD_JOB = 30.0  # seconds that a job waits where workers keep up
MANY = 10_000  # jobs; each names up to a hundred rows
FULL = 0.8  # share of the memory that it may use


def queue_url(patient: Patient) -> str | None:
    """Return where the queue is: as set, else the server of the `phin up` that runs here; None where there is none."""
    if patient.settings.redis_url:
        return patient.settings.redis_url
    if running_at(patient.settings.var) is None:
        return None
    program = find_server()
    try:
        return None if program is None else QueueServer(patient.settings.var / "queue", program).url
    except UnavailableError:
        return None


def queue(patient: Patient) -> Findings:
    """Look at the server and at what waits there."""
    url = queue_url(patient)
    if url is None:
        if patient.settings.redis_url is None and patient.sends:
            remedy = "set redis_url (PHIN_REDIS_URL) for workers of their own; 'phin up' brings its own queue"
            yield note("queue.none", "queue", "none is set: the clock alone does all work", remedy)
        else:
            yield note("queue.none", "queue", "none runs here; 'phin up' brings its own")
        return
    try:
        with open_client(url, timeout=patient.within / 2) as client:
            name = server_version(client)
            yield fine("queue.reachable", "queue", name)
            yield from judge(client.info(), url)
            for name, waiting in standing(client, QUEUES).items():
                yield from jobs(name, waiting.jobs, waiting.oldest)
    except SettingError as error:
        yield fault("queue.reachable", "queue", str(error), "correct redis_url (PHIN_REDIS_URL)")
    except (redis.RedisError, OSError) as error:
        remedy = "start it, or check redis_url (PHIN_REDIS_URL); until then the clock does all work, a little later"
        yield fault("queue.reachable", "queue", f"it does not answer: {error}", remedy)


def judge(info: dict[str, Any], url: str) -> Findings:
    """Judge how the server is set up, by what it says of itself."""
    if info.get("role") == "slave":
        remedy = "name its master in redis_url, or the sentinels: redis+sentinel://host:26379/service/0"
        yield fault("queue.role", "role", "it is a replica, which takes no jobs", remedy)
    policy = info.get("maxmemory_policy", "noeviction")
    if policy != "noeviction" and info.get("maxmemory"):
        said = f"maxmemory-policy is {policy}: when memory is short, jobs are thrown away"
        yield warning("queue.eviction", "memory", said, "CONFIG SET maxmemory-policy noeviction, and in its file too")
    used, most = int(info.get("used_memory", 0)), int(info.get("maxmemory", 0))
    if most and used > most * FULL:
        said = f"{size(used)} of {size(most)} are used"
        yield warning("queue.memory", "memory", said, "start more workers; or raise maxmemory")
    if not info.get("aof_enabled") and not _saves(info):
        said = "what waits is not written to disk: after its restart the clock has to find all of it again"
        yield note("queue.persistence", "persistence", said, "appendonly yes, in the server's file")
    if info.get("aof_last_write_status", "ok") != "ok" or info.get("rdb_last_bgsave_status", "ok") != "ok":
        remedy = "look into its log, and at its disk: it may refuse all commands (stop-writes-on-bgsave-error)"
        yield fault("queue.persistence", "persistence", "it cannot write to its disk", remedy)
    if url.startswith("redis://") and not _here(url):
        remedy = "use rediss:// (TLS), or a network that nobody else is in"
        yield note("queue.tls", "transport", "not encrypted; ids of rows travel there, nothing personal", remedy)


def _saves(info: dict[str, Any]) -> bool:
    return bool(info.get("rdb_last_save_time")) and info.get("rdb_changes_since_last_save", 0) < 1_000_000


def _here(url: str) -> bool:
    return any(f"//{host}" in url or f"@{host}" in url for host in ("127.0.0.1", "localhost", "[::1]"))


def jobs(name: str, waiting: int, oldest: float) -> Findings:
    """Judge what waits in one queue."""
    said = f"{waiting:,} jobs wait, the first for {span(oldest)}" if waiting else "nothing waits"
    if oldest > OLD_JOB or waiting > MANY:
        yield warning("queue.age", f"'{name}'", said, "start workers, or more of them: phin worker")
    else:
        yield fine("queue.age", f"'{name}'", said)
