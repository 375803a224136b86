"""The lines between `---` at the top of a template: subject, preheader and sender."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rapidfuzz import process
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from worker.delivery.templates.errors import TemplateError
from worker.delivery.templates.sources import Source, Sources

KEYS = ("subject", "preheader", "from_name", "from_email", "reply_to", "with", "attach")
_FENCED = re.compile(r"---[ \t]*\n(.*?)^---[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
LONGEST = 20_000  # characters


@dataclass(frozen=True, slots=True)
class Entry:
    """One value with the global line that it stands on."""

    text: str
    line: int


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """What stands above a mail.

    Parameters:
        entries: by key, Jinja text each.
        values: names that the flow gives with `with:`, so that the check knows them.
        attach: the files that go with the mail, by their paths.
    """

    entries: dict[str, Entry]
    values: tuple[str, ...] = ()
    attach: tuple[Entry, ...] = ()


def body_of(text: str) -> tuple[str, int]:
    """Return the text beneath the front matter, and how many lines lie above it."""
    fenced = _FENCED.match(text)
    return (text[fenced.end() :], text.count("\n", 0, fenced.end())) if fenced else (text, 0)


def read_front_matter(source: Source, sources: Sources) -> FrontMatter:
    """Read a template's front matter.

    Raises:
        TemplateError: there is none, a key is unknown, given twice or has no text, or `subject` is missing.
    """
    fenced = _FENCED.match(source.text)
    if not fenced or len(fenced[1]) > LONGEST:
        raise TemplateError(
            source.name,
            1,
            "has no front matter",
            source.text.split("\n", 1)[0],
            hint="begin the file with lines of '---', and 'subject: …' between them",
        )
    entries: dict[str, Entry] = {}
    values: tuple[str, ...] = ()
    attach: tuple[Entry, ...] = ()
    for key, node in _pairs(fenced[1], source, sources):
        line = source.start + 2 + key.start_mark.line
        if key.value not in KEYS:
            close = process.extractOne(str(key.value), KEYS, score_cutoff=60)
            hint = f"did you mean '{close[0]}'?" if close else f"known are {', '.join(KEYS)}"
            raise sources.error(line, f"unknown key '{key.value}'", near=str(key.value), hint=hint)
        if key.value in entries:
            raise sources.error(line, f"'{key.value}' is given twice", near=key.value)
        if key.value == "with":
            values = tuple(_names(node))
        elif key.value == "attach":
            attach = tuple(_files(node, source, sources))
        elif isinstance(node, ScalarNode):
            entries[key.value] = Entry(str(node.value).strip(), source.start + 2 + node.start_mark.line)
        else:
            raise sources.error(
                line, f"'{key.value}' is no text", near=key.value, hint="text that begins with '{{' needs quotes"
            )
    if not (subject := entries.get("subject")) or not subject.text:
        raise sources.error(source.start + 1, "a mail needs a subject", hint="add a line 'subject: …'")
    return FrontMatter(entries, values, attach)


def _pairs(text: str, source: Source, sources: Sources) -> Iterator[tuple[ScalarNode, Node]]:
    """Give keys and values as they are written; nothing is typed, and no object is made of them."""
    try:
        node = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise sources.error(
            source.start + 2 + (mark.line if mark else 0),
            f"the front matter cannot be read: {error.problem or error.context}",
            hint="text that holds ': ' or begins with '{{' needs quotes",
        ) from error
    except YAMLError as error:
        raise sources.error(source.start + 1, "the front matter cannot be read") from error
    if node is None:
        return
    if not isinstance(node, MappingNode):
        raise sources.error(source.start + 2, "the front matter is a list of 'key: text' lines")
    for key, value in node.value:
        if not isinstance(key, ScalarNode):
            raise sources.error(source.start + 2 + key.start_mark.line, "a key is a word")
        yield key, value


def _names(node: Node) -> Iterator[str]:
    items = [item.value for item in node.value] if isinstance(node, SequenceNode) else [node.value]
    for item in items:
        yield from re.findall(r"\w+", str(item))


def _files(node: Node, source: Source, sources: Sources) -> Iterator[Entry]:
    for item in node.value if isinstance(node, SequenceNode) else [node]:
        line = source.start + 2 + item.start_mark.line
        text = str(item.value).strip() if isinstance(item, ScalarNode) else ""
        if not text or "{{" in text:
            hint = "write attach: [files/guide.pdf], the same for everyone"
            raise sources.error(line, "'attach' takes the paths of files below the folder of templates", hint=hint)
        yield Entry(text, line)
