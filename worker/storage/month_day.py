"""Month and day of a date as one number (228 is 28 February): what birthdays are found by, with an index over it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Integer
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class month_day(FunctionElement[int]):
    """`month_day(date)`: 100 times the month, and the day; NULL for NULL."""

    type = Integer()
    inherit_cache = True


@compiles(month_day, "postgresql")
def _postgresql(element: month_day, compiler: SQLCompiler, **options: Any) -> str:
    date = compiler.process(next(iter(element.clauses)), **options)
    return f"((EXTRACT(month FROM {date}) * 100 + EXTRACT(day FROM {date}))::integer)"


@compiles(month_day, "sqlite")
def _sqlite(element: month_day, compiler: SQLCompiler, **options: Any) -> str:
    date = compiler.process(next(iter(element.clauses)), **options)
    return f"(CAST(substr({date}, 6, 2) AS INTEGER) * 100 + CAST(substr({date}, 9, 2) AS INTEGER))"
