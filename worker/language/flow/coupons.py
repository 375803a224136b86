"""The step `coupon`: a code of the customer's own."""

from __future__ import annotations

import re
from decimal import Decimal

from worker.domain.coupons import LONGEST_PREFIX, is_coupon_name
from worker.domain.durations import Duration
from worker.domain.steps import Coupon
from worker.language.flow.made import Made
from worker.language.yaml.fields import Fields
from worker.language.yaml.nodes import Scalar
from worker.language.yaml.scalars import duration, number, percentage, scalar
from worker.language.yaml.source import Report

OPTIONS: dict[str, tuple[str, ...]] = {"coupon": ("coupon", "name", "percent", "amount", "expires", "prefix")}
_PREFIX = re.compile(r"[A-Z0-9]+")
_LARGEST = Decimal(1_000_000_000_000)


class CouponReader:
    """Reads coupon steps.

    Parameters:
        made: where the coupons are noted.
    """

    def __init__(self, report: Report, made: Made) -> None:
        self._report = report
        self._made = made

    def read(self, fields: Fields, name: str, line: int) -> Coupon | None:
        """Read a coupon step, or None where the coupon has no name that can be used."""
        coupon = self._name(fields, line)
        percent, amount, expires = (fields.value(key) for key in ("percent", "amount", "expires"))
        if percent is not None and amount is not None:
            message = "a coupon takes off a percentage or an amount, not both"
            self._report.error(fields.key("amount"), message, "keep one of 'percent' and 'amount'")
        share = None if percent is None else percentage(self._report, percent, "'percent'", 100)
        off = None if amount is None else number(self._report, amount, "'amount'", "an amount such as 50_000")
        if amount is not None and off is not None and not 0 < off <= _LARGEST:
            self._report.error(amount, "'amount' is more than nothing", "for example 50_000")
        length: Duration | None = None if expires is None else duration(self._report, expires, "'expires'")
        prefix = self._prefix(fields)
        if coupon is None:
            return None
        return Coupon(name, line, coupon=coupon, percent=share, amount=off, expires=length, prefix=prefix)

    def _name(self, fields: Fields, line: int) -> str | None:
        node = fields.value("coupon")
        found = None if node is None else scalar(self._report, node, "'coupon'", "the coupon's name")
        if found is None or not self._is_name(found):
            return None
        if found.text in self._made:
            message = f"a journey that comes here has the coupon '{found.text}' of line {self._made.line(found.text)}"
            self._report.error(found, message, f"give this one another name: coupon: {found.text}_2")
        else:
            self._made.make(found.text, line)
        return found.text

    def _is_name(self, found: Scalar) -> bool:
        text = found.text
        if hasattr(dict, text):  # coupons.items would be something else in a template
            self._report.error(found, f"'{text}' means something else in templates; name this coupon otherwise")
            return False
        if is_coupon_name(text):
            return True
        message = f"a coupon's name is made of at most 50 letters (a to z), digits and '_'; '{text[:60]}' is not"
        meant = re.sub(r"[-. ]+", "_", text)
        hint = f"write: coupon: {meant}" if is_coupon_name(meant) else "texts show it as coupons.NAME.code"
        self._report.error(found, message, hint)
        return False

    def _prefix(self, fields: Fields) -> str | None:
        node = fields.value("prefix")
        found = None if node is None else scalar(self._report, node, "'prefix'", "what codes begin with, such as LAN")
        if found is None:
            return None
        if _PREFIX.fullmatch(found.text) is None:
            message = f"'prefix' is made of the letters A to Z and digits; '{found.text[:60]}' is not"
            meant = re.sub(r"[^A-Z0-9]", "", found.text.upper())[:LONGEST_PREFIX]
            self._report.error(found, message, f"write: prefix: {meant}" if meant else "for example LAN")
        elif len(found.text) > LONGEST_PREFIX:
            message = f"'prefix' has at most {LONGEST_PREFIX} characters; people type these codes"
            self._report.error(found, message)
        return found.text
