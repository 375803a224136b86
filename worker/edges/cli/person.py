"""`phin person`: a copy of all that is known of a customer, and the erasing of it."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click

from worker.domain.errors import PhinError
from worker.edges import people, person_files
from worker.edges.acting import operator
from worker.edges.cli.opening import opened
from worker.edges.house import House
from worker.edges.people import Asked
from worker.storage import persons
from worker.storage.personal import HELD

HANDED_OVER_WITHIN = 60.0  # seconds that a mail which is being handed over is waited for
_LOOK_EVERY = 0.2


@click.group(short_help="Copy or erase all that is known of a customer.")
def person() -> None:
    """Copy, or erase, all that is known of a customer (docs/privacy.md).

    CUSTOMER is the shop's id, an e-mail address, or Phin's own number as #12. Guests who turned out to be the customer
    belong to them. Both commands are noted in 'phin audit', which names the person by a keyed hash.
    """


@person.command(short_help="Write down all that is known of a customer.")
@click.argument("customer")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="By default it is printed."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["json", "zip"]),
    default="json",
    show_default=True,
    help="zip: a CSV for each kind of thing beside the JSON.",
)
def export(customer: str, out: Path | None, form: str) -> None:
    """Write down all that is known of CUSTOMER, as JSON; nothing of other people is in it.

    Exit status 1 where nobody is known so.
    """
    if form == "zip" and out is None and sys.stdout.isatty():
        raise click.UsageError("a zip is nothing for a terminal; name a file with --out")
    if out is not None:
        person_files.must_be_new(out)  # before the log says that a copy was taken
    with opened("person") as house:
        asked = people.find(house, customer)
        told = people.export(house, asked.person, operator(), house.clock.now())
        content = person_files.as_json(told) if form == "json" else person_files.as_zip(told)
    if out is None:
        sys.stdout.buffer.write(content)
        return
    person_files.write(out, content)
    click.echo(f"{out}: {_counted(sum(asked.rows.values()), 'row')} of customer #{asked.person.number}")


@person.command(short_help="Erase a customer.")
@click.argument("customer")
@click.option("--yes", is_flag=True, help="Do not ask; needed where nobody sits at a terminal.")
def erase(customer: str, yes: bool) -> None:
    """Erase all that names CUSTOMER, after showing what will go; it cannot be taken back.

    What is queued is cancelled, journeys and tasks end, figures stay without a name. A keyed hash of address and id is
    kept, so that nothing goes to them when an old list comes in again.

    Exit status 1 where nobody is known so, or you said no.
    """
    with opened("person") as house:
        asked = people.find(house, customer)
        for line in _plan(asked):
            click.echo(line, err=True)
        if not yes:
            if not sys.stdin.isatty():
                raise click.UsageError("nobody is there to ask; say --yes to erase them")
            if not click.confirm(f"Erase customer #{asked.person.number} for good?", err=True):
                raise PhinError("nothing was erased")
        done = people.forget(house, asked.person.number, operator(), house.clock.now())
        click.echo(f"Customer #{asked.person.number} is erased: {_counted(sum(done.rows.values()), 'row')} cleaned.")
        if done.in_hand:
            _wait(house, asked.person.number)


def _plan(asked: Asked) -> Iterator[str]:
    """Yield what would become of what."""
    who = asked.person
    named = ", ".join([*who.external_ids, *who.emails]) or "nothing names them any more"
    yield f"Customer #{who.number}: {named}"
    if len(who.customers) > 1:
        yield f"  with {_counted(len(who.customers) - 1, 'guest')} who turned out to be them"
    if who.erased:
        yield "  erased before; what came in since is cleaned again"
    for shared in who.shared:
        yield f"  {shared} stays with its consent: another customer has it too"
    for name in sorted(asked.rows, key=lambda name: HELD[name].title):
        held = HELD[name]
        emptied = held.blank or held.hashed or held.only or held.scrub
        what = "deleted" if held.delete else "emptied, figures stay" if emptied else "kept, they name nobody"
        yield f"  {asked.rows[name]:>6,} {held.title.replace('_', ' '):<18} {what}"


def _wait(house: House, number: int) -> None:
    """Wait until no mail of an erased customer is in a sender's hand, and take away what that left."""
    click.echo("A mail to them was being handed over just then, and cannot be called back; waiting for its end.")
    until = time.monotonic() + HANDED_OVER_WITHIN
    while time.monotonic() < until:
        with house.database.reading() as connection:
            states = persons.mails(connection, persons.of_customer(connection, number)).values()
        if "transmitting" not in states:
            break
        time.sleep(_LOOK_EVERY)
    people.look_after_erased(house)


def _counted(count: int, name: str) -> str:
    return f"{count:,} {name}" if count == 1 else f"{count:,} {name}s"


commands = (person,)
