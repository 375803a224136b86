"""What the OpenAPI document says of `POST /v1/stock`."""

from __future__ import annotations

from typing import Any

STOCK: dict[str, Any] = {
    "type": "object",
    "properties": {
        "sku": {"type": "string", "minLength": 1, "maxLength": 200, "description": "The article, as orders name it"},
        "quantity": {"type": "number", "minimum": 0, "description": "How many there are; none is out of stock"},
        "available": {"type": "boolean", "description": "Whether it can be bought, where that is not `quantity` > 0"},
        "time": {"type": "string", "format": "date-time", "description": "When it was so; by default now"},
    },
    "required": ["sku"],
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


def _answer(description: str, schema: str = "Error") -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"description": description, "content": content}


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
        "200": _answer("What was taken; the rest is named with its place", "StockTaken"),
        "400": _answer("The body is no JSON"),
        "401": _answer("The key is missing or not known"),
        "408": _answer("The body did not arrive in time"),
        "413": _answer("The body is too long, or holds too many"),
        "415": _answer("The body is packed in a way that is not known"),
        "422": _answer("Nothing of it could be taken", "StockTaken"),
        "503": _answer("It cannot be kept now"),
    },
}
