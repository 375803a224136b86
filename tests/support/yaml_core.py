"""YAML as an editor has it: typed by YAML's own core schema, which our readers do not use."""

from __future__ import annotations

import re
from typing import Any

from worker.language.yaml.nodes import Mapping, Node, Scalar, Sequence
from worker.language.yaml.reading import read_nodes

_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


def as_an_editor_has_it(text: str) -> Any:
    """Return a YAML text as values, by the core schema of YAML 1.2 (section 10.3)."""
    _, root = read_nodes(text, "a.yaml")
    return None if root is None else value_of(root)


def value_of(node: Node) -> Any:
    if isinstance(node, Mapping):
        return {entry.key.text: value_of(entry.value) for entry in node.entries}
    if isinstance(node, Sequence):
        return [value_of(item) for item in node.items]
    return _typed(node)


def _typed(node: Scalar) -> Any:
    text = node.text
    if node.style != "plain":
        return text
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return text.lower() == "true"
    if _INT.fullmatch(text):
        return int(text, 0 if text[:2] in ("0o", "0x") else 10)
    return float(text) if _FLOAT.fullmatch(text) else text
