"""`phin signin`: a link with which a member of the staff gets into the pages."""

from __future__ import annotations

import click

from worker.delivery.links import staff_url
from worker.domain.errors import PhinError
from worker.domain.staff import Staff
from worker.edges.cli.opening import opened
from worker.edges.web.frame import OWNER
from worker.language.suggestions import did_you_mean


@click.command(short_help="Print a link that signs a person in to the pages.")
@click.argument("person", required=False)
def signin(person: str | None) -> None:
    """Print a link that signs PERSON of config/staff.yaml in to the pages; by default the first one there.

    Whoever has the link can sign in until it expires (pages.link_days). A shop without config/staff.yaml has one
    person, the owner.
    """
    with opened("signin") as house:
        key = chosen(house.staff(), person)
        click.echo(staff_url(house.tokens, house.settings.url, key, house.clock.machine()))
        days = house.settings.pages.link_days
        kept = house.settings.pages.session_days
        click.echo(f"For {key}; it can be used for {days} days, and the browser stays signed in for {kept}.", err=True)


def chosen(staff: Staff, person: str | None) -> str:
    """Return the key of the person who is to be signed in: the one named, else the first, else the owner.

    Raises:
        PhinError: nobody is called so.
    """
    known = [*staff.people] or [OWNER]
    if person is None:
        return known[0]
    if person not in known:
        hint = did_you_mean(person, known)
        there = f"; there are: {', '.join(known)}" if staff.people else "; it names nobody: leave the name out"
        raise PhinError(f"config/staff.yaml has no '{person}'{f' ({hint})' if hint else there}")
    return person


commands = (signin,)
