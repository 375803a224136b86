"""Previews of a shop's templates, from its folder as it is now and from its database where a customer is named."""

from __future__ import annotations

from dataclasses import replace

from worker.delivery.templates.errors import TemplateError
from worker.delivery.templates.library import TemplateLibrary
from worker.domain.errors import FileError, Problem
from worker.edges.banner import near
from worker.edges.environment import Home
from worker.edges.looking import looked_at
from worker.edges.movable_clock import Clock
from worker.edges.seasons import FollowedSeasons
from worker.edges.staff import followed_staff
from worker.edges.var import TEMPLATES_KEPT
from worker.language.config.seasons import SEASONS_FILE
from worker.language.library import read_library
from worker.rehearsal.previewing import Asked, Previewed, Previewing


def make_preview(home: Home, asked: Asked) -> Previewed:
    """Make one preview, of the files as they are at this moment.

    Raises:
        FileError: the template cannot be compiled, or not be rendered for this customer; it says where.
        PhinError: there is no such template, flow, step, customer, order, or no database to look them up in.
    """
    settings = home.settings
    # read anew each time: a library that is kept answers a broken edit with the last good version
    kept = settings.var / TEMPLATES_KEPT
    templates = TemplateLibrary(settings.templates, settings.shop, fields=settings.fields, cache=kept)
    staff = followed_staff(home, quiet=True)()
    seasons = FollowedSeasons(home.config / SEASONS_FILE)()
    flows = {name: file.flow for name, file in read_library(settings.flows, None).flows.items()}
    now = Clock(settings.var / "clock").now()
    previewing = Previewing(settings, templates, staff, seasons)
    try:
        if asked.customer is None and asked.order is None:
            seen = previewing.preview(asked, flows, now)
        else:
            with looked_at(home) as connection:
                seen = previewing.preview(asked, flows, now, connection)
    except TemplateError as error:
        raise FileError((_from_here(home, error.problem),)) from error
    return replace(seen, problems=tuple(_from_here(home, one) for one in seen.problems))


def _from_here(home: Home, problem: Problem) -> Problem:
    """Return a template's problem with its file as seen from where the command is run."""
    file = f"{near(home.settings.templates)}/{problem.place.file}"
    return replace(problem, place=replace(problem.place, file=file))
