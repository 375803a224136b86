"""What `phin report` tells of opens and clicks: people's, all with machines', and with what people read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from textwrap import wrap

from worker.edges.moments import counted, share
from worker.storage.hit_counts import Counts, HitCounts

MOST = 6  # programs that are named
_WIDTH = 66  # characters beside the names of the lines


def hit_lines(found: Mapping[str, HitCounts]) -> Iterator[tuple[str, str]]:
    """Yield the lines of each flow whose mails were opened or clicked, that fit 80 columns: name and text."""
    for flow, counts in sorted(found.items()):
        yield "hits", flow
        yield "", f"  opened   {_told(counts.opens)}"
        if counts.opens.proxies:
            yield "", f"           {counted(counts.opens.proxies, 'mail')} of people's by a mail service's proxy alone"
        yield "", f"  clicked  {_told(counts.clicks)}"
        for name, shares in (("in", counts.programs), ("on", counts.devices)):
            for number, line in enumerate(wrap(_shares(shares), _WIDTH - 9, break_on_hyphens=False)):
                yield "", f"  {'' if number else name:9}{line}"


def as_json(counts: HitCounts) -> dict[str, object]:
    """Return the counts for programs; `people` and `all` are mails, `…_total` hits."""
    return asdict(counts)


def _told(one: Counts) -> str:
    people = f"{counted(one.people, 'mail')} by people, {counted(one.people_total, 'time')}"
    return people if one.all_total == one.people_total else f"{people} · with machines {one.all:,}, {one.all_total:,}"


def _shares(counts: Mapping[str, int]) -> str:
    total = sum(counts.values())
    shown = list(counts.items())[:MOST]
    rest = total - sum(count for _, count in shown)
    told = [*shown, *([("others", rest)] if rest else [])]
    return " · ".join(f"{name} {share(count / total)}".replace(" ", "\xa0") for name, count in told)
