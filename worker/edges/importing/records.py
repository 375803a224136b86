"""Rows become events: a customer of one row, an order of all rows that bear its number."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from worker.edges.importing.cells import Cells, plain
from worker.edges.importing.columns import Column, Mapped
from worker.edges.importing.faults import CellError, Faulty
from worker.edges.importing.reading import Row
from worker.edges.importing.survey import Plan
from worker.edges.importing.targets import Subject

IMPORTED = "customer.imported"  # type of the event that tells what a file of customers says
_KEYS = ("id", "email")
_LONG_KEY = 120  # characters of an order number or a key; of a longer one an event's id has the beginning and a hash
_LINE = re.compile(r"order\.lines\[(\d+)\]\.(\w+)")
_NOBODY = (
    "names neither a customer id nor an e-mail; where customers are known by telephone, "
    "say --map 'COLUMN=customer.id' --map 'COLUMN=customer.phone' of its column"
)
# Columns that an event's field comes from, where it is not called the same; a time by the event's type.
_FIELDS = {"data.amount": "refund.amount", "data.channel": "order.channel"}
_TIMES = {
    "purchase": "order.time",
    "signup": "signup.time",
    "order.cancelled": "cancelled.time",
    IMPORTED: "customer.updated_at",
}


@dataclass(frozen=True, slots=True)
class Record:
    """What the rows of one customer or one order come to.

    Parameters:
        items: events as the intake takes them; none where there are faults.
        line_rows: the row of each line of the order.
    """

    rows: tuple[Row, ...]
    items: tuple[dict[str, Any], ...] = ()
    faults: tuple[Faulty, ...] = ()
    line_rows: tuple[Row, ...] = ()


def records(plan: Plan, cells: Cells, vietnamese: bool) -> Iterator[Record]:
    """Read a file's customers or orders; an order is given when its last row is read, wherever its rows stand.

    Parameters:
        vietnamese: whether a name of two parts is put together with the family name first.
    """
    builder = _Builder(plan.mapped, cells, vietnamese)
    if plan.mapped.subject is Subject.CUSTOMERS:
        for row in plan.sheet.rows():
            yield builder.customer(row)
        return
    waiting: dict[str, list[Row]] = {}
    for place, (row, number) in enumerate(plan.numbered()):
        if number is None:
            problem = row.problem or "has no order number; where it belongs to the order above, say --continued"
            yield Record((row,), (), (Faulty.of(row.line, None, "", problem),))
            continue
        waiting.setdefault(number, []).append(row)
        if plan.last.get(number) == place:
            yield builder.order(waiting.pop(number), number)
    for number, rows in waiting.items():  # the file was changed since it was looked at
        yield builder.order(rows, number)


def placed(record: Record, mapped: Mapped, event_type: str, field: str, error: str) -> Faulty:
    """Say of which line and column an event's faulty field came."""
    target, rows = _FIELDS.get(field, field), record.rows
    if field == "time":
        target = _TIMES.get(event_type, field)
    if found := _LINE.fullmatch(field):
        target, rows = f"line.{found[2]}", record.line_rows[int(found[1]) :][:1] or rows
    column = mapped.of(target)
    if column is None:
        return Faulty.of(rows[0].line, None, "", f"{target} {error}".strip())
    row = next((row for row in rows if plain(row.cells[column.index])), rows[0])
    return Faulty.of(row.line, column.title, row.cells[column.index], error)


class _Builder:
    """Makes events of rows."""

    def __init__(self, mapped: Mapped, cells: Cells, vietnamese: bool) -> None:
        self._cells = cells
        self._vietnamese = vietnamese
        self._whole = [column for column in mapped.columns if not column.target.name.startswith("line.")]
        self._of_line = [column for column in mapped.columns if column.target.name.startswith("line.")]

    def customer(self, row: Row) -> Record:
        """Return a customer: what is known now, and the day of signing up where the file has it."""
        if row.problem is not None:
            return Record((row,), (), (Faulty.of(row.line, None, "", row.problem),))
        values, faults = self._values([row])
        customer = _customer(values, self._vietnamese)
        if not faults and not customer.keys() & set(_KEYS):
            faults.append(Faulty.of(row.line, None, "", _NOBODY))
        if faults:
            return Record((row,), (), tuple(faults))
        keys = {key: customer[key] for key in _KEYS if key in customer}
        name = _short(next(iter(keys.values())))
        signed_up = values.get("signup.time")
        items = [_event("signup", f"signup:{name}", keys, signed_up)] if signed_up else []
        items.append(_event(IMPORTED, f"customer:{name}", customer, values.get("customer.updated_at")))
        return Record((row,), tuple(items))

    def order(self, rows: Sequence[Row], number: str) -> Record:
        """Return an order: its purchase, and its cancellation and refund where the file tells them."""
        broken = [Faulty.of(row.line, None, "", row.problem) for row in rows if row.problem is not None]
        if broken:
            return Record(tuple(rows), (), tuple(broken))
        values, faults = self._values(rows)
        lines, line_rows = self._lines(rows, faults)
        customer = _customer(values, self._vietnamese)
        if not faults and not customer.keys() & set(_KEYS):
            faults.append(Faulty.of(rows[0].line, None, "", _NOBODY))
        if not faults and "order.time" not in values:
            faults.append(Faulty.of(rows[0].line, None, "", "order.time is needed: when the order was placed"))
        if faults:
            return Record(tuple(rows), (), tuple(faults))
        names = ("total", "currency", "status", "coupon")
        order = {name: values[f"order.{name}"] for name in names if f"order.{name}" in values}
        order |= {"number": number} | ({"lines": lines} if lines else {})
        if "order.payment" in values:
            order["status"] = values["order.payment"]
        keys = {key: customer[key] for key in _KEYS if key in customer}
        channel = {"channel": values["order.channel"]} if "order.channel" in values else {}
        short = _short(number)
        items = [_event("purchase", f"order:{short}", customer, values["order.time"], order, channel)]
        if cancelled := values.get("cancelled.time"):
            items.append(_event("order.cancelled", f"cancelled:{short}", keys, cancelled, {"number": number}))
        if refunded := Decimal(values.get("refund.amount", 0)):
            back = {"amount": int(refunded) if refunded == int(refunded) else float(refunded)}
            refund = _event("refund", "", keys, values["order.time"], {"number": number}, back)
            items.append(refund | {"id": f"refund:{short}"})  # one for each order: refunds add up
        return Record(tuple(rows), tuple(items), (), tuple(line_rows))

    def _values(self, rows: Sequence[Row]) -> tuple[dict[str, Any], list[Faulty]]:
        """Read what is told once of a customer or an order: its rows have to agree where they say it."""
        values: dict[str, Any] = {}
        faults: list[Faulty] = []
        for column in self._whole:
            said = [(row, text) for row in rows if (text := plain(row.cells[column.index]))]
            if not said:
                continue
            first, text = said[0]
            other = next(((row, word) for row, word in said[1:] if word != text), None)
            if other is not None:
                problem = f"is another one than in line {first.line} of the same order; leave the column out"
                faults.append(Faulty.of(other[0].line, column.title, other[1], f"{problem}: --map '{column.title}='"))
                continue
            self._take(column, first, text, values, faults)
        return values, faults

    def _lines(self, rows: Sequence[Row], faults: list[Faulty]) -> tuple[list[dict[str, Any]], list[Row]]:
        lines: list[dict[str, Any]] = []
        line_rows: list[Row] = []
        for row in rows:
            line: dict[str, Any] = {}
            for column in self._of_line:
                self._take(column, row, row.cells[column.index], line, faults)
            if line:
                told = {name.removeprefix("line."): value for name, value in line.items()}
                if "sku" not in told and "name" in told:
                    told["sku"] = told["name"]
                lines.append(told)
                line_rows.append(row)
        return lines, line_rows

    def _take(self, column: Column, row: Row, text: str, values: dict[str, Any], faults: list[Faulty]) -> None:
        try:
            value = self._cells.read(column, text)
        except CellError as error:
            faults.append(Faulty.of(row.line, column.title, text, str(error)))
        else:
            if value is not None:
                values[column.target.name] = value


def _customer(values: dict[str, Any], vietnamese: bool) -> dict[str, Any]:
    customer: dict[str, Any] = {}
    for name, value in values.items():
        about, _, field = name.partition(".")
        if about == "customer" and field not in ("last_name", "updated_at"):
            group, dot, part = field.partition(".")
            if dot:
                customer.setdefault(group, {})[part] = value
            else:
                customer[field] = value
    last, first = values.get("customer.last_name"), values.get("customer.first_name")
    if last and "name" not in customer:
        parts = (last, first) if vietnamese else (first, last)
        customer["name"] = " ".join(part for part in parts if part)
    return customer


def _event(
    kind: str,
    key: str,
    customer: dict[str, Any],
    time: str | None,
    order: dict[str, Any] | None = None,
    data: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return an event whose id says its content: the same rows again are the same event, changed ones a new one."""
    event: dict[str, Any] = {"type": kind, "history": True, "customer": customer}
    event |= {name: value for name, value in (("time", time), ("order", order), ("data", data)) if value}
    content = json.dumps(event, sort_keys=True, ensure_ascii=True)
    return event | {"id": f"{key}:{_hash(content)}"}


def _short(key: str) -> str:
    return key if len(key) <= _LONG_KEY else f"{key[: _LONG_KEY // 2]}…{_hash(key)}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:20]
