"""The steps that change the customer: `set` and `add` (own fields), `tag` and `untag`, `suppress`."""

from __future__ import annotations

from worker.domain.conditions.catalogue import NAMES
from worker.domain.conditions.valuetypes import ValueType
from worker.domain.conditions.vocabulary import Vocabulary
from worker.domain.steps import AddToFields, SetFields, Suppress, Tag, Untag
from worker.language.expressions.typed import kind_meant
from worker.language.flow.values import ValuesReader
from worker.language.yaml.fields import Fields
from worker.language.yaml.nodes import Entry, Mapping, Node, Scalar, Sequence
from worker.language.yaml.scalars import is_one_line, one_line, scalar
from worker.language.yaml.source import Report
from worker.language.yaml.suggestions import did_you_mean

OPTIONS: dict[str, tuple[str, ...]] = {
    "set": ("set", "name"),
    "add": ("add", "name"),
    "tag": ("tag", "name"),
    "untag": ("untag", "name"),
    "suppress": ("suppress", "name"),
}
LONGEST_TAG = 50  # characters, as intake takes them
_RECORD = frozenset(known.path[1] for known in NAMES.values() if known.path[0] == "customer") | {"address"}


class WriteReader:
    """Reads steps that change the customer.

    Parameters:
        vocabulary: knows the own fields; None where they are not checked.
    """

    def __init__(self, report: Report, values: ValuesReader, vocabulary: Vocabulary | None) -> None:
        self._report = report
        self._values = values
        self._types = None if vocabulary is None else vocabulary.fields

    def set(self, fields: Fields, name: str, line: int) -> SetFields:
        """Read what own fields are set to."""
        group = self._some(fields, "set")
        what = "'set' is a group of own fields with their values"
        values = self._values.read(group, what, "{tier: gold}", self._may_set, self._types or {}, coupons=False)
        return SetFields(name, line, values=values)

    def add(self, fields: Fields, name: str, line: int) -> AddToFields:
        """Read what is added to own fields."""
        group = self._some(fields, "add")
        what = "'add' is a group of own fields with the numbers that are added to them"
        numbers = {} if self._types is None else dict.fromkeys(self._types, ValueType.NUMBER)
        values = self._values.read(group, what, "{points: 10}", self._may_add, numbers, coupons=False)
        return AddToFields(name, line, values=values)

    def tag(self, fields: Fields, name: str, line: int) -> Tag:
        """Read the tags that a customer gets."""
        return Tag(name, line, tags=self._tags(fields, "tag"))

    def untag(self, fields: Fields, name: str, line: int) -> Untag:
        """Read the tags that are taken from a customer."""
        return Untag(name, line, tags=self._tags(fields, "untag"))

    def suppress(self, fields: Fields, name: str, line: int) -> Suppress:
        """Read why a customer gets no more marketing."""
        node = fields.value("suppress")
        reason = None if node is None else one_line(self._report, node, "'suppress'")
        if node is not None and reason is not None and "{{" in reason:
            self._report.error(node, "the reason of 'suppress' is the same for everyone; '{{ }}' cannot stand in it")
        return Suppress(name, line, reason=reason or "")

    def _some(self, fields: Fields, verb: str) -> Node | None:
        node = fields.value(verb)
        if isinstance(node, Mapping) and not node.entries:
            self._report.error(node, f"'{verb}' names no field", f"for example {verb}: {{points: 10}}")
        return node

    def _may_set(self, entry: Entry) -> bool:
        name = entry.key.text
        if self._types is None:
            return self._values.named(entry)
        if name in _RECORD:
            hint = "write: - tag: …" if name == "tags" else "only what the shop reports changes it"
            self._report.error(entry.key, f"'{name}' is part of the customer's record, and no field of your own", hint)
            return False
        if name in self._types:
            return True
        if self._values.named(entry):
            kind = kind_meant(entry.value.text) if isinstance(entry.value, Scalar) else "text"
            self._not_declared(entry, kind)
        return False

    def _may_add(self, entry: Entry) -> bool:
        name = entry.key.text
        if self._types is None or name in _RECORD:
            return self._may_set(entry)
        if name not in self._types:
            if self._values.named(entry):
                self._not_declared(entry, ValueType.NUMBER.value)
            return False
        if self._types[name] is ValueType.NUMBER:
            return True
        message = f"'{name}' is {self._types[name].described}, and only numbers can be added to"
        self._report.error(entry.key, message, f"write: - set: {{{name}: …}}")
        return False

    def _not_declared(self, entry: Entry, kind: str) -> None:
        name = entry.key.text
        hint = did_you_mean(name, sorted(self._types or ()))
        hint = hint or f"an own field is declared in config/phin.yaml: fields: {{{name}: {kind}}}"
        self._report.error(entry.key, f"there is no own field '{name[:60]}'", hint)

    def _tags(self, fields: Fields, verb: str) -> tuple[str, ...]:
        node = fields.value(verb)
        if node is None:
            return ()
        if isinstance(node, Sequence) and not node.items:
            self._report.error(node, f"'{verb}' names no tag", f"for example {verb}: coffee-club")
        found: dict[str, None] = {}
        for item in node.items if isinstance(node, Sequence) else (node,):
            tag = self._tag(item, verb)
            if tag is None:
                continue
            if tag in found:
                self._report.error(item, f"the tag '{tag}' is named twice")
            found[tag] = None
        return tuple(found)

    def _tag(self, node: Node, verb: str) -> str | None:
        what = f"'{verb}'"
        found = scalar(self._report, node, what, "a tag such as coffee-club, or a list of them")
        if found is None or not is_one_line(self._report, found, what):
            return None
        tag = found.text.strip()
        if "{{" in tag:
            self._report.error(node, "a tag is the same for everyone; '{{ }}' cannot stand in it")
        elif len(tag) > LONGEST_TAG:
            self._report.error(node, f"a tag has at most {LONGEST_TAG} characters, this one has {len(tag)}")
        else:
            return tag
        return None
