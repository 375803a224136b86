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


def lift_lines(lifts: Mapping[str, Lift]) -> Iterator[tuple[str, str]]:
    """Yield the lines of each flow without colours, that fit 80 columns beside their names: name and text."""
    for flow, lift in lifts.items():
        days = lift.within.days
        yield "lift", f"{flow}: who reached the goal within {days} day{'' if days == 1 else 's'}"
        arms = (("entered", lift.treated), ("set aside", lift.control))
        width = max(len(_arm(arm)) for _, arm in arms)
        for name, arm in arms:
            yield "", f"  {name:10} {_arm(arm):{width}}{_money(lift, arm)}".rstrip()
        yield from (("", f"  {line}") for line in _worth(lift))


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


def _worth(lift: Lift) -> Iterator[str]:
    difference, found = lift.difference, lift.interval
    if difference is None or found is None:
        yield "nothing to compare yet"
        return
    word = "more" if difference >= 0 else "fewer"
    between = f"between {_points(found[0])} and {_points(found[1])} with 95 % confidence"
    yield f"{abs(difference) * 100:.1f} points {word}: {_VERDICTS[lift.verdict]}"
    yield between


def _points(value: float) -> str:
    return f"{value * 100:+.1f}".replace("-", "−")


def _money(lift: Lift, arm: Arm) -> str:
    """Return the arm's revenue for each customer, in the currencies of both arms."""
    currencies = sorted({*lift.treated.revenue, *lift.control.revenue})
    if not currencies or not lift.control.customers or not lift.treated.customers:
        return ""
    return f"  {' + '.join(amount(arm.each(one), one) for one in currencies)} a customer"


def _arm_as_json(arm: Arm) -> dict[str, object]:
    revenue = {currency: str(total) for currency, total in arm.revenue.items()}
    return {"customers": arm.customers, "reached": arm.reached, "rate": arm.rate, "revenue": revenue}
