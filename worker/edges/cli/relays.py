"""`phin relays`: by which relays mail goes, what refuses it just now, rates, warm-up, last answers."""

from __future__ import annotations

import json
from datetime import datetime

import click
from rich.console import Console
from rich.markup import escape

from worker.delivery.smtp_relay import parse_relays
from worker.delivery.traffic_plan import OUTBOX, TrafficPlan
from worker.domain.breakers import Breaker, BreakerState
from worker.domain.messages import Kind
from worker.domain.relays import Route
from worker.edges.cli.opening import opened
from worker.edges.house import House
from worker.edges.moments import counted, moment
from worker.storage import relays as rows
from worker.storage.relays import LastAnswer, Taken


@click.command(short_help="Show relays, what refuses our mail, rates and warm-up.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def relays(as_json: bool) -> None:
    """Show by which relays mail goes, which domains or relays do not take it now and when they are asked again, what
    waits for that or for a rate, how far a warm-up is, and what each relay answered last."""
    with opened("relays") as house:
        plan, now = TrafficPlan.of(house.settings), house.clock.now()
        with house.database.reading() as connection:
            breakers = rows.all_breakers(connection)
            waiting = rows.waiting(connection)
            progress = rows.all_progress(connection)
            answers = rows.last_answers(connection)
        if as_json:
            told = {
                "relays": [_route_as_json(house, plan, route, progress, answers, now) for route in plan.routes],
                "breakers": [_breaker_as_json(one, now) for one in breakers],
                "rates": {**{name: str(rate) for name, rate in plan.rates.items()}, **_any(plan)},
                "waiting": waiting,
            }
            click.echo(json.dumps(told, ensure_ascii=False, indent=2))
            return
        console = Console(highlight=False)
        for route in plan.routes:
            _tell_route(console, house, plan, route, progress, answers, now)
        _tell_breakers(console, house, [one for one in breakers if one.state is not BreakerState.CLOSED], now)
        rates = {**{name: str(rate) for name, rate in plan.rates.items()}, **_any(plan)}
        if rates:
            console.print("[dim]rates     [/]" + escape(", ".join(f"{name}: {rate}" for name, rate in rates.items())))
        for reason, count in sorted(waiting.items()):
            wait = "waits" if count == 1 else "wait"
            console.print(f"[dim]waiting   [/]{counted(count, 'mail')} {wait} for {escape(reason)}", soft_wrap=True)


def _tell_route(
    console: Console,
    house: House,
    plan: TrafficPlan,
    route: Route,
    progress: dict[str, Taken],
    answers: list[LastAnswer],
    now: datetime,
) -> None:
    if route.name == OUTBOX:
        console.print("No smtp_url is set: mail is captured in the outbox, and nothing leaves this machine.")
        return
    parts = [_host(house, route.name)]
    total = sum(one.weight for one in plan.routes)
    if len(plan.routes) > 1:
        parts.append(f"weight {route.weight} of {total}")
    if len(route.kinds) == 1:
        parts.append(f"for {next(iter(route.kinds)).value} mail")
    if route.rate is not None:
        parts.append(str(route.rate))
    warming = plan.warming(now).get(route.name)
    if warming is not None:
        taken = progress[warming[0]].taken if warming[0] in progress else 0
        parts.append(f"warm-up: {taken:,} of {warming[1]:,} today")
    console.print(f"[bold]{escape(route.name)}[/]  {escape(' · '.join(parts))}")
    for one in answers:
        if one.relay == route.name:
            said = " ".join(f"{one.code or ''} {one.answer}".split())
            at = moment(one.at, house.settings.shop)
            console.print(f"  [dim]{one.outcome:<10}[/]{at}  {escape(said)}", soft_wrap=True)


def _tell_breakers(console: Console, house: House, shut: list[Breaker], now: datetime) -> None:
    for one in shut:
        whom = one.key.domain or "everything"
        if one.state is BreakerState.PROBING:
            state = "one mail is asking"
        elif one.stops(now) and one.until is not None:
            state = f"asked again at {moment(one.until, house.settings.shop)}"
        else:
            state = "asked again with the next mail"
        said = " ".join(f"{one.code or ''} {one.answer}".split())
        since = moment(one.since, house.settings.shop)
        text = f"{whom} by {one.key.relay} since {since}, {state}: {said}"
        console.print(f"[red]refused   [/]{escape(text)}", soft_wrap=True)


def _host(house: House, name: str) -> str:
    return str(parse_relays(house.settings.smtp_url or "")[name])


def _any(plan: TrafficPlan) -> dict[str, str]:
    return {} if plan.any_rate is None else {"*": str(plan.any_rate)}


def _route_as_json(
    house: House,
    plan: TrafficPlan,
    route: Route,
    progress: dict[str, Taken],
    answers: list[LastAnswer],
    now: datetime,
) -> dict[str, object]:
    warming = plan.warming(now).get(route.name)
    return {
        "name": route.name,
        "host": None if route.name == OUTBOX else _host(house, route.name),
        "weight": route.weight,
        "for": [kind.value for kind in Kind if kind in route.kinds],
        "rate": None if route.rate is None else str(route.rate),
        "warm_up": None
        if warming is None
        else {"limit": warming[1], "taken": progress[warming[0]].taken if warming[0] in progress else 0},
        "last": [
            {"outcome": one.outcome, "code": one.code, "answer": one.answer, "at": one.at.isoformat()}
            for one in answers
            if one.relay == route.name
        ],
    }


def _breaker_as_json(one: Breaker, now: datetime) -> dict[str, object]:
    return {
        "relay": one.key.relay,
        "domain": one.key.domain or None,
        "state": one.state.value,
        "stops": one.stops(now),
        "until": None if one.until is None else one.until.isoformat(),
        "opened": one.opened,
        "strikes": one.strikes,
        "code": one.code,
        "answer": one.answer,
        "since": one.since.isoformat(),
    }


commands = (relays,)
