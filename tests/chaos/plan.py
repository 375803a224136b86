"""What is done to a house while it works: drawn by a seed, each deed at a number of mails, so that no clock decides."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from tests.chaos.sink_protocol import Fault

ROLES = ("web", "worker 1", "worker 2", "clock")
BEGINS, ENDS = 0.02, 0.9  # of the mails: between these shares all is done


class Deed(StrEnum):
    """What can be done."""

    KILL = "kill"  # SIGKILL of a process
    FREEZE = "freeze"  # SIGSTOP of a process for longer than a lease
    SMTP = "smtp"  # a fault of the SMTP server
    REMEMBER = "remember"  # the queue's snapshot, to be restarted from later
    RESTART = "restart"  # the queue is killed and started
    EMPTY = "empty"  # … started with nothing
    OLD = "old"  # … started with the snapshot
    FLUSH = "flush"  # FLUSHALL
    GONE = "gone"  # the queue is killed, and started some deeds later
    CRASH = "crash"  # PostgreSQL stops as after a crash, and starts
    TERMINATE = "terminate"  # a backend of PostgreSQL is ended
    LOSE = "lose"  # workers and clock end at once, and their journals with them
    LATER = "later"  # hours pass, and the journeys' waits with them


ON_QUEUE = (Deed.REMEMBER, Deed.GONE, Deed.RESTART, Deed.EMPTY, Deed.OLD, Deed.FLUSH)


@dataclass(frozen=True, slots=True)
class Act:
    """One deed.

    Parameters:
        at: it is done when so many mails were accepted.
        whom: the process.
        fault: of the SMTP server, and how many `times`.
    """

    at: int
    deed: Deed
    whom: str = ""
    fault: Fault | None = None
    times: int = 0

    def __str__(self) -> str:
        about = f"{self.fault} {self.times} times" if self.fault else self.whom
        return f"{self.deed} {about}".strip()


@dataclass(frozen=True, slots=True)
class Size:
    """How large a trial is.

    Parameters:
        customers: whom the campaign goes to; `orders`: each brings two mails.
        kills, freezes: of processes; `crashes`: of PostgreSQL; `losses`: of the machine with workers and clock.
        rounds: how often each fault of SMTP server and queue comes.
        strikes: how often a fault of the SMTP server strikes when it comes.
        latency: seconds from a mail's acceptance to its 250, so that mails are still under way at the last deed.
    """

    customers: int
    orders: int
    kills: int
    freezes: int
    crashes: int = 1
    rounds: int = 1
    strikes: int = 3
    losses: int = 0
    latency: float = 0.02

    @property
    def mails(self) -> int:
        """How many mails should go out."""
        return self.customers + 2 * self.orders


SHORT = Size(customers=700, orders=150, kills=6, freezes=1, strikes=2, latency=0.05)


def long_size(mails: int) -> Size:
    """Return the long form for about so many mails: 20 kills at 20,000."""
    orders = mails // 8
    return Size(mails - 2 * orders, orders, kills=20, freezes=4, crashes=3, rounds=2, strikes=5)


def losing_size(mails: int) -> Size:
    """Return a trial in which nothing happens but that machines are lost, so that what is unknown by that is seen."""
    orders = mails // 8
    return Size(mails - 2 * orders, orders, kills=0, freezes=0, crashes=0, rounds=0, losses=4)


def draw(size: Size, seed: int, *, postgres: bool, queue: bool) -> Sequence[Act]:
    """Return what is done, in order.

    Parameters:
        postgres: whether there is a database server to harm; `queue`: whether there is one of the queue.
    """
    chance = random.Random(seed)
    # the first kills go once round, so that each role is killed in every trial
    order = [*chance.sample(ROLES, len(ROLES)), *chance.choices(ROLES, k=size.kills)][: size.kills]
    drawn: list[Act] = [Act(0, Deed.KILL, whom) for whom in order]
    drawn += [Act(0, Deed.FREEZE, whom) for whom in chance.choices(ROLES, k=size.freezes)]
    drawn += [Act(0, Deed.LOSE)] * size.losses
    faults = [fault for _ in range(size.rounds) for fault in chance.sample(list(Fault), len(Fault))]
    drawn += [Act(0, Deed.SMTP, fault=fault, times=chance.randint(1, size.strikes)) for fault in faults]
    if postgres:
        drawn += [Act(0, deed) for deed in (Deed.CRASH, Deed.TERMINATE) for _ in range(size.crashes)]
    chance.shuffle(drawn)
    if queue and size.rounds:  # in this order, a snapshot being old by the time of its use, spread among the others
        for deed in ON_QUEUE * size.rounds:
            drawn.append(Act(0, deed))
        drawn = _spread(drawn[: -len(ON_QUEUE) * size.rounds], drawn[-len(ON_QUEUE) * size.rounds :])
    drawn.insert(len(drawn) // 2, Act(0, Deed.LATER))
    most = size.customers + size.orders
    places = sorted(chance.randint(int(BEGINS * most), int(ENDS * most)) for _ in drawn)
    return [Act(at, act.deed, act.whom, act.fault, act.times) for at, act in zip(places, drawn, strict=True)]


def _spread(many: Sequence[Act], few: Sequence[Act]) -> list[Act]:
    """Put the few among the many, evenly and in their order."""
    placed = [((number + 0.5) / len(many), act) for number, act in enumerate(many)]
    placed += [((number + 0.5) / len(few), act) for number, act in enumerate(few)]
    return [act for _, act in sorted(placed, key=lambda one: one[0])]
