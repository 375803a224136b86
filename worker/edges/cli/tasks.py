"""`phin tasks`: what the staff have to do, and what they say of it from a terminal."""

from __future__ import annotations

import dataclasses
import json
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.text import Text

from worker.delivery.links import task_url
from worker.domain.durations import parse_duration
from worker.domain.errors import PhinError
from worker.domain.staff import Staff
from worker.domain.tasks import BY_STAFF, OPEN_STATES, TaskState, in_order
from worker.edges.acting import operator
from worker.edges.cli.opening import opened
from worker.edges.house import House
from worker.edges.moments import moment
from worker.edges.standing import pages_url
from worker.edges.task_lines import as_json, name, table, told
from worker.engine.tasks import Handled, Tasks
from worker.storage import overview, requests, tasks
from worker.storage.dossier import dossier

MOST = 200
_OUTCOMES = {outcome.value.replace(" ", "-"): outcome for outcome in BY_STAFF}


@click.group("tasks", invoke_without_command=True, short_help="Show what the staff have to do; close, assign, put off.")
@click.option("--who", help="Only this person's, or those of this role's people; 'nobody' for those without anybody.")
@click.option("--late", is_flag=True, help="Only those that should have been done by now.")
@click.option("--today", is_flag=True, help="Only those that are late or due today.")
@click.option("--customer", "customer_id", type=int, metavar="#", help="Only those of this customer (Phin's number).")
@click.option("--all", "everything", is_flag=True, help="Closed ones too, the latest 200.")
@click.option("--json", "for_programs", is_flag=True, help="For programs.")
@click.pass_context
def list_tasks(
    context: click.Context,
    who: str | None,
    late: bool,
    today: bool,
    customer_id: int | None,
    everything: bool,
    for_programs: bool,
) -> None:
    """Show what is to be done, late ones first, and count the support requests."""
    if context.invoked_subcommand is not None:
        return
    with opened("tasks") as house:
        now, staff = house.clock.now(), house.staff()
        end = _end_of_day(now, house.settings.shop.timezone)
        before = now if late else end if today else None
        states = tuple(TaskState) if everything else OPEN_STATES
        people = _people(staff, who)
        with house.database.reading() as connection:
            found = [
                task
                for person in people
                for task in tasks.listed(
                    connection,
                    states=states,
                    assignee=person,
                    customer_id=customer_id,
                    due_before=before,
                    limit=MOST,
                )
            ]
            counts = overview.task_counts(connection, now, end)
            cases = requests.figures(connection, now)
        found = in_order(found, now)
        if for_programs:
            whole = {
                "tasks": [as_json(task, now) for task in found],
                "counts": dataclasses.asdict(counts),
                "requests": dataclasses.asdict(cases),
            }
            click.echo(json.dumps(whole, ensure_ascii=False, indent=2))
            return
        console = Console()
        if found:
            console.print(table(found, house.staff(), house.settings.shop, now))
        else:
            console.print("Nothing is to be done." if who is None and before is None else "Nothing of that kind.")
        console.print(
            f"[dim]tasks     [/]{counts.open:,} open · {counts.today:,} due today · "
            + (f"[red]{counts.late:,} late[/]" if counts.late else "0 late")
        )
        late_cases = f"[red]{cases.late:,} late[/]" if cases.late else "0 late"
        solved = f"{cases.solved:,} solved, {cases.in_time:,} of them in time"
        console.print(f"[dim]requests  [/]{cases.opened:,} in all · {cases.open:,} open · {late_cases} · {solved}")
        if found:
            console.print("[dim]phin tasks show NUMBER tells more; done, take, assign, snooze say what is done.[/]")


@list_tasks.command(short_help="Tell all there is to know of a task.")
@click.argument("number", type=int)
@click.option("--json", "for_programs", is_flag=True, help="For programs.")
def show(number: int, for_programs: bool) -> None:
    """Tell what task NUMBER is about: the customer, the last orders and mails."""
    with opened("tasks") as house:
        now, shop = house.clock.now(), house.settings.shop
        with house.database.reading() as connection:
            known = dossier(connection, number)
        if known is None:
            raise PhinError(_missing(number))
        if for_programs:
            click.echo(json.dumps(as_json(known.task, now), ensure_ascii=False, indent=2))
            return
        console = Console()
        for line in told(known, house.staff(), shop, now):
            console.print(line, soft_wrap=True)
        person = known.task.assignee
        if person in house.staff().people and person is not None:
            console.print(
                Text(f"  page      {task_url(house.tokens, pages_url(house.settings), number, person)}"), soft_wrap=True
            )


@list_tasks.command(short_help="Close a task.")
@click.argument("number", type=int)
@click.option("--outcome", type=click.Choice(sorted(_OUTCOMES)), default="done", show_default=True)
@click.option("--remark", help="What is worth remembering.")
@click.option("--by", help="Who did it; by default whose task it is.")
def done(number: int, outcome: str, remark: str | None, by: str | None) -> None:
    """Close task NUMBER with what came of it."""
    with opened("tasks") as house:
        person = _by(house, number, by)
        handled = _tasks(house).close(number, _OUTCOMES[outcome], person, house.clock.now(), remark)
        _tell(house, number, handled, f"Task {number} is closed: {outcome.replace('-', ' ')}.")


@list_tasks.command(short_help="Take a task in hand.")
@click.argument("number", type=int)
@click.option("--by", required=True, help="Who takes it.")
def take(number: int, by: str) -> None:
    """Say that somebody is on task NUMBER, so that nobody else begins it."""
    with opened("tasks") as house:
        _tell(house, number, _tasks(house).take(number, by, house.clock.now()), f"Task {number}: {by} is on it.")


@list_tasks.command(short_help="Give a task to a person, or to the next of a role.")
@click.argument("number", type=int)
@click.argument("to")
@click.option("--by", default="", help="Who says it; they are not mailed about what they took themselves.")
def assign(number: int, to: str, by: str) -> None:
    """Give task NUMBER to a person, or to whose turn it is in a role."""
    with opened("tasks") as house:
        handled = _tasks(house).assign(number, to, by, house.clock.now())
        now_of = handled.task.assignee if handled.task else None
        _tell(house, number, handled, f"Task {number} is {name(house.staff(), now_of)}'s now.")


@list_tasks.command(short_help="Put a task off.")
@click.argument("number", type=int)
@click.argument("until")
def snooze(number: int, until: str) -> None:
    """Put task NUMBER off: by a time ('2 hours', '3 days') or until one ('2027-03-05 09:00', in the shop's zone)."""
    with opened("tasks") as house:
        now, shop = house.clock.now(), house.settings.shop
        at = _moment(until, now, shop.timezone)
        _tell(house, number, _tasks(house).snooze(number, at, now), f"Task {number} is back {moment(at, shop)}.")


def _tasks(house: House) -> Tasks:
    return Tasks(house.database, house.settings, house.staff, lambda _: operator())


def _tell(house: House, number: int, handled: Handled, done: str) -> None:
    """Say what became of somebody's word, and have done what follows."""
    task = handled.task
    if task is None:
        raise PhinError(_missing(number))
    if not handled.changed:
        staff, shop = house.staff(), house.settings.shop
        if task.is_open:
            raise PhinError(f"nothing was changed: it is {name(staff, task.assignee)}'s already")
        when = moment(task.closed_at, shop) if task.closed_at else "before"
        outcome = task.outcome.value if task.outcome else task.state.value
        raise PhinError(f"nothing was changed: {name(staff, task.closed_by)} closed it {when}: {outcome}")
    house.queue.enqueue(handled.work)
    click.echo(done)


def _by(house: House, number: int, by: str | None) -> str:
    staff = house.staff()
    if by is not None:
        if staff.people and by not in staff.people:
            raise PhinError(f"there is no '{by}' in config/staff.yaml; there are: {', '.join(staff.people)}")
        return by
    with house.database.reading() as connection:
        task = tasks.by_id(connection, [number]).get(number)
    if task is None:
        raise PhinError(_missing(number))
    if task.assignee is None:
        raise PhinError("nobody has this task; say who did it with --by")
    return task.assignee


def _missing(number: int) -> str:
    return f"there is no task {number}; 'phin tasks' lists those there are"


def _people(staff: Staff, who: str | None) -> list[str | None]:
    if who is None:
        return [None]
    if who == "nobody":
        return [""]
    members = staff.members(who)
    if not members:
        known = ", ".join([*staff.people, *staff.roles]) or "none"
        raise PhinError(f"there is no '{who}' in config/staff.yaml; there are: {known}")
    return [person.key for person in members]


def _moment(written: str, now: datetime, zone: str) -> datetime:
    try:
        duration = parse_duration(written)
    except ValueError:
        pass
    else:
        if duration.by_calendar:
            return duration.after(now.astimezone(ZoneInfo(zone)))
        return now + duration.span()
    try:
        at = datetime.fromisoformat(written)
    except ValueError as error:
        raise PhinError(f"'{written}' is neither a time like '2 hours' nor one like '2027-03-05 09:00'") from error
    return at.replace(tzinfo=at.tzinfo or ZoneInfo(zone))


def _end_of_day(now: datetime, zone: str) -> datetime:
    tomorrow = (now.astimezone(ZoneInfo(zone)) + timedelta(days=1)).date()
    return datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=ZoneInfo(zone))


commands = (list_tasks,)
