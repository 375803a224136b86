"""What `phin why` tells of steps that write, suppress and report, and of journeys that were started over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def effect(kind: str, step: str | None, detail: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return the name, what happened in words, and the colour, of a line of a journey's trace.

    Parameters:
        kind: of the line, one that has no more to tell than this.
    """
    match kind:
        case "wrote":
            return step or kind, _wrote(detail), ""
        case "suppressed" if "lifted" in detail:
            return kind, f"lifted: {detail['lifted']}", "green"
        case "suppressed":
            return step or kind, f"no more marketing: {detail.get('reason', '')}", "yellow"
        case "emitted" if "reason" in detail:
            return step or kind, f"'{detail.get('event')}' {detail['reason']}", "red"
        case "emitted":
            return step or kind, f"reports '{detail.get('event')}'", ""
        case "started over":
            order = f" {detail['order']}" if detail.get("order") else ""
            by = detail.get("trigger") or f"{detail.get('event', '')}{order}"
            return kind, f"by {by}", "cyan"
    return kind, str(detail.get("reason", "")), ""


def _wrote(detail: Mapping[str, Any]) -> str:
    parts = [f"{name} = {_value(value)}" for name, value in detail.get("set", {}).items()]
    for key, verb in (("tagged", "tagged"), ("untagged", "no longer tagged")):
        if detail.get(key):
            parts.append(f"{verb} {', '.join(map(str, detail[key]))}")
    return " · ".join(parts) or "nothing to change"


def _value(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int | float) else str(value)
