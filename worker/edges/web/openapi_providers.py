"""What the OpenAPI document says of `POST /v1/providers/NAME`."""

from __future__ import annotations

from typing import Any

from worker.edges.web.openapi_answers import READ, answer, errors

TAKEN: dict[str, Any] = {
    "type": "object",
    "properties": {"taken": {"type": "boolean", "const": True}},
    "required": ["taken"],
    "additionalProperties": False,
}


def provider_post(names: tuple[str, ...]) -> dict[str, Any]:
    """Return what is said of the webhook.

    Parameters:
        names: of the providers.
    """
    return {
        "operationId": "tellOfBounces",
        "summary": "What a mail provider tells of bounces and complaints",
        "description": "Given to the provider as the address of its webhook; docs/bounces.md says how. Shown to be the "
        "provider's by its own signature, or by user and password, and by no key.",
        "tags": ["providers"],
        "security": [],
        "parameters": [
            {
                "name": "provider",
                "in": "path",
                "required": True,
                "description": "Which provider tells",
                "schema": {"type": "string", "enum": list(names)},
            }
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"description": "As the provider writes it"}}},
        },
        "responses": {
            "200": answer("It is committed, or was before", "Taken"),
            **errors(
                *READ,
                said={
                    "401": "It shows nothing by which a provider is known",
                    "403": "What it shows does not hold, or nothing of this provider is taken; the log says which",
                    "404": "There is no provider of this name",
                    "429": "Too many requests of this address were not accepted",
                    "503": "It cannot be kept or checked now",
                },
            ),
        },
    }
