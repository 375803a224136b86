"""`phin unknown`: messages that were handed over and of which no answer is known, and a person's word on them."""

from __future__ import annotations

import json
from typing import Any

import click
from rich import box
from rich.console import Console
from rich.table import Table

from worker.domain.errors import PhinError
from worker.domain.messages import Kind, MessageState
from worker.edges.acting import operator
from worker.edges.cli.opening import opened
from worker.edges.moments import moment
from worker.storage import audit, journeys, leftovers

_WORDS = {"sent": MessageState.SENT, "retry": MessageState.QUEUED, "failed": MessageState.FAILED}


@click.group(invoke_without_command=True, short_help="Show mails that nobody knows the outcome of.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_context
def unknown(context: click.Context, as_json: bool) -> None:
    """Show messages of which nobody knows whether they arrived; they are never sent again by themselves."""
    if context.invoked_subcommand is not None:
        if as_json:
            raise click.UsageError("--json is for the list, 'phin unknown --json'")
        return
    with opened("unknown") as house:
        with house.database.reading() as connection:
            rows = leftovers.unknown(connection)
        if as_json:
            click.echo(json.dumps([_as_json(row) for row in rows], ensure_ascii=False, indent=2))
            return
        if not rows:
            click.echo("No message has an unknown outcome.")
            return
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for name in ("message", "to", "flow", "template", "kind", "handed over"):
            table.add_column(name)
        for row in rows:
            when = moment(row.transmitting_at, house.settings.shop)
            to = row.staff or f"#{row.customer_id}"
            table.add_row(str(row.id), to, row.flow or "–", row.template, row.kind, when)
        Console().print(table)
        click.echo("Look into the relay's log, then say what is true: phin unknown settle MESSAGE… sent|retry|failed")


def _as_json(row: Any) -> dict[str, object]:
    return {
        "message": row.id,
        "customer": row.customer_id,
        "staff": row.staff,
        "flow": row.flow,
        "template": row.template,
        "kind": row.kind,
        "handed_over": row.transmitting_at.isoformat(),
    }


@unknown.command(short_help="Say what became of messages.")
@click.argument("messages", type=int, nargs=-1, required=True, metavar="MESSAGE...")
@click.argument("word", type=click.Choice(sorted(_WORDS)))
def settle(messages: tuple[int, ...], word: str) -> None:
    """Say what became of each MESSAGE: it was sent, it was not (failed), or send it (again)."""
    with opened("unknown") as house, house.database.writing() as connection:
        now = house.clock.now()
        done = [
            number
            for kind in Kind
            for number in leftovers.resolve_unknown(
                connection, kind, _WORDS[word], f"said by hand: {word}", now, ids=messages
            )
        ]
        if others := sorted({*messages} - {*done}):
            named = ", ".join(map(str, others))
            raise PhinError(f"no unknown outcome has message {named}; 'phin unknown' lists those that have")
        journeys.wake(connection, [number for number, _ in journeys.waiting_of_messages(connection, done)])
        for message in done:
            audit.write(connection, operator(), "outcome settled", f"mail {message}", now, word=word)
    click.echo(f"Message {', '.join(map(str, sorted(done)))}: {word}.")


commands = (unknown,)
