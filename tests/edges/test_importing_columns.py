"""Columns are known by their names in two languages, or by what the person says; nothing is guessed silently."""

from __future__ import annotations

from pathlib import Path

import pytest

from worker.edges.importing.columns import Mapped, map_columns
from worker.edges.importing.faults import ImportingError
from worker.edges.importing.targets import Subject, names_of, squeezed, targets_of

FIELDS = {"favourite": "text", "points": "number"}
SHOPIFY_ORDERS = (
    *("Name", "Email", "Financial Status", "Paid at", "Fulfillment Status", "Fulfilled at", "Accepts Marketing"),
    *("Currency", "Subtotal", "Shipping", "Taxes", "Total", "Discount Code", "Discount Amount", "Shipping Method"),
    *("Created at", "Lineitem quantity", "Lineitem name", "Lineitem price", "Lineitem sku", "Billing Name"),
    *("Billing City", "Shipping Name", "Shipping City", "Phone", "Notes", "Cancelled at", "Refunded Amount", "Id"),
)


def orders(*header: str, maps: tuple[str, ...] = ()) -> Mapped:
    return map_columns(Subject.ORDERS, header, FIELDS, maps)  # type: ignore[arg-type] # names of types are plain text


def customers(*header: str, maps: tuple[str, ...] = ()) -> Mapped:
    return map_columns(Subject.CUSTOMERS, header, FIELDS, maps)  # type: ignore[arg-type] # names of types are plain text


def fields(mapped: Mapped) -> dict[str, str]:
    return {column.title: column.target.name for column in mapped.columns}


def test_vietnamese_names_however_they_are_written() -> None:
    """Given Vietnamese names in capitals, without accents or with signs, then they are known."""
    assert fields(orders("MÃ ĐƠN HÀNG", "ngay dat hang", "E-Mail", "Tổng_tiền", "Số điện thoại", "Khách hàng")) == {
        "MÃ ĐƠN HÀNG": "order.number",
        "ngay dat hang": "order.time",
        "E-Mail": "customer.email",
        "Tổng_tiền": "order.total",
        "Số điện thoại": "customer.phone",
        "Khách hàng": "customer.name",
    }


def test_shopifys_orders() -> None:
    """Given the names of Shopify's export, then Name is the order's, and the person's comes from billing."""
    found = fields(orders(*SHOPIFY_ORDERS))

    assert found["Name"] == "order.number"
    assert found["Billing Name"] == "customer.name"
    assert (found["Financial Status"], found["Fulfillment Status"]) == ("order.payment", "order.status")
    assert (found["Lineitem sku"], found["Lineitem price"]) == ("line.sku", "line.price")
    assert found["Accepts Marketing"] == "customer.consent.marketing"
    assert "Subtotal" not in found and "Id" not in found


def test_own_fields_and_columns_left_out() -> None:
    """Given own fields and unknown columns, then the first are taken by name, the others named with the reason."""
    mapped = customers("Email", "Favourite", "Points", "Ghi chú", "", "Billing email")

    assert fields(mapped) == {"Email": "customer.email", "Favourite": "customer.favourite", "Points": "customer.points"}
    assert [(one.title, one.reason) for one in mapped.left_out] == [
        ("Ghi chú", "no known name"),
        ("#5", "has no name"),
        ("Billing email", "customer.email is taken from 'Email'"),
    ]


def test_what_is_said_goes_before_names() -> None:
    """Given --map, then it decides: by header, by number, for two fields, and to leave a column out."""
    mapped = customers("Email", "ĐT", "ĐT", "Tên", maps=("#2=customer.id", "#2=customer.phone", "ten="))

    assert [(column.index, column.target.name) for column in mapped.columns] == [
        (0, "customer.email"),
        (1, "customer.id"),
        (1, "customer.phone"),
    ]
    assert ("Tên", "as --map says") in [(one.title, one.reason) for one in mapped.left_out]


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ("Email", "write --map 'Column=customer.email'"),
        ("Emial=customer.email", "no column 'Emial'; did you mean 'Email'"),
        ("Email=customer.emial", "is no field; did you mean 'customer.email'"),
        ("#9=customer.email", "no column #9; the file has 3"),
        ("ĐT=customer.phone", r"2 columns are called 'ĐT'; name one by its number, #2 or #3"),
    ],
)
def test_what_is_said_wrongly_is_told(said: str, says: str) -> None:
    """Given a --map that names nothing, then the error says what it might have meant."""
    with pytest.raises(ImportingError, match=says):
        customers("Email", "ĐT", "ĐT", maps=(said,))


def test_one_field_from_two_columns_is_refused() -> None:
    """Given the same header twice, or one field said of two columns, then the person is asked which counts."""
    with pytest.raises(ImportingError, match=r"columns #1 and #3 are both called 'Email'.*--map '#1=customer.email'"):
        customers("Email", "Tên", "Email")
    with pytest.raises(ImportingError, match=r"'customer.email' of two columns"):
        customers("A", "B", maps=("A=customer.email", "B=customer.email"))
    assert customers("Email", "Tên", "Email", maps=("#3=customer.email",)).of("customer.email")


def test_a_missing_column_says_which_and_what_to_do() -> None:
    """Given no order number and no time, then both are told at once, with a column that may be meant."""
    with pytest.raises(ImportingError) as told:
        orders("Mã đơn hàngg", "Email", "Tổng tiền")

    assert "no column for order.number; is it 'Mã đơn hàngg'? Say --map 'Mã đơn hàngg=order.number'" in str(told.value)
    assert "no column for order.time" in str(told.value)
    assert "The file has: Mã đơn hàngg, Email, Tổng tiền" in str(told.value)


def test_an_amount_alone_makes_no_line() -> None:
    """Given a quantity and a price but no product, then they are left out, and the total is asked for."""
    assert "line.quantity" not in fields(orders("Order number", "Date", "Email", "Total", "Quantity")).values()
    with pytest.raises(ImportingError, match=r"no column for order\.total or line.price"):
        orders("Order number", "Date", "Email", "Price")


@pytest.mark.parametrize("subject", [*Subject])
def test_no_name_is_two_fields_with_equal_right(subject: Subject) -> None:
    """Given the table of names, then each field is known by its own name, and each name leads to one field."""
    targets = targets_of(subject, {})
    names = names_of(subject, targets, frozenset())

    for target in targets.values():
        assert names[squeezed(target.name)] == (0, target.name)
        assert all(names[name][1] == target.name for name in target.names), target


@pytest.mark.parametrize("subject", [*Subject])
def test_the_document_names_each_field(subject: Subject) -> None:
    """Given docs/import.md, then each field that a column may be stands in it."""
    document = (Path(__file__).parent.parent.parent / "docs" / "import.md").read_text()

    assert [name for name in targets_of(subject, {}) if f"`{name}`" not in document] == []
