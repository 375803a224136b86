"""What `phin report` tells of flows with a holdout: both arms, and what the difference is worth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from worker.domain.lift import Arm, Lift, Verdict
from worker.edges.moments import amount, share

_VERDICTS = {
    Verdict.MORE: "the flow brings more",
    Verdict.FEWER: "the flow brings fewer",
    Verdict.CHANCE: "it may be chance so far",
}


def lift_lines(lifts: Mapping[str, Lift]) -> Iterator[str]:
    """Yield a line for each flow, without colours."""
    for flow, lift in lifts.items():
        arms = f"{_arm(lift.treated)} who entered reached the goal, {_arm(lift.control)} who were set aside did"
        yield f"{flow}: {arms}, within {lift.within.days} days: {_worth(lift)}{_money(lift)}"


def as_json(lift: Lift) -> dict[str, object]:
    """Return a lift for programs; rates and limits are 0 to 1."""
    return {
        "within_days": lift.within.days,
        "treated": _arm_as_json(lift.treated),
        "control": _arm_as_json(lift.control),
        "difference": lift.difference,
        "interval": None if lift.interval is None else list(lift.interval),
        "verdict": lift.verdict.value,
    }


def _arm(arm: Arm) -> str:
    return f"{arm.reached:,} of {arm.customers:,} ({share(arm.rate)})"


def _worth(lift: Lift) -> str:
    difference, found = lift.difference, lift.interval
    if difference is None or found is None:
        return "nothing to compare yet"
    word = "more" if difference >= 0 else "fewer"
    between = f"between {_points(found[0])} and {_points(found[1])} with 95 % confidence"
    return f"{abs(difference) * 100:.1f} points {word}, {between}; {_VERDICTS[lift.verdict]}"


def _points(value: float) -> str:
    return f"{value * 100:+.1f}".replace("-", "−")


def _money(lift: Lift) -> str:
    currencies = sorted({*lift.treated.revenue, *lift.control.revenue})
    if not currencies or not lift.control.customers or not lift.treated.customers:
        return ""
    each = (
        f"{amount(lift.treated.each(one), one)} against {amount(lift.control.each(one), one)}" for one in currencies
    )
    return f"; revenue for each customer {', '.join(each)}"


def _arm_as_json(arm: Arm) -> dict[str, object]:
    revenue = {currency: str(total) for currency, total in arm.revenue.items()}
    return {"customers": arm.customers, "reached": arm.reached, "rate": arm.rate, "revenue": revenue}
