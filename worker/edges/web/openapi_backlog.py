"""What the OpenAPI document says of `GET /v1/backlog`."""

from __future__ import annotations

from typing import Any

from worker.edges.web.openapi_answers import KEYED, answer, errors

_COUNT = {"type": "integer", "minimum": 0}

BACKLOG: dict[str, Any] = {
    "type": "object",
    "properties": {
        "now": {"type": "string", "format": "date-time", "description": "The shop's time, which may be moved"},
        "idle": {"type": "boolean", "description": "Nothing is due and nothing in hand"},
        "due": {
            "type": "object",
            "additionalProperties": _COUNT,
            "description": "For each kind of work how many rows are due now, counted up to 1,000",
        },
        "in_hand": {**_COUNT, "description": "Mails that are being handed over"},
        "next_at": {
            "type": ["string", "null"],
            "format": "date-time",
            "description": "When the next thing falls due; null where nothing is known to, and while not idle",
        },
    },
    "required": ["now", "idle", "due", "in_hand", "next_at"],
    "additionalProperties": False,
    "example": {
        "now": "2027-03-01T07:00:00+00:00",
        "idle": True,
        "due": {"events": 0, "journeys": 0, "messages": 0, "hits": 0, "turns": 0, "reminders": 0},
        "in_hand": 0,
        "next_at": "2027-03-02T03:30:00+00:00",
    },
}
BACKLOG_GET: dict[str, Any] = {
    "operationId": "readBacklog",
    "summary": "What is due and not done yet",
    "description": "For whoever waits for the outcome of events, or moves the clock of a shop that is tried out.",
    "tags": ["events"],
    "responses": {
        "200": answer("What is to be done now, and when the next thing falls due", "Backlog"),
        **errors(*KEYED),
    },
}
