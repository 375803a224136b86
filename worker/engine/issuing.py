"""Issuing coupons: each step of a journey gives one, out of the shop's pool or made; later acts see it."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from worker.domain.advancing import Act, Advance
from worker.domain.coupons import ALPHABET, LENGTH, good_until, prefix_of
from worker.domain.errors import PhinError
from worker.domain.facts import CouponFact, Facts, ShopFacts
from worker.domain.journeys import Journey, TraceEntry, TraceKind
from worker.domain.steps import Coupon
from worker.storage import coupons
from worker.storage.coupons import CouponRow, Terms

_TRIES = 10  # of new codes; one that is there already comes up once in 10^12, among a million


class EmptyPoolError(PhinError):
    """A pool that the shop loaded has no code left: the journey waits until there are some.

    Parameters:
        step: name of the step that wanted one; `coupon`: name of the pool.
        in_hand: whether others are drawing the last ones just now, and may yet leave some.
    """

    def __init__(self, step: str, coupon: str, *, in_hand: bool) -> None:
        super().__init__(
            f"others are drawing the last codes of the pool of coupons '{coupon}'"
            if in_hand
            else f"the pool of coupons '{coupon}' is empty; fill it: phin coupons load {coupon} FILE"
        )
        self.step = step
        self.coupon = coupon
        self.in_hand = in_hand


def issue(connection: Connection, shop: ShopFacts, journey: Journey, decided: Advance, now: datetime) -> Advance:
    """Give the coupons of a decision, in the transaction that moved the journey; done again it gives the same ones.

    Returns:
        The decision, in which acts after a coupon see it, and the trace tells its code.

    Raises:
        EmptyPoolError: a pool that was loaded has no code left; what was given up to then is to be taken back.
    """
    given: dict[str, CouponFact] = {}
    codes: dict[str, CouponRow] = {}
    acts: list[Act] = []
    for act in decided.acts:
        if isinstance(act.step, Coupon):
            row = _give(connection, shop, journey, act.step, now)
            given[act.step.coupon], codes[act.step.name] = row.fact(own=True), row
        acts.append(replace(act, facts=_seeing(act.facts, given)) if given else act)
    return replace(decided, acts=tuple(acts), trace=tuple(_told(entry, codes) for entry in decided.trace))


def _give(connection: Connection, shop: ShopFacts, journey: Journey, step: Coupon, now: datetime) -> CouponRow:
    kept = coupons.of_step(connection, journey, step.name)
    if kept is not None:
        return kept
    currency = shop.currency if step.amount is not None else None
    until = good_until(step.expires, now, ZoneInfo(shop.timezone))
    terms = Terms(step.percent, step.amount, currency, until)
    drawn = coupons.draw(connection, step.coupon, journey, step.name, terms, now)
    if drawn is not None:
        return drawn
    if coupons.was_loaded(connection, step.coupon):
        raise EmptyPoolError(step.name, step.coupon, in_hand=coupons.in_hand(connection, step.coupon, now))
    for _ in range(_TRIES):
        made = coupons.make(connection, step.coupon, new_code(prefix_of(step)), journey, step.name, terms, now)
        if made is not None:
            return made
    raise RuntimeError(f"no code could be found for the coupon '{step.coupon}' that is not there already")


def new_code(prefix: str, choose: Callable[[str], str] = secrets.choice) -> str:
    """Return a code that nobody can guess: `BIRTHDAY-7KX4M9QRT`."""
    return f"{prefix}-{''.join(choose(ALPHABET) for _ in range(LENGTH))}".lstrip("-")


def _seeing(facts: Facts, given: dict[str, CouponFact]) -> Facts:
    before = (one for one in facts.history.coupons if one not in given.values())
    return replace(facts, history=replace(facts.history, coupons=(*before, *given.values())))


def _told(entry: TraceEntry, codes: dict[str, CouponRow]) -> TraceEntry:
    row = codes.get(entry.step or "") if entry.kind is TraceKind.COUPON else None
    if row is None:
        return entry
    until = row.terms.expires_at
    said = {"code": row.code, "from": "pool" if row.loaded else "made"}
    return replace(entry, detail={**entry.detail, **said, **({"until": until.isoformat()} if until else {})})
