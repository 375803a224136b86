"""The files of a shop's folder as the author's tools read them: nothing is started, no database is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from worker.delivery.templates.library import TemplateLibrary
from worker.domain.conditions.vocabulary import Vocabulary
from worker.domain.errors import FileError, Problem
from worker.domain.setting_groups import Shop
from worker.domain.settings import Settings
from worker.edges.cli.parsers import PARSERS
from worker.edges.user_cache import kept_templates
from worker.edges.var import TEMPLATES_KEPT
from worker.language.config.seasons import SEASONS_FILE, inspect_seasons
from worker.language.config.segments import SEGMENTS_FILE, read_segments
from worker.language.config.settings import inspect_settings
from worker.language.config.staff import FILE as STAFF_FILE
from worker.language.config.staff import read_staff, words_of
from worker.language.library import flow_names
from worker.language.schema.names import SchemaNames


@dataclass(frozen=True, slots=True)
class ShopFiles:
    """What stands in a shop's folder beside its flows.

    Parameters:
        folder: that of the shop.
        settings: as much of them as can be used.
        vocabulary: what flows may name; None where the settings cannot be read, so that nothing is called unknown.
        problems: of settings, segments, seasons and staff.
    """

    folder: Path
    settings: Settings
    vocabulary: Vocabulary | None
    templates: TemplateLibrary
    problems: tuple[Problem, ...]

    @property
    def names(self) -> SchemaNames:
        """The names that the shop's files may use."""
        if self.vocabulary is None:
            return SchemaNames()
        languages = self.settings.shop.languages
        return SchemaNames.of(self.vocabulary, languages=languages, templates=self.templates.names())


def read_shop(folder: Path, environment: Mapping[str, str]) -> ShopFiles:
    """Read what flows are held against: settings, segments, seasons, staff; templates are found, and compiled later."""
    found, problems = inspect_settings(folder / "config" / "phin.yaml", environment, PARSERS)
    settings = found or Settings()
    var = folder / settings.var  # a fresh clone has none, and none is made
    kept = var / TEMPLATES_KEPT if var.is_dir() else kept_templates(folder, environment)
    templates = TemplateLibrary(folder / settings.templates, settings.shop, fields=settings.fields, cache=kept)
    vocabulary = Vocabulary.of(settings, flows=flow_names(folder / settings.flows)) if found else None
    path = folder / "config" / SEGMENTS_FILE
    segments = read_segments(path, str(path), vocabulary)
    path = folder / "config" / SEASONS_FILE
    seasons = inspect_seasons(path, str(path))
    staff, in_staff = _staff(folder, settings.shop)
    if vocabulary is not None:
        vocabulary = replace(vocabulary, segments=segments.names, seasons=seasons.names, staff=staff)
    beside = (*problems, *seasons.problems, *segments.problems, *in_staff)
    return ShopFiles(folder, settings, vocabulary, templates, beside)


def from_here(folder: Path) -> Path:
    """Return the folder as seen from where the command runs, if it lies there: short paths, as an editor opens them."""
    here = Path.cwd()
    return folder.relative_to(here) if folder.is_relative_to(here) else folder


def _staff(folder: Path, shop: Shop) -> tuple[frozenset[str] | None, tuple[Problem, ...]]:
    """Return what tasks may be assigned to (None where that cannot be said), and what is wrong with the file."""
    path = folder / "config" / STAFF_FILE
    try:
        return words_of(read_staff(path, str(path), shop)), ()
    except FileError as error:
        return None, error.problems
