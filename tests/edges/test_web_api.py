"""The API held against its own document by schemathesis: what is sent and what is answered, good input and bad.

Each address goes through all of schemathesis's checks: no server error, no status, header, type or form of an answer
that the document does not name, no bad input taken, no good one refused, no way around the key, and 405 with Allow for
other methods. The examples are the same in each run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from jsonschema import Draft202012Validator
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import from_schema
from schemathesis.engine.events import FatalError, NonFatalError, ScenarioFinished
from starlette.routing import Route

from tests.support.ledger import add_customer
from tests.support.web import KEY, WebHouse, web_house
from worker.domain.settings import Settings
from worker.edges.web.app import build_app
from worker.edges.web.openapi import openapi
from worker.storage import pools
from worker.storage.coupons import Terms
from worker.storage.database import Database

EXAMPLES = 60  # generated requests for each way of generating
REFUSED = [400, 401, 403, 404, 405, 408, 409, 413, 415, 422]
TAKEN = ["2xx", 401, 403, 404, 409]
RECEIPTS = {"/v1/events": "Event", "/v1/stock": "Stock"}  # paths that answer with a receipt, and what they take
CODE = "TET-7KX4M9QRT"
PATHS = sorted(openapi(Settings(), "1")["paths"])


def house_of(database: Database, var: Path) -> WebHouse:
    house = web_house(
        database,
        var,
        fields={"taste": "text", "points": "number"},
        intake={"requests_per_second": 1_000_000, "person_keys": ["shop"]},
        limits={"strangers_per_minute": 1_000_000},
    )
    with database.writing() as connection:
        add_customer(connection, external_id="c1", email="lan@example.com")
        terms = Terms(percent=Decimal(10), expires_at=house.clock.now() + timedelta(days=30))
        pools.load(connection, "tet", [CODE], terms, house.clock.now())
    return house


@schemathesis.check
def receipts_are_true(_context: object, response: Any, case: Any) -> None:
    """Hold a receipt against what was sent: each item is counted once, and what was taken fits the document, since one
    faulty item among good ones is told in an answer of success."""
    if case.operation.path not in RECEIPTS or response.status_code not in (200, 202, 422):
        return
    if not isinstance(case.body, dict | list):
        return  # one item a line
    schema, told = RECEIPTS[case.operation.path], response.json()
    items = case.body if isinstance(case.body, list) else [case.body]
    refused = {one["index"] for one in told["refused"]}
    assert told["accepted"] + told.get("duplicates", 0) + len(refused) == len(items)
    components = case.operation.schema.raw_schema["components"]
    validator = Draft202012Validator({"$ref": f"#/components/schemas/{schema}", "components": components})
    for index, item in enumerate(items):
        if index not in refused:
            wrong = next(iter(validator.iter_errors(item)), None)
            assert wrong is None, f"{schema} was taken against the document: {wrong.message}"


def failures(app: Any, path: str, **known: str) -> Iterator[str]:
    """Send what schemathesis makes up for one path; gives what is wrong with the answers.

    Parameters:
        known: parameters that are not made up.
    """
    config = SchemathesisConfig.from_dict(
        {
            "seed": 6,
            "headers": {"Authorization": f"Bearer {KEY}"},
            "continue-on-failure": True,
            "generation": {"max-examples": EXAMPLES, "deterministic": True, "no-shrink": True, "database": "none"},
            "phases": {"stateful": {"enabled": False}},
            "parameters": known,
            "checks": {
                # of several items some may be refused, and all: each is told with its place
                "negative_data_rejection": {"expected-statuses": [*REFUSED, 200, 202] if path in RECEIPTS else REFUSED},
                # four decimals at most, no time before 1970: the document says it in words
                "positive_data_acceptance": {"expected-statuses": [*TAKEN, 422] if path == "/v1/stock" else TAKEN},
            },
        }
    )
    schema = schemathesis.openapi.from_asgi("/openapi.json", app, config=config).include(path=path)
    ran = 0
    for event in from_schema(schema).execute():
        if isinstance(event, NonFatalError):
            yield f"{event.label}: {event.value!r}"
        if isinstance(event, FatalError):
            raise event.exception
        if isinstance(event, ScenarioFinished):
            ran += len(event.recorder.interactions)
            for checks in event.recorder.checks.values():
                for one in checks:
                    if one.failure_info is not None:
                        failure = one.failure_info.failure
                        yield f"{one.name}: {failure.title}: {failure.message}\n{one.failure_info.code_sample}"
    assert ran > 3, "something was sent"


@pytest.mark.parametrize("path", PATHS)
def test_the_api_does_what_its_document_says(sqlite_database: Database, tmp_path: Path, path: str) -> None:
    """Given whatever comes to an address, fitting the document or not, then each answer is as the document says."""
    app = build_app(house_of(sqlite_database, tmp_path))
    assert list(dict.fromkeys(failures(app, path))) == []


@pytest.mark.parametrize(
    ("path", "known"), [("/v1/customers/{customer}", {"customer": "c1"}), ("/v1/coupons/{code}", {"code": CODE})]
)
def test_who_is_known_is_told_of_as_the_document_says(
    sqlite_database: Database, tmp_path: Path, path: str, known: dict[str, str]
) -> None:
    """Given a customer and a coupon that exist, then the answers that tell of them fit the document, too."""
    app = build_app(house_of(sqlite_database, tmp_path))
    assert list(dict.fromkeys(failures(app, path, **known))) == []


def test_each_address_is_told_of(sqlite_database: Database, tmp_path: Path) -> None:
    """Given the routes, then each is in the document with its methods, or is a page and stands in docs/api.md; and the
    document names none that is not there. Each that wants a key tells of 401 and 429, each that reads a body of 413."""
    app = build_app(house_of(sqlite_database, tmp_path))
    served = {
        (re.sub(r":path\}", "}", route.path), method.lower())
        for route in app.routes
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
    }
    document = openapi(Settings(), "1")
    told = {(path, method) for path, methods in document["paths"].items() for method in methods}
    assert told <= served
    written = re.findall(r"^\| (`[^|]+`) \|", Path("docs/api.md").read_text(encoding="utf-8"), re.MULTILINE)
    pages = {
        one.replace("TOKEN", "{token}").replace("NAME", "{name}")
        for row in written
        for one in re.findall("`([^`]+)`", row)
    }
    assert {path for path, _ in served - told} - pages == set()
    for path, methods in document["paths"].items():
        for operation in methods.values():
            wanted = {"401", "429", "503"} if "security" not in operation else set()
            wanted |= {"400", "408", "413", "415"} if "requestBody" in operation else set()
            assert wanted <= set(operation["responses"]), path
            for status in {"429", "503"} & set(operation["responses"]) if path.startswith("/v1/") else ():
                assert "Retry-After" in operation["responses"][status]["headers"], path
