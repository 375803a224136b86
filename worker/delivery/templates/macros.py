"""Macros, put in place of their calls before anything is compiled.

premailer must see a mail's whole HTML with its place in the document, and a macro's HTML has none until it is
called. So `{{ button(url, "Read") }}` becomes the macro's body within `{% with url=(url), label=("Read") %}`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from worker.delivery.templates.pieces import Data, Piece, Tag, arguments, names_in
from worker.delivery.templates.sources import Sources

_SIGNATURE = re.compile(r"macro\s+(\w+)\s*\((.*)\)\Z", re.DOTALL)
_CALL = re.compile(r"(\w+(?:\.\w+)?)\s*\((.*)\)\Z", re.DOTALL)
_NAMED = re.compile(r"(\w+)\s*=(?!=)\s*(.+)\Z", re.DOTALL)
DEEPEST = 20  # calls within calls


@dataclass(frozen=True, slots=True)
class Macro:
    """One macro: its parameters with the code of their defaults, and its body."""

    name: str
    parameters: Mapping[str, str | None]
    body: tuple[Piece, ...]


def take_out(pieces: Sequence[Piece], sources: Sources) -> tuple[list[Piece], dict[str, Macro]]:
    """Split a file's pieces into those outside its macros, and the macros by name."""
    rest: list[Piece] = []
    macros: dict[str, Macro] = {}
    walk = iter(pieces)
    for piece in walk:
        if isinstance(piece, Tag) and piece.word == "macro":
            macro = _macro(piece, walk, sources)
            macros[macro.name] = macro
        elif isinstance(piece, Tag) and piece.word == "endmacro":
            raise sources.error(piece.line, "'endmacro' without a 'macro' before it")
        else:
            rest.append(piece)
    return rest, macros


def _macro(opening: Tag, walk: Iterator[Piece], sources: Sources) -> Macro:
    signature = _SIGNATURE.match(opening.code)
    if not signature:
        raise sources.error(
            opening.line, "a macro needs a name and brackets", hint="write {% macro button(url, label) %}"
        )
    parameters: dict[str, str | None] = {}
    for part in arguments(signature[2]):
        named = _NAMED.match(part)
        parameters[named[1] if named else part] = named[2] if named else None
    body: list[Piece] = []
    for piece in walk:
        if isinstance(piece, Tag) and piece.word == "endmacro":
            return Macro(signature[1], parameters, tuple(body))
        if isinstance(piece, Tag) and piece.word in ("macro", "block", "extends", "import", "from"):
            raise sources.error(piece.line, f"'{piece.word}' cannot stand inside a macro")
        body.append(piece)
    raise sources.error(opening.line, f"macro '{signature[1]}' has no 'endmacro'")


@dataclass(slots=True)
class Room:
    """What one template may still come to, so that parts within parts within parts end soon.

    Parameters:
        left: pieces that may still be made, among them those that are only steps on the way.
    """

    sources: Sources
    left: int = 200_000

    def take(self, pieces: int, line: int) -> None:
        """Take some of the room.

        Raises:
            TemplateError: there is no more.
        """
        self.left -= pieces
        if self.left < 0:
            raise self.sources.error(line, "with all that it includes and calls, the template grows beyond all bounds")


def expand(pieces: Sequence[Piece], macros: Mapping[str, Macro], room: Room, depth: int = 0) -> list[Piece]:
    """Put the macros' bodies in place of their calls."""
    sources = room.sources
    if depth > DEEPEST:
        raise sources.error(pieces[0].line, "macros call each other without an end")
    if pieces:
        room.take(len(pieces), pieces[0].line)
    out: list[Piece] = []
    for piece in pieces:
        call = _CALL.match(piece.code) if isinstance(piece, Tag) and piece.shown else None
        macro = macros.get(call[1]) if call else None
        if not (call and macro and isinstance(piece, Tag)):
            out.append(piece)
            continue
        values = _values(macro, call[2], piece, sources)
        code = "with " + ", ".join(f"{name}=({value})" for name, value in values.items())
        out.append(Tag("with", code.strip(), piece.names, piece.line))
        body = [_passed(inner, values, piece) for inner in macro.body]
        out.extend(expand(body, macros, room, depth + 1))
        out.append(Tag("endwith", "endwith", (), piece.line))
    return out


def _values(macro: Macro, code: str, call: Tag, sources: Sources) -> dict[str, str]:
    """Return each parameter's code for one call, in the order of the parameters."""
    free = iter(macro.parameters)
    given: dict[str, str] = {}
    for part in arguments(code):
        named = _NAMED.match(part)
        name = named[1] if named else next(free, None)
        if name is None or name not in macro.parameters or name in given:
            raise sources.error(call.line, f"'{macro.name}' does not take '{part}'", near=part)
        given[name] = named[2] if named else part
    values: dict[str, str] = {}
    for name, default in macro.parameters.items():
        value = given.get(name, default)
        if value is None:
            raise sources.error(call.line, f"'{macro.name}' needs a value for '{name}'", near=macro.name)
        values[name] = value
    return values


def _passed(inner: Piece, values: Mapping[str, str], call: Tag) -> Piece:
    """Put the code of a value in place of a parameter that is shown as it is.

    A link's address and label are then known by what the call says, and not as `{{ url }}` and `{{ label }}`. Not
    where the code has a name that is also a parameter's: within the macro it would mean that one.
    """
    if not (isinstance(inner, Tag) and inner.shown and inner.code in values):
        return inner
    names = names_in(values[inner.code])
    return inner if set(names) & values.keys() else Tag("", values[inner.code], names, call.line)


def scoped(pieces: Sequence[Piece]) -> list[Piece]:
    """Keep what the pieces set to themselves, as a block and an included file do."""
    if not any(isinstance(piece, Tag) and piece.word == "set" for piece in pieces):
        return list(pieces)
    line = pieces[0].line
    return [Tag("with", "with", (), line), *pieces, Tag("endwith", "endwith", (), line)]


def blank(piece: Piece) -> bool:
    """Say whether the piece is whitespace."""
    return isinstance(piece, Data) and not piece.text.strip()


def first_line(piece: Piece) -> int:
    """Return the global line of the first thing in a piece that is no whitespace."""
    if isinstance(piece, Tag):
        return piece.line
    return piece.line + piece.text[: len(piece.text) - len(piece.text.lstrip())].count("\n")
