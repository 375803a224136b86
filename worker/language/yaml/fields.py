"""The keys of one mapping, read strictly: unknown ones are told with what was meant, needed ones that lack too."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from worker.language.yaml.nodes import Entry, Mapping, Node, Scalar, kind_of
from worker.language.yaml.source import Report
from worker.language.yaml.suggestions import did_you_mean, listed


class Fields:
    """The entries of one mapping by key.

    Parameters:
        what: the group, as a person knows it: `'goal'`, `a send step`.
        known: keys that may stand there, in the order in which they are told.
        needed: those of them that must.
        form: how the group is written, for the error where something else stands there.
    """

    def __init__(
        self,
        report: Report,
        node: Node,
        what: str,
        known: Sequence[str],
        *,
        needed: Collection[str] = (),
        form: str | None = None,
    ) -> None:
        self._report = report
        self._entries: dict[str, Entry] = {}
        self.nothing_told = False  # whether every key that stands there is known
        if not isinstance(node, Mapping):
            example = f", such as {form}" if form else ""
            report.error(node, f"{what} is a group of keys{example}, not {kind_of(node)}")
            return
        for entry in node.entries:
            key = entry.key.text
            if key in known:
                self._entries[key] = entry
            else:
                hint = did_you_mean(key, known) or f"known here: {', '.join(known)}"
                report.error(entry.key, f"unknown key '{key[:60]}' in {what}", hint)
        self.nothing_told = len(self._entries) == len(node.entries)
        unknown = [entry.key.text for entry in node.entries if entry.key.text not in self._entries]
        lacking = [key for key in known if key in needed and key not in self._entries]
        lacking = [key for key in lacking if not any(did_you_mean(one, [key]) for one in unknown)]  # told as misspelt
        if lacking:
            at = node.entries[0].key if node.entries else node
            report.error(at, f"{what} needs {listed(lacking, 'and')}")

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def key(self, key: str) -> Scalar:
        """Return the key itself as it stands in the file; it must be there."""
        return self._entries[key].key

    def value(self, key: str) -> Node | None:
        """Return the key's value; None where the key is not there, or (told as an error) has no value."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if isinstance(entry.value, Scalar) and entry.value.missing:
            comment = entry.value.comment is not None
            hint = "text that begins with '#' must be quoted" if comment else None
            self._report.error(entry.key, f"'{key}' has no value", hint)
            return None
        return entry.value
