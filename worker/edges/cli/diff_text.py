"""Differences of flows as people read them: lines on a terminal, Markdown in a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from worker.edges.cli.painting import coloured, paint
from worker.edges.comparing import BROKEN, GONE, HELD, NEW, STATUS, FlowDifference, Standing
from worker.language.flow.differing import ADDED, REMOVED
from worker.language.yaml.diagnostics import as_text as problem_text
from worker.language.yaml.diagnostics import counted, plain

_MARKS = {ADDED: ("+", "green"), REMOVED: ("−", "red")}
_CHANGED = ("~", "yellow")
_GAP = "  "
MARKER = "<!-- phin diff -->"  # by which a comment of before can be found


def as_text(found: Sequence[FlowDifference], than: str) -> str:
    """Return lines for a terminal.

    Parameters:
        than: what the files were compared with, in words.
    """
    if not found:
        return f"no differences: the files say the same as {than}"
    width = max(len(one.flow) for one in found)
    lines: list[str] = []
    for one in found:
        lines += _flow(one, width)
    return "\n".join([*lines, _summary(found)])


def _flow(one: FlowDifference, width: int) -> Iterator[str]:
    told = [(*_MARKS.get(change.kind, _CHANGED), _GAP * change.depth + change.text) for change in one.changes]
    head = f"{coloured(one.flow.ljust(width), bold=True)}  {_head(one)}".rstrip()
    if len(told) == 1:  # the whole of it in one line
        word = {ADDED: "new: ", REMOVED: "gone: "}.get(one.changes[0].kind, "")
        head, told = f"{head}  {word}{told[0][2]}", []
    yield head
    for mark, colour, text in told:
        yield f"  {coloured(mark, colour)} {text}"
    for problem in one.problems:
        yield from (f"  {line}" for line in problem_text(problem, paint).splitlines())
    yield from (f"  {line}" for line in _people(one))


def _head(one: FlowDifference) -> str:
    status = ""
    if one.status_after != one.status_before and one.status_before is not None and one.kind != GONE:
        status = f"{one.status_before} → {one.status_after}"
    match one.kind:
        case kind if kind == NEW:
            return coloured("new", "green") + ("" if one.status_after == "live" else f", {one.status_after}")
        case kind if kind == GONE:
            runs = f": v{one.before} would be paused" if one.before else ""
            return coloured(f"its file is gone{runs}", "red")
        case kind if kind == BROKEN:
            stays = f"; v{one.before} would run on" if one.before else ""
            return coloured(f"its file has errors{stays}", "red")
        case kind if kind == STATUS:
            return f"{_versions(one)}{status}"
        case kind if kind == HELD:
            return f"{_versions(one)}{coloured('taken back', 'yellow')}; 'phin publish {one.flow}' publishes it again"
    return f"{_versions(one)}{status}" if one.before is not None or status else "changed"


def _versions(one: FlowDifference) -> str:
    if one.before is None or one.after is None:
        return ""
    back = " (as before)" if one.after < one.before else ""
    return (f"v{one.before}" if one.before == one.after else f"v{one.before} → v{one.after}{back}") + "  "


def _people(one: FlowDifference) -> Iterator[str]:
    """Yield who is under way, a line for each version, and what becomes of them."""
    for version in sorted({standing.version for standing in one.under_way}, reverse=True):
        here = [standing for standing in one.under_way if standing.version == version]
        where = " · ".join(f"{standing.where} {standing.customers:,}" for standing in here)
        yield f"under way: {_total(here):,} ({where}) stay on v{version}"
    moving = [standing for standing in one.under_way if standing.moves]
    if moving and one.after is not None:
        yield (
            f"new entries use v{one.after} once published; 'phin migrate {one.flow}' would move "
            f"{_total(moving):,} of them then"
        )


def _total(standing: Sequence[Standing]) -> int:
    return sum(one.customers for one in standing)


def _summary(found: Sequence[FlowDifference]) -> str:
    kinds = [one.kind for one in found]
    words = {NEW: "new", GONE: "gone", BROKEN: "with errors", HELD: "taken back"}
    changed = len(kinds) - sum(kinds.count(kind) for kind in words)
    parts = [f"{changed} changed"] if changed else []
    parts += [f"{kinds.count(kind)} {word}" for kind, word in words.items() if kinds.count(kind)]
    return f"{counted(len(found), 'flow')}: {', '.join(parts)}"


def as_markdown(found: Sequence[FlowDifference], than: str) -> str:
    """Return Markdown for a comment on a pull request; it begins with `MARKER`."""
    lines = [MARKER, "### What publishing would change", ""]
    if not found:
        return "\n".join([*lines, f"No flow would change: the files say the same as {_code(than)}."])
    lines += [f"Compared with {_code(than)} · {_summary(found)}", ""]
    for one in found:
        lines += [f"**{one.flow}** {_head_in_markdown(one)}".rstrip(), ""]
        if one.changes:
            lines.append("```diff")
            for change in one.changes:
                mark = {ADDED: "+", REMOVED: "-"}.get(change.kind, "!")
                lines.append(f"{mark} {_GAP * change.depth}{change.text}".replace("```", "'''"))
            lines += ["```", ""]
        if one.problems:
            text = "\n".join(problem_text(problem, plain) for problem in one.problems).replace("```", "'''")
            lines += ["```", text, "```", ""]
        lines += [f"- {line}" for line in _people(one)]
        if one.under_way:
            lines.append("")
    return "\n".join(lines).rstrip()


def _head_in_markdown(one: FlowDifference) -> str:
    match one.kind:
        case kind if kind == NEW:
            return f"is new, {one.status_after}"
        case kind if kind == GONE:
            return "has no file any more: it would be paused"
        case kind if kind == BROKEN:
            return "has errors, and would not be published"
    told = f"{_versions(one)}".strip()
    if one.status_before is not None and one.status_before != one.status_after:
        told += f" {one.status_before} → {one.status_after}"
    return f"{told} (taken back)" if one.kind == HELD else told


def _code(text: str) -> str:
    return text if " " in text else f"`{text}`"
