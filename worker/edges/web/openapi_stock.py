"""What the OpenAPI document says of `POST /v1/stock`."""

from __future__ import annotations

from typing import Any

from worker.edges.web.openapi_answers import KEYED, READ, answer, errors

STOCK: dict[str, Any] = {
    "type": "object",
    "properties": {
        "sku": {
            "type": "string",
            "maxLength": 200,
            "pattern": r"^[^\x00-\x1f\x7f-\x9f]*[^\x00-\x20\x7f-\xa0][^\x00-\x1f\x7f-\x9f]*$",
            "description": "The article, as orders name it: one line, and not empty",
        },
        "quantity": {
            "type": ["number", "null"],
            "minimum": 0,
            "maximum": 10**12,
            "description": "How many there are; none is out of stock",
        },
        "available": {
            "type": ["boolean", "null"],
            "description": "Whether it can be bought, where that is not `quantity` > 0",
        },
        "time": {"type": ["string", "null"], "format": "date-time", "description": "When it was so; by default now"},
    },
    "required": ["sku"],
    "anyOf": [
        {"required": ["quantity"], "properties": {"quantity": {"type": "number"}}},
        {"required": ["available"], "properties": {"available": {"type": "boolean"}}},
    ],
    "additionalProperties": False,
    "example": {"sku": "AR-250", "quantity": 12},
}
STOCK_TAKEN: dict[str, Any] = {
    "type": "object",
    "properties": {
        "accepted": {"type": "integer", "description": "Words that were taken"},
        "changed": {"type": "integer", "description": "Articles that came in stock or ran out"},
        "refused": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "index": {"type": "integer"},
                    "field": {"type": "string"},
                    "error": {"type": "string"},
                },
            },
        },
    },
    "required": ["accepted", "changed", "refused"],
}


_ONE = {"$ref": "#/components/schemas/Stock"}
STOCK_POST: dict[str, Any] = {
    "operationId": "tellStock",
    "summary": "Tell which articles there are",
    "description": "One article, or a list. Conditions ask by `in_stock()`; an article never told of is in stock.",
    "tags": ["stock"],
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"oneOf": [_ONE, {"type": "array", "items": _ONE}]}}},
    },
    "responses": {
        "200": answer("What was taken; the rest is named with its place", "StockTaken"),
        "422": answer("Nothing of it could be taken", "StockTaken"),
        **errors(*KEYED, *READ),
    },
}
