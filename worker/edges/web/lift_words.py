"""What a flow's page tells of its holdout: both arms in a table, and one sentence of what the difference is worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from worker.delivery.formats import money, number
from worker.domain.lift import Arm, Lift, Verdict

_WORDS: Mapping[str, Mapping[str, str]] = {
    "vi": {
        "title": "So với nhóm đối chứng",
        "arm": "Nhóm",
        "customers": "Khách",
        "reached": "Đạt mục tiêu",
        "each": "Doanh thu mỗi khách",
        "treated": "được vào kịch bản",
        "control": "để riêng, không nhận gì",
        "within": "Tính mục tiêu trong {days} ngày kể từ lần vào đầu tiên, cho cả hai nhóm như nhau.",
        Verdict.NOBODY: "Một trong hai nhóm chưa có ai, nên chưa so sánh được.",
        Verdict.MORE: "Kịch bản mang lại nhiều hơn: {points} điểm phần trăm, giữa {low} và {high} với độ tin cậy 95 %.",
        Verdict.FEWER: "Kịch bản mang lại ít hơn: {points} điểm phần trăm, giữa {low} và {high} với độ tin cậy 95 %.",
        Verdict.CHANCE: "Chênh lệch {points} điểm phần trăm, giữa {low} và {high} với độ tin cậy 95 %: "
        "cho đến nay vẫn có thể là ngẫu nhiên.",
    },
    "en": {
        "title": "Against the control group",
        "arm": "Group",
        "customers": "Customers",
        "reached": "Reached the goal",
        "each": "Revenue for each customer",
        "treated": "entered the flow",
        "control": "set aside, got nothing",
        "within": "A goal counts within {days} days of the first entry, in both groups alike.",
        Verdict.NOBODY: "In one of the groups there is nobody yet, so there is nothing to compare.",
        Verdict.MORE: "The flow brings more: {points} percentage points, between {low} and {high} "
        "with 95 % confidence.",
        Verdict.FEWER: "The flow brings fewer: {points} percentage points, between {low} and {high} "
        "with 95 % confidence.",
        Verdict.CHANCE: "The difference is {points} percentage points, between {low} and {high} with 95 % confidence: "
        "it may be chance so far.",
    },
}


@dataclass(frozen=True, slots=True)
class LiftTold:
    """A lift as the page shows it.

    Parameters:
        heads: of the columns; `rows`: the two arms.
        verdict: the sentence; `within`: what was counted.
    """

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    verdict: str
    within: str


def lift_told(lift: Lift, language: str) -> LiftTold:
    """Return a lift in the words of a language, `vi` or `en`."""
    words = _WORDS[language]
    currencies = sorted({*lift.treated.revenue, *lift.control.revenue})
    heads = [words["arm"], words["customers"], words["reached"], *([words["each"]] if currencies else [])]
    rows = [_row(words[name], arm, currencies, language) for name, arm in _arms(lift)]
    low, high = lift.interval or (0.0, 0.0)
    verdict = words[lift.verdict].format(
        points=_points(lift.difference or 0.0, language), low=_points(low, language), high=_points(high, language)
    )
    return LiftTold(
        words["title"],
        tuple(heads),
        tuple(rows),
        verdict,
        words["within"].format(days=number(lift.within.days, language)),
    )


def _arms(lift: Lift) -> tuple[tuple[str, Arm], ...]:
    return ("treated", lift.treated), ("control", lift.control)


def _row(name: str, arm: Arm, currencies: list[str], language: str) -> tuple[str, ...]:
    rate = "" if arm.rate is None else f" ({number(round(arm.rate * 100, 1), language)} %)"
    each = " + ".join(money(arm.each(one), one, language) for one in currencies)
    cells = (name, number(arm.customers, language), number(arm.reached, language) + rate)
    return (*cells, each) if currencies else cells


def _points(value: float, language: str) -> str:
    told = number(round(abs(value) * 100, 1), language)
    return f"−{told}" if value < 0 else f"+{told}"
