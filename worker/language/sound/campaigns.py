"""Campaigns whose day is over: what a live flow that is published after its day will never do."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from worker.domain.errors import Problem, Severity
from worker.domain.flows import FlowStatus
from worker.domain.triggers import CampaignTrigger
from worker.language.library import FlowFile, Library
from worker.language.yaml.nodes import Mapping, Node, Scalar, Sequence
from worker.language.yaml.reading import read_nodes

_LAST_ZONE = timezone(timedelta(hours=-12))  # where a day ends last


def campaigns_over(library: Library, shown: str, now: datetime, zone: str) -> list[Problem]:
    """Return a warning for each day of a live flow's trigger that is over, for customers wherever they live.

    Parameters:
        shown: how the folder of flows is called in problems.
        now: aware.
        zone: the shop's.
    """
    problems: list[Problem] = []
    for file in library.flows.values():
        over = _over(file, now, zone) if file.flow.status is FlowStatus.LIVE else frozenset()
        if not over:
            continue
        report, root = read_nodes(file.text, f"{shown}/{file.path.name}")
        problems += [
            report.source.problem(
                found,
                "this day is over; nobody will enter",
                "name a day to come, or set the flow to rest: status: draft",
                Severity.WARNING,
            )
            for found in _days(root)
            if found.text in over
        ]
    return problems


def _over(file: FlowFile, now: datetime, zone: str) -> frozenset[str]:
    campaigns = [trigger for trigger in file.flow.triggers if isinstance(trigger, CampaignTrigger)]
    by_zone = {True: now.astimezone(ZoneInfo(zone)).date(), False: now.astimezone(_LAST_ZONE).date()}
    return frozenset(one.day.isoformat() for one in campaigns if one.day < by_zone[one.by_shop])


def _days(root: Node | None) -> list[Scalar]:
    """Return what the file's triggers say under `date`."""
    trigger = _value(root, "trigger")
    forms = trigger.items if isinstance(trigger, Sequence) else (trigger,)
    dates = [_value(form, "date") for form in forms]
    return [one for one in dates if isinstance(one, Scalar)]


def _value(node: Node | None, key: str) -> Node | None:
    if not isinstance(node, Mapping):
        return None
    return next((entry.value for entry in node.entries if entry.key.text == key), None)
