"""The shop's templates: found by name and language, compiled when asked for, followed when their files change."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from worker.delivery.templates.check import STAFF
from worker.delivery.templates.compile import Compiler
from worker.delivery.templates.errors import TemplateError, UnknownTemplateError
from worker.delivery.templates.rendered import CompiledTemplate
from worker.delivery.templates.sources import Sources, Stamp, stamp
from worker.domain.errors import Place, Problem, Severity
from worker.domain.setting_groups import Shop
from worker.language.yaml.suggestions import did_you_mean

LOOK_EVERY = 1.0  # seconds between two looks at the files
_FILE = re.compile(rf"(?P<name>(?:{STAFF}/)?[A-Za-z0-9][\w-]*)\.(?P<language>[a-z]{{2,3}})\.(?:html|mjml)")
_TEXT = re.compile(_FILE.pattern.removesuffix("(?:html|mjml)") + "txt")


@dataclass(slots=True)
class _Entry:
    """What is known of one template in one language.

    Parameters:
        compiled: the last version that could be compiled, or None.
        fault: what is wrong with the files as they stand now, or None.
        stamps: the files that it is made of, those included that were looked for and are not there.
    """

    compiled: CompiledTemplate | None
    fault: TemplateError | None
    stamps: dict[Path, Stamp]


class TemplateLibrary:
    """The templates of one folder. Any number of threads may use it.

    Parameters:
        folder: holds `NAME.vi.html` (or `.mjml`), `NAME.en.html` …, and `layouts/`; mails to staff lie in `staff/`.
        shop: the shop that the mails are from.
        fields: names of the customers' own fields, so that the check knows them.
        cache: a folder where what is compiled is kept for the processes to come, or None.
        monotonic: seconds that only grow; files are looked at again after `LOOK_EVERY` of them.
    """

    def __init__(
        self,
        folder: Path,
        shop: Shop,
        *,
        fields: Collection[str] = (),
        cache: Path | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._shop = shop
        self._compiler = Compiler(folder, shop, frozenset(fields), cache=cache)
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._entries: dict[tuple[str, str], _Entry] = {}
        self._answers: dict[tuple[str, str], CompiledTemplate] = {}  # for the hot path, until the next look
        self._looked = float("-inf")

    def get(self, name: str, language: str) -> CompiledTemplate:
        """Return a template in the customer's language, else the shop's, else any that there is.

        A file that is broken by an edit leaves its last good version at work; `faults` tells.

        Parameters:
            name: `order-confirmation`.
            language: `vi`, also with a country (`en-GB`); may be empty.

        Raises:
            UnknownTemplateError: there is no such template.
            TemplateError: it cannot be compiled, and never could since this process began.
        """
        if self._monotonic() - self._looked < LOOK_EVERY and (answer := self._answers.get((name, language))):
            return answer
        with self._lock:
            if self._monotonic() - self._looked >= LOOK_EVERY:
                self._look()
            answer = self._answers[name, language] = self._found(name, language)
            return answer

    def names(self) -> tuple[str, ...]:
        """Return the names of all templates, sorted."""
        return tuple(sorted(self._languages()))

    def languages(self, name: str) -> tuple[str, ...]:
        """Return the languages that a template has a text in, sorted; none for an unknown one."""
        return tuple(sorted(self._languages().get(name, ())))

    def needs(self) -> dict[str, frozenset[str]]:
        """Return all templates with what their mails cannot be made without, in any language.

        That is `order`, `event.FIELD`, and values of the flow's `with:`; one that cannot be compiled tells nothing.
        What was compiled is asked for it, all else is only parsed.
        """
        with self._lock:
            self._look()
            held = self._languages()
            return {name: frozenset().union(*(self._needs(name, one) for one in held[name])) for name in held}

    def faults(self) -> list[Problem]:
        """Return what keeps edited files from being used, for those templates that were asked for."""
        with self._lock:
            return [entry.fault.problem for entry in self._entries.values() if entry.fault]

    def check(self) -> list[Problem]:
        """Read all templates anew and return everything that is wrong with any."""
        found: list[Problem] = []
        held = self._languages()
        if self._compiler.cache and held:
            self._compiler.cache.prune((name, language) for name, languages in held.items() for language in languages)
        for name, languages in sorted(held.items()):
            for language in sorted(languages):
                with self._lock:
                    entry = self._made(name, language)
                if entry.fault:
                    found.append(entry.fault.problem)
                elif entry.compiled:
                    found.extend(entry.compiled.problems)
            for language in self._shop.languages:
                if language not in languages:
                    place = Place(f"{name}.{min(languages)}.html", 1, 1)
                    message = f"template '{name}' has no text in '{language}'"
                    hint = f"customers with that language get '{self._preferred(languages, language)}'"
                    found.append(Problem(place, message, Severity.WARNING, hint))
        found.extend(self._alone(held))
        return list(dict.fromkeys(found))  # a layout's problem is told once, not for each template that uses it

    def _alone(self, held: Mapping[str, Collection[str]]) -> Iterator[Problem]:
        """Tell of texts without a mail: `NAME.vi.txt` is read beside `NAME.vi.html` and no other way."""
        texts = (*self._folder.glob("*.txt"), *self._folder.glob(f"{STAFF}/*.txt"))
        for file in sorted(path.relative_to(self._folder).as_posix() for path in texts):
            match = _TEXT.fullmatch(file)
            if match and match["language"] not in held.get(match["name"], ()):
                mail = f"{match['name']}.{match['language']}.html"
                others = sorted(f"{name}.{one}.txt" for name, languages in held.items() for one in languages)
                hint = (
                    did_you_mean(file, others) or f"write the mail in '{mail}'; its text is then made from it by itself"
                )
                yield Problem(
                    Place(file, 1, 1), f"nothing uses this text: there is no '{mail}'", Severity.WARNING, hint
                )

    def _languages(self) -> dict[str, set[str]]:
        """Return the languages of each template, by the files that are there."""
        found: dict[str, set[str]] = {}
        if self._folder.is_dir():
            for path in (*self._folder.iterdir(), *self._folder.glob(f"{STAFF}/*")):
                if match := _FILE.fullmatch(str(path.relative_to(self._folder))):
                    found.setdefault(match["name"], set()).add(match["language"])
        return found

    def _preferred(self, languages: Collection[str], language: str) -> str:
        for wanted in (re.split("[-_]", language.lower())[0], self._shop.language):
            if wanted in languages:
                return wanted
        return min(languages)

    def _look(self) -> None:
        """Look at the files: what changed is compiled again when it is next asked for."""
        self._answers.clear()
        for entry in self._entries.values():
            if any(stamp(path) != before for path, before in entry.stamps.items()):
                entry.stamps = {}
        self._looked = self._monotonic()

    def _found(self, name: str, language: str) -> CompiledTemplate:
        languages = self._languages().get(name)
        if not languages:
            kept = [known for known in self._entries if known[0] == name]  # a file that is just being replaced
            if not kept:
                raise self._unknown(name)
            languages = {known[1] for known in kept}
        entry = self._entry(name, self._preferred(languages, language))
        if entry.compiled:
            return entry.compiled
        raise entry.fault or self._unknown(name)

    def _entry(self, name: str, language: str) -> _Entry:
        entry = self._entries.get((name, language))
        return entry if entry and entry.stamps else self._made(name, language)

    def _made(self, name: str, language: str) -> _Entry:
        """Compile a template and keep it; one that cannot be compiled leaves the last version that could."""
        if (kept := self._kept(name, language)) is not None:
            return kept
        entry = self._entries.get((name, language))
        sources = Sources(self._folder, language)
        before = entry.compiled if entry else None
        try:
            made = _Entry(self._compiler.compile(name, language, sources), None, {})
        except TemplateError as error:
            made = _Entry(before, error, {})
        made.stamps = sources.stamps
        self._entries[name, language] = made
        return made

    def _kept(self, name: str, language: str) -> _Entry | None:
        """Keep what was compiled of the files as they are, by whichever process; None where nothing was."""
        sources = Sources(self._folder, language)
        compiled = self._compiler.kept(name, language, sources)
        if compiled is None:
            return None
        entry = self._entries[name, language] = _Entry(compiled, None, sources.stamps)
        return entry

    def _needs(self, name: str, language: str) -> frozenset[str]:
        entry = self._entries.get((name, language))
        if not (entry and entry.stamps):
            entry = self._kept(name, language) or entry
        if entry and entry.stamps:
            return entry.compiled.needs if entry.compiled else frozenset()
        try:
            return self._compiler.needs(name, language, Sources(self._folder, language))
        except TemplateError:
            return entry.compiled.needs if entry and entry.compiled else frozenset()

    def _unknown(self, name: str) -> UnknownTemplateError:
        names = self.names()
        hint = did_you_mean(name, names) or f"there are: {', '.join(names) or 'none'}"
        return UnknownTemplateError(f"there is no template '{name}' in {self._folder}; {hint}")
