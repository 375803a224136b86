"""`phin signin`: a link with which a member of the staff gets into the pages, printed or mailed."""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol

import click

from worker.delivery.links import staff_url
from worker.delivery.staff_mails import SIGN_IN
from worker.domain.errors import PhinError
from worker.domain.messages import Kind
from worker.domain.staff import Staff, StaffOf
from worker.domain.work import Work
from worker.edges.acting import operator
from worker.edges.cli.opening import opened
from worker.edges.standing import pages_url
from worker.edges.web.frame import OWNER
from worker.edges.web.writing import Clock
from worker.language.yaml.suggestions import did_you_mean
from worker.storage import audit, ledger
from worker.storage.database import Database
from worker.storage.ledger import NewMessage


@click.command(short_help="Print a link that signs a person in to the pages.")
@click.argument("person", required=False)
@click.option("--mail", is_flag=True, help="Send it to the person instead of printing it.")
def signin(person: str | None, mail: bool) -> None:
    """Print a link that signs PERSON of config/staff.yaml in to the pages; by default the first one there.

    Whoever has the link can sign in until it expires (pages.link_days). A shop without config/staff.yaml has one
    person, the owner.
    """
    with opened("signin") as house:
        key = chosen(house.staff(), person)
        with house.database.writing() as connection:
            now = house.clock.now()
            audit.write(connection, operator(), "sign-in link made", f"staff {key}", now, mailed=mail or None)
        if mail:
            write(house, key)
            click.echo(f"A mail with the link goes to {key}; 'phin up' or a worker sends it.")
            return
        click.echo(staff_url(house.tokens, pages_url(house.settings), key, house.clock.machine()))
        days = house.settings.pages.link_days
        kept = house.settings.pages.session_days
        click.echo(f"For {key}; it can be used for {days} days, and the browser stays signed in for {kept}.", err=True)


def chosen(staff: Staff, person: str | None) -> str:
    """Return the key of the person who is to be signed in: the one named, else the first, else the owner.

    Raises:
        PhinError: nobody is called so, or it is not known who is of the staff.
    """
    if staff.lost:
        raise PhinError("config/staff.yaml cannot be used, so it is not known who may sign in; phin check tells more")
    known = [*staff.people] or [OWNER]
    if person is None:
        return known[0]
    if person not in known:
        hint = did_you_mean(person, known)
        there = f"; there are: {', '.join(known)}" if staff.people else "; it names nobody: leave the name out"
        raise PhinError(f"config/staff.yaml has no '{person}'{f' ({hint})' if hint else there}")
    return person


class _Queue(Protocol):
    def enqueue(self, work: Work) -> object: ...


class Writing(Protocol):
    """What writing a mail needs of the house."""

    @property
    def database(self) -> Database:
        """The database."""

    @property
    def staff(self) -> StaffOf:
        """Returns the people of `config/staff.yaml`."""

    @property
    def clock(self) -> Clock:
        """The shop's time."""

    @property
    def queue(self) -> _Queue:
        """Where work for others is announced."""


def write(house: Writing, person: str) -> None:
    """Write a mail with the link to a person of the staff; the link is made when the mail is.

    Raises:
        PhinError: the owner of a shop without staff has no address.
    """
    if person not in house.staff().people:
        raise PhinError("the owner has no address: write people into config/staff.yaml, or leave out --mail")
    now = house.clock.now()
    new = NewMessage(
        key=f"signin:{person}:{now.isoformat()}",
        customer_id=None,
        staff=person,
        kind=Kind.TRANSACTIONAL,
        template=SIGN_IN,
        not_before=now,
        expires_at=now + timedelta(days=1),
    )
    with house.database.writing() as connection:
        written = ledger.write(connection, [new], now)
    house.queue.enqueue(Work(messages=tuple(written)))


commands = (signin,)
