"""Values that every shipped mail can be rendered with: a customer, an order, coupons, a task, what flows give."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from worker.delivery.templates.rendered import CompiledTemplate
from worker.domain.setting_groups import Sender, Shop

NOW = datetime(2027, 3, 1, 7, 0, tzinfo=UTC)
SHOP = Shop(
    name="The Coffee",
    address="12 Nguyễn Huệ, Phường Sài Gòn, TP. Hồ Chí Minh",
    phone="028 3823 1234",
    website="https://thecoffee.example",
    sender=Sender(name="The Coffee", email="chao@thecoffee.example"),
)
_GOODS = "AR-250 | Arabica Cầu Đất 250g | 225000 | Chua thanh; PHIN-4 | Phin nhôm | 85000"


def values_for(compiled: CompiledTemplate) -> dict[str, Any]:
    """Return values with all that one template needs."""
    names = ("Cà phê Arabica Cầu Đất 250 g", "Phin nhôm truyền thống", "Cà phê Robusta Buôn Ma Thuột 500 g")
    prices = (Decimal(225_000), Decimal(85_000), Decimal(160_000))
    lines = [
        {"name": name, "sku": f"SKU-{price}", "quantity": 2, "price": price, "amount": 2 * price}
        for name, price in zip(names, prices, strict=True)
    ]
    coupon = {"code": "PHIN-7K2M", "percent": Decimal(15), "amount": None, "expires_at": NOW}
    task: dict[str, Any] = {
        "id": 7,
        "title": "Gọi cho khách",
        "note": "Khách đã gọi.",
        "type": "call",
        "priority": "high",
    }
    task |= {"state": "open", "created_at": NOW, "due_at": NOW, "late": True, "from": "Trần Minh", "request": "R-318"}
    task |= {"order_number": "TC-20418", "customer": "Nguyễn Thị Lan", "url": "https://x.vn/t/7"}
    given = {name: _GOODS if name.startswith("goods") else "Một lời nhắn" for name in compiled.values}
    return {
        "customer": {
            "first_name": "Lan",
            "name": "Nguyễn Thị Lan",
            "phone": "0903 123 456",
            "email": "lan@example.com",
            "birthday": NOW.date(),
            "timezone": "Asia/Ho_Chi_Minh",
            "orders_count": 3,
        },
        "order": {
            "number": "TC-20418",
            "currency": "VND",
            "total": Decimal(965_000),
            "lines": lines,
            "status": "placed",
        },
        "event": {need.partition(".")[2]: "một giá trị" for need in compiled.needs if need.startswith("event.")},
        "coupons": {need.partition(".")[2]: coupon for need in compiled.needs if need.startswith("coupons.")},
        "journey": {"flow": "welcome", "request": "R-318", "order_number": "TC-20418"},
        "staff": {"first_name": "Minh", "name": "Trần Minh", "url": "https://x.vn/s", "tasks_url": "https://x.vn/s/t"},
        "task": task,
        "due": [task],
        "late": [task],
        "now": NOW,
        "today": NOW.date(),
        **given,
    }
