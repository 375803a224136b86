"""`phin webhooks`: what other systems were not told yet, trying it anew, the secret, and a trial."""

from __future__ import annotations

import json
from datetime import datetime

import click
from rich import box
from rich.console import Console
from rich.table import Table

from worker.delivery.open_internet import Poster
from worker.domain.errors import PhinError
from worker.domain.webhooks import SECRET_PREFIX, TRIES, WebhookState, signature
from worker.domain.work import Work
from worker.edges.acting import operator
from worker.edges.cli.opening import opened
from worker.edges.house import House
from worker.edges.moments import moment
from worker.storage import audit
from worker.storage import webhooks as rows
from worker.storage.webhooks import WebhookRow

SHOWN = 50


@click.group(invoke_without_command=True, short_help="Show webhooks that were not taken; try them anew.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_context
def webhooks(context: click.Context, as_json: bool) -> None:
    """Show what flows have for other systems and was not taken yet: given up, or still tried."""
    if context.invoked_subcommand is not None:
        if as_json:
            raise click.UsageError("--json is for the list, 'phin webhooks --json'")
        return
    with opened("webhooks") as house:
        with house.database.reading() as connection:
            counts, found = rows.counts(connection), rows.listed(connection, SHOWN)
        if as_json:
            told = {"counts": {state.value: number for state, number in counts.items()}}
            click.echo(json.dumps({**told, "webhooks": [_as_json(row) for row in found]}, ensure_ascii=False, indent=2))
            return
        parts = [f"{counts.get(state, 0):,} {state.value}" for state in WebhookState]
        click.echo(" · ".join(parts))
        if found:
            _show(house, found)
        if counts.get(WebhookState.FAILED):
            click.echo("Those that were given up are tried anew by: phin webhooks retry NUMBER … (or --all)")


@webhooks.command(short_help="Try webhooks anew that were given up.")
@click.argument("numbers", metavar="NUMBER", type=int, nargs=-1)
@click.option("--all", "every", is_flag=True, help="All that were given up.")
def retry(numbers: tuple[int, ...], every: bool) -> None:
    """Try the webhooks with these NUMBERs anew, under the same id, from the first try on."""
    if bool(numbers) == every:
        raise click.UsageError("name the webhooks by their numbers, or give --all")
    with opened("webhooks") as house:
        with house.database.writing() as connection:
            now = house.clock.now()
            done = rows.again(connection, None if every else numbers, now)
            if done:
                audit.write(connection, operator(), "webhooks tried anew", None, now, count=len(done))
        house.queue.enqueue(Work(webhooks=tuple(done)))
        left = sorted(set(numbers) - set(done))
        if left:
            listed = ", ".join(map(str, left))
            raise PhinError(
                f"not given up, so not tried anew: {listed}" + (f"; tried anew: {len(done)}" if done else "")
            )
        click.echo(f"{len(done):,} tried anew")


@webhooks.command(short_help="Tell what file holds the secret that receivers check signatures with.")
def secret() -> None:
    """Tell where the secret stands that receivers check signatures with; it is not printed."""
    with opened("webhooks") as house:
        file = house.settings.var / "secrets" / "webhook_secret"
        given = house.home.environment.get("PHIN_WEBHOOK_SECRET") or house.home.environment.get(
            "PHIN_WEBHOOK_SECRET_FILE"
        )
        where = "PHIN_WEBHOOK_SECRET (the environment)" if given else str(file)
        click.echo(f"It stands in {where}, and begins with {SECRET_PREFIX}. Give it to the receiver as it is.")


@webhooks.command(short_help="Tell an address something now, and show what it answers.")
@click.argument("url")
def trial(url: str) -> None:
    """Post a signed webhook of the type 'phin.trial' to URL now, kept nowhere, and show the answer."""
    with opened("webhooks") as house:
        at = house.clock.machine()
        id_ = f"trial:{int(at.timestamp())}"
        body = json.dumps({"type": "phin.trial", "timestamp": at.isoformat(), "data": {}}).encode()
        told = house.settings.webhooks
        poster = Poster(allow_private=told.allow_private, timeout=told.timeout)
        headers = {
            "content-type": "application/json",
            "user-agent": "Phin",
            "webhook-id": id_,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": signature(house.secrets.webhook, id_, at, body),
        }
        answer = poster.post(url, headers, body)
        poster.close()
        if not answer.ok:
            raise PhinError(f"{url} did not take it: {answer.told}")
        click.echo(f"{url} took it: {answer.told}")


def _show(house: House, found: list[WebhookRow]) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("number", "state", "flow", "step", "address", "tries", "last answer", "next"):
        table.add_column(name, overflow="fold")
    for row in found:
        waits = row.state is WebhookState.QUEUED
        table.add_row(
            str(row.id),
            row.state.value,
            row.flow,
            row.step,
            row.url,
            f"{row.attempts} of {TRIES}",
            " ".join(part for part in (str(row.code or ""), row.answer or "") if part),
            moment(row.not_before, house.settings.shop) if waits else "",
        )
    Console().print(table)


def _as_json(row: WebhookRow) -> dict[str, object]:
    def time(at: datetime | None) -> str | None:
        return None if at is None else at.isoformat()

    return {
        "number": row.id,
        "id": row.key,
        "state": row.state.value,
        "flow": row.flow,
        "step": row.step,
        "url": row.url,
        "tries": row.attempts,
        "code": row.code,
        "answer": row.answer,
        "created_at": time(row.created_at),
        "next_at": time(row.not_before) if row.state is WebhookState.QUEUED else None,
        "settled_at": time(row.settled_at),
    }


commands = (webhooks,)
