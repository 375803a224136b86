"""What a column may hold: the fields of a customer and of an order, and the names that columns of them go by.

Names are compared without case, accents, spaces and signs. Of several columns that name one field, the name that
stands first here counts. The names that Shopify's exports of orders and customers have are among them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from worker.domain.settings import FieldType


class Kind(StrEnum):
    """How a cell is read."""

    TEXT = "text"  # one line; a line break becomes a space
    LONG = "long text"
    CODE = "code"  # text that a spreadsheet must not have made a number of
    DAY = "day"
    MOMENT = "time"
    MONEY = "amount"
    NUMBER = "number"
    COUNT = "count"
    ANSWER = "yes or no"
    STATUS = "status"
    PAYMENT = "payment status"


class Subject(StrEnum):
    """What a file is about."""

    CUSTOMERS = "customers"
    ORDERS = "orders"


@dataclass(frozen=True, slots=True)
class Target:
    """A field that a column can be taken for.

    Parameters:
        name: as `--map` names it.
        names: the squeezed names that columns of it go by, the surest first.
    """

    name: str
    kind: Kind
    names: tuple[str, ...] = ()


def squeezed(name: str) -> str:
    """Return a name without case, accents, spaces and signs: `Mã đơn hàng` is `madonhang`."""
    plain = unicodedata.normalize("NFKD", name.casefold()).replace("đ", "d")
    return "".join(letter for letter in plain if letter.isalnum())


def _target(name: str, kind: Kind, names: str = "") -> Target:
    return Target(name, kind, (squeezed(name), *(squeezed(one) for one in names.split("|") if one)))


_CUSTOMER = (
    _target("customer.id", Kind.CODE, "customer id|mã khách hàng|mã khách|mã kh|id khách hàng|user id|customer code"),
    _target(
        "customer.email",
        Kind.CODE,
        "email|e-mail|customer email|billing email|email (billing)|email address"
        "|địa chỉ email|email khách hàng|thư điện tử|hộp thư",
    ),
    _target(
        "customer.name",
        Kind.TEXT,
        "customer name|full name|họ và tên|họ tên|tên khách hàng|họ tên khách hàng"
        "|khách hàng|customer|tên người mua|billing name|shipping name|name|tên",
    ),
    _target("customer.first_name", Kind.TEXT, "first name|billing first name|first name (billing)|given name|tên gọi"),
    _target(
        "customer.last_name",
        Kind.TEXT,
        "last name|billing last name|last name (billing)|family name|surname|họ|họ và tên đệm|họ đệm",
    ),
    _target(
        "customer.phone",
        Kind.CODE,
        "phone|phone number|telephone|mobile|customer phone|điện thoại|số điện thoại"
        "|sđt|số đt|di động|điện thoại khách hàng|billing phone|phone (billing)|shipping phone"
        "|default address phone",
    ),
    _target(
        "customer.birthday", Kind.DAY, "birthday|birth date|date of birth|dob|ngày sinh|sinh nhật|ngày tháng năm sinh"
    ),
    _target("customer.language", Kind.CODE, "language|locale|customer language|ngôn ngữ"),
    _target("customer.timezone", Kind.CODE, "time zone|timezone|múi giờ"),
    _target(
        "customer.address.street",
        Kind.TEXT,
        "street|address|address 1|địa chỉ|số nhà|default address address1"
        "|billing address1|billing street|billing address 1|địa chỉ giao hàng|shipping address1|shipping street",
    ),
    _target("customer.address.ward", Kind.TEXT, "ward|phường|phường xã|phường/xã|xã|xã phường|xã/phường"),
    _target("customer.address.district", Kind.TEXT, "district|quận|quận huyện|quận/huyện|huyện"),
    _target(
        "customer.address.city",
        Kind.TEXT,
        "city|town|thành phố|tỉnh thành|tỉnh/thành phố|tỉnh/thành|tỉnh/tp"
        "|default address city|billing city|city (billing)|shipping city",
    ),
    _target(
        "customer.address.province",
        Kind.TEXT,
        "province|state|region|tỉnh|billing province|billing state|shipping province|default address province code",
    ),
    _target(
        "customer.address.country",
        Kind.TEXT,
        "country|country / region|quốc gia|nước|billing country|shipping country|default address country code",
    ),
    _target(
        "customer.address.postcode",
        Kind.CODE,
        "postcode|postal code|zip|zip code|mã bưu chính|mã bưu điện"
        "|billing zip|billing postcode|shipping zip|default address zip",
    ),
    _target(
        "customer.consent.marketing",
        Kind.ANSWER,
        "accepts email marketing|accepts marketing|marketing consent"
        "|marketing|newsletter|email consent|nhận quảng cáo|đồng ý nhận quảng cáo|đồng ý nhận tin|nhận tin"
        "|nhận email quảng cáo|nhận bản tin|đồng ý tiếp thị|nhận khuyến mãi",
    ),
    _target(
        "customer.consent.tracking",
        Kind.ANSWER,
        "accepts tracking|tracking consent|đồng ý theo dõi|cho phép theo dõi",
    ),
    _target("customer.consent.source", Kind.TEXT, "consent source|nguồn đồng ý|nơi đồng ý"),
    _target("customer.consent.wording", Kind.LONG, "consent wording|consent text|nội dung đồng ý"),
    _target("customer.consent.at", Kind.MOMENT, "consent date|consent time|consented at|ngày đồng ý|thời điểm đồng ý"),
)
_OF_CUSTOMERS = (
    _target(
        "signup.time",
        Kind.MOMENT,
        "created at|registered at|registered|registration date|sign up|signup date"
        "|date registered|date added|customer since|user registered|ngày đăng ký|ngày tạo|ngày tham gia",
    ),
    _target(
        "customer.updated_at",
        Kind.MOMENT,
        "updated at|last updated|date modified|ngày cập nhật|cập nhật lần cuối|ngày sửa",
    ),
)
_OF_ORDERS = (
    _target(
        "order.number",
        Kind.CODE,
        "order number|order no|order #|order id|order|order name|mã đơn hàng|mã đơn"
        "|số đơn hàng|số đơn|đơn hàng|mã đh|mã hóa đơn|số hóa đơn",
    ),
    _target(
        "order.time",
        Kind.MOMENT,
        "order date|order time|ordered at|created at|date created|placed at|date"
        "|ngày đặt hàng|ngày đặt|ngày mua|ngày mua hàng|ngày tạo đơn|ngày tạo|thời gian đặt hàng|ngày bán"
        "|ngày chứng từ|ngày đơn hàng|ngày",
    ),
    _target(
        "order.total",
        Kind.MONEY,
        "order total|total|order total amount|grand total|total price|total amount"
        "|tổng tiền|tổng cộng|tổng giá trị|tổng đơn hàng|tổng thanh toán|khách phải trả|tổng giá trị đơn hàng",
    ),
    _target("order.currency", Kind.CODE, "currency|order currency|tiền tệ|loại tiền|đơn vị tiền tệ"),
    _target(
        "order.status",
        Kind.STATUS,
        "order status|fulfillment status|status|trạng thái đơn hàng|trạng thái"
        "|tình trạng|tình trạng đơn hàng|trạng thái giao hàng",
    ),
    _target(
        "order.payment", Kind.PAYMENT, "financial status|payment status|trạng thái thanh toán|tình trạng thanh toán"
    ),
    _target("order.coupon", Kind.CODE, "coupon|coupon code|discount code|coupon(s)|mã giảm giá|mã khuyến mãi|voucher"),
    _target("order.channel", Kind.TEXT, "channel|sales channel|kênh|kênh bán|kênh bán hàng|nguồn đơn|nguồn đơn hàng"),
    _target("cancelled.time", Kind.MOMENT, "cancelled at|canceled at|ngày hủy|ngày huỷ|thời gian hủy"),
    _target(
        "refund.amount",
        Kind.MONEY,
        "refunded amount|refund amount|amount refunded|số tiền hoàn|tiền hoàn|số tiền hoàn lại|hoàn tiền",
    ),
    _target("line.sku", Kind.CODE, "sku|lineitem sku|item sku|product sku|mã sku|mã sản phẩm|mã hàng|mã sp"),
    _target(
        "line.name",
        Kind.TEXT,
        "product|product name|item|item name|lineitem name|line item|tên sản phẩm|tên hàng"
        "|sản phẩm|tên sp|tên hàng hóa",
    ),
    _target(
        "line.category",
        Kind.TEXT,
        "category|product category|product type|item category|danh mục|loại sản phẩm|nhóm hàng|nhóm sản phẩm|loại",
    ),
    _target("line.quantity", Kind.COUNT, "quantity|qty|lineitem quantity|item quantity|số lượng|sl"),
    _target("line.price", Kind.MONEY, "unit price|price|lineitem price|item price|item cost|đơn giá|giá|giá bán"),
)
# Files in which a name means another field than elsewhere, known by columns that only they have.
_SIGNED = (
    (Subject.ORDERS, ("financialstatus", "lineitemquantity"), {"name": "order.number"}),  # Shopify's orders
    (Subject.CUSTOMERS, ("ho", "ten"), {"ten": "customer.first_name"}),
    (Subject.ORDERS, ("ho", "ten"), {"ten": "customer.first_name"}),
)
_OWN_KINDS: Mapping[FieldType, Kind] = {
    "text": Kind.TEXT,
    "number": Kind.NUMBER,
    "boolean": Kind.ANSWER,
    "date": Kind.DAY,
    "time": Kind.MOMENT,
}
NAMES_FOR_CUSTOMERS = ("id", "mã")  # what `customer.id` may also be called where nothing else has a number


def targets_of(subject: Subject, fields: Mapping[str, FieldType]) -> dict[str, Target]:
    """Return the fields that the columns of such a file may be, by name; the customers' own fields among them."""
    found = (*_CUSTOMER, *(_OF_CUSTOMERS if subject is Subject.CUSTOMERS else _OF_ORDERS))
    by_name = {target.name: target for target in found}
    if subject is Subject.CUSTOMERS:
        known = by_name["customer.id"]
        by_name["customer.id"] = Target(known.name, known.kind, (*known.names, *map(squeezed, NAMES_FOR_CUSTOMERS)))
    for field, kind in fields.items():
        by_name.setdefault(f"customer.{field}", _target(f"customer.{field}", _OWN_KINDS[kind], field))
    return by_name


def names_of(subject: Subject, targets: Mapping[str, Target], header: frozenset[str]) -> dict[str, tuple[int, str]]:
    """Return for each squeezed name that a column may have how sure it is (0 the surest) and the field that it names.

    Parameters:
        header: the squeezed names of the file's columns, by which some programs' files are known.
    """
    found: dict[str, tuple[int, str]] = {}
    for target in targets.values():
        for place, name in enumerate(target.names):
            if name not in found or place == 0:
                found[name] = (place, target.name)
    for about, signs, meanings in _SIGNED:
        if about is subject and header.issuperset(signs):
            found |= {name: (0, target) for name, target in meanings.items()}
    return found
