"""What `phin why` tells of steps that write, suppress, report and tell other systems, and of starting over."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from worker.domain.setting_groups import Shop
from worker.domain.webhooks import WebhookState
from worker.edges.moments import moment
from worker.storage.stories import Line
from worker.storage.story_mails import WebhookStory


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


def webhook_part(line: Line, row: WebhookStory | None, shop: Shop, zone: ZoneInfo, now: datetime) -> tuple[str, str]:
    """Return what a line of a webhook tells, and its colour: where it goes, or what came of it.

    Parameters:
        row: of the step, as it stands now.
    """
    detail = line.detail
    for state, colour in ((WebhookState.DELIVERED, "green"), (WebhookState.FAILED, "red")):
        if state.value in detail:
            answer = f": {detail[state.value]}" if detail[state.value] else ""
            return f" {state.value}{answer}, {_tries(detail.get('tries', 1))}, {detail['url']}", colour
    to = f" to {detail.get('url', '')}"
    if row is None or row.state is not WebhookState.QUEUED or row.created_at != line.at:
        return to, ""
    tried = f", {_tries(row.attempts)}: {row.answer}" if row.answer else ""
    again = f", tried again from {moment(row.not_before, shop, zone.key)}" if tried and row.not_before > now else ""
    return f"{to}: not told yet{tried}{again}", "cyan"


def _tries(count: int) -> str:
    return "1 try" if count == 1 else f"{count:,} tries"


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
