"""Inheritance, inclusion and macros resolved: one template becomes one flat list of pieces.

premailer has to see the whole document once, with every class in its place; so what Jinja would do at each
rendering is done here, on pieces, and what is left is text, values, `if`, `for`, `set`, `with` and `filter`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from worker.delivery.templates.errors import TemplateError
from worker.delivery.templates.front_matter import body_of
from worker.delivery.templates.macros import Macro, Room, blank, expand, first_line, scoped, take_out
from worker.delivery.templates.pieces import Piece, Tag, arguments, cut, literal
from worker.delivery.templates.sources import Source, Sources

MOST_PIECES = 20_000
FILE = 200  # pieces that reading a file counts as
DEEPEST = 50  # blocks within blocks
_MJ_INCLUDE = re.compile(r"""<mj-include\s+path\s*=\s*["']([^"'{]*)["']\s*(?:/>|>\s*</mj-include\s*>)""")


@dataclass(frozen=True, slots=True)
class Block:
    """A `{% block %}`: what a template that extends this one may replace."""

    name: str
    nodes: tuple[Node, ...]
    line: int


Node = Piece | Block


@dataclass(frozen=True, slots=True)
class File:
    """One file as it was read: what it extends, its nodes, and its macros for those who import them."""

    source: Source
    extends: Tag | None
    nodes: tuple[Node, ...]
    macros: Mapping[str, Macro]


def flatten(name: str, sources: Sources, *, plain: bool = False) -> list[Piece]:
    """Return the pieces of a template with everything that it extends, includes and imports.

    Parameters:
        plain: for text mails (see `pieces.cut`).

    Raises:
        TemplateError: a file is missing, or a tag is wrong, or files go round in a circle.
    """
    pieces = _Flattening(sources, plain).template(sources.read(name), ())
    if len(pieces) > MOST_PIECES:
        raise TemplateError(name, 0, f"comes to more than {MOST_PIECES:,} pieces with all that it includes")
    return pieces


class _Flattening:
    """The work on one template; `trail` holds the names of the files that lead to where it stands."""

    def __init__(self, sources: Sources, plain: bool) -> None:
        self._sources = sources
        self._plain = plain
        self._room = Room(sources)

    def template(self, source: Source, trail: tuple[str, ...]) -> list[Piece]:
        chain = [self._file(source, trail)]
        while (tag := chain[-1].extends) is not None:
            parent = self._referred(tag, (*trail, *(file.source.name for file in chain)))
            chain.append(self._file(parent, (*trail, *(file.source.name for file in chain))))
        definitions: dict[str, list[Block]] = {}
        for file in chain:
            own: set[str] = set()
            for block in _blocks(file.nodes):
                if block.name in own:
                    raise self._sources.error(block.line, f"there are two blocks '{block.name}'", near=block.name)
                own.add(block.name)
                definitions.setdefault(block.name, []).append(block)
        prelude = [piece for file in reversed(chain[:-1]) for piece in self._prelude(file)]
        return prelude + list(self._resolved(chain[-1].nodes, definitions))

    def _file(self, source: Source, trail: tuple[str, ...]) -> File:
        self._room.take(FILE, source.start + 1)
        text, skipped = body_of(source.text)
        if source.name.endswith(".mjml"):
            text = _MJ_INCLUDE.sub(_included, text)
        pieces = cut(text, source.start + skipped, self._sources, plain=self._plain)
        rest, macros = take_out(pieces, self._sources)
        kept: list[Piece] = []
        extends: Tag | None = None
        trail = (*trail, source.name)
        for piece in rest:
            if not isinstance(piece, Tag):
                kept.append(piece)
            elif piece.word == "extends":
                if extends or any(not blank(before) for before in kept):
                    raise self._sources.error(piece.line, "'extends' stands first in a file, and once")
                extends = piece
            elif piece.word in ("import", "from"):
                macros.update(self._imported(piece, trail))
            else:
                kept.append(piece)
        included: list[Piece] = []
        for piece in expand(kept, macros, self._room):
            if isinstance(piece, Tag) and piece.word == "include":
                included.extend(scoped(self.template(self._referred(piece, trail), trail)))
            else:
                included.append(piece)
        expanded = {
            name: Macro(macro.name, macro.parameters, tuple(expand(macro.body, macros, self._room)))
            for name, macro in macros.items()
        }
        return File(source, extends, self._parsed(included), expanded)

    def _referred(self, tag: Tag, trail: tuple[str, ...]) -> Source:
        name = literal(tag)
        if name is None:
            raise self._sources.error(
                tag.line,
                f"'{tag.word}' needs the name of a file in quotes, which no expression can stand for",
                near=tag.word,
            )
        source = self._sources.find(name, tag.line)
        if source.name in trail:
            raise self._sources.error(
                tag.line, f"'{name}' leads back to itself: {' → '.join((*trail, source.name))}", near=name
            )
        return source

    def _imported(self, tag: Tag, trail: tuple[str, ...]) -> Iterator[tuple[str, Macro]]:
        macros = self._file(self._referred(tag, trail), trail).macros
        after = re.sub(r"\s+with(?:out)?\s+context\Z", "", tag.code)
        if tag.word == "import":
            alias = re.search(r"\sas\s+(\w+)\Z", after)
            if not alias:
                raise self._sources.error(tag.line, "'import' needs a name", hint='write {% import "x.html" as x %}')
            return ((f"{alias[1]}.{name}", macro) for name, macro in macros.items())
        wanted = re.search(r"[\"']\s+import\s+(.+)\Z", after, re.DOTALL)
        found: list[tuple[str, Macro]] = []
        for part in arguments(wanted[1]) if wanted else []:
            name, _, alias_name = (word.strip() for word in part.partition(" as "))
            if name not in macros:
                raise self._sources.error(tag.line, f"there is no macro '{name}' in that file", near=name)
            found.append((alias_name or name, macros[name]))
        if not found:
            raise self._sources.error(tag.line, "'from' needs the macros' names", hint="write import a, b")
        return iter(found)

    def _parsed(self, pieces: Sequence[Piece]) -> tuple[Node, ...]:
        """Gather the pieces of each block."""
        open_blocks: list[tuple[Tag, list[Node]]] = []
        nodes: list[Node] = []
        for piece in pieces:
            if isinstance(piece, Tag) and piece.word == "block":
                if len(open_blocks) >= DEEPEST:
                    raise self._sources.error(piece.line, "blocks are nested too deep", near="block")
                open_blocks.append((piece, nodes))
                nodes = []
            elif isinstance(piece, Tag) and piece.word == "endblock":
                if not open_blocks:
                    raise self._sources.error(piece.line, "'endblock' without a 'block' before it")
                tag, outer = open_blocks.pop()
                if len(tag.names) < 2:
                    raise self._sources.error(tag.line, "a block needs a name", near="block")
                outer.append(Block(tag.names[1], tuple(nodes), tag.line))
                nodes = outer
            else:
                nodes.append(piece)
        if open_blocks:
            tag = open_blocks[-1][0]
            raise self._sources.error(tag.line, f"'{tag.code}' has no 'endblock'", near="block")
        return tuple(nodes)

    def _prelude(self, file: File) -> Iterator[Piece]:
        """Give what a file that extends another does outside its blocks: it may set values, nothing else."""
        for node in file.nodes:
            if isinstance(node, Block) or blank(node):
                continue
            if isinstance(node, Tag) and node.word == "set" and "=" in node.code:
                yield node
                continue
            raise self._sources.error(
                first_line(node),
                "this stands outside every block, so nobody would see it",
                hint="put it into a block of the layout",
            )

    def _resolved(
        self, nodes: Iterable[Node], definitions: Mapping[str, list[Block]], name: str = "", level: int = 0
    ) -> Iterator[Piece]:
        for node in nodes:
            if isinstance(node, Block):
                yield from scoped(list(self._resolved(definitions[node.name][0].nodes, definitions, node.name)))
            elif isinstance(node, Tag) and node.shown and re.fullmatch(r"super\s*\(\s*\)", node.code):
                levels = definitions.get(name, [])
                if level + 1 >= len(levels):
                    raise self._sources.error(node.line, "'super()' has no block above it", near="super")
                yield from self._resolved(levels[level + 1].nodes, definitions, name, level + 1)
            else:
                self._room.take(1, node.line)
                yield node


def _included(found: re.Match[str]) -> str:
    """Write MJML's way to include a file as Jinja's, on as many lines."""
    return f'{{% include "{found[1]}" %}}' + "\n" * found[0].count("\n")


def _blocks(nodes: Iterable[Node]) -> Iterator[Block]:
    for node in nodes:
        if isinstance(node, Block):
            yield node
            yield from _blocks(node.nodes)
