"""Answers that the OpenAPI document tells of more than once: with which header, and in which form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_RETRY_AFTER = {
    "Retry-After": {
        "description": "Whole seconds after which to send it again",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
    }
}
_CHALLENGE = {"WWW-Authenticate": {"description": "How to show who asks", "schema": {"type": "string"}}}
_HEADERS: dict[str, dict[str, Any]] = {"401": _CHALLENGE, "429": _RETRY_AFTER, "503": _RETRY_AFTER}
_USUAL = {
    "400": "Nothing could be read; says where the JSON is broken",
    "401": "The key is missing or not known",
    "408": "The body did not arrive within 30 seconds",
    "413": "The body is too long, or holds too much",
    "415": "The body is packed in another way than gzip",
    "429": "Too many requests of this key; or, without a known one, of this address",
    "503": "The database cannot be used now; nothing was done",
}
KEYED = ("401", "429", "503")  # of each endpoint that wants a key
READ = ("400", "408", "413", "415")  # of each that reads a body


def answer(description: str, schema: str = "Error", headers: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return an answer in JSON, of one of the document's schemas."""
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"description": description, **({"headers": headers} if headers else {}), "content": content}


def errors(*statuses: str, said: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the answers that say why something is not done, by status.

    Parameters:
        statuses: with their usual descriptions.
        said: descriptions of others, or other descriptions.
    """
    described = {**{status: _USUAL[status] for status in statuses}, **(said or {})}
    return {status: answer(text, headers=_HEADERS.get(status)) for status, text in sorted(described.items())}
