"""What `phin why` tells of waits, and of journeys moved to another version while they wait."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from worker.domain.setting_groups import Shop
from worker.edges.moments import moment
from worker.storage.stories import Line

Part = tuple[str, str]  # text and style


def overtaken(lines: Sequence[Line]) -> frozenset[int]:
    """Return the places of the lines that name a time which no longer holds, as the journey was moved since."""
    found: set[int] = set()
    standing: int | None = None  # the line whose time holds
    for place, line in enumerate(lines):
        if line.kind == "wait":
            standing = place
        elif line.kind == "migrated":
            due = line.detail.get("due")
            moved = "stood_at" in line.detail or (
                due is not None and standing is not None and _due(lines[standing]) != _due(line)
            )
            if standing is not None and moved:
                found.add(standing)
            standing = place if due is not None else None if moved else standing
        elif line.kind in ("waited", "started over"):
            standing = None
    return frozenset(found)


def wait_part(line: Line, over: bool, shop: Shop, zone: ZoneInfo) -> Part:
    """Return until when a journey waits, or, where it was moved since, was to wait."""
    return (
        (f" was to wait {_until(line, shop, zone)}", "dim") if over else (f" waits {_until(line, shop, zone)}", "cyan")
    )


def moved_part(line: Line, over: bool, shop: Shop, zone: ZoneInfo) -> Part:
    """Return from which version to which a journey was moved, where it landed, and until when it waits there."""
    landed = f" {line.detail.get('reason', '')}: at {line.step or 'its start'}"
    due = _due(line)
    if due is None:
        return landed, ""
    if due <= line.at:
        return f"{landed}, where its time is over: {moment(due, shop, zone.key)}", "cyan"
    return f"{landed}, {'was to wait' if over else 'waits'} {_until(line, shop, zone)}", "dim" if over else "cyan"


def _due(line: Line) -> datetime | None:
    due = line.detail.get("due")
    return None if due is None else datetime.fromisoformat(due)


def _until(line: Line, shop: Shop, zone: ZoneInfo) -> str:
    due = _due(line)
    assert due is not None, "a line of a wait has its time"
    earlier = f", or until {line.detail['until']}" if line.detail.get("until") else ""
    return f"until {moment(due, shop, zone.key)}{earlier}"
