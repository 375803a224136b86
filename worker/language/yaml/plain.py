"""Nodes to the plain values that pydantic checks (texts, dicts, lists), and pydantic's places back to nodes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from worker.language.yaml.nodes import Entry, Mapping, Node, Scalar, Sequence


def plain_value(node: Node | None) -> Any:
    """Return texts, dicts and lists; a key without a value is left out, as if it were not there."""
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, Sequence):
        return [plain_value(item) for item in node.items]
    if isinstance(node, Mapping):
        return {entry.key.text: plain_value(entry.value) for entry in node.entries if not _empty(entry.value)}
    return {}


def find(root: Node | None, path: Iterable[int | str]) -> Entry | None:
    """Return the deepest entry on the way along a path, or None where not even its first key is there."""
    found: Entry | None = None
    node = root
    for part in path:
        entry: Entry | None = None
        if isinstance(node, Mapping):
            entry = next((entry for entry in node.entries if entry.key.text == part), None)
        elif isinstance(node, Sequence) and isinstance(part, int) and part < len(node.items) and found:
            entry = Entry(found.key, node.items[part])
        if entry is None:
            break
        found, node = entry, entry.value
    return found


def _empty(node: Node) -> bool:
    return isinstance(node, Scalar) and node.missing
