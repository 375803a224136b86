"""Which column of a file is which field: by the columns' names, and by what the person says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rapidfuzz import process

from worker.domain.settings import FieldType
from worker.edges.importing.faults import OWN_COLUMNS, ImportingError
from worker.edges.importing.targets import Subject, Target, names_of, squeezed, targets_of

# What a file must have, each by one of several fields.
_NEEDED = {
    Subject.CUSTOMERS: (("customer.id", "customer.email"),),
    Subject.ORDERS: (
        ("order.number",),
        ("order.time",),
        ("order.total", "line.price"),
        ("customer.id", "customer.email"),
    ),
}
_NEAR = 80  # likeness, of 100, from which a name is worth asking about


@dataclass(frozen=True, slots=True)
class Column:
    """A column that is read.

    Parameters:
        index: its place, from 0.
        title: what a person knows it by: its header, or `#3`.
    """

    index: int
    title: str
    target: Target


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A column that is not read, and why."""

    title: str
    reason: str


@dataclass(frozen=True, slots=True)
class Mapped:
    """The columns of a file: those that are read, and those that are not."""

    subject: Subject
    columns: tuple[Column, ...]
    left_out: tuple[LeftOut, ...]

    def of(self, target: str) -> Column | None:
        """Return the column that holds a field."""
        return next((column for column in self.columns if column.target.name == target), None)


def map_columns(
    subject: Subject, header: Sequence[str], fields: Mapping[str, FieldType], said: Sequence[str] = ()
) -> Mapped:
    """Find out what each column holds.

    Parameters:
        fields: the customers' own fields, as the settings declare them.
        said: `Column=field` each, which go before the names; `Column=` leaves a column out. A column is named by its
            header or by its number, `#3`; one column may be several fields.

    Raises:
        ImportingError: something said names no column or field, two columns are one field, or a needed one is missing.
    """
    targets = targets_of(subject, fields)
    names = names_of(subject, targets, frozenset(map(squeezed, header)))
    chosen: dict[str, int] = {}
    spoken_for: set[int] = set()
    for word in said:
        index, target = _said(word, header, targets)
        spoken_for.add(index)
        if target is not None:
            if chosen.get(target, index) != index:
                raise ImportingError(f"--map says '{target}' of two columns; a field comes from one")
            chosen[target] = index
    offers: dict[str, list[tuple[int, int]]] = {}
    for index, name in enumerate(header):
        if index not in spoken_for and (known := names.get(squeezed(name))) is not None:
            offers.setdefault(known[1], []).append((known[0], index))
    for target, offered in offers.items():
        if target not in chosen:
            chosen[target] = _surest(target, sorted(offered), header)
    if not {"line.sku", "line.name"}.intersection(chosen):  # an amount or a count alone makes no line of an order
        chosen = {target: index for target, index in chosen.items() if not target.startswith("line.")}
    columns = tuple(
        Column(index, _title(index, header), targets[target])
        for target, index in sorted(chosen.items(), key=lambda one: (one[1], one[0]))
    )
    _check_needed(subject, columns, header, targets)
    used = {column.index for column in columns}
    left_out = [
        LeftOut(_title(index, header), _reason(name, names, chosen, header, index in spoken_for))
        for index, name in enumerate(header)
        if index not in used and squeezed(name) not in map(squeezed, OWN_COLUMNS)
    ]
    return Mapped(subject, columns, tuple(left_out))


def _said(word: str, header: Sequence[str], targets: Mapping[str, Target]) -> tuple[int, str | None]:
    name, equals, field = (part.strip() for part in word.rpartition("="))
    if not equals or not name:
        raise ImportingError(f"--map '{word}' is not understood; write --map 'Column=customer.email'")
    index = _find(name, header)
    if not field:
        return index, None
    if field not in targets:
        near = process.extractOne(field, list(targets), score_cutoff=60)
        meant = f"did you mean '{near[0]}'?" if near else f"there are: {', '.join(targets)}"
        raise ImportingError(f"--map '{word}': '{field}' is no field; {meant}")
    return index, field


def _find(name: str, header: Sequence[str]) -> int:
    if name.startswith("#") and name[1:].isdecimal():
        number = int(name[1:])
        if 1 <= number <= len(header):
            return number - 1
        raise ImportingError(f"--map: there is no column {name}; the file has {len(header)}")
    found = [i for i, one in enumerate(header) if one == name]
    found = found or [i for i, one in enumerate(header) if squeezed(one) == squeezed(name)]
    if len(found) == 1:
        return found[0]
    if found:
        numbers = " or ".join(f"#{index + 1}" for index in found)
        raise ImportingError(f"--map: {len(found)} columns are called '{name}'; name one by its number, {numbers}")
    near = process.extractOne(name, list(header), score_cutoff=60)
    meant = f"did you mean '{near[0]}'?" if near else f"there are: {', '.join(filter(None, header))}"
    raise ImportingError(f"--map: there is no column '{name}'; {meant}")


def _surest(target: str, offered: Sequence[tuple[int, int]], header: Sequence[str]) -> int:
    place, index = offered[0]
    same = [one for sure, one in offered if sure == place]
    if len(same) > 1:
        numbers = " and ".join(f"#{one + 1}" for one in same)
        raise ImportingError(
            f"columns {numbers} are both called '{header[index]}'; say which counts: --map '#{index + 1}={target}'"
        )
    return index


def _check_needed(
    subject: Subject, columns: Sequence[Column], header: Sequence[str], targets: Mapping[str, Target]
) -> None:
    there = {column.target.name for column in columns}
    missing = [wanted for wanted in _NEEDED[subject] if not there.intersection(wanted)]
    if not missing:
        return
    lines = []
    for wanted in missing:
        names = [name for field in wanted for name in targets[field].names[1:]]
        free = {name: squeezed(name) for name in header if name}
        near = next(
            (name for name, plain in free.items() if process.extractOne(plain, names, score_cutoff=_NEAR)), None
        )
        meant = near or "COLUMN"
        lines.append(
            f"no column for {' or '.join(wanted)}; "
            + (f"is it '{near}'? Say" if near else "name it (docs/import.md has the names that map), or say")
            + f" --map '{meant}={wanted[-1] if len(wanted) == 1 else wanted[0]}'"
        )
    lines.append(f"The file has: {', '.join(_title(index, header) for index in range(len(header)))}")
    raise ImportingError("\n".join(lines))


def _title(index: int, header: Sequence[str]) -> str:
    return header[index] or f"#{index + 1}"


def _reason(
    name: str,
    names: Mapping[str, tuple[int, str]],
    chosen: Mapping[str, int],
    header: Sequence[str],
    said: bool,
) -> str:
    if said:
        return "as --map says"
    if not name:
        return "has no name"
    known = names.get(squeezed(name))
    if known is not None and known[1] in chosen:
        return f"{known[1]} is taken from '{_title(chosen[known[1]], header)}'"
    if known is not None:
        return "an order's line needs a column for line.sku or line.name"
    return "no known name"
