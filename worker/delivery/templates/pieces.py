"""A template's text as pieces: what stands as it is, and Jinja's tags; cut by Jinja's own lexer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from jinja2 import Environment, TemplateSyntaxError

from worker.delivery.templates.sources import Sources


@dataclass(frozen=True, slots=True)
class Data:
    """Text that stands as it is."""

    text: str
    line: int  # global


@dataclass(frozen=True, slots=True)
class Tag:
    """One of Jinja's tags, without its braces and whitespace marks.

    Parameters:
        word: `if`, `for` … of a statement; empty for an expression that is shown.
        code: what stands between the braces, stripped.
        names: all names in it, in order; strings and numbers left out.
    """

    word: str
    code: str
    names: tuple[str, ...]
    line: int  # global

    @property
    def shown(self) -> bool:
        """Whether this is `{{ … }}`."""
        return not self.word


Piece = Data | Tag


def words(text: str) -> frozenset[str]:
    """Return the words of a text as a set, to write long ones in few lines."""
    return frozenset(text.split())


# What a template may be made of. `call`, `autoescape` and extensions' tags are not among them.
WORDS = words(
    "extends block endblock include import from macro endmacro "
    "if elif else endif for endfor set endset with endwith filter endfilter"
)
STRINGS = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'", re.DOTALL)
_BRACES = re.compile(r"\{(?=[{%#])")


def cut(text: str, first: int, sources: Sources, *, plain: bool = False) -> list[Piece]:
    """Cut a text into pieces.

    Parameters:
        first: the global line of the text's first line, minus 1.
        plain: for text mails, where a tag alone on its line takes the line with it; in HTML whitespace is free.

    Raises:
        TemplateError: Jinja cannot read it, or a tag is none of `WORDS`.
    """
    lexer = Environment(trim_blocks=plain, lstrip_blocks=plain, keep_trailing_newline=True)
    try:
        return list(_pieces(list(lexer.lex(text)), first, sources))
    except TemplateSyntaxError as error:
        raise sources.error(first + error.lineno, lower_first(error.message or "cannot be read")) from error


def _pieces(tokens: Sequence[tuple[int, str, str]], first: int, sources: Sources) -> Iterator[Piece]:
    at = 0
    while at < len(tokens):
        line, kind, value = tokens[at]
        if kind == "data":
            yield Data(value, first + line)
        elif kind == "raw_begin":
            yield from _verbatim(tokens[at + 1][2] if tokens[at + 1][1] == "data" else "", first + line)
            while tokens[at][1] != "raw_end":
                at += 1
        elif kind in ("variable_begin", "block_begin"):
            start, end = at + 1, at + 1
            while end < len(tokens) and tokens[end][1] not in ("variable_end", "block_end"):
                end += 1
            if end == len(tokens):
                raise sources.error(first + line, f"'{value}' is never closed", near=value)
            yield _tag(tokens[start:end], kind == "block_begin", first + line, sources)
            at = end
        at += 1


def _tag(tokens: Sequence[tuple[int, str, str]], statement: bool, line: int, sources: Sources) -> Tag:
    code = "".join(value for _, _, value in tokens).strip()
    names = tuple(value for _, kind, value in tokens if kind == "name")
    word = names[0] if statement and names else ""
    if not code:
        raise sources.error(line, "an empty tag", hint="write something between the braces, or take it out")
    if statement and word not in WORDS:
        raise sources.error(line, f"'{word or code}' is no tag of a template", near=word)
    for name in names:
        if name.startswith("_"):
            raise sources.error(line, f"'{name}' begins with an underscore, which no name here does", near=name)
        if name == "self":
            raise sources.error(line, "'self' is no name of a mail", near=name, hint="'super()' shows a block's own")
    return Tag(word, code, names, line)


def _verbatim(text: str, line: int) -> Iterator[Piece]:
    """Give a `{% raw %}` text; its braces become expressions, so that they are still text after compiling."""
    parts = _BRACES.split(text)
    for index, part in enumerate(parts):
        if index:
            yield Tag("", "'{'", (), line)
        if part:
            yield Data(part, line)
        line += part.count("\n")


def names_in(code: str) -> tuple[str, ...]:
    """Return all names in a piece of code, in order; strings left out."""
    return tuple(re.findall(r"[^\W\d]\w*", STRINGS.sub("''", code)))


def literal(tag: Tag) -> str | None:
    """Return the text of the tag's first string, where it has one (`{% include "x.html" %}`)."""
    found = re.match(rf"{tag.word}\s+(?:\"([^\"\\]*)\"|'([^'\\]*)')", tag.code)
    return (found[1] if found[1] is not None else found[2]) if found else None


def arguments(code: str) -> list[str]:
    """Split code at its commas that stand in no bracket and no string."""
    parts, depth, start, quote, at = [], 0, 0, "", 0
    while at < len(code):
        letter = code[at]
        if quote:
            at += letter == "\\"
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif letter in "([{":
            depth += 1
        elif letter in ")]}":
            depth -= 1
        elif letter == "," and depth == 0:
            parts.append(code[start:at].strip())
            start = at + 1
        at += 1
    last = code[start:].strip()
    return [*parts, last] if last else parts


def lower_first(message: str) -> str:
    """Make Jinja's sentence one of ours: no capital first, no full stop last."""
    return message[:1].lower() + message[1:].rstrip(".")
