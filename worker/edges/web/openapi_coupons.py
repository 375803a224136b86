"""What the OpenAPI document says of `GET /v1/coupons/CODE`."""

from __future__ import annotations

from typing import Any

from worker.edges.web.openapi_answers import KEYED, answer, errors


def _nullable(kind: str, about: str, **more: Any) -> dict[str, Any]:
    return {"type": [kind, "null"], "description": about, **more}


COUPON: dict[str, Any] = {
    "type": "object",
    "properties": {
        "code": {"type": "string", "description": "As it is kept: in capitals"},
        "coupon": {"type": "string", "description": "Name of the coupon in the flows"},
        "valid": {"type": "boolean", "description": "Whether it is good now: not redeemed, and not over"},
        "percent": _nullable("number", "What it takes off, in per cent"),
        "amount": _nullable("number", "What it takes off, in `currency`"),
        "currency": _nullable("string", "ISO 4217 code"),
        "expires_at": _nullable("string", "The last second at which it is good", format="date-time"),
        "customer": _nullable("string", "The shop's id of whom it was given to; null: a guest, or nobody yet"),
        "redeemed_at": _nullable("string", "When the order was placed that carried it", format="date-time"),
        "order": _nullable("string", "Number of that order"),
    },
    "required": [
        "code", "coupon", "valid", "percent", "amount", "currency", "expires_at", "customer", "redeemed_at", "order",
    ],
    "example": {
        "code": "BIRTHDAY-7KX4M9QRT",
        "coupon": "birthday",
        "valid": True,
        "percent": 10.0,
        "amount": None,
        "currency": None,
        "expires_at": "2027-03-31T16:59:59+00:00",
        "customer": "c1",
        "redeemed_at": None,
        "order": None,
    },
}  # fmt: skip


COUPON_GET: dict[str, Any] = {
    "operationId": "readCoupon",
    "summary": "What a code is good for",
    "description": "For the shop's checkout. Reading redeems nothing: the purchase that carries the code does.",
    "tags": ["coupons"],
    "parameters": [
        {
            "name": "code",
            "in": "path",
            "required": True,
            "description": "The code as it was typed; small letters and long dashes do not matter",
            "schema": {"type": "string"},
        }
    ],
    "responses": {
        "200": answer("The coupon", "Coupon"),
        **errors(*KEYED, said={"404": "No coupon has this code"}),
    },
}
