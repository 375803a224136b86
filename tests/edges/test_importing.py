"""Files of customers and orders become facts: once, whatever happens, and nothing is started by them."""

from __future__ import annotations

import csv
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from tests.support.importing import SAIGON, import_file, planned
from tests.support.shop import Shop
from worker.domain.customers import ConsentState, Customer
from worker.domain.work import Work
from worker.edges.importing.amounts import Mark
from worker.edges.importing.dates import DayOrder
from worker.edges.importing.faults import ImportingError
from worker.edges.importing.running import Tally
from worker.edges.importing.targets import Subject
from worker.storage import customers as stored_customers
from worker.storage import orders as stored_orders
from worker.storage.database import Database
from worker.storage.tables import event

EXAMPLES = Path(__file__).parent.parent.parent / "docs" / "examples"
FLOW = """
    trigger: [purchase, signup]
    kind: transactional
    steps:
      - send: welcome
"""
HEAD = "Mã đơn hàng;Ngày đặt;E-mail;Tổng tiền;Trạng thái\n"


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop on both databases, with a flow that would greet whoever signs up or buys."""
    made = Shop(database, fields={"favourite": "text", "points": "number", "vip": "boolean"})
    made.publish(welcome=FLOW)
    return made


@pytest.fixture
def quick(sqlite_database: Database) -> Shop:
    """A shop on SQLite, for what does not come to the database."""
    return Shop(sqlite_database)


def written(folder: Path, content: str, name: str = "file.csv") -> Path:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return path


def orders(shop: Shop, folder: Path, content: str, *maps: str, **more: Any) -> Tally:
    return import_file(shop, Subject.ORDERS, written(folder, content), *maps, **more)


def customers(shop: Shop, folder: Path, content: str, *maps: str, **more: Any) -> Tally:
    return import_file(shop, Subject.CUSTOMERS, written(folder, content), *maps, **more)


def person(shop: Shop, word: str) -> Customer:
    with shop.database.reading() as connection:
        (found,) = stored_customers.find(connection, word)
    return found


def counted(shop: Shop) -> dict[str, int]:
    with shop.database.reading() as connection:
        rows = connection.execute(select(event.c.state, func.count().label("events")).group_by(event.c.state))
        return {row.state: row.events for row in rows}


def told(tally: Tally) -> list[str]:
    return [f"{fault.line}: {fault}" for fault in tally.refusals.first]


def test_the_examples_become_facts_and_start_nothing(shop: Shop) -> None:
    """Given the example files, when both are imported, then the facts are there, and no journey and no mail."""
    import_file(shop, Subject.CUSTOMERS, EXAMPLES / "customers.csv")
    tally = import_file(shop, Subject.ORDERS, EXAMPLES / "orders.csv")

    assert (tally.records, tally.lines, len(tally.customers), tally.off) == (3, 4, 2, 1)
    assert tally.revenue == {"VND": Decimal(790_000)}
    lan = person(shop, "c1")
    assert person(shop, "lan@example.com").id == lan.id
    assert (lan.name, lan.phone, lan.birthday) == ("Nguyễn Thị Lan", "0912345678", date(1990, 3, 5))
    assert (lan.address, lan.fields) == ({"city": "Đà Nẵng"}, {"favourite": "arabica"})
    assert (lan.facts.orders_count, lan.facts.total_spent) == (2, Decimal(790_000))
    assert lan.created_at == datetime(2025, 1, 14, tzinfo=SAIGON)  # signed up, long before the import
    assert lan.facts.first_order_at == datetime(2026, 2, 28, 9, 15, tzinfo=SAIGON)
    assert lan.consent.marketing is ConsentState.SUBSCRIBED
    assert person(shop, "c2").consent.marketing is ConsentState.UNSUBSCRIBED
    assert person(shop, "c3").consent.marketing is ConsentState.UNKNOWN
    assert person(shop, "c2").facts.orders_count == 0  # cancelled
    with shop.database.reading() as connection:
        order, _ = stored_orders.known(connection, "A1001")
    assert order is not None
    assert [(line.sku, line.quantity, line.price) for line in order.lines] == [
        ("AR-250", 2, Decimal(180_000)),
        ("PHIN-4", 1, Decimal(90_000)),
    ]
    assert (order.status, order.coupon, order.categories) == ("delivered", "TET", ("arabica", "phin"))
    assert not shop.journeys() and not shop.messages()


def test_looking_writes_nothing(shop: Shop, tmp_path: Path) -> None:
    """Given a file with a fault, when it is only looked at, then all of it is told and nothing is written."""
    tally = orders(shop, tmp_path, HEAD + "A1;28/02/2026;lan@example.com;450.000;\nA2;29/02/2026;x;1;\n", write=False)

    assert (tally.records, tally.fresh, tally.refusals.lines) == (1, 1, 1)
    assert counted(shop) == {}


def test_the_same_file_again_changes_nothing(shop: Shop, tmp_path: Path) -> None:
    """Given an imported file, when it is imported again, or a longer one, then only what was not there is new."""
    first = HEAD + "A1;28/02/2026;lan@example.com;450.000;\n"
    whole = first + "A2;01/03/2026;lan@example.com;50.000;\n"
    orders(shop, tmp_path, first)
    tally = orders(shop, tmp_path, whole)
    again = orders(shop, tmp_path, whole)

    assert (tally.fresh, tally.known) == (1, 1)
    assert (again.fresh, again.known, again.refusals.lines) == (0, 2, 0)
    assert counted(shop) == {"processed": 2}
    assert person(shop, "lan@example.com").facts.total_spent == 500_000


def test_what_was_kept_and_not_processed_is_processed_by_the_next_run(shop: Shop, tmp_path: Path) -> None:
    """Given a run killed between keeping and processing, when the file is imported again, then the facts follow."""
    process, shop.process = shop.process, lambda work: Work()  # type: ignore[method-assign] # dies before it
    left = orders(shop, tmp_path, HEAD + "A1;28/02/2026;lan@example.com;450.000;\n")
    shop.process = process  # type: ignore[method-assign]
    again = orders(shop, tmp_path, HEAD + "A1;28/02/2026;lan@example.com;450.000;\n")

    assert (left.fresh, left.unprocessed) == (1, 1)
    assert (again.fresh, again.known, again.unprocessed) == (0, 1, 0)
    assert person(shop, "lan@example.com").facts.orders_count == 1


def test_a_changed_row_is_newer_word(shop: Shop, tmp_path: Path) -> None:
    """Given a shipped order, when a later export says it was cancelled, then that holds against the old file too."""
    before = HEAD + "A1;28/02/2026;lan@example.com;450.000;Đang giao\n"
    orders(shop, tmp_path, before)
    tally = orders(shop, tmp_path, HEAD + "A1;28/02/2026;lan@example.com;450.000;Đã hủy\n")
    orders(shop, tmp_path, before)

    assert (tally.fresh, tally.refusals.lines) == (1, 0)
    assert person(shop, "lan@example.com").facts.orders_count == 0


def test_a_customer_row_is_word_of_today(shop: Shop, tmp_path: Path) -> None:
    """Given orders with an old name, when customers are imported before or after, then the customers' file wins."""
    rows = "Order number,Date,Email,Total,Customer name\n{0},2026-02-28,{0}@example.com,100000,LAN N.\n"
    orders(shop, tmp_path, rows.format("a"))
    customers(shop, tmp_path, "Email,Name\na@example.com,Lan\nb@example.com,Lan\n")
    orders(shop, tmp_path, rows.format("b"))

    assert person(shop, "a@example.com").name == "Lan"
    assert person(shop, "b@example.com").name == "Lan"


def test_rows_of_an_order_may_stand_anywhere(shop: Shop, tmp_path: Path) -> None:
    """Given a file sorted by product, then the rows of each order are joined all the same."""
    head = "order number,date,email,sku,quantity,price\n"
    rows = [f"A{n},2026-02-28,c{n}@example.com,{sku},1,100000\n" for sku in ("X", "Y") for n in range(3)]
    tally = orders(shop, tmp_path, head + "".join(rows))

    assert (tally.records, tally.lines) == (3, 6)
    assert all(person(shop, f"c{n}@example.com").facts.total_spent == 200_000 for n in range(3))


def test_refunds_are_not_given_twice(shop: Shop, tmp_path: Path) -> None:
    """Given a partial refund, when a later file has a larger one, then it is told and not added to the first."""
    head = "order number,date,email,total,refunded amount\n"
    row = "A1,2026-02-28,lan@example.com,450000,{}\n"
    first = orders(shop, tmp_path, head + row.format(50_000))
    same = orders(shop, tmp_path, head + row.format(50_000))
    other = [orders(shop, tmp_path, head + row.format(80_000), write=write) for write in (False, True)]

    assert first.revenue == {"VND": Decimal(400_000)}
    assert (same.fresh, same.refusals.lines) == (0, 0)
    assert [tally.refusals.lines for tally in other] == [1, 1]
    assert "2: refunded amount: '80000' was imported before with another refund" in told(other[0])[0]
    assert person(shop, "lan@example.com").facts.total_spent == 400_000


def test_shops_that_know_customers_by_telephone(shop: Shop, tmp_path: Path) -> None:
    """Given orders without e-mail, when the telephone is said to be the id too, then customers are known by it."""
    content = "Số đơn,Ngày,Điện thoại,Tổng cộng\n1,28/02/2026,0912345678,450.000\n"
    with pytest.raises(ImportingError, match=r"customer\.id or customer\.email"):
        orders(shop, tmp_path, content)
    orders(shop, tmp_path, content, "Điện thoại=customer.id", "Điện thoại=customer.phone")

    assert person(shop, "0912345678").phone == "0912345678"


def test_faulty_lines_are_named_with_line_column_and_value(quick: Shop, tmp_path: Path) -> None:
    """Given all kinds of faulty cells, then each is told where it stands, and the good orders are taken."""
    head = "order number,date,email,total,name,birthday,sku,quantity,price\n"
    rows = [
        "A1,28/02/2026,lan@example,1,,,,,",
        "A2,31/02/2026,lan@example.com,1,,,,,",
        "A3,28/02/2026,lan@example.com,many,,,,,",
        "A4,28/02/2026,,1,,,,,",
        ",28/02/2026,lan@example.com,1,,,,,",
        "A6,28/02/2099,lan@example.com,1,,,,,",
        f"A7,28/02/2026,lan@example.com,1,{'x' * 300},,,,",
        "A8,28/02/2026,lan@example.com,1,a\x00b,,,,",
        "A9,28/02/2026,lan@example.com,1,,,X,2,1",
        "A9,28/02/2026,lan@example.com,1,,,Y,0,1",
        "1.2E+10,28/02/2026,lan@example.com,1,,,,,",
        'A11,28/02/2026,lan@example.com,1,"=HYPERLINK(""http://x"",""Lan"")",15/3/1990,,,',
    ]
    tally = orders(quick, tmp_path, head + "\n".join(rows) + "\n")

    for fault, expected in zip(
        told(tally),
        (
            "2: email: 'lan@example' ",
            "3: date: '31/02/2026' is no day",
            "4: total: 'many' is no amount",
            "5: names neither a customer id nor an e-mail",
            "6: has no order number",
            "7: date: '28/02/2099' lies too far in the future",
            f"8: name: '{'x' * 60}…' must have at most 200",
            "9: name: 'a�b' must not hold control characters",
            "11: quantity: '0' must be at least 1",
            "12: order number: '1.2E+10' was rounded by a spreadsheet",
        ),
        strict=True,
    ):
        assert fault.startswith(expected)
    assert tally.refusals.lines == 11  # both rows of A9
    assert tally.records == 1
    assert person(quick, "lan@example.com").name == '=HYPERLINK("http://x","Lan")'


def test_rows_of_one_order_that_disagree_are_refused(quick: Shop, tmp_path: Path) -> None:
    """Given an order whose rows name two totals, then it is refused as a whole and the column is named."""
    tally = orders(quick, tmp_path, HEAD + "A1;28/02/2026;a@example.com;1;\nA1;28/02/2026;a@example.com;2;\n")

    assert told(tally) == [
        "3: Tổng tiền: '2' is another one than in line 2 of the same order; leave the column out: --map 'Tổng tiền='"
    ]
    assert (tally.records, tally.refusals.lines) == (0, 2)


def test_an_order_with_a_broken_row_is_not_taken_without_it(quick: Shop, tmp_path: Path) -> None:
    """Given an order of which one row has a cell too many, then no part of it is taken."""
    head = "order number,date,email,sku,price\n"
    rows = "A1,2026-02-28,a@example.com,X,100\nA1,2026-02-28,a@example.com,Y, big,100\n"
    tally = orders(quick, tmp_path, head + rows)

    assert (tally.records, tally.refusals.lines) == (0, 2)


def test_refused_lines_are_mended_and_imported(quick: Shop, tmp_path: Path) -> None:
    """Given refused lines in a file, formulas made harmless, when they are mended there, then that file is imported."""
    refused = tmp_path / "refused.csv"
    head = "order number;date;email;total;customer name;phone\n"
    bad = "A1;31/02/2026;lan@example.com;100;=1+2;+84912345678\nA2;28/02/2026;b@example.com;1;;\n"
    orders(quick, tmp_path, head + bad, refused=refused)

    with refused.open(encoding="utf-8-sig", newline="") as file:
        header, row = list(csv.reader(file, delimiter=";"))
    assert header[-2:] == ["phin: line", "phin: problem"]
    assert row[4:7] == ["'=1+2", "'+84912345678", "2"]
    assert "no day of the calendar" in row[7]
    refused.write_text(refused.read_text("utf-8-sig").replace("31/02", "28/02"), "utf-8")
    tally = import_file(quick, Subject.ORDERS, refused)
    assert (tally.records, tally.refusals.lines) == (1, 0)
    assert (person(quick, "lan@example.com").name, person(quick, "lan@example.com").phone) == ("=1+2", "+84912345678")


def test_the_file_of_refused_lines_takes_nothing_elses_place(quick: Shop, tmp_path: Path) -> None:
    """Given a file that is there, then only refused lines are written over; none is left empty."""
    other, refused = written(tmp_path, "a,b\n", "other.csv"), tmp_path / "refused.csv"
    good, bad = "A1;28/02/2026;a@example.com;1;\n", "A2;31/02/2026;a@example.com;1;\n"
    with pytest.raises(ImportingError, match="holds something else"):
        orders(quick, tmp_path, HEAD + bad, refused=other)
    for _ in range(2):
        orders(quick, tmp_path, HEAD + good + bad, refused=refused)
    assert other.read_text() == "a,b\n"
    assert refused.read_text("utf-8-sig").count("\n") == 2
    assert refused.stat().st_mode & 0o077 == 0
    orders(quick, tmp_path, HEAD + good, refused=refused)
    assert not refused.exists()


def test_a_whole_file_is_asked_about_at_once(quick: Shop, tmp_path: Path) -> None:
    """Given days and amounts that could be read in two ways, then all such columns are named together."""
    content = "order number,date,email,total,currency\nA1,01/03/2026,a@example.com,12.500,USD\n"
    path = written(tmp_path, content)
    with pytest.raises(ImportingError, match=r"(?s)'date'.*--dates.*'total'.*--decimal"):
        planned(quick, Subject.ORDERS, path)
    plan = planned(quick, Subject.ORDERS, path, dates=DayOrder.DMY, decimal=Mark.POINT)
    assert plan.rows == 1


def test_statuses_of_the_shops_own_are_told(quick: Shop, tmp_path: Path) -> None:
    """Given a status that nobody knows, then the order counts and the word is told; --status says what it means."""
    content = HEAD + "A1;28/02/2026;a@example.com;100;Trả hàng\n"
    tally = orders(quick, tmp_path, content, write=False)
    said = orders(quick, tmp_path, content, statuses={"trả hàng": "cancelled"}, write=False)

    assert (tally.unknown_statuses, tally.revenue) == ({"Trả hàng": 1}, {"VND": Decimal(100)})
    assert (said.unknown_statuses, said.off) == ({}, 1)


def test_payment_tells_of_money_given_back(quick: Shop, tmp_path: Path) -> None:
    """Given Shopify's status of payment, then a refunded order does not count, and a paid one keeps its own status."""
    head = "Name,Created at,Email,Total,Financial Status,Fulfillment Status,"
    head += "Lineitem quantity,Lineitem name,Lineitem price\n"
    rows = [
        "#1001,2026-02-28 10:00:00 +0700,a@example.com,20.00,refunded,fulfilled,1,Cà phê,20.00",
        "#1002,2026-02-28 10:00:00 +0700,a@example.com,50.00,paid,fulfilled,1,Cà phê,20.00",
        "#1002,,a@example.com,,,,1,Trà,30.00",
    ]
    tally = orders(quick, tmp_path, head + "\n".join(rows) + "\n")

    assert (tally.records, tally.lines, tally.off, tally.revenue) == (2, 3, 1, {"VND": Decimal(50)})
    with quick.database.reading() as connection:
        order, _ = stored_orders.known(connection, "#1002")
    assert order is not None and order.status == "shipped"
    assert [line.sku for line in order.lines] == ["Cà phê", "Trà"]


def test_rows_without_a_number_may_belong_to_the_order_above(quick: Shop, tmp_path: Path) -> None:
    """Given a sheet that names the order in its first row only, when that is said, then its lines are joined."""
    content = "Mã đơn,Ngày,Email,SKU,Đơn giá\nA1,28/02/2026,a@example.com,X,100\n,,,Y,200\n"
    refused = orders(quick, tmp_path, content, write=False)
    joined = orders(quick, tmp_path, content, write=False, continued=True)

    assert refused.refusals.lines == 1 and "--continued" in told(refused)[0]
    assert (joined.records, joined.lines, joined.revenue) == (1, 2, {"VND": Decimal(300)})


def test_names_of_two_parts_own_fields_and_repeated_customers(quick: Shop, tmp_path: Path) -> None:
    """Given family and given names, then they are put together as Vietnamese are; a later row of a customer counts."""
    content = (
        "Họ;Tên;E-mail;Ngày đăng ký\nNguyễn Thị;Lan;lan@example.com;28/02/2025\nTrần;Lan;LAN@example.com;28/02/2025\n"
    )
    tally = customers(quick, tmp_path, content)

    assert (tally.records, tally.repeated) == (2, 1)
    lan = person(quick, "lan@example.com")
    assert (lan.name, lan.first_name) == ("Trần Lan", "Lan")
