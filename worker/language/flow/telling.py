"""The steps that tell others: `emit` tells other flows by an event of the shop's own, `webhook` other systems."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from worker.domain.conditions.valuetypes import ValueType
from worker.domain.conditions.vocabulary import Vocabulary
from worker.domain.house_events import EVENT_ITSELF, HOUSE_EVENTS
from worker.domain.steps import Emit, Webhook
from worker.language.expressions.typed import kind_meant
from worker.language.flow.events import EventNames
from worker.language.flow.values import ValuesReader
from worker.language.yaml.fields import Fields
from worker.language.yaml.nodes import Entry, Scalar
from worker.language.yaml.scalars import LONGEST_LINE, scalar
from worker.language.yaml.source import Report
from worker.language.yaml.suggestions import did_you_mean, listed

OPTIONS: dict[str, tuple[str, ...]] = {
    "emit": ("emit", "name", "with"),
    "webhook": ("webhook", "name", "with"),
}
_FORM = "https://example.com/hooks/phin"


class TellReader:
    """Reads steps that tell others.

    Parameters:
        vocabulary: knows the events with their fields; None where they are not checked.
    """

    def __init__(self, report: Report, values: ValuesReader, vocabulary: Vocabulary | None) -> None:
        self._report = report
        self._values = values
        self._vocabulary = vocabulary
        self._events = EventNames(report, vocabulary)

    def emit(self, fields: Fields, name: str, line: int) -> Emit | None:
        """Read which event is reported, with which fields, or None where there is no such event."""
        event = self._events.read(fields, "emit")
        if event is not None and event in HOUSE_EVENTS:
            message = f"'{event}' is an event of the house: the shop reports it, and facts follow from it"
            hint = "report one of your own, declared in config/phin.yaml: events: {coffee.promised: {}}"
            self._report.error(fields.value("emit") or fields.key("emit"), message, hint)
            event = None
        types = self._types(event)
        values = self._values.read(
            fields.value("with"),
            "'with' is a group of the event's fields with their values",
            "{place: Hà Nội}",
            lambda entry: self._is_field(entry, event, types),
            types or {},
        )
        return None if event is None else Emit(name, line, event=event, values=values)

    def webhook(self, fields: Fields, name: str, line: int) -> Webhook | None:
        """Read which address is told, and what."""
        url = self._url(fields)
        what = "'with' is a group of values that are told"
        values = self._values.read(fields.value("with"), what, "{order: '{{ order.number }}'}", self._values.named)
        return None if url is None else Webhook(name, line, url=url, values=values)

    def _types(self, event: str | None) -> Mapping[str, ValueType] | None:
        if event is None or self._vocabulary is None:
            return None
        return {field: known.type for field, known in self._vocabulary.events[event].items()}

    def _is_field(self, entry: Entry, event: str | None, types: Mapping[str, ValueType] | None) -> bool:
        field = entry.key.text
        if types is None:
            return self._values.named(entry)
        if field in types:
            return True
        if field in EVENT_ITSELF:
            self._report.error(entry.key, f"'{field}' is {EVENT_ITSELF[field]}, which Phin gives it")
        elif self._values.named(entry):
            kind = kind_meant(entry.value.text) if isinstance(entry.value, Scalar) else "text"
            declared = f"events: {{{event}: {{{field}: {kind}}}}}"
            hint = did_you_mean(field, types) or f"declare it in config/phin.yaml: {declared}"
            self._report.error(entry.key, f"the event '{event}' has no field '{field[:60]}'", hint)
        return False

    def _url(self, fields: Fields) -> str | None:
        node = fields.value("webhook")
        found = None if node is None else scalar(self._report, node, "'webhook'", f"an address such as {_FORM}")
        if found is None:
            return None
        fault = _url_fault(found.text)
        if fault is not None:
            self._report.error(found, *fault)
            return None
        if found.text.casefold().startswith("http:"):
            message = "whoever is on the way can read and change what is told to an address without https"
            self._report.warning(found, message, "write https://")
        return found.text


def _url_fault(url: str) -> tuple[str, str | None] | None:
    """Return what is wrong with an address and what to write, or None; nothing is looked up."""
    if "{{" in url or "{%" in url:
        return "the address is the same for everyone; '{{ }}' cannot stand in it", "give what differs in 'with'"
    if len(url) > LONGEST_LINE:
        return f"the address is longer than {LONGEST_LINE} characters", None
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port  # a port that is no number is found here
    except ValueError:
        return f"'{url[:60]}' is no address of a web server", f"write one like {_FORM}"
    if parts.scheme not in ("http", "https"):
        begins = listed(["https://", "http://"])
        meant = f"write: webhook: https://{url}" if re.match(r"[\w-]+(\.[\w-]+)+(/|$)", url) else f"such as {_FORM}"
        return f"'webhook' is an address that begins with {begins}", meant
    if not host or re.search(r"[\s\\<>\"\x00-\x1f\x7f]", url):
        return f"'{url[:60]}' is no address of a web server", f"write one like {_FORM}"
    if parts.username is not None or parts.password is not None:
        return "an address in a file holds no user and no password", "what is told is signed; check its signature"
    if parts.fragment:
        return "what follows '#' is never sent to a server", "leave it out"
    return None
