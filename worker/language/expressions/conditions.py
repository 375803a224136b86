"""Conditions and texts of one file: parsed where they stand, checked when the names of all steps are known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from babel import localedata

from worker.domain.conditions.check import check, check_text
from worker.domain.conditions.faults import ExpressionError, Fault
from worker.domain.conditions.tree import Expression, Literal, Name
from worker.domain.conditions.tree import Node as Part
from worker.domain.conditions.tree import walk as parts_of
from worker.domain.conditions.valuetypes import ValueType
from worker.domain.conditions.vocabulary import Scope, Vocabulary
from worker.domain.errors import Severity
from worker.domain.texts import LocalText, Text
from worker.language.expressions.expressions import parse_expression, parse_text
from worker.language.expressions.typed import value_faults
from worker.language.flow.made import Made
from worker.language.sound.needs import asked_in, text_faults
from worker.language.yaml.nodes import Mapping, Node, Scalar, within
from worker.language.yaml.scalars import free_text, is_one_line, scalar
from worker.language.yaml.source import Report, Span
from worker.language.yaml.suggestions import did_you_mean

UNREADABLE = Expression("", Literal(True))
"""Stands in for a condition that could not be read, so that the rest of its file can still be checked."""
LONGEST_TEXT = 5_000
_USUAL_LANGUAGES = ("vi", "en")


@dataclass(frozen=True, slots=True)
class _Pending:
    """What is to be checked once the steps have names."""

    parsed: Expression | Text
    scalar: Scalar
    scope: Scope
    what: str
    kind: ValueType | None = None  # what a text's value must be
    asked: frozenset[str] | None = None  # of a text that a person reads: what was asked for on the way to it


def coupons_in(text: Text) -> frozenset[str]:
    """Return the names of the coupons that a text shows."""
    nodes = (node for part in text.parts if isinstance(part, Expression) for node in parts_of(part.tree))
    names = (node.path for node in nodes if isinstance(node, Name))
    return frozenset(path[1] for path in names if path[0] == "coupons" and len(path) > 1)


class Conditions:
    """Reads the conditions and texts of one file; without a vocabulary, names are not checked.

    Parameters:
        made: knows which coupons a journey has at the place that is read.
    """

    def __init__(self, report: Report, vocabulary: Vocabulary | None, made: Made | None = None) -> None:
        self._report = report
        self._made = made or Made()
        self._vocabulary = vocabulary
        self._pending: list[_Pending] = []
        self._asked: frozenset[str] = frozenset()
        self._stands: dict[int, Scalar] = {}  # conditions by their id; those that are pending stay what they are

    def condition(self, node: Node, what: str, scope: Scope) -> Expression:
        """Read a condition; one that cannot be read is reported and stands as `UNREADABLE`."""
        found = scalar(self._report, node, what, "a condition such as 'order.total >= 300_000'")
        if found is None:
            return UNREADABLE
        whole = free_text(self._report, found, expression=True)
        try:
            parsed = parse_expression(found.text)
        except ExpressionError as error:
            if whole:  # of one that a ' #' cuts off, this is told already; what can be read of it is checked
                self._tell(error.fault, found)
            return UNREADABLE
        self._pending.append(_Pending(parsed, found, scope, what))
        self._stands[id(parsed)] = found
        return parsed

    def text(
        self,
        node: Node,
        what: str,
        scope: Scope,
        *,
        lines: bool = True,
        kind: ValueType | None = None,
        coupons: bool = True,
        read: bool = False,
    ) -> Text | None:
        """Read a text that may hold `{{ }}`.

        Parameters:
            lines: whether it may have more than one line.
            kind: the type that its value must have, where that is known.
            coupons: whether it may name the journey's coupons.
            read: whether a person reads it, so that a value that may be missing is told of.
        """
        found = scalar(self._report, node, what, "a text")
        if found is None:
            return None
        whole = free_text(self._report, found)
        if lines and len(found.text) > LONGEST_TEXT:
            self._report.error(found, f"{what} is longer than {LONGEST_TEXT:,} characters; put it into the template")
            return None
        if not lines and not is_one_line(self._report, found, what):
            return None
        try:
            parsed = parse_text(found.text if lines else found.text.rstrip())
        except ExpressionError as error:
            if whole:
                self._tell(error.fault, found)
            return None
        if coupons:
            scope = replace(scope, coupons=frozenset(name for name in coupons_in(parsed) if name in self._made))
        self._pending.append(_Pending(parsed, found, scope, what, kind, self._asked if read else None))
        return parsed

    def local_text(self, node: Node, what: str, scope: Scope, *, lines: bool = False) -> LocalText | None:
        """Read a text of one line (or of several, with `lines`), or one for each language: `{vi: …, en: …}`."""
        if not isinstance(node, Mapping):
            text = self.text(node, what, scope, lines=lines, read=True)
            return None if text is None else LocalText({"": text})
        if not node.entries:
            self._report.error(node, f"{what} holds no text")
        found: dict[str, Text] = {}
        for entry in node.entries:
            language = entry.key.text
            if not 2 <= len(language) <= 3 or not localedata.exists(language):
                hint = did_you_mean(language, _USUAL_LANGUAGES) or "write a code such as 'vi' or 'en'"
                self._report.error(entry.key, f"'{language[:60]}' is no language", hint)
                continue
            if isinstance(entry.value, Scalar) and entry.value.missing:
                self._report.error(entry.key, f"'{language}' has no value")
                continue
            text = self.text(entry.value, f"{what} in '{language}'", scope, lines=lines, read=True)
            if text is not None:
                found[language] = text
        return LocalText(dict(sorted(found.items()))) if found else None

    @contextmanager
    def after(self, *conditions: Expression) -> Iterator[None]:
        """Read what stands behind these conditions: of what they ask for, texts are not told that it may be missing."""
        before = self._asked
        self._asked = before.union(*(asked_in(one.tree) for one in conditions))
        yield
        self._asked = before

    def check(self, steps: Iterable[str] | None, tasks: Iterable[str] | None = None) -> None:
        """Report what is wrong with all that was read: unknown names, types that do not fit.

        Parameters:
            steps: names of the steps that send; None where not all are known, so that none is called unknown,
                and no coupon either.
            tasks: the same of the steps that give out tasks.
        """
        if self._vocabulary is None:
            return
        known = None if steps is None else frozenset(steps)
        given = None if tasks is None else frozenset(tasks)
        for pending in self._pending:
            scope = replace(pending.scope, steps=known, tasks=given)
            if steps is None:
                scope = replace(scope, coupons=None)
            if isinstance(pending.parsed, Text):
                faults = check_text(pending.parsed, self._vocabulary, scope)
                if pending.asked is not None and not faults:
                    faults = tuple(text_faults(pending.parsed, self._vocabulary, scope, pending.asked))
                if pending.kind is not None and not faults:
                    faults = value_faults(pending.parsed, pending.what, pending.kind, self._vocabulary, scope)
            else:
                faults = check(pending.parsed, self._vocabulary, scope)
            for fault in faults:
                self._tell(fault, pending.scalar)

    def span_of(self, expression: Expression, part: Part | None = None) -> Span | None:
        """Return where a condition that was read here stands in the file, or a part of its tree."""
        found = self._stands.get(id(expression))
        if found is None:
            return None
        if part is None:
            return Span(found.start, found.end)
        return within(self._report.source.text, found, part.at, part.length)

    def _tell(self, fault: Fault, found: Scalar) -> None:
        span = within(self._report.source.text, found, fault.offset, fault.length)
        if fault.severity is Severity.WARNING:
            self._report.warning(span, fault.message, fault.hint)
        else:
            self._report.error(span, fault.message, fault.hint)
