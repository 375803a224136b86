"""The processes of the house: `phin up` for all in one, `web`, `worker`, `clock` and `release` for production."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Sequence
from zoneinfo import ZoneInfo

import click
from rich.console import Console

from worker.domain.errors import PhinError, SettingError
from worker.edges import offspring, publishing
from worker.edges.beforehand import look_beforehand
from worker.edges.bounce_ticks import add_bounce_ticks
from worker.edges.cli.commands import Commands
from worker.edges.cli.running import run
from worker.edges.cli.schema_files import refresh
from worker.edges.cli.shop_files import read_shop
from worker.edges.consuming import Workers
from worker.edges.environment import Home, read_home
from worker.edges.figures import EVERY as FIGURES_EVERY
from worker.edges.figures import Figures
from worker.edges.following import REPORT_FD, ended, follow_files, publish_edit, publish_first
from worker.edges.house import House
from worker.edges.keeping import Keeping
from worker.edges.leaving import FINISHES_WITHIN, PARENT, end_in_time, environment_of_child, on_leaving
from worker.edges.lifeline import tie_to_parent
from worker.edges.logs import set_up_logs
from worker.edges.nightly import Nightly
from worker.edges.offspring import Process
from worker.edges.one_key import compare_keys
from worker.edges.presence import present
from worker.edges.restoring import refuse_copy, refuse_copy_at
from worker.edges.secrecy import secrets_of
from worker.edges.serving import listener_of, serve
from worker.edges.sweep import Sweep
from worker.edges.ticks import Beat, Ticks, again_and_again, beat_path, run_clock
from worker.edges.up import run_up
from worker.edges.web.app import build_app
from worker.storage.migrations import fits, migrate

NAME = "PHIN_NAME"  # what the log lines of this process are headed with
SWEEP_EVERY = 1.0  # seconds
FIND_EVERY = 2.0
SEGMENTS_EVERY = 1.0
RECOVER_EVERY = 5.0
REMIND_EVERY = 5.0
CHECKPOINT_EVERY = 60.0
NIGHTLY_EVERY = 60.0
KEEPING_EVERY = 60.0


def _begin(name: str, *, otherwise: str = "auto") -> Home:
    """Read the settings and set the logs up.

    Parameters:
        otherwise: the form of the log lines where no setting says it.

    Raises:
        SettingError: something that is read at the start cannot be used.
    """
    home = read_home(os.environ)
    look_beforehand(home)
    form = otherwise if home.settings.log == "auto" else home.settings.log
    set_up_logs(form, os.environ.get(NAME, name), home.settings.shop.timezone, secrets_of(home))
    return home


def _current(house: House) -> House:
    """Return the house, if its database has the tables that this version works with."""
    with house.database.reading() as connection:
        if not fits(connection):
            raise PhinError("the database is not up to date with this version; run 'phin release' first")
    refuse_copy(house.database)
    compare_keys(house.database, house.secrets, house.clock.machine())
    return house


@click.command(short_help="Start everything here with one command.")
@click.option("--first", metavar="COMMAND", help="Run this once beside the processes, when the database is new.")
@click.option("--clock", metavar="SPAN", help="When the database is new, move the shop's time first: '-34 days'.")
@click.pass_context
def up(context: click.Context, first: str | None, clock: str | None) -> int:
    """Start everything here: database, queue, web, workers, clock. Ctrl-C ends it."""
    root = context.find_root()
    phin = root.command
    if isinstance(phin, Commands):
        phin.load_all(root)  # its children are forked from what is loaded now, and share the memory of it
    home = _begin("up", otherwise="console")
    refuse_copy_at(home)
    return run_up(home, Console(), lambda arguments: run(phin, arguments), first, clock)


@click.command(short_help="Bring the database up to date and publish the flows.")
def release() -> None:
    """Bring the database up to date and publish the flows: before the processes start."""
    house = House(_begin("release"))
    tables = migrate(house.database)
    publication = publishing.publish(house)
    publishing.tell(publication)
    click.echo(f"database up to date ({tables} tables) · {publishing.summary(publication)}")
    house.close()


@click.command(hidden=True, short_help="Have flows and valid edits published; a part of phin up.")
@click.pass_context
def follow(context: click.Context) -> int:
    """Have the flows published now, and each valid edit of them, by a child each time; a part of phin up."""
    phin = context.find_root().command
    leaving = on_leaving(os.environ)
    home = _begin("files")
    reports = os.environ.pop(REPORT_FD, None)

    def publish(options: Sequence[str]) -> int:
        nonlocal reports
        kept = () if reports is None else (int(reports),)
        more = {} if reports is None else {REPORT_FD: reports}
        environment = environment_of_child(os.environ, **more)
        command = ["publish-files", *options]
        child: Process = offspring.begin_command(
            "phin publishing", command, lambda arguments: run(phin, arguments), environment, inherits=kept
        )
        for one in kept:
            os.close(one)  # `phin up` waits until nobody holds it
        reports = None
        return ended(child, leaving)

    offspring.prepare_to_fork()
    return follow_files(home, leaving, publish)


@click.command("publish-files", hidden=True, short_help="Publish the flows once; a part of phin up.")
@click.option("--first", is_flag=True, help="Bring the database up to date before, and report.")
@click.option("--templates", is_flag=True, help="Tell what is wrong with the templates.")
def publish_files(first: bool, templates: bool) -> None:
    """Publish the flows once; a part of phin up."""
    if parent := os.environ.get(PARENT):
        tie_to_parent(signal.SIGTERM, parent=int(parent))
    house = House(_begin("files"))
    home = house.home
    if first:
        publish_first(house, os.environ)
    else:
        publish_edit(house, lambda: refresh(read_shop(home.folder, home.environment)), templates=templates)
    house.close()


@click.command(short_help="Take events in, answer clicks and opens, show pages.")
def web() -> None:
    """Take events in, answer clicks and opens, show pages."""
    on_leaving(os.environ)
    home = _begin("web")
    listener = listener_of(home.settings, os.environ)
    house = _current(House(home, waited_for=True))
    with present(house, os.environ.get(NAME, "web")):
        serve(build_app(house), listener, home.settings.tracking.trusted_proxies)
    house.close()


@click.command(short_help="Do what the queue asks for.")
def worker() -> None:
    """Do what the queue asks for: process events, take journeys on, send messages."""
    leaving = on_leaving(os.environ)
    home = _begin("worker")
    url = home.settings.redis_url
    if not url:
        raise SettingError(
            "a worker needs a queue: set redis_url (PHIN_REDIS_URL) to redis://host:6379/0, "
            "or run 'phin up', which brings its own"
        )
    house = _current(House(home))
    house.blame_the_dead()
    workers = Workers(url, house.runners, house.queue, home.settings.queue.threads, house.sending.quick)
    with present(house, os.environ.get(NAME, "worker")):
        workers.start()
        recovery = ("recovery", lambda: house.recover(leases=False), RECOVER_EVERY, leaving)
        threading.Thread(target=again_and_again, args=recovery, daemon=True).start()  # a machine may have no clock
        leaving.wait()
        house.precedence.leave()
        workers.stop(FINISHES_WITHIN)
    house.close()


@click.command(short_help="See to what is due, unsent or left behind.")
def clock() -> int:
    """See to what is due, unsent or left behind; without a queue, do all the work."""
    leaving = on_leaving(os.environ)
    home = _begin("clock")
    house = _current(House(home))
    house.blame_the_dead()
    beat = Beat(beat_path(home.settings.var))
    sweep = Sweep(house.due, house.runners, house.queue, beat=beat, stopping=leaving.is_set)
    ticks = Ticks(beat)
    ticks.every(SWEEP_EVERY, "sweep", sweep.turn)
    finding = house.finding(leaving.is_set)
    ticks.every(FIND_EVERY, "turns", lambda: finding.run(house.clock.now()))
    ticks.every(SEGMENTS_EVERY, "segments", house.keep_segments)
    ticks.every(REMIND_EVERY, "reminders", house.remind)
    ticks.every(RECOVER_EVERY, "recovery", house.recover)
    mailbox = add_bounce_ticks(house, ticks)
    ticks.every(CHECKPOINT_EVERY, "checkpoint", house.checkpoint)
    nightly = Nightly(house.database, house.clock.now, ZoneInfo(home.settings.shop.timezone))
    ticks.every(NIGHTLY_EVERY, "nightly", nightly)
    ticks.every(KEEPING_EVERY, "keeping", Keeping(house))
    ticks.every(FIGURES_EVERY, "figures", Figures(house.database, house.clock, lambda: ticks.notes))
    ticks.when_moved(house.clock.path, "sweep", "turns", "reminders")
    with present(house, os.environ.get(NAME, "clock")):
        status = run_clock(ticks, leaving, FINISHES_WITHIN)
    nightly.stop()
    if mailbox is not None:
        mailbox.stop(1.0)
    if status:
        end_in_time()  # a thread that stands still would keep the process
    house.close()
    return status


commands = (up, release, follow, publish_files, web, worker, clock)
