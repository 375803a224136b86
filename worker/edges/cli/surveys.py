"""`phin surveys`: what customers answered to the questions of mails: score, marks, and what they wrote."""

from __future__ import annotations

import json
from collections.abc import Mapping

import click
from rich.console import Console
from rich.text import Text

from worker.domain.setting_surveys import Survey
from worker.domain.surveys import Scale, Tally
from worker.edges.cli.opening import opened
from worker.edges.cli.report import begin_of
from worker.edges.moments import counted, moment
from worker.storage import surveys as rows
from worker.storage.surveys import Answered

BAR = 24  # characters of the longest bar


@click.command("surveys", short_help="Count answers to the questions of mails.")
@click.argument("survey", required=False)
@click.option("--since", help="Only answers since: a date (2027-03-01) or a time ago ('30 days').")
@click.option("--most", default=10, show_default=True, type=click.IntRange(0), help="How many of the latest to show.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def surveys(survey: str | None, since: str | None, most: int, as_json: bool) -> None:
    """Count the answers to each survey, or to one, and show the latest with what was written.

    Only answers to the questions of mails are counted, not those that the shop itself reports as survey.answered.
    """
    with opened("surveys") as house:
        begin = begin_of(since, house.clock.now(), house.settings.shop.timezone)
        with house.database.reading() as connection:
            counts = rows.counts(connection, begin)
            latest = rows.latest(connection, most, survey, begin)
        known = house.settings.surveys
        if survey is not None and survey not in known and survey not in counts:
            raise click.UsageError(
                f"there is no survey '{survey}'; there are {', '.join(sorted(known)) or 'none yet'}"
                " (those that the shop reports itself are not counted here)"
            )
        names = [survey] if survey else sorted({*known, *counts})
        tallies = {name: Tally(_scale(known, name), counts.get(name, {})) for name in names}
        if as_json:
            told = {name: _as_json(tally) for name, tally in tallies.items()}
            answers = [_answer_as_json(one) for one in latest]
            click.echo(json.dumps({"surveys": told, "answers": answers}, ensure_ascii=False, indent=2))
            return
        if not names:
            click.echo("No survey yet: docs/surveys.md tells how a mail asks a question.")
            return
        console = Console(highlight=False)
        for name, tally in tallies.items():
            _show(console, name, tally)
        for one in latest:
            who = one.name or one.customer or "a guest"
            line = Text(f"{moment(one.at, house.settings.shop)}  {one.survey} ", style="dim")
            line.append(f"{one.score}", style="bold")
            line.append(f"  {who}" + (f": {' '.join(one.comment.split())}" if one.comment else ""))
            console.print(line, soft_wrap=True)


def _scale(known: Mapping[str, Survey], name: str) -> Scale:
    """Return a survey's scale; of one that the settings no longer have, the scale that most are on."""
    return known[name].scale if name in known else Scale.NPS


def _show(console: Console, name: str, tally: Tally) -> None:
    if tally.score is None or tally.mean is None:
        console.print(f"[bold]{name}[/]  [dim]{tally.scale.value.upper()}[/]  no answer yet")
        return
    score = f"{tally.score:+.0f}".replace("-", "−") if tally.scale is Scale.NPS else f"{tally.score:.0f} %"
    answers = counted(tally.answers, "answer")
    console.print(f"[bold]{name}[/]  {tally.scale.value.upper()} [bold]{score}[/]  {answers}, mean {tally.mean:.1f}")
    most = max(tally.counts.values())
    for mark in reversed(tally.scale.marks):
        count = tally.counts.get(mark, 0)
        style = "green" if mark >= tally.scale.good else "red" if mark <= tally.scale.bad else "yellow"
        bar = "█" * round(BAR * count / most) or ("▏" if count else "")
        console.print(f"  {mark:>2} [{style}]{bar:{BAR}}[/] {count:,}")


def _as_json(tally: Tally) -> dict[str, object]:
    return {
        "scale": tally.scale.value,
        "answers": tally.answers,
        "score": tally.score,
        "mean": tally.mean,
        "good": tally.good,
        "bad": tally.bad,
        "marks": {str(mark): tally.counts.get(mark, 0) for mark in tally.scale.marks},
    }


def _answer_as_json(one: Answered) -> dict[str, object]:
    return {
        "survey": one.survey,
        "score": one.score,
        "comment": one.comment,
        "at": one.at.isoformat(),
        "customer": one.customer,
        "flow": one.flow,
    }


commands = (surveys,)
