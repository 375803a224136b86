"""The OpenAPI document of the HTTP API, made from the models that the intake checks with."""

from __future__ import annotations

from typing import Any

from worker.domain.events import IncomingEvent
from worker.domain.house_events import HOUSE_EVENTS
from worker.domain.settings import FieldType, Settings
from worker.edges.web.openapi_answers import KEYED, READ, answer, errors
from worker.edges.web.openapi_backlog import BACKLOG, BACKLOG_GET
from worker.edges.web.openapi_coupons import COUPON, COUPON_GET
from worker.edges.web.openapi_house import ALIVE, DOCUMENT_GET, HEALTHZ_GET, READY, READYZ_GET
from worker.edges.web.openapi_people import PERSON
from worker.edges.web.openapi_providers import TAKEN, provider_post
from worker.edges.web.openapi_stock import STOCK, STOCK_POST, STOCK_TAKEN
from worker.edges.web.provider_webhooks import NAMES as PROVIDERS

_NAMES = {
    "IncomingEvent": "Event",
    "CustomerGiven": "Customer",
    "ConsentGiven": "Consent",
    "OrderGiven": "Order",
    "LineGiven": "OrderLine",
}
_TYPES: dict[FieldType, dict[str, Any]] = {
    "text": {"type": "string"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "time": {"type": "string", "format": "date-time"},
}

PURCHASE = {
    "id": "order-A1001-placed",
    "type": "purchase",
    "time": "2027-03-01T14:00:00+07:00",
    "customer": {
        "id": "c1",
        "email": "lan@example.com",
        "name": "Nguyễn Thị Lan",
        "first_name": "Lan",
        "language": "vi",
        "consent": {"marketing": True, "tracking": True, "source": "checkout"},
    },
    "order": {
        "number": "A1001",
        "total": 450_000,
        "lines": [
            {"sku": "AR-250", "name": "Arabica Cầu Đất 250 g", "category": "arabica", "quantity": 2, "price": 225_000}
        ],
    },
}
SHIPPED = {
    "id": "order-A1001-shipped",
    "type": "order.shipped",
    "time": "2027-03-02T09:30:00+07:00",
    "customer": {"id": "c1"},
    "order": {"number": "A1001"},
    "data": {"carrier": "GHN", "tracking_number": "GHN123456"},
}

_INTRODUCTION = """\
A shop reports what happens to its customers; flows, mails and reports follow from that.

Report each event with an id of your own: the same id again is the same event and changes nothing, so whatever was
not answered can be sent again. An answer of 202 means that the events it counts as accepted are on disk.

Send one event, a list of up to {batch_limit:,}, or one event a line (`application/x-ndjson`); up to
{body_limit:,} bytes, gzip if you like. An event that is refused is told with its field and what is wrong with it,
harms no other, and does not use up its id.
"""


def openapi(settings: Settings, version: str) -> dict[str, Any]:
    """Return the document (OpenAPI 3.1) for a shop with these settings."""
    shown = settings.intake.model_dump()
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Phin",
            "version": version,
            "summary": "Events of a shop",
            "description": _INTRODUCTION.format(**shown),
        },
        "servers": [{"url": "/"}],
        "paths": {
            "/v1/events": {"post": _post()},
            "/v1/backlog": {"get": BACKLOG_GET},
            "/v1/coupons/{code}": {"get": COUPON_GET},
            "/v1/customers/{customer}": PERSON,
            "/v1/stock": {"post": STOCK_POST},
            "/v1/providers/{provider}": {"post": provider_post(PROVIDERS)},
            "/healthz": {"get": HEALTHZ_GET},
            "/readyz": {"get": READYZ_GET},
            "/openapi.json": {"get": DOCUMENT_GET},
        },
        "components": {
            "schemas": {
                **_event_schemas(settings),
                "Receipt": _RECEIPT,
                "Refusal": _REFUSAL,
                "Warning": _WARNING,
                "Error": _ERROR,
                "Backlog": BACKLOG,
                "Coupon": COUPON,
                "Stock": STOCK,
                "StockTaken": STOCK_TAKEN,
                "Taken": TAKEN,
                "Alive": ALIVE,
                "Ready": READY,
            },
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An ingest key; its name is the events' source",
                }
            },
        },
        "security": [{"key": []}],
    }


def _post() -> dict[str, Any]:
    event = {"$ref": "#/components/schemas/Event"}
    examples = {
        "purchase": {"summary": "A purchase", "value": PURCHASE},
        "shipped": {"summary": "An order is on its way", "value": SHIPPED},
        "several": {"summary": "Several at once", "value": [PURCHASE, SHIPPED]},
    }
    schema = {"oneOf": [event, {"type": "array", "items": event}]}
    return {
        "operationId": "reportEvents",
        "summary": "Report events",
        "description": "Answers when the events are committed.",
        "tags": ["events"],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": schema, "examples": examples},
                "application/x-ndjson": {"schema": {"type": "string", "description": "One event a line"}},
            },
        },
        "responses": {
            "202": answer("What became of the events", "Receipt"),
            **errors(*KEYED, *READ),
        },
    }


def _event_schemas(settings: Settings) -> dict[str, Any]:
    made = IncomingEvent.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas = {"IncomingEvent": made, **made.pop("$defs")}
    named = {_NAMES[name]: _renamed(schema) for name, schema in schemas.items()}
    for name, schema in named.items():
        schema["title"] = name
    customer = named["Customer"]
    customer["additionalProperties"] = False
    for name, kind in settings.fields.items():
        customer["properties"][name] = {**_TYPES[kind], "description": "Own field of the shop"}
    known = [*HOUSE_EVENTS, *(name for name in settings.events if name not in HOUSE_EVENTS)]
    named["Event"]["properties"]["type"]["examples"] = known
    return named


def _renamed(part: Any) -> Any:
    """Return a schema with the models' names as the document has them."""
    if isinstance(part, dict):
        return {key: _renamed(value) for key, value in part.items()}
    if isinstance(part, list):
        return [_renamed(value) for value in part]
    prefix, slash, name = part.rpartition("/") if isinstance(part, str) else ("", "", "")
    return f"{prefix}/{_NAMES[name]}" if slash and name in _NAMES else part


_COUNT = {"type": "integer", "minimum": 0}
_REFUSAL: dict[str, Any] = {
    "type": "object",
    "description": "One faulty field of one event",
    "properties": {
        "index": {**_COUNT, "description": "Place of the event in the request, from 0"},
        "id": {"type": ["string", "null"]},
        "field": {"type": "string", "description": "Path of the field; empty for the event itself"},
        "error": {"type": "string", "description": "Goes on from the field's name"},
    },
    "required": ["index", "id", "field", "error"],
    "example": {"index": 0, "id": "e1", "field": "order.totl", "error": "is not known; did you mean 'total'?"},
}
_WARNING: dict[str, Any] = {
    "type": "object",
    "description": "Something odd about an event that was taken",
    "properties": {
        "index": {**_COUNT, "description": "Place of the event in the request, from 0"},
        "id": {"type": "string"},
        "field": {"type": "string", "description": "Path of the field"},
        "warning": {"type": "string"},
    },
    "required": ["index", "id", "field", "warning"],
    "example": {
        "index": 0,
        "id": "e1",
        "field": "type",
        "warning": "'purchace' is not declared; did you mean 'purchase'?",
    },
}
_RECEIPT: dict[str, Any] = {
    "type": "object",
    "properties": {
        "accepted": {**_COUNT, "description": "Events that are new, and committed"},
        "duplicates": {**_COUNT, "description": "Events that were there already, with the same content"},
        "refused": {"type": "array", "items": {"$ref": "#/components/schemas/Refusal"}},
        "warnings": {
            "type": "array",
            "items": {"$ref": "#/components/schemas/Warning"},
            "description": "Only where there are some; the events they tell of count as usual",
        },
    },
    "required": ["accepted", "duplicates", "refused"],
    "example": {"accepted": 1, "duplicates": 0, "refused": []},
}
_ERROR: dict[str, Any] = {
    "type": "object",
    "properties": {"error": {"type": "string"}, "line": {"type": "integer"}, "column": {"type": "integer"}},
    "required": ["error"],
}
