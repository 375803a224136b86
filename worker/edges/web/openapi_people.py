"""What the OpenAPI document says of `GET` and `DELETE /v1/customers/ID`."""

from __future__ import annotations

from typing import Any

_ERROR = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
_NAMED = {
    "name": "customer",
    "in": "path",
    "required": True,
    "description": "The shop's id of the customer, or an e-mail address, URL-encoded",
    "schema": {"type": "string"},
}
_REFUSALS = {
    "401": {"description": "The key is missing or not known", "content": _ERROR},
    "403": {"description": "The key is not one of intake.person_keys", "content": _ERROR},
    "404": {"description": "Nobody is known so, or they were erased", "content": _ERROR},
    "409": {"description": "Several customers have this address", "content": _ERROR},
    "503": {"description": "The database cannot be asked now; nothing was done", "content": _ERROR},
}
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
