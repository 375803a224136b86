"""The figures as Prometheus reads them: the name of each metric, what it means, and its values.

What the database keeps is the whole house's, and the same whichever process is asked; `docs/monitoring.md` says which
values are a machine's own. Names end in their unit, those that only go up in `_total`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

from worker.storage.figures import Labels, Values, labelled
from worker.storage.tallying import SECONDS

Family = TypeVar("Family", CounterMetricFamily, GaugeMetricFamily)


@dataclass(frozen=True, slots=True)
class Listed:
    """A metric.

    Parameters:
        name: without `phin_`, and for a total without `_total`; the database's figures go by it.
        labels: in the order in which they are written.
    """

    name: str
    told: str
    labels: tuple[str, ...] = ()


TOTALS = (
    Listed("events_received", "Events that were taken in", ("source", "type")),
    Listed("journeys_entered", "Journeys that were entered", ("flow",)),
    Listed("journeys_failed", "Journeys that could not go on", ("flow",)),
    Listed("goals", "Goals of flows that were reached", ("flow",)),
    Listed("messages_created", "Mails that were written into the ledger", ("flow", "kind")),
    Listed("messages_sent", "Mails that a server took, those that came back later too", ("flow",)),
    Listed("messages_skipped", "Mails that a rule kept from being sent", ("flow", "reason")),
    Listed("messages_cancelled", "Mails taken back before they were claimed", ("flow",)),
    Listed("messages_failed", "Mails known not to have been taken, and given up", ("flow", "reason")),
    Listed("messages_bounced", "Mails that came back", ("flow",)),
    Listed("messages_complained", "Mails that their receiver called spam", ("flow",)),
    Listed("webhooks_failed", "Webhooks that were given up", ("flow",)),
    Listed("hits", "Opens and clicks, by whose they are", ("kind", "class")),
    Listed("bounces", "Reports of returned mails", ("class", "source")),
    Listed("tick_runs", "Calls of a tick of the clock", ("tick",)),
    Listed("tick_failures", "Calls of a tick that ended in an error, or had to wait", ("tick",)),
    Listed("tick_seconds", "Seconds that calls of a tick took", ("tick",)),
)
TIMES = (
    Listed("event_processing_seconds", "From an event's commit to its processing, where a flow listens"),
    Listed("message_send_delay_seconds", "From when a mail could go until a server took it", ("kind",)),
    Listed("event_to_mail_seconds", "From an event's commit until a server took the order's mail it caused at once"),
)
NOW = (
    Listed("messages", "Mails that are not settled", ("state",)),
    Listed("messages_queued", "Mails in the queue", ("flow",)),
    Listed("journeys_waiting", "Journeys under way", ("flow",)),
    Listed("events", "Events that wait to be processed (received), or are set aside (refused)", ("state",)),
    Listed("tasks_open", "Open tasks of the staff"),
    Listed("requests_open", "Open requests for help"),
    Listed("tick_interval_seconds", "How often a tick is called", ("tick",)),
    Listed("tick_last_timestamp_seconds", "When a tick last ended", ("tick",)),
    Listed("figures_timestamp_seconds", "When the clock last counted the figures"),
)
AT_ONCE = (
    Listed("ready", "Whether this process can take events and hits, as /readyz says"),
    Listed("database_up", "Whether this process reaches the database"),
    Listed("database_bytes", "Size of SQLite's files", ("file",)),
    Listed("paused", "Whether everything is paused"),
    Listed("oldest_due_seconds", "For how long the oldest work that could be done now has been due", ("kind",)),
    Listed("lease_over_seconds", "For how long the first lease of a mail in hand has been over"),
    Listed("unknown_oldest_seconds", "Since when the oldest mail of unknown outcome was handed over"),
    Listed("breakers_open", "Relays, or domains by a relay, that refuse our mail just now", ("relay", "scope")),
    Listed("processes", "Processes that gave a sign of life lately", ("role", "version")),
    Listed("queue_up", "Whether this process reaches the queue"),
    Listed("queue_jobs", "Jobs that wait in the queue", ("queue",)),
    Listed("queue_oldest_job_seconds", "For how long the first job of a queue has waited", ("queue",)),
    Listed("spool_files", "Files of hits and refusals of this machine that wait for the database"),
    Listed("spool_oldest_seconds", "Age of the oldest of these files"),
    Listed("disk_free_bytes", "Free space of this machine's volume", ("volume",)),
    Listed("disk_size_bytes", "Size of this machine's volume", ("volume",)),
    Listed("build_info", "Versions of Phin, Python and database", ("version", "python", "database")),
    Listed("scrape_seconds", "How long gathering these figures took"),
)
"""What is asked at each scrape, of the tables' indexes, the queue and this machine."""


@dataclass(slots=True)
class Seen:
    """What one scrape found.

    Parameters:
        kept: figures of the database, by name.
        flows: names of the flows that are published: a total of theirs begins at 0, so that its first step is seen.
        now: what was asked at once, by name; what could not be asked is not there.
    """

    kept: Mapping[str, Values] = field(default_factory=dict)
    flows: frozenset[str] = frozenset()
    now: dict[str, dict[Labels, float]] = field(default_factory=dict)

    def put(self, name: str, value: float, /, **labels: object) -> None:
        """Add a value that was asked at once."""
        self.now.setdefault(name, {})[labelled(**labels)] = float(value)


class Exposition:
    """A collector of one scrape's figures, for a registry of prometheus-client."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen

    def collect(self) -> Iterator[Metric]:
        """Yield each metric that has a value."""
        kept, now = self._seen.kept, self._seen.now
        for one in TOTALS:
            begun = {labelled(flow=flow): 0.0 for flow in self._seen.flows} if one.labels == ("flow",) else {}
            values = {one.name: {**begun, **kept.get(one.name, {})}}
            yield _filled(CounterMetricFamily(f"phin_{one.name}", one.told, labels=one.labels), one, values)
        for one in TIMES:
            yield _histogram(one, kept)
        for one in NOW:
            merged = {one.name: {**kept.get(one.name, {}), **now.get(one.name, {})}}
            yield _filled(GaugeMetricFamily(f"phin_{one.name}", one.told, labels=one.labels), one, merged)
        for one in AT_ONCE:
            yield _filled(GaugeMetricFamily(f"phin_{one.name}", one.told, labels=one.labels), one, now)


def _filled(family: Family, one: Listed, found: Mapping[str, Values]) -> Family:
    for labels, value in sorted(found.get(one.name, {}).items()):
        family.add_metric(_in_order(one, labels), value)
    return family


def _histogram(one: Listed, kept: Mapping[str, Values]) -> HistogramMetricFamily:
    """Return the histogram; its buckets are kept apart, and each holds here what is in those below it too."""
    family = HistogramMetricFamily(f"phin_{one.name}", one.told, labels=one.labels)
    by_labels: dict[Labels, dict[str, float]] = {}
    for labels, value in kept.get(f"{one.name}_bucket", {}).items():
        rest = tuple(label for label in labels if label[0] != "le")
        by_labels.setdefault(rest, {})[dict(labels)["le"]] = value
    sums = kept.get(f"{one.name}_sum", {})
    for labels, buckets in sorted(by_labels.items()):
        family.add_metric(_in_order(one, labels), list(_added_up(buckets)), sums.get(labels, 0.0))
    return family


def _added_up(buckets: Mapping[str, float]) -> Iterator[tuple[str, float]]:
    total = 0.0
    for limit in map(str, SECONDS):
        total += buckets.get(limit, 0.0)
        yield limit, total
    yield "+Inf", sum(buckets.values())


def _in_order(one: Listed, labels: Labels) -> list[str]:
    said = dict(labels)
    return [said.get(name, "") for name in one.labels]


def names() -> Iterable[str]:
    """Return the name of every series of `/metrics`, those that prometheus-client tells of a process left out."""
    for one in TOTALS:
        yield f"phin_{one.name}_total"
    for one in TIMES:
        yield from (f"phin_{one.name}_{part}" for part in ("bucket", "sum", "count"))
    for one in (*NOW, *AT_ONCE):
        yield f"phin_{one.name}"
