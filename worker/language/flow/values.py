"""Groups of values by name: the `with` of a step, and what `set` and `add` write."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from worker.domain.conditions.valuetypes import ValueType
from worker.domain.conditions.vocabulary import Scope
from worker.domain.steps import Values
from worker.domain.texts import Text
from worker.language.expressions.conditions import Conditions
from worker.language.yaml.nodes import Entry, Node, Scalar
from worker.language.yaml.nodes import Mapping as Group
from worker.language.yaml.source import Report

Admits = Callable[[Entry], bool]
"""Says whether a value of this name may stand in a group, having reported why not."""
_VALUE = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_UNTYPED: dict[str, ValueType] = {}


class ValuesReader:
    """Reads groups of values.

    Parameters:
        scope: what the values may name.
    """

    def __init__(self, report: Report, conditions: Conditions, scope: Scope) -> None:
        self._report = report
        self._conditions = conditions
        self._scope = scope

    def read(
        self,
        node: Node | None,
        what: str,
        form: str,
        admits: Admits,
        types: Mapping[str, ValueType] = _UNTYPED,
        *,
        coupons: bool = True,
        shown: bool = False,
    ) -> Values:
        """Read a group, `{percent: 10}`; without a node there are no values.

        Parameters:
            what: the group as a person knows it: `'with' is a group of values for the template`.
            form: how it is written.
            types: those that values must have, where that is known.
            coupons: whether the values may name the journey's coupons.
            shown: whether a person reads them.
        """
        if node is None:
            return ()
        if not isinstance(node, Group):
            self._report.error(node, f"{what}, such as {form}")
            return ()
        found: dict[str, Text] = {}
        for entry in node.entries:
            key = entry.key.text
            if not admits(entry):
                continue
            if isinstance(entry.value, Scalar) and entry.value.missing:
                self._report.error(entry.key, f"'{key}' has no value", 'an empty text is written ""')
                continue
            kind, what_it_is = types.get(key), f"'{key}'"
            text = self._conditions.text(entry.value, what_it_is, self._scope, kind=kind, coupons=coupons, read=shown)
            if text is not None:
                found[key] = text
        return tuple(sorted(found.items()))

    def named(self, entry: Entry) -> bool:
        """Check the name of a value that may be called as one likes."""
        if _VALUE.fullmatch(entry.key.text):
            return True
        message = f"a value's name is made of letters (a to z), digits and '_'; '{entry.key.text[:60]}' is not"
        self._report.error(entry.key, message)
        return False
