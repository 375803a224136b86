"""What a rehearsal needs of a shop's folder, read without opening or making anything there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from worker.domain.conditions.vocabulary import Vocabulary
from worker.domain.errors import Problem, Severity
from worker.edges.banner import near
from worker.edges.environment import Home
from worker.edges.user_cache import kept_templates
from worker.engine.publishing import Source
from worker.language.config.seasons import SEASONS_FILE, inspect_seasons
from worker.language.config.segments import SEGMENTS_FILE, read_segments
from worker.language.config.staff import FILE as STAFF_FILE
from worker.language.config.staff import read_staff, words_of
from worker.language.flow_tests.files import Known, TestFolder, read_test_folder
from worker.language.library import Library, flow_names, read_library
from worker.rehearsal.world import ShopFiles


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """A shop's files, with the tests of its flows.

    Parameters:
        problems: errors of the files that tests go by, those of tests and flows among them.
    """

    files: ShopFiles
    library: Library
    tests: TestFolder
    problems: tuple[Problem, ...]


def read_shop(home: Home) -> Rehearsed:
    """Read a shop's folder.

    Raises:
        FileError: the staff's file has errors.
    """
    settings, config = home.settings, home.config
    names = flow_names(settings.flows)
    path = config / SEGMENTS_FILE
    segments = read_segments(path, near(path), Vocabulary.of(settings, flows=names))
    seasons = inspect_seasons(config / SEASONS_FILE, near(config / SEASONS_FILE))
    path = config / STAFF_FILE
    staff = read_staff(path, near(path), settings.shop)
    vocabulary = Vocabulary.of(settings, flows=names, segments=segments.names)
    vocabulary = replace(vocabulary, staff=words_of(staff), seasons=seasons.names)
    shown = near(settings.flows)
    library = read_library(settings.flows, vocabulary, shown=shown)
    flows = {name: file.flow for name, file in library.flows.items()}
    known = Known(settings, vocabulary, flows, frozenset((*flows, *library.broken)))
    tests = read_test_folder(settings.flows, known, shown)
    sources: Mapping[str, Source] = {name: Source(file.flow, file.text) for name, file in library.flows.items()}
    cache = kept_templates(home.folder, home.environment)
    files = ShopFiles(settings, sources, segments.segments, seasons.seasons, staff, settings.templates, cache)
    found = [*seasons.problems, *segments.problems, *library.problems, *tests.problems]
    errors = tuple(one for one in found if one.severity is Severity.ERROR)
    return Rehearsed(files, library, tests, errors)
