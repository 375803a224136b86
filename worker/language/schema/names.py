"""What a shop has names for, as its schemas offer them: templates, segments, seasons, staff, own fields, events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from worker.domain.conditions.valuetypes import ValueType
from worker.domain.conditions.vocabulary import Scope, Vocabulary, names_in


@dataclass(frozen=True, slots=True)
class SchemaNames:
    """The names that a shop's files may use; None where it is not known which there are, and any may stand.

    Parameters:
        languages: those that texts should exist in.
        fields: the customers' own fields with their types.
        dates: what `trigger: {date: …}` may name.
        topics: what a flow's `topic` may name.
    """

    languages: tuple[str, ...] = ("vi", "en")
    templates: frozenset[str] | None = None
    flows: frozenset[str] | None = None
    segments: frozenset[str] | None = None
    seasons: frozenset[str] | None = None
    staff: frozenset[str] | None = None
    events: frozenset[str] | None = None
    fields: Mapping[str, str] | None = None
    dates: tuple[str, ...] = ()
    topics: frozenset[str] | None = None

    @classmethod
    def of(cls, vocabulary: Vocabulary, *, languages: Iterable[str], templates: Iterable[str]) -> SchemaNames:
        """Return the names of a shop."""
        days = (ValueType.DATE, ValueType.TIME)
        known = names_in(vocabulary, Scope())
        dates = (name for name, one in known.items() if one.type in days and name.startswith("customer."))
        return cls(
            languages=tuple(languages),
            templates=frozenset(templates),
            flows=vocabulary.flows,
            segments=vocabulary.segments,
            seasons=vocabulary.seasons,
            staff=vocabulary.staff,
            events=frozenset(vocabulary.events),
            fields={name: kind.value for name, kind in vocabulary.fields.items()},
            dates=tuple(sorted(dates)),
            topics=vocabulary.topics,
        )

    @property
    def own_fields(self) -> tuple[tuple[str, str], ...]:
        """The own fields with their types, in order."""
        return tuple(sorted((self.fields or {}).items()))
