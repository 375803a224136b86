"""The first look at a whole file: how each column writes days and amounts, and which rows make one order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from worker.edges.importing.amounts import (
    MARK_TITLES,
    AmountEvidence,
    Mark,
    amount_evidence,
    settle_mark,
    without_decimals,
)
from worker.edges.importing.cells import Cells, plain
from worker.edges.importing.columns import Column, Mapped
from worker.edges.importing.dates import ORDER_TITLES, DateEvidence, DayOrder, date_evidence, settle_order
from worker.edges.importing.faults import ImportingError
from worker.edges.importing.reading import Row, Sheet
from worker.edges.importing.targets import Kind

_DAYS = (Kind.DAY, Kind.MOMENT)
_AMOUNTS = (Kind.MONEY, Kind.NUMBER)
_EXAMPLE = 40  # characters of a cell that is shown


@dataclass(frozen=True, slots=True)
class Said:
    """What a person said of a file, beside its columns.

    Parameters:
        dates, decimal: how days and amounts are written, where the file does not say.
        zone: zone of times that name none.
        statuses: the shop's words for an order's status, squeezed, and what they mean.
        continued: whether a row without an order number belongs to the order above it.
    """

    zone: ZoneInfo
    dates: DayOrder | None = None
    decimal: Mark | None = None
    statuses: Mapping[str, str] | None = None
    continued: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """How a file is going to be read; everything about it is settled.

    Parameters:
        rows: rows after the header.
        last: for each order number, the place of its last row among the rows, from 0.
        examples: a cell of each column that has one, by the column's index.
    """

    sheet: Sheet
    mapped: Mapped
    said: Said
    rows: int
    last: Mapping[str, int]
    orders: Mapping[int, DayOrder]
    marks: Mapping[int, Mark]
    open_days: frozenset[int]
    examples: Mapping[int, str]

    def cells(self) -> Cells:
        """Return a reader of this file's cells."""
        return Cells(self.said.zone, self.orders, self.marks, self.said.decimal is not None, self.said.statuses or {})

    def numbered(self) -> Iterator[tuple[Row, str | None]]:
        """Read the rows, each with its order number where it has one."""
        return numbered(self.sheet, self.mapped, self.said.continued)

    def how(self, column: Column) -> str:
        """Say how a column is read, where that had to be settled."""
        if column.index in self.open_days:
            return ORDER_TITLES[self.orders[column.index]]
        if column.target.kind in _AMOUNTS and column.index in self.marks:
            return MARK_TITLES[self.marks[column.index]]
        return ""


def numbered(sheet: Sheet, mapped: Mapped, continued: bool) -> Iterator[tuple[Row, str | None]]:
    """Read the rows, each with its order number; also a broken row, so that its order is not taken without it."""
    column = mapped.of("order.number")
    above = None
    for row in sheet.rows():
        if column is None:
            yield row, None
            continue
        number = plain(row.cells[column.index]) if column.index < len(row.cells) else ""
        if not number and continued:
            number = above or ""
        above = number or None
        yield row, above


def survey(sheet: Sheet, mapped: Mapped, said: Said, currency: str) -> Plan:
    """Read all of a file once, and settle how it is read.

    Parameters:
        currency: the shop's, for amounts beside which none is named.

    Raises:
        ImportingError: a column of days or amounts could be read in two ways; all such columns are named.
    """
    days = [column for column in mapped.columns if column.target.kind in _DAYS]
    amounts = [column for column in mapped.columns if column.target.kind in _AMOUNTS]
    day_evidence = dict.fromkeys((column.index for column in days), DateEvidence())
    amount_seen = dict.fromkeys((column.index for column in amounts), AmountEvidence())
    money_in = mapped.of("order.currency")
    currencies: set[str] = set()
    examples: dict[int, str] = {}
    missing = {column.index for column in mapped.columns}
    last: dict[str, int] = {}
    count = 0
    for count, (row, number) in enumerate(numbered(sheet, mapped, said.continued), 1):
        if number is not None:
            last[number] = count - 1
        if row.problem is not None:
            continue
        cells = row.cells
        for column in days:
            if text := plain(cells[column.index]):
                day_evidence[column.index] += date_evidence(text)
        for column in amounts:
            if text := plain(cells[column.index]):
                amount_seen[column.index] += amount_evidence(text)
        if money_in is not None and (text := plain(cells[money_in.index])):
            currencies.add(text)
        if missing:
            found = {index for index in missing if cells[index].strip()}
            examples |= {index: cells[index].strip()[:_EXAMPLE] for index in found}
            missing -= found
    whole = without_decimals(currencies or {currency})
    orders, marks, asked = _settled(days, amounts, day_evidence, amount_seen, said, whole)
    if asked:
        raise ImportingError("\n".join(asked))
    seen = frozenset(index for index, one in day_evidence.items() if one.day_first or one.month_first or one.either)
    return Plan(sheet, mapped, said, count, last, orders, marks, seen, examples)


def _settled(
    days: list[Column],
    amounts: list[Column],
    day_evidence: Mapping[int, DateEvidence],
    amount_seen: Mapping[int, AmountEvidence],
    said: Said,
    whole: bool,
) -> tuple[dict[int, DayOrder], dict[int, Mark], list[str]]:
    orders: dict[int, DayOrder] = {}
    marks: dict[int, Mark] = {}
    asked: list[str] = []
    for column in days:
        try:
            orders[column.index] = settle_order(column.title, day_evidence[column.index], said.dates)
        except ImportingError as error:
            asked.append(str(error))
    for column in amounts:
        money = whole and column.target.kind is Kind.MONEY
        try:
            marks[column.index] = settle_mark(column.title, amount_seen[column.index], said.decimal, money)
        except ImportingError as error:
            asked.append(str(error))
    return orders, marks, list(dict.fromkeys(asked))
