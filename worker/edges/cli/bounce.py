"""`phin bounce` takes a report from a mail server; `phin bounces` shows what came back and what nobody could read."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from datetime import timedelta
from typing import Any

import click
from rich import box
from rich.console import Console
from rich.table import Table
from sqlalchemy.exc import SQLAlchemyError

from worker.delivery.bounces.parcel import take
from worker.domain.addresses import masked, normalise_address
from worker.domain.errors import PhinError
from worker.edges.acting import operator
from worker.edges.cli.opening import opened
from worker.edges.house import House
from worker.edges.moments import moment
from worker.edges.terminal import harmless
from worker.storage import audit, bounce_mailboxes, erasure, suppression
from worker.storage import bounces as rows
from worker.storage.bounce_mailboxes import Mailbox

TEMPFAIL = getattr(os, "EX_TEMPFAIL", 75)  # sysexits.h: the mail server tries again later
SHOWN = 50
COUNTED = timedelta(days=30)
WORDS = 4_000  # characters of a report that are shown


@click.command(short_help="Take a report of a returned mail from standard input.")
def bounce() -> int:
    """Take a report of a returned mail, or a complaint, from standard input: what a mail server pipes in.

    Whatever it is, it is kept; one that cannot be read is shown by 'phin bounces --unread'. Where it cannot be kept
    now, the exit status is 75, so that the mail server gives it again.
    """
    if sys.stdin.isatty():
        raise click.UsageError("give the report on standard input: phin bounce < FILE")
    try:
        parcel = take(sys.stdin.buffer)
        with opened("bounce") as house:
            taken = house.bounces.take(parcel, "pipe", house.clock.now())
            house.queue.enqueue(taken.work)
    except (PhinError, SQLAlchemyError, OSError) as error:
        said = str(error) if isinstance(error, PhinError) else type(error).__name__
        click.echo(f"phin: not kept now, to be given again: {masked(said)}", err=True)
        return TEMPFAIL
    for number, kind in zip(taken.rows, taken.kinds, strict=True):
        click.echo(f"{number}: {kind.value}")
    if not taken.rows:
        click.echo("it was here before")
    return 0


@click.group(invoke_without_command=True, short_help="Show mails that came back, and reports nobody could read.")
@click.option("--unread", is_flag=True, help="Those that could not be read, or name no mail of ours.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_context
def bounces(context: click.Context, unread: bool, as_json: bool) -> None:
    """Show what came back of late, by class and reason; with --unread, what somebody should look at."""
    if context.invoked_subcommand is not None:
        if as_json or unread:
            raise click.UsageError("--json and --unread are for the list, 'phin bounces --unread'")
        return
    with opened("bounces") as house:
        with house.database.reading() as connection:
            counts = rows.counts(connection, house.clock.now() - COUNTED)
            found = rows.listed(connection, unread=unread, most=SHOWN)
            waiting, strange = rows.count_unread(connection), rows.count_strange(connection)
            mailboxes = bounce_mailboxes.listed(connection)
        if as_json:
            told = [{"class": kind.value, "reason": reason, "count": count} for (kind, reason), count in counts.items()]
            listed = [_as_json(row) for row in found]
            click.echo(
                json.dumps(
                    {"last_30_days": told, "unread": waiting, "not_ours": strange, "bounces": listed},
                    ensure_ascii=False,
                    indent=2,
                )
            )
            return
        kinds: Counter[str] = Counter()
        for (kind, _), count in counts.items():
            kinds[kind.value] += count
        told_kinds = " · ".join(f"{count:,} {kind}" for kind, count in kinds.most_common())
        click.echo(f"Last 30 days: {told_kinds or 'nothing came back'}")
        for mailbox in mailboxes:
            click.echo(f"{mailbox.name}: {_reading(house, mailbox)}")
        if found:
            _show(house, found, unread=unread)
        if waiting and not unread:
            counts_told = {"could not be read": waiting - strange, "read, and about no mail of ours": strange}
            told_unread = " · ".join(f"{count:,} {what}" for what, count in counts_told.items() if count)
            click.echo(f"{told_unread}: phin bounces --unread")
        elif unread and found:
            click.echo("One in full: phin bounces show NUMBER · after an update of Phin: phin bounces read-again")
        elif unread:
            click.echo("Nothing is left unread.")


@bounces.command(short_help="Show all that is kept of one.")
@click.argument("number", type=int)
def show(number: int) -> None:
    """Show all that is kept of the bounce with this NUMBER; of one that could not be read its beginning as well."""
    with opened("bounces") as house:
        with house.database.reading() as connection:
            row = rows.by_id(connection, number)
        if row is None:
            raise PhinError(f"there is no bounce {number}; 'phin bounces' lists them")
        for name, value in _as_json(row).items():
            if value is not None:
                click.echo(harmless(f"{name}: {value}"))
        if row.raw:
            text = bytes(row.raw).decode("utf-8", "replace")
            click.echo("\n" + "".join(one if one.isprintable() or one == "\n" else " " for one in text[:WORDS]))
            if len(text) > WORDS:
                click.echo(f"… ({row.size:,} bytes in all)")


@bounces.command("read-again", short_help="Read once more what could not be read.")
def read_again() -> None:
    """Read once more what could not be read, by the rules as they are now."""
    with opened("bounces") as house:
        taken = house.bounces.read_again(house.clock.now())
        house.queue.enqueue(taken.work)
        click.echo(f"{len(taken.rows) - taken.unread:,} could be read now")


@bounces.command(short_help="Let mail go again to an address that came back.")
@click.argument("address")
def lift(address: str) -> None:
    """Let mail go again to ADDRESS, which is suppressed because mail to it came back."""
    try:
        email = normalise_address(address)
    except ValueError as error:
        raise PhinError(str(error)) from error
    with opened("bounces") as house, house.database.writing() as connection:
        reason = suppression.lift(connection, email)
        if reason is None:
            raise PhinError("mail to this address is not held back")
        if reason == erasure.REASON:
            raise PhinError("this address belongs to somebody who was erased; only they can come back")
        audit.write(connection, operator(), "suppression lifted", None, house.clock.now(), reason=reason)
    click.echo(f"Mail goes there again. It was held back for: {reason}")


def _show(house: House, found: list[Any], *, unread: bool) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("number", "when", "by", "class"):
        table.add_column(name, no_wrap=True)
    for name in ("why",) if unread else ("reason", "mail"):
        table.add_column(name)
    for row in found:
        when = moment(row.received_at, house.settings.shop)
        reason = " ".join(filter(None, (row.status, row.reason)))
        mail = "not ours" if row.message_id is None else str(row.message_id)
        told = (masked(row.why or ""),) if unread else (reason, mail)
        table.add_row(str(row.id), when, row.source, row._mapping["class"], *told)
    Console().print(table)


def _reading(house: House, mailbox: Mailbox) -> str:
    if mailbox.failed_at is not None:
        return f"not read since {moment(mailbox.failed_at, house.settings.shop)}: {mailbox.failure}"
    return "not read yet" if mailbox.read_at is None else f"read {moment(mailbox.read_at, house.settings.shop)}"


def _as_json(row: Any) -> dict[str, object]:
    return {
        "number": row.id,
        "received_at": row.received_at.isoformat(),
        "source": row.source,
        "class": row._mapping["class"],
        "reason": row.reason,
        "status": row.status,
        "diagnostic": row.diagnostic,
        "message": row.message_id,
        "matched": row.matched,
        "state": row.state,
        "why": row.why,
        "size": row.size,
    }


commands = (bounce, bounces)
