"""Stock as a shop tells it: one article, whether there is any, and when that was so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, ValidationError, model_validator

from worker.domain.event_data import DOUBLED, shown
from worker.domain.event_fields import read_moment, single_line

LONGEST = 200  # characters of a SKU


@dataclass(frozen=True, slots=True)
class StockWord:
    """What the shop told of one article.

    Parameters:
        quantity: how many there are, where it was told.
        at: when it was so.
    """

    sku: str
    available: bool
    at: datetime
    quantity: Decimal | None = None


@dataclass(frozen=True, slots=True)
class StockFault:
    """Why a word cannot be taken, and at which of its fields."""

    field: str
    error: str


def _sku(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > LONGEST:
        raise ValueError(f"is the article's SKU, a text of 1 to {LONGEST} characters")
    return single_line(value.strip())


def _moment(value: Any) -> datetime | None:
    return None if value is None else read_moment(value)


class _Told(BaseModel):
    model_config = ConfigDict(extra="forbid")

    sku: Annotated[str, BeforeValidator(_sku)]
    quantity: Decimal | None = Field(None, ge=0, le=10**12, decimal_places=4)
    available: StrictBool | None = None
    time: Annotated[datetime | None, BeforeValidator(_moment)] = None

    @model_validator(mode="after")
    def _says_something(self) -> _Told:
        if self.quantity is None and self.available is None:
            raise ValueError("tells neither 'quantity' nor 'available'")
        return self


def read_stock(item: object, now: datetime) -> StockWord | StockFault:
    """Read `{"sku": "AR-250", "quantity": 12}` or `{"sku": "AR-250", "available": false}`.

    Parameters:
        item: of the request's JSON.
        now: when it came in; nothing is told of the future.
    """
    if not isinstance(item, dict):
        return StockFault("", 'is no object such as {"sku": "AR-250", "quantity": 12}')
    if DOUBLED in item:
        return StockFault("", f"has '{shown(str(item[DOUBLED]))}' twice")
    try:
        told = _Told.model_validate(item)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        return StockFault(".".join(str(part) for part in first["loc"]), first["msg"].removeprefix("Value error, "))
    available = told.available if told.available is not None else bool(told.quantity)
    return StockWord(told.sku, available, min(told.time or now, now), told.quantity)
