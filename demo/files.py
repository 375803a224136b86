"""The shop's books as CSV files, for `phin import`: customers, and the orders of the past."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from demo.orders import Order
from demo.people import Person

_SAID = {True: "có", False: "không", None: ""}


def write_books(folder: Path, people: Sequence[Person], history: Sequence[Order]) -> tuple[Path, Path]:
    """Write both files and return their paths: the customers that the shop knows before the month, and their orders."""
    folder.mkdir(parents=True, exist_ok=True)
    customers, orders = folder / "khach-hang.csv", folder / "don-hang.csv"
    _write(customers, [_customer(person) for person in people if not person.newcomer])
    by_id = {person.id: person for person in people}
    _write(orders, [row for order in history for row in _rows(order, by_id[order.customer])])
    return customers, orders


def _customer(person: Person) -> Mapping[str, str]:
    consent = person.consent
    return {
        "Mã khách hàng": person.id,
        "Họ và tên": person.name,
        "Tên": person.first_name,
        "E-mail": person.email,
        "Số điện thoại": person.phone,
        "Ngày sinh": "" if person.birthday is None else f"{person.birthday:%d/%m/%Y}",
        "Ngôn ngữ": person.language,
        "Địa chỉ": person.address["street"],
        "Quận/Huyện": person.address["district"],
        "Tỉnh/Thành phố": person.address["city"],
        "Ngày đăng ký": f"{person.signed_up_at:%d/%m/%Y %H:%M}",
        "Nhận quảng cáo": _SAID[person.marketing],
        "Đồng ý theo dõi": _SAID[person.tracking],
        "Nguồn đồng ý": str(consent.get("source", "")),
        "Nội dung đồng ý": str(consent.get("wording", "")),
        "Ngày đồng ý": f"{person.signed_up_at:%d/%m/%Y %H:%M}" if consent else "",
        "favourite": person.favourite or "",
    }


def _rows(order: Order, person: Person) -> Iterable[Mapping[str, str]]:
    for line in order.lines:
        yield {
            "Mã đơn hàng": order.number,
            "Ngày đặt hàng": f"{order.placed_at:%d/%m/%Y %H:%M}",
            "Mã khách hàng": person.id,
            "E-mail": person.email,
            "Mã sản phẩm": line.product.sku,
            "Tên sản phẩm": line.product.name,
            "Danh mục": line.product.category,
            "Số lượng": str(line.quantity),
            "Đơn giá": f"{line.price:,}".replace(",", "."),
            "Tổng tiền": f"{order.total:,} ₫".replace(",", "."),
            "Trạng thái": "Hoàn thành",
        }


def _write(path: Path, rows: Sequence[Mapping[str, str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
