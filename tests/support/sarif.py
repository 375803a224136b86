"""The shape of a SARIF 2.1.0 document, written after OASIS' specification, for the parts that Phin writes.

Of sections 3.13 (sarifLog), 3.14 (run), 3.18 (tool), 3.19 (toolComponent), 3.49 (reportingDescriptor), 3.27 (result),
3.28 (location), 3.29 (physicalLocation), 3.4 (artifactLocation) and 3.30 (region): every property that stands here, and
no other, may stand in what Phin writes.
"""

from __future__ import annotations

from typing import Any


def _object(needed: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(needed), "additionalProperties": False}


_COUNT = {"type": "integer", "minimum": 1}
_MESSAGE = _object(("text",), text={"type": "string", "minLength": 1})
_LEVEL = {"enum": ["none", "note", "warning", "error"]}
_ARTIFACT = _object(("uri",), uri={"type": "string", "format": "uri-reference"}, uriBaseId={"type": "string"})
_REGION = _object(("startLine",), startLine=_COUNT, startColumn=_COUNT, endLine=_COUNT, endColumn=_COUNT)
_PHYSICAL = _object(("artifactLocation",), artifactLocation=_ARTIFACT, region=_REGION)
_RESULT = _object(
    ("message",),
    ruleId={"type": "string"},
    ruleIndex={"type": "integer", "minimum": 0},
    level=_LEVEL,
    message=_MESSAGE,
    locations={"type": "array", "minItems": 1, "items": _object((), physicalLocation=_PHYSICAL)},
    partialFingerprints={"type": "object", "additionalProperties": {"type": "string"}},
)
_RULE = _object(
    ("id",), id={"type": "string"}, shortDescription=_MESSAGE, defaultConfiguration=_object((), level=_LEVEL)
)
_DRIVER = _object(
    ("name",),
    name={"type": "string"},
    version={"type": "string"},
    rules={"type": "array", "items": _RULE, "uniqueItems": True},
)
_RUN = _object(
    ("tool", "results"),
    tool=_object(("driver",), driver=_DRIVER),
    columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
    originalUriBaseIds={"type": "object", "additionalProperties": _object((), description=_MESSAGE)},
    results={"type": "array", "items": _RESULT},
)
SARIF: dict[str, Any] = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    **_object(
        ("version", "runs"),
        **{"$schema": {"type": "string", "format": "uri"}, "version": {"const": "2.1.0"}},
        runs={"type": "array", "minItems": 1, "items": _RUN},
    ),
}
