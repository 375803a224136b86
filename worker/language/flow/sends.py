"""The options of a send step: subject, sender's name, values for the template, expiry, kind."""

from __future__ import annotations

from worker.domain.conditions.vocabulary import Scope
from worker.domain.messages import Kind
from worker.domain.steps import Send, Values
from worker.language.expressions.conditions import Conditions
from worker.language.flow.values import ValuesReader
from worker.language.yaml.fields import Fields
from worker.language.yaml.nodes import Entry
from worker.language.yaml.scalars import duration, one_line, word
from worker.language.yaml.source import Report

# What every template has already.
_ROOTS = frozenset({"customer", "order", "event", "journey", "shop", "now", "today", "message", "coupons"})


class SendReader:
    """Reads send steps.

    Parameters:
        kind: the flow's.
        scope: what texts of steps may name.
    """

    def __init__(self, report: Report, conditions: Conditions, values: ValuesReader, kind: Kind, scope: Scope) -> None:
        self._report = report
        self._conditions = conditions
        self._given = values
        self._kind = kind
        self._scope = scope

    def send(self, fields: Fields, name: str, template: str, line: int, to: str | None = None) -> Send:
        """Read the options of a step that sends a template, to the customer or to these people of the staff."""
        subject, expires, when = (fields.value(key) for key in ("subject", "expires", "when"))
        return Send(
            name,
            line,
            template=template,
            subject=None if subject is None else self._conditions.local_text(subject, "'subject'", self._scope),
            from_name=self._from(fields),
            values=self._values(fields),
            expires=None if expires is None else duration(self._report, expires, "'expires'"),
            kind=self._kind_of(fields),
            to=to,
            when=None if when is None else self._conditions.condition(when, "'when'", self._scope),
        )

    def _from(self, fields: Fields) -> str | None:
        node = fields.value("from")
        found = None if node is None else one_line(self._report, node, "'from'")
        if node is None or found is None:
            return None
        if "@" in found or "<" in found:
            message = "'from' is the name that the mail comes from, without an address"
            self._report.error(node, message, "the address is shop.sender.email in config/phin.yaml")
        elif "{{" in found:
            self._report.error(node, "'from' is the same for everyone; '{{ }}' cannot stand in it")
        return found

    def _values(self, fields: Fields) -> Values:
        what = "'with' is a group of values for the template"
        return self._given.read(fields.value("with"), what, "{percent: 10}", self._may_give, shown=True)

    def _may_give(self, entry: Entry) -> bool:
        key = entry.key.text
        if key in _ROOTS:
            self._report.error(entry.key, f"'{key}' has a meaning in every template; name this value otherwise")
            return False
        return self._given.named(entry)

    def _kind_of(self, fields: Fields) -> Kind | None:
        node = fields.value("kind")
        found = None if node is None else word(self._report, node, "'kind'", [kind.value for kind in Kind])
        if node is None or found is None:
            return None
        kind = Kind(found)
        if kind is Kind.TRANSACTIONAL and self._kind is Kind.MARKETING:
            message = "a marketing flow cannot send a transactional mail"
            self._report.error(node, message, "send it from a flow of its own with 'kind: transactional'")
        return kind
