"""`phin doctor`: everything that sending depends on, looked at now, with the remedy beside each finding."""

from __future__ import annotations

import json
import os
import sys
import textwrap
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib import metadata

import click
from rich.console import Console

from worker.edges.cli.painting import coloured
from worker.edges.doctor import database, machine, mail, processes, queue, sender, shop, versions, work
from worker.edges.doctor.examining import Examined, examine, worst
from worker.edges.doctor.findings import Check, Finding, Findings, Level
from worker.edges.doctor.patient import Patient, read_patient
from worker.edges.environment import find_home
from worker.edges.moments import counted

LEAVES = {Level.FINE: 0, Level.NOTE: 0, Level.WARNING: 1, Level.FAULT: 2}
MARKS = {
    Level.FINE: ("✓", "ok", "green"),
    Level.NOTE: ("·", "-", None),
    Level.WARNING: ("!", "!", "yellow"),
    Level.FAULT: ("✗", "x", "red"),
}
SERVERS = ("database", "writing", "queue", "relays")  # what of them hangs, holds up all
NARROWEST = 60
SUBJECT = 14  # columns; a longer subject pushes its own line on
BESIDE_FROM = 110  # columns from which a remedy stands beside its finding where it fits


@click.command(short_help="Look whether all works, and say what to do where not.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.option("--no-dns", is_flag=True, help="Do not ask the DNS about the sender.")
@click.option(
    "--resolver", metavar="ADDRESS", help="Ask this name server, not this machine's: 1.1.1.1, or address:port."
)
@click.option(
    "--within", type=click.FloatRange(1, 600), default=30.0, metavar="SECONDS", help="Time for all of it; 30."
)
@click.option("--quiet", is_flag=True, help="Show only what is to be done.")
@click.pass_context
def doctor(
    context: click.Context, as_json: bool, no_dns: bool, resolver: str | None, within: float, quiet: bool
) -> None:
    """Look at database, queue, relays, DNS of the sender, disks, clocks, processes and the work itself, and say what
    to do about whatever is wrong. Nothing is changed, and no mail is sent; what is down is told, and the rest is
    looked at.

    It leaves with 0 where nothing is to be done, with 1 where it warns, with 2 where something does not work.
    """
    began = time.monotonic()
    patient = read_patient(find_home(os.environ), os.environ, resolver=resolver, within=within / 2)
    checks = _checks(patient, dns=not no_dns)
    sections: list[Examined] = []
    if not as_json:
        name = patient.settings.shop.name
        click.echo(coloured(f"Phin {metadata.version('phin')} · {name} · {patient.folder}", bold=True))
    with _Progress(quiet=as_json) as waiting:
        for section in examine(checks, within, waiting.tell):
            sections.append(section)
            waiting.pause()
            if not as_json:
                _show(section, quiet=quiet)
    patient.close()
    level = worst(sections)
    if as_json:
        click.echo(json.dumps(_as_json(sections, level), ensure_ascii=False, indent=2))
    else:
        click.echo(_sum(sections, time.monotonic() - began))
    context.exit(LEAVES[level])


def _checks(patient: Patient, *, dns: bool) -> list[Check]:
    """Return what is looked at, section by section."""
    looks: list[tuple[str, str, Callable[[Patient], Findings]]] = [
        ("versions", "versions", versions.versions),
        ("versions", "packages", versions.packages),
        ("shop", "settings", shop.settings),
        ("shop", "secrets", shop.secrets),
        ("shop", "files", shop.files),
        ("database", "database", database.database),
        ("database", "writing", database.writing),
        ("queue", "queue", queue.queue),
        ("mail", "relays", mail.relays),
        ("mail", "refusals", mail.refusing),
        *([("sender", "DNS", sender.dns)] if dns else []),
        ("machine", "disk", machine.disk),
        ("machine", "clocks", machine.clocks),
        ("processes", "processes", processes.alive),
        ("processes", "pages", processes.pages),
        ("work", "due", work.waiting),
        ("work", "failures", work.failed),
        ("work", "files", work.files),
    ]
    return [
        Check(section, subject, partial(look, patient), Level.FAULT if subject in SERVERS else Level.WARNING)
        for section, subject, look in looks
    ]


def _show(section: Examined, *, quiet: bool) -> None:
    """Write a section."""
    findings = [one for one in section.findings if not quiet or one.level in (Level.WARNING, Level.FAULT)]
    if not findings:
        return
    width = max(NARROWEST, _width())
    click.echo(f"\n{coloured(section.name, bold=True)}")
    for finding in findings:
        for line in lines(finding, width, plain=not _speaks_utf8()):
            click.echo(line)


def lines(finding: Finding, width: int, *, plain: bool = False) -> list[str]:
    """Return a finding as it is shown, in lines of at most so many columns; a word that is longer stays whole.

    Parameters:
        plain: whether the terminal knows ASCII only.
    """
    mark, word, colour = MARKS[finding.level]
    arrow = "->" if plain else "→"
    head = f"  {(word if plain else mark):<2}"
    subject = f"{finding.subject:<{SUBJECT}} "
    indent = " " * (len(head) + SUBJECT + 1)
    room = width - len(indent)
    remedy = f"{arrow} {finding.remedy}" if finding.remedy else ""
    shown = coloured(head, colour, bold=True) + subject
    if remedy and width >= BESIDE_FROM and len(subject) + len(finding.said) + 2 + len(remedy) <= room + SUBJECT + 1:
        return [f"{shown}{finding.said}  {coloured(remedy, 'cyan')}"]
    first = room - max(0, len(subject) - SUBJECT - 1)
    said = _wrapped(finding.said, first, room)
    out = [f"{shown}{said[0]}", *(f"{indent}{line}" for line in said[1:])]
    if remedy:
        out += [f"{indent}{coloured(line, 'cyan')}" for line in _hanging(remedy, room, len(arrow) + 1)]
    return out


def _wrapped(text: str, first: int, room: int) -> list[str]:
    begin = _hanging(text, first)[:1] or [""]
    return [*begin, *_hanging(text[len(begin[0]) :].strip(), room)]


def _hanging(text: str, room: int, by: int = 0) -> list[str]:
    return textwrap.wrap(text, room, subsequent_indent=" " * by, break_long_words=False, break_on_hyphens=False)


def _width() -> int:
    return Console(highlight=False).width


def _speaks_utf8() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"


def _sum(sections: Sequence[Examined], took: float) -> str:
    findings = [one for section in sections for one in section.findings]
    faults = sum(one.level is Level.FAULT for one in findings)
    warnings = sum(one.level is Level.WARNING for one in findings)
    looked = f"{counted(len(findings), 'thing')} looked at in {took:.1f} s"
    if not faults and not warnings:
        return f"\n{coloured('Nothing is to be done', 'green', bold=True)}: {looked}"
    parts = [
        coloured(counted(count, name), colour, bold=True)
        for count, name, colour in ((faults, "fault", "red"), (warnings, "warning", "yellow"))
        if count
    ]
    return f"\n{', '.join(parts)}; {looked}"


def _as_json(sections: Sequence[Examined], level: Level) -> dict[str, object]:
    return {
        "version": metadata.version("phin"),
        "level": level.value,
        "sections": [
            {
                "section": section.name,
                "findings": [
                    {
                        "level": one.level.value,
                        "key": one.key,
                        "subject": one.subject,
                        "said": one.said,
                        "remedy": one.remedy,
                    }
                    for one in section.findings
                ],
            }
            for section in sections
        ],
    }


class _Progress:
    """A line on a terminal that tells what is still looked at; nothing where no terminal reads."""

    def __init__(self, *, quiet: bool) -> None:
        self._shown = not quiet and sys.stderr.isatty()
        self._text = ""

    def tell(self, subjects: Sequence[str], seconds: float) -> None:
        """Show what is looked at, from the second second on."""
        if self._shown and seconds > 1:
            text = f"  looking at {', '.join(subjects)} … {seconds:.0f} s"[: max(NARROWEST, _width()) - 1]
            if text != self._text:
                sys.stderr.write(f"\r{text:<{len(self._text)}}")
                sys.stderr.flush()
                self._text = text

    def pause(self) -> None:
        """Take the line away, since something else is written."""
        if self._text:
            sys.stderr.write(f"\r{' ' * len(self._text)}\r")
            sys.stderr.flush()
            self._text = ""

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self.pause()


commands = (doctor,)
