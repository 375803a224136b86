"""Days and amounts as people write them: read as they were meant, or asked about, never guessed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.importing import SAIGON
from worker.edges.importing.amounts import (
    AmountEvidence,
    Mark,
    amount_evidence,
    read_amount,
    settle_mark,
    without_decimals,
)
from worker.edges.importing.dates import DateEvidence, DayOrder, date_evidence, read_day, read_moment, settle_order
from worker.edges.importing.faults import CellError, ImportingError

ORDERS = {DayOrder.DMY: "{0.day:02}{1}{0.month:02}{1}{0.year}", DayOrder.MDY: "{0.month}{1}{0.day}{1}{0.year}"}


def days_of(*values: str) -> DateEvidence:
    return sum(map(date_evidence, values), DateEvidence())


def amounts_of(*values: str) -> AmountEvidence:
    return sum(map(amount_evidence, values), AmountEvidence())


@given(
    st.lists(st.dates(date(1970, 1, 1), date(2100, 1, 1)), min_size=1, max_size=8),
    st.sampled_from([*ORDERS]),
    st.sampled_from("-/."),
)
def test_days_are_read_as_written_or_asked_about(days: list[date], order: DayOrder, sign: str) -> None:
    """Given days written in one order, then each is read as it was meant, or the column is asked about."""
    written = [ORDERS[order].format(day, sign) for day in days]
    try:
        settled = settle_order("Ngày", days_of(*written), None)
    except ImportingError:
        assert all(day.day <= 12 for day in days)
        settled = order
    assert [read_day(text, settled) for text in written] == days


@given(st.dates(date(1900, 1, 1)), st.sampled_from([*DayOrder]), st.sampled_from("-/."))
def test_a_day_that_begins_with_its_year_is_read_in_any_column(day: date, order: DayOrder, sign: str) -> None:
    """Given year, month, day, then no order of a column changes it."""
    assert read_day(f"{day.year:04}{sign}{day.month}{sign}{day.day:02}", order) == day


@given(st.text(max_size=20))
def test_whatever_is_no_day_is_told(text: str) -> None:
    """Given any text, then it is a day or a fault, never another error."""
    try:
        read_moment(text, DayOrder.DMY, SAIGON)
    except CellError as error:
        assert str(error)


@pytest.mark.parametrize(
    ("written", "local"),
    [
        ("01/03/2026", "2026-03-01T00:00:00"),
        ("1/3/2026 9:05", "2026-03-01T09:05:00"),
        ("14:05 01/03/2026", "2026-03-01T14:05:00"),
        ("01/03/2026 02:05:07 CH", "2026-03-01T14:05:07"),
        ("01-03-2026 12:00 SA", "2026-03-01T00:00:00"),
        ("01/03/2026 12:30 pm", "2026-03-01T12:30:00"),
        ("2026-03-01T14:05:07.250", "2026-03-01T14:05:07"),
        ("2026-03-01 14:05:07 +0900", "2026-03-01T12:05:07"),
        ("2026-03-01T07:05:07Z", "2026-03-01T14:05:07"),
        ("2026-03-01 07:05:07 UTC", "2026-03-01T14:05:07"),
    ],
)
def test_a_time_is_in_the_shops_zone_unless_it_names_one(written: str, local: str) -> None:
    """Given a time as a shop writes it, then it is the moment on the shop's own clock, or of the zone it names."""
    assert read_moment(written, DayOrder.DMY, SAIGON) == datetime.fromisoformat(f"{local}+07:00")


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("31/02/2026", "no day of the calendar, read as day/month/year"),
        ("13/13/2026", "no day of the calendar"),
        ("01/03/26", "year of two digits"),
        ("45384.35", "spreadsheet's number"),
        ("hôm qua", "is no date"),
        ("01/03/2026 25:00", "time that no day has"),
        ("01/03/2026 13:00 PM", "beyond 12"),
        ("2026-03-01 10:00 +2500", "offset"),
        ("01/03-2026", "is no date"),
    ],
)
def test_what_is_no_day_says_why(written: str, says: str) -> None:
    """Given a faulty day or time, then the fault names what is wrong with it."""
    with pytest.raises(CellError, match=says):
        read_moment(written, DayOrder.DMY, SAIGON)


def test_the_column_tells_which_number_is_the_day() -> None:
    """Given one value that can only be read one way, then its column is read so."""
    assert settle_order("Ngày", days_of("01/03/2026", "28/02/2026"), None) is DayOrder.DMY
    assert settle_order("Date", days_of("01/03/2026", "02/28/2026"), None) is DayOrder.MDY
    assert read_day("28/02/2026", DayOrder.DMY) == date(2026, 2, 28)


@pytest.mark.parametrize("values", [("01/03/2026", "02/04/2026"), ("28/02/2026", "02/28/2026")])
def test_an_open_order_of_days_is_asked_about(values: tuple[str, ...]) -> None:
    """Given a column that leaves it open or contradicts itself, then --dates is asked for, and decides."""
    with pytest.raises(ImportingError, match=r"'Ngày'.*--dates dmy"):
        settle_order("Ngày", days_of(*values), None)
    assert settle_order("Ngày", days_of(*values), DayOrder.MDY) is DayOrder.MDY


def test_days_equal_to_their_months_leave_nothing_open() -> None:
    """Given days like 3 March only, then nobody is asked."""
    assert read_day("03/03/2026", settle_order("Ngày", days_of("03/03/2026"), None)) == date(2026, 3, 3)


def test_year_first_said_refuses_others() -> None:
    """Given --dates ymd, then a day whose year stands last is refused."""
    with pytest.raises(CellError, match="--dates ymd"):
        read_day("02/03/2026", settle_order("Ngày", days_of("02/03/2026"), DayOrder.YMD))


def _written(amount: Decimal, grouping: str, mark: str, sign: str) -> str:
    whole, _, decimals = f"{amount:,f}".partition(".")
    return sign.format(whole.replace(",", grouping) + (mark + decimals if decimals else ""))


@given(
    st.lists(st.decimals(0, 10**10, places=2), min_size=1, max_size=8),
    st.sampled_from([(".", ","), (",", "."), ("", "."), ("", ","), (" ", ","), ("\u00a0", ","), ("'", ".")]),
    st.sampled_from(["{}", "{} ₫", "${}", "USD {}", "{}đ", "{} VNĐ"]),
)
def test_amounts_with_decimals_are_read_as_written(
    amounts: list[Decimal], signs: tuple[str, str], currency: str
) -> None:
    """Given amounts with two decimals, then whatever parts thousands and decimals, the value is the one meant."""
    written = [_written(amount, *signs, currency) for amount in amounts]
    mark = settle_mark("Tổng", amounts_of(*written), None, False)
    assert [read_amount(text, mark) for text in written] == amounts


@given(st.lists(st.integers(0, 10**10), min_size=1, max_size=8), st.sampled_from(["", ".", ",", " ", "'"]))
def test_whole_amounts_of_a_currency_without_decimals(amounts: list[int], grouping: str) -> None:
    """Given đồng with or without thousands parted, then they are read as đồng, never as a thousandth."""
    written = [_written(Decimal(amount), grouping, "", "{} ₫") for amount in amounts]
    mark = settle_mark("Tổng", amounts_of(*written), None, True)
    assert [read_amount(text, mark) for text in written] == amounts


@given(st.text(max_size=20), st.sampled_from([*Mark]), st.booleans())
def test_whatever_is_no_amount_is_told(text: str, mark: Mark, said: bool) -> None:
    """Given any text, then it is an amount or a fault, never another error."""
    try:
        read_amount(text, mark, said=said)
    except CellError as error:
        assert str(error)


def test_an_open_decimal_mark_is_asked_about() -> None:
    """Given 12.500 in a currency with decimals, then --decimal is asked for, and decides."""
    evidence = amounts_of("12.500", "450")
    with pytest.raises(ImportingError, match=r"'Total'.*'12.500'.*--decimal"):
        settle_mark("Total", evidence, None, without_decimals(["USD"]))
    assert read_amount("12.500", settle_mark("Total", evidence, Mark.POINT, False), said=True) == Decimal("12.5")
    assert read_amount("12.500", settle_mark("Total", evidence, Mark.COMMA, False), said=True) == 12_500


def test_both_marks_in_one_column_are_asked_about() -> None:
    """Given decimal points and decimal commas in one column, then --decimal is asked for."""
    with pytest.raises(ImportingError, match=r"decimal points \(1 times\).*--decimal point"):
        settle_mark("Total", amounts_of("12.50", "12,50"), None, False)


def test_a_value_unlike_its_column_is_refused() -> None:
    """Given a column with decimal points, then 450.000 in it is refused and not read as 450."""
    mark = settle_mark("Total", amounts_of("12.50", "450.000"), None, False)
    with pytest.raises(CellError, match="--decimal point"):
        read_amount("450.000", mark)
    with pytest.raises(CellError, match="decimal comma"):
        read_amount("12,5", mark)


@pytest.mark.parametrize("written", ["450k", "1,2 triệu", "1,00,000", "1.2.3", "--", "12.", "(5", "5)", "1e5", "٣k"])
def test_what_is_no_amount_is_refused(written: str) -> None:
    """Given a word, a shorthand or broken separators, then it is refused."""
    with pytest.raises(CellError):
        read_amount(written, Mark.POINT, said=True)


@pytest.mark.parametrize(("written", "value"), [("-50.000 ₫", -50_000), ("(50.000)", -50_000), ("+50.000", 50_000)])
def test_signs(written: str, value: int) -> None:
    """Given a minus or parentheses, then the amount is negative, for the check of events to refuse."""
    assert read_amount(written, Mark.NONE) == value


def test_the_offset_of_a_time_is_kept_exactly() -> None:
    """Given an offset of half an hour, then the moment is exact."""
    zone = timezone(timedelta(hours=5, minutes=30))
    moment = datetime(2026, 3, 1, 10, 0, tzinfo=zone)
    assert read_moment("2026-03-01 10:00:00 +05:30", DayOrder.YMD, SAIGON) == moment.astimezone(UTC)
