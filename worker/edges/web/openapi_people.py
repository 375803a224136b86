"""What the OpenAPI document says of `GET` and `DELETE /v1/customers/ID`."""

from __future__ import annotations

from typing import Any

from worker.edges.web.openapi_answers import KEYED, errors

_NAMED = {
    "name": "customer",
    "in": "path",
    "required": True,
    "description": "The shop's id of the customer, or an e-mail address, URL-encoded",
    "schema": {"type": "string"},
}
_REFUSALS = errors(
    *KEYED,
    said={
        "403": "The key is not one of intake.person_keys",
        "404": "Nobody is known so, or they were erased",
        "409": "Several customers have this address",
    },
)
_EXPORT = {
    "type": "object",
    "description": "docs/privacy.md has the sections",
    "properties": {
        "format": {"type": "string", "const": "phin person"},
        "version": {"type": "integer"},
        "made_at": {"type": "string", "format": "date-time"},
        "shop": {"type": "string"},
    },
    "additionalProperties": {"type": "array", "items": {"type": "object"}},
    "required": ["format", "version", "made_at", "shop"],
}
_ERASED = {
    "type": "object",
    "properties": {
        "erased": {"type": "boolean"},
        "customers": {
            "type": "integer",
            "description": "Rows: the customer, and guests who were joined to them",
        },
        "mails_in_hand": {"type": "integer", "description": "Mails that were being handed over at that moment"},
    },
    "required": ["erased", "customers", "mails_in_hand"],
}

PERSON: dict[str, Any] = {
    "get": {
        "operationId": "exportCustomer",
        "summary": "All that is known of a customer",
        "description": "For the answer to a customer's request. Noted in the audit log.",
        "tags": ["customers"],
        "parameters": [_NAMED],
        "responses": {
            "200": {"description": "Everything", "content": {"application/json": {"schema": _EXPORT}}},
            **_REFUSALS,
        },
    },
    "delete": {
        "operationId": "eraseCustomer",
        "summary": "Erase a customer",
        "description": "Cannot be taken back. What waits is cancelled; a keyed hash of address and id is kept.",
        "tags": ["customers"],
        "parameters": [_NAMED],
        "responses": {
            "200": {"description": "They are erased", "content": {"application/json": {"schema": _ERASED}}},
            **_REFUSALS,
        },
    },
}
