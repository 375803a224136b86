"""What the OpenAPI document says of the addresses of the house itself: its health, and this document."""

from __future__ import annotations

from typing import Any

from worker.edges.web.openapi_answers import answer, errors

ALIVE: dict[str, Any] = {
    "type": "object",
    "properties": {"alive": {"type": "boolean", "const": True}},
    "required": ["alive"],
    "additionalProperties": False,
}
READY: dict[str, Any] = {
    "type": "object",
    "properties": {
        "ready": {"type": "boolean", "description": "Whether events and hits can be kept"},
        "database": {"type": "string", "description": "`up to date`, or what is wrong with it"},
        "mail": {"type": "string", "description": "Whether mail waits for the relay; does not count"},
        "clock": {"type": "string", "description": "Whether a clock ticks; does not count"},
        "queue": {"type": "string", "description": "Whether the queue answers; does not count"},
        "spool": {"type": "string", "description": "Whether files wait for the database; does not count"},
    },
    "required": ["ready", "database", "mail", "clock", "queue", "spool"],
}
_OPEN: dict[str, Any] = {"security": [], "tags": ["house"]}

HEALTHZ_GET: dict[str, Any] = {
    **_OPEN,
    "operationId": "isAlive",
    "summary": "Whether this process lives",
    "responses": {"200": answer("It does", "Alive")},
}
READYZ_GET: dict[str, Any] = {
    **_OPEN,
    "operationId": "isReady",
    "summary": "Whether work can be done",
    "responses": {"200": answer("It can", "Ready"), "503": answer("It cannot; says why", "Ready")},
}
DOCUMENT_GET: dict[str, Any] = {
    **_OPEN,
    "operationId": "readDocument",
    "summary": "This document",
    "responses": {
        "200": {"description": "OpenAPI 3.1", "content": {"application/json": {"schema": {"type": "object"}}}},
        **errors(said={"429": "Too many requests without a known key came from this address"}),
    },
}
