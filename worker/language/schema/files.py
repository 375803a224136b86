"""JSON Schemas of the files that a shop writes: an editor completes, explains and checks by them while one types.

They are made of what the readers read by (the same tuples of keys, the same model of settings), with the shop's own
names in them, so each shop has its own. Draft 7 of JSON Schema is the newest that the YAML language server knows.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from worker.language.schema.config import seasons_schema, segments_schema, settings_schema, staff_schema
from worker.language.schema.flow import flow_schema
from worker.language.schema.forms import Form
from worker.language.schema.names import SchemaNames
from worker.language.schema.tests import tests_schema

_DRAFT = "http://json-schema.org/draft-07/schema#"
_MAKERS: Mapping[str, tuple[str, Callable[[SchemaNames], Form]]] = {
    "flow": ("A flow of Phin", flow_schema),
    "segments": ("The segments of a shop", segments_schema),
    "seasons": ("The seasons of a shop", seasons_schema),
    "staff": ("The staff of a shop", staff_schema),
    "settings": ("The settings of a shop's Phin", settings_schema),
    "test": ("Tests of flows of Phin", tests_schema),
}
KINDS = tuple(_MAKERS)


def schema_of(kind: str, names: SchemaNames) -> Form:
    """Return the schema of one kind of file, one of `KINDS`."""
    title, make = _MAKERS[kind]
    return {"$schema": _DRAFT, "title": title, **make(names)}


def written(schema: Form) -> str:
    """Return a schema as it is written to a file: the same text for the same names."""
    return json.dumps(schema, ensure_ascii=False, indent=1) + "\n"
