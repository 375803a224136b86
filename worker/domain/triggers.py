"""What starts a flow's journeys."""

from __future__ import annotations

from dataclasses import dataclass

from worker.domain.durations import Duration


@dataclass(frozen=True, slots=True)
class EventTrigger:
    """Starts a journey at an event of this type, if the event is at most `within` old (default: a setting)."""

    event: str
    within: Duration | None = None


Trigger = EventTrigger
