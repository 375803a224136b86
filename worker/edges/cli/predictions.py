"""`phin predictions`: what is foretold of the customers, and by what."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import click
from rich.console import Console

from worker.domain.errors import PhinError
from worker.domain.repurchase import Model
from worker.edges.cli.opening import opened
from worker.edges.house import House
from worker.edges.moments import moment, share
from worker.storage import predictions as rows


@click.command(short_help="Tell who is foretold to buy again, and when.")
@click.option("--now", "anew", is_flag=True, help="Fit the model anew and foretell everyone first.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def predictions(anew: bool, as_json: bool) -> None:
    """Tell what is foretold of the customers; the clock does so each night, and at once after an order."""
    with opened("predictions") as house:
        if anew:
            environment = {**os.environ, "PHIN_HOME": str(house.home.folder)}
            command = [sys.executable, "-m", "worker.edges.foretelling"]
            if subprocess.run(command, env=environment, check=False).returncode:
                raise PhinError("it failed: the line above says why")
        with house.database.reading() as connection:
            fitted, found = rows.fitted(connection), rows.summary(connection, house.clock.now())
        if as_json:
            model = None if fitted is None or fitted.model is None else fitted.model
            told = {
                "fitted_at": None if fitted is None else fitted.at.isoformat(),
                "buyers": 0 if fitted is None else fitted.buyers,
                "model": None if model is None else {"r": model.r, "alpha": model.alpha, "a": model.a, "b": model.b},
                "alive": found.alive,
                "expected": found.expected,
                "next_30_days": found.next_30_days,
            }
            click.echo(json.dumps(told, indent=2))
            return
        if fitted is None:
            click.echo(
                "Nobody was foretold yet; the clock does so at three in the morning. At once: phin predictions --now"
            )
            return
        _show(house, fitted, found)


def _show(house: House, fitted: rows.Fitted, found: rows.Summary) -> None:
    console = Console()
    console.print(f"[dim]fitted[/]   {moment(fitted.at, house.settings.shop)}, to {fitted.buyers:,} buyers")
    if fitted.model is None:
        console.print("         too few buyers yet, or too few who came back: nobody is foretold")
        return
    console.print(f"[dim]alive[/]    {found.alive:,} with even odds or better, of {found.foretold:,}")
    console.print(f"[dim]         {found.expected:,.0f} expected, the chances summed up[/]")
    console.print(f"[dim]next[/]     {found.next_30_days:,} of those are foretold to order within 30 days")
    console.print(f"[dim]model[/]    {_words(fitted.model)}")


def _words(model: Model) -> str:
    often = model.r / model.alpha * 30
    leave = model.a / (model.a + model.b)
    return f"a customer buys {often:.2f} times in 30 days at the mean, and {share(leave)} leave after an order"


commands = (predictions,)
