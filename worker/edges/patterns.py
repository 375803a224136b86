"""The flows that come with Phin as patterns for one's own: listed, and written anew under another name as a draft."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from worker.domain.errors import PhinError
from worker.domain.flows import Flow
from worker.domain.steps import Send, walk
from worker.language.flow.flows import read_flow
from worker.language.library import ENDINGS
from worker.language.yaml.suggestions import did_you_mean

SCHEMA_LINE = "# yaml-language-server: $schema=../config/schema/flow.json"  # by which an editor completes and checks
DRAFT = "status: draft   # checked, and runs for nobody; take this line out when the flow is ready"
_SCHEMA = re.compile(r"# yaml-language-server:.*")
_FLOW = re.compile(r"^flow:[ \t]*\S+[ \t]*(#.*)?$", re.MULTILINE)
_STATUS = re.compile(r"^status:.*\n", re.MULTILINE)
_NAMES = re.compile(r"{%-?\s*(?:extends|include|import|from)\s+[\"']([^\"']+)[\"']")


@dataclass(frozen=True, slots=True)
class Pattern:
    """A flow that comes with Phin, and its file's text."""

    flow: Flow
    text: str

    @property
    def templates(self) -> list[str]:
        """The templates that it sends, each once, in the order of its steps."""
        return list(dict.fromkeys(step.template for step in walk(self.flow.steps) if isinstance(step, Send)))


def patterns() -> dict[str, Pattern]:
    """Return the patterns by name."""
    found: dict[str, Pattern] = {}
    for file in sorted(_shipped("flows").iterdir(), key=lambda one: Path(one.name).stem):
        if file.is_file() and Path(file.name).suffix in ENDINGS:
            text = file.read_text(encoding="utf-8")
            found[Path(file.name).stem] = Pattern(read_flow(text, file.name, None)[0], text)
    return found


def pattern(name: str) -> Pattern:
    """Return the pattern of a name.

    Raises:
        PhinError: there is none; the message says which there are.
    """
    known = patterns()
    if name not in known:
        hint = did_you_mean(name, known) or "'phin new flow --list' lists them"
        raise PhinError(f"there is no pattern '{name}'; {hint}")
    return known[name]


def begun_from(found: Pattern, name: str) -> str:
    """Return the text of a new flow: the pattern's under another name, as a draft, with the line for editors."""
    text = _STATUS.sub("", found.text)
    text = _FLOW.sub(f"flow: {name}\n{DRAFT}", text, count=1)
    first, _, rest = text.partition("\n")
    return f"{SCHEMA_LINE}\n{rest}" if _SCHEMA.fullmatch(first) else f"{SCHEMA_LINE}\n{text}"


def lay_out_templates(found: Pattern, folder: Path) -> list[Path]:
    """Write the templates of a pattern that are not in a folder, with what they are made of; returns the new files.

    What is there stays as it is.
    """
    written: list[Path] = []
    asked = [template for template in found.templates if not _there(folder, template)]
    seen: set[str] = set()
    while asked:
        name = asked.pop()
        if name in seen:
            continue
        seen.add(name)
        for path, text in _files(name):
            asked += _NAMES.findall(text)
            target = folder / path
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("x", encoding="utf-8") as file:
                    file.write(text)
                written.append(target)
    return sorted(written)


def _there(folder: Path, template: str) -> bool:
    return any((folder / template).parent.glob(f"{Path(template).name}.*ml"))


def _files(name: str) -> Iterator[tuple[str, str]]:
    """Yield the shipped files of a template, or of a part of one (`layouts/mail.html`), in all languages."""
    path = Path(name)
    stem = path.name.removesuffix(".html")
    folder = _shipped("templates").joinpath(str(path.parent)) if path.parent.name else _shipped("templates")
    if not folder.is_dir():
        return
    for file in folder.iterdir():
        if re.fullmatch(rf"{re.escape(stem)}(\.[a-z]{{2}})?\.html", file.name):
            yield str(path.parent / file.name), file.read_text(encoding="utf-8")


def _shipped(folder: str) -> Traversable:
    return resources.files("worker.edges").joinpath("shipped", folder)
