"""The processes: who gave a sign of life, in which version, whether the clock ticks in time, whether pages answer."""

from __future__ import annotations

import re
import socket
import time
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from http.client import HTTPException
from importlib import metadata
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from worker.edges.doctor.findings import Findings, fault, fine, note, span, warning
from worker.edges.doctor.patient import Patient
from worker.edges.doctor.queue import queue_url
from worker.edges.presence import FORGOTTEN_AFTER, SILENT_AFTER
from worker.edges.standing import pages_url
from worker.storage import figures, processes
from worker.storage.processes import ProcessRow

LATE = 15.0  # seconds beyond three intervals of a tick: what the figures themselves may be late by
_NUMBERED = re.compile(r" \d+$")


def alive(patient: Patient) -> Findings:
    """Look who gave a sign of life lately."""
    now = datetime.now(UTC)
    with patient.reading() as connection:
        rows = processes.seen_since(connection, now - FORGOTTEN_AFTER)
        kept = figures.read(connection)
    lately = [row for row in rows if row.seen_at >= now - SILENT_AFTER]
    yield from judge(lately, wants_worker=queue_url(patient) is not None, sends=patient.sends)
    for row in rows:
        if row.seen_at < now - SILENT_AFTER and row.host == socket.gethostname():
            said = f"{row.name} (process {row.pid}) fell silent {span((now - row.seen_at).total_seconds())} ago"
            yield note("process.silent", "processes", f"{said}; it died, or hangs")
    if any(_role(row) == "clock" for row in lately):
        yield from late(kept, time.time())


def judge(rows: list[ProcessRow], *, wants_worker: bool, sends: bool) -> Findings:
    """Judge who is there.

    Parameters:
        rows: those that gave a sign of life lately.
        sends: whether this is a shop in earnest; one that is tried out may rest.
    """
    count = Counter(_role(row) for row in rows)
    hosts = {row.host for row in rows}
    if not rows:
        said = "none gave a sign of life in the last 15 s: nothing is taken in and nothing is sent"
        if sends:
            yield fault("process.none", "processes", said, "phin up; or phin web, phin worker and phin clock")
        else:
            yield note("process.none", "processes", "none runs now", "phin up starts everything")
        return
    told = ", ".join(f"{number} {role}" for role, number in sorted(count.items()))
    yield fine("process.alive", "processes", f"{told} on {len(hosts)} machine{'s' * (len(hosts) > 1)}")
    if not count["clock"]:
        said = "none ticks: what waits for its time is not done, and nobody looks after dead senders"
        yield fault("process.clock", "clock", said, "phin clock")
    if not count["web"]:
        said = "none answers: events are lost to the shop's retries, links and opens too"
        yield fault("process.web", "web", said, "phin web")
    if wants_worker and not count["worker"]:
        said = "there is a queue, and nobody works it off but the clock"
        yield warning("process.worker", "worker", said, "phin worker")
    versions = sorted({row.version or "older" for row in rows})
    if len(versions) > 1:
        running = {
            one: sorted({f"{_role(r)} on {r.host}" for r in rows if (r.version or "older") == one}) for one in versions
        }
        each = "; ".join(f"{version}: {', '.join(who)}" for version, who in running.items())
        yield warning("process.versions", "versions", f"processes differ ({each})", "start the older ones anew")
    elif versions != [metadata.version("phin")]:
        said = f"they run Phin {versions[0]}, and here it is {metadata.version('phin')}"
        yield warning("process.versions", "versions", said, "start them anew: they still run what was there before")


def late(kept: Mapping[str, figures.Values], now: float) -> Findings:
    """Judge when each tick of the clock ended last, by the figures."""
    every = {dict(labels)["tick"]: value for labels, value in kept.get("tick_interval_seconds", {}).items()}
    ended = {dict(labels)["tick"]: value for labels, value in kept.get("tick_last_timestamp_seconds", {}).items()}
    behind = {name: now - at for name, at in ended.items() if name in every and now - at > 3 * every[name] + 2 * LATE}
    failing = {dict(labels)["tick"]: int(count) for labels, count in kept.get("tick_failures", {}).items() if count}
    for name, seconds in sorted(behind.items()):
        said = f"'{name}' ended {span(seconds)} ago, and should each {span(every[name])}"
        remedy = "look into the clock's log: the tick hangs, or waits for the database; 'phin clock' started anew helps"
        yield warning("process.late-tick", "ticks", said, remedy)
    if ended and not behind:
        more = f"; failed so far: {', '.join(f'{name} {count:,} times' for name, count in sorted(failing.items()))}"
        yield fine("process.late-tick", "ticks", f"all {len(ended)} in time{more if failing else ''}")


def pages(patient: Patient) -> Findings:
    """Ask under the address that stands in mails whether this Phin answers there."""
    url = pages_url(patient.settings)
    try:
        request = Request(f"{url}/readyz", headers={"User-Agent": "phin doctor"})
        with urlopen(request, timeout=patient.within) as answer:
            ready = b'"ready":true' in answer.read(4_000).replace(b" ", b"")
    except HTTPError as error:
        ready = False
        if error.code != 503:
            said = f"{url}/readyz answers {error.code}, which is none of Phin's answers"
            yield fault("process.pages", "pages", said, "lead all of base_url to the web process (bind, port)")
            return
    except (OSError, HTTPException, ValueError) as error:
        said = f"{url} does not answer: {getattr(error, 'reason', None) or error}"
        if patient.sends:
            remedy = "start phin web, and lead base_url there: links of mails, unsubscribing and events need it"
            yield fault("process.pages", "pages", said, remedy)
        else:
            yield note("process.pages", "pages", said)
        return
    if ready:
        yield fine("process.pages", "pages", f"{url} answers, and takes events")
    else:
        yield fault("process.pages", "pages", f"{url} is not ready", f"curl {url}/readyz tells which part is not")


def _role(row: ProcessRow) -> str:
    return _NUMBERED.sub("", row.name)
