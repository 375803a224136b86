"""`phin test`: the tests of the flows, played with the engine and the sending rules as in production, in memory."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Collection, Sequence
from xml.etree import ElementTree

import click
import structlog
from rich.console import Console

from worker.domain.errors import PhinError
from worker.domain.flow_tests import FlowTest
from worker.edges.banner import near
from worker.edges.cli.painting import coloured, paint
from worker.edges.environment import read_home
from worker.edges.rehearsing import Rehearsed, read_shop
from worker.edges.test_lines import as_json, failure_text, percent, show_coverage, show_failure
from worker.language.yaml.diagnostics import as_text, counted
from worker.language.yaml.suggestions import did_you_mean
from worker.rehearsal.comparing import Verdict
from worker.rehearsal.coverage import Coverage, coverage
from worker.rehearsal.many import run_all

WIDTH = 160  # characters of a line where neither a terminal nor COLUMNS says how many there are


class Percentage(click.ParamType[float]):
    """A share such as `100%` or `80`."""

    name = "percentage"

    def convert(self, value: object, param: click.Parameter | None, context: click.Context | None) -> float:
        """Return it from 0 to 1."""
        if isinstance(value, float):
            return value
        digits = str(value).strip().removesuffix("%")
        if not digits.isdigit() or int(digits) > 100:
            self.fail(f"'{value}' is no percentage; write one like 100%", param, context)
        return int(digits) / 100


@click.command(short_help="Play the tests of the flows.")
@click.option("--flow", "flows", multiple=True, metavar="NAME", help="Only tests of this flow; may be given again.")
@click.option("-k", "text", default="", metavar="TEXT", help="Only tests whose name or flow holds this text.")
@click.option("--coverage", "covered", is_flag=True, help="Tell which steps and ways no test reached.")
@click.option("--at-least", type=Percentage(), metavar="100%", help="With --coverage: less of a flow is a failure.")
@click.option("-j", "--jobs", type=click.IntRange(1), help="Processes; by default one for each core.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "junit"]),
    default="text",
    help="For people (text), programs (json), build servers (junit).",
)
@click.pass_context
def test(
    context: click.Context,
    flows: tuple[str, ...],
    text: str,
    covered: bool,
    at_least: float | None,
    jobs: int | None,
    form: str,
) -> None:
    """Play the tests in flows/tests/, and tell where a flow does something else than they expect.

    Nothing is started, opened or changed: engine and sending rules work on a database in memory, and time is moved
    from one thing that is due to the next. Exit status 1 where a test fails or a file has errors.
    """
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))  # a test tells by itself
    shop = read_shop(read_home(os.environ))
    if unknown := [name for name in flows if name not in shop.library.flows and name not in shop.library.broken]:
        known = sorted(shop.library.flows)
        hint = did_you_mean(unknown[0], known) or f"there are: {', '.join(known) or 'none'}"
        raise PhinError(f"there is no flow '{unknown[0]}'; {hint}")
    wanted = [one for one in shop.tests.tests if _is_wanted(one, flows, text) and one.flow in shop.library.flows]
    console = Console() if Console().is_terminal or os.environ.get("COLUMNS") else Console(width=WIDTH)
    began = time.monotonic()
    verdicts: list[Verdict] = []
    reached: dict[str, set[tuple[str, str | None]]] = {}
    for result in run_all(shop.files, wanted, jobs or os.cpu_count() or 1):
        verdicts.append(result.verdict)
        reached.setdefault(result.verdict.test.flow, set()).update(result.reached)
    seconds = time.monotonic() - began
    verdicts.sort(key=lambda one: (one.test.place.file, one.test.place.line))
    found = _coverage(shop, wanted, reached, flows) if covered else []
    failed = [verdict for verdict in verdicts if not verdict.passed]
    short = [one for one in found if at_least is not None and one.share < at_least]
    if form == "json":
        click.echo(_json(shop, verdicts, found))
    elif form == "junit":
        click.echo(_junit(verdicts, seconds))
    else:
        for problem in shop.problems:
            click.echo(as_text(problem, paint))
        for verdict in failed:
            show_failure(console, verdict)
        if covered:
            show_coverage(console, found, {name: near(file.path) for name, file in shop.library.flows.items()})
        for one in short:
            asked = f"at least {percent(at_least or 0)} is asked for"
            click.echo(coloured(f"'{one.flow}' is reached to {percent(one.share)}; {asked}", "red"))
        click.echo(_summary(verdicts, failed, seconds))
    context.exit(1 if failed or short or shop.problems else 0)


def _is_wanted(one: FlowTest, flows: Collection[str], text: str) -> bool:
    return (not flows or one.flow in flows) and text.casefold() in f"{one.flow}: {one.name}".casefold()


def _coverage(
    shop: Rehearsed, played: Sequence[FlowTest], reached: dict[str, set[tuple[str, str | None]]], asked: Collection[str]
) -> list[Coverage]:
    tests = [one.flow for one in played]
    return [
        coverage(file.flow, tests.count(name), reached.get(name, ()))
        for name, file in sorted(shop.library.flows.items())
        if not asked or name in asked
    ]


def _summary(verdicts: Sequence[Verdict], failed: Sequence[Verdict], seconds: float) -> str:
    if not verdicts:
        return "no tests; they stand in flows/tests/ (docs/testing.md tells how they are written)"
    passed = len(verdicts) - len(failed)
    speed = f"{len(verdicts) / seconds:,.0f} a second" if seconds else ""
    said = [coloured(f"{passed:,} passed", "green", bold=not failed)]
    if failed:
        said.append(coloured(f"{len(failed):,} failed", "red", bold=True))
    return f"{', '.join(said)} of {counted(len(verdicts), 'test')} in {seconds:.1f} s ({speed})"


def _json(shop: Rehearsed, verdicts: Sequence[Verdict], found: Sequence[Coverage]) -> str:
    whole = {
        "passed": sum(one.passed for one in verdicts),
        "failed": sum(not one.passed for one in verdicts),
        "problems": [{"place": str(one.place), "message": one.message, "hint": one.hint} for one in shop.problems],
        "tests": [as_json(one) for one in verdicts],
        "coverage": [
            {
                "flow": one.flow,
                "tests": one.tests,
                "reached": one.reached,
                "places": one.places,
                "gaps": [{"step": gap.step, "way": gap.way, "line": gap.line} for gap in one.gaps],
            }
            for one in found
        ],
    }
    return json.dumps(whole, ensure_ascii=False, indent=2)


def _junit(verdicts: Sequence[Verdict], seconds: float) -> str:
    """Return a report in the form that build servers read (JUnit's, as Jenkins documents it)."""
    failures = sum(not one.passed for one in verdicts)
    suite = ElementTree.Element(
        "testsuite", name="phin test", tests=str(len(verdicts)), failures=str(failures), time=f"{seconds:.3f}"
    )
    for one in verdicts:
        place = one.test.place
        case = ElementTree.SubElement(
            suite, "testcase", classname=one.test.flow, name=one.test.name, file=place.file, line=str(place.line)
        )
        if not one.passed:
            lines = list(failure_text(one))
            ElementTree.SubElement(case, "failure", message=lines[0]).text = "\n".join(lines)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True)


commands = (test,)
