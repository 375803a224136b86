"""One test of a flow, played: what is given happens at its time, the rest when it falls due, nothing in between."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select

from worker.delivery.confirming import Yes, confirm
from worker.delivery.hits import record
from worker.delivery.unsubscribing import Refusal, unsubscribe
from worker.domain.errors import PhinError, Place
from worker.domain.flow_tests import Confirms, FlowTest, Given, Looked, Reported, TaskDone, Unsubscribes
from worker.domain.hits import SETTLING, HitKind
from worker.domain.stock import StockWord
from worker.domain.work import Work
from worker.engine.intake import take_in
from worker.language.flow_tests.given import CUSTOMER
from worker.rehearsal.coverage import Reached, reached
from worker.rehearsal.timeline import IN_A_MOMENT, Seen, refused, timeline
from worker.rehearsal.turning import Turning
from worker.rehearsal.world import World
from worker.storage import customers, pools, predictions, stock
from worker.storage.coupons import Terms
from worker.storage.hits import NewHit
from worker.storage.tables import coupon, message, task

MOST_MOMENTS = 5_000  # of one test; a daily schedule reaches them in thirteen years
_CODE = re.compile(r"\{\{ *coupons\.([\w-]+)\.code *\}\}")  # what stands for a code that is not known beforehand
_BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"  # a person's


class CannotPlayError(PhinError):
    """What a test gives cannot happen; the message says why, and where in the file it stands."""


@dataclass(frozen=True, slots=True)
class Played:
    """What became of a test.

    Parameters:
        seen: the timeline.
        reached: which steps and ways its journeys came to.
        fault: why it could not be played to its end, or None.
        customer: own fields and tags as they are at the end.
    """

    seen: tuple[Seen, ...]
    reached: Reached
    fault: str | None = None
    customer: Mapping[str, Any] = field(default_factory=dict)


def play(world: World, test: FlowTest) -> Played:
    """Play a test in a world in which nothing has happened; what it did is undone afterwards."""
    world.chance.control = test.control
    world.chance.branches = test.branches
    past = [one.at for one in test.given if isinstance(one, Reported) and one.at < test.begins]
    with world.play({test.flow, *test.beside}, min([test.begins, *past]), test.begins):
        return _Play(world, test).run()


class _Play:
    def __init__(self, world: World, test: FlowTest) -> None:
        self._world = world
        self._test = test
        self._turning = Turning(world, test)
        self._count = 0
        self._clicks: list[tuple[datetime, int]] = []  # hits that are classed a moment after they came

    def run(self) -> Played:
        """Play it, and tell what came of it."""
        test, world = self._test, self._world
        fault: str | None = None
        try:
            self._happen()
        except CannotPlayError as error:
            fault = str(error)
        with world.database.reading() as connection:
            book, language = world.flowbook, world.settings.shop.language
            tag = world.settings.policy.subject_tag
            brings, coupons = book.brings(test.flow), book.coupons(test.flow)
            seen = list(timeline(connection, test.flow, world.post.mails, language, brings, coupons, tag))
            seen += refused(connection, test.flow)
            seen += self._turning.refused
            known = customers.by_id(connection, [1]).get(1) if test.finally_ else None
            ways = reached(connection, test.flow)
        last = test.until
        within = [one for one in seen if one.at >= test.begins and (last is None or one.at <= last)]
        within.sort(key=lambda one: (one.at, IN_A_MOMENT.index(one.what)))
        fields = {} if known is None else {**known.fields, "tags": sorted(known.tags)}
        return Played(tuple(within), ways, fault, fields)

    def _happen(self) -> None:
        test, world = self._test, self._world
        waiting = list(test.given)
        self._introduce(waiting)
        coming = self._do_what_is_due()
        for _ in range(MOST_MOMENTS):
            moments = [one for one in (coming, self._turning.next(given=bool(waiting))) if one is not None]
            moments += [at for at, _ in self._clicks[:1]]
            moments += [one.at for one in waiting[:1]]
            if not moments or (test.until is not None and min(moments) > test.until):
                return
            world.now_ = max(min(moments), world.now_)
            settled = [one for one in self._clicks if one[0] <= world.now_]
            if settled:
                self._clicks = self._clicks[len(settled) :]
                world.follow(Work(hits=tuple(number for _, number in settled)))
            if settled or (coming is not None and coming <= world.now_):
                coming = self._do_what_is_due()
            if self._turning.turn(self._do_what_is_due):
                coming = self._do_what_is_due()
            while waiting and waiting[0].at <= world.now_:
                coming = self._give(waiting.pop(0))
        raise CannotPlayError(f"the test comes to no end within {MOST_MOMENTS:,} moments; say 'until' when it ends")

    def _do_what_is_due(self) -> datetime | None:
        """Do what is due now, and what comes of it; returns when the next of the rest is due."""
        world = self._world
        for _ in range(MOST_MOMENTS):
            pending = world.pending()
            if pending.reminders:
                world.remind()
            elif not pending.due:
                return pending.next
            world.follow(pending.due)
        raise CannotPlayError(f"at {self._local(world.now_)} there is always more to do; a circle of flows?")

    def _introduce(self, waiting: list[Given]) -> None:
        """Make the customer known, and tell what happened before the test begins, which starts nothing."""
        test, world = self._test, self._world
        first = waiting[0] if waiting else None
        at_once = not world.flowbook.of_clock  # the event that begins the test makes the customer known in time
        if not (isinstance(first, Reported) and (first.at < test.begins or (at_once and first.at == test.begins))):
            world.now_ = test.begins
            self._report({"type": CUSTOMER, "customer": {}}, history=True)
        while waiting and waiting[0].at < test.begins:
            past = waiting.pop(0)
            if not isinstance(past, Reported):
                raise CannotPlayError(f"{past.place}: only events can lie before 'from'")
            world.now_ = past.at
            self._report(past.item, history=True)
        world.now_ = max(world.now_, test.begins)
        for name, codes in test.pools.items():
            with world.database.writing() as connection:
                pools.load(connection, name, codes, Terms(), world.now_)
        if test.foretold is not None:
            with world.database.writing() as connection:
                predictions.say(connection, [(1, test.foretold)])
        if test.out_of_stock:
            words = [StockWord(sku, False, world.now_) for sku in test.out_of_stock]
            with world.database.writing() as connection:
                stock.tell(connection, words)
        self._turning.begin()

    def _give(self, given: Given) -> datetime | None:
        """Have something happen, and what comes of it; returns when the next of the rest is due."""
        match given:
            case Reported():
                self._report(given.item)
                self._turning.look()
            case Looked():
                self._look(given)
            case TaskDone():
                self._close(given)
            case Unsubscribes():
                self._refuse(given)
            case Confirms():
                self._confirm(given)
        return self._do_what_is_due()

    def _report(self, item: Mapping[str, Any], *, history: bool = False) -> None:
        """Report an event as the shop does; the first tells all that is known of the customer."""
        world = self._world
        self._count += 1
        whole: dict[str, Any] = {"id": f"e{self._count}", "time": world.now_.isoformat(), **item}
        if self._count == 1:
            whole["customer"] = {**self._test.customer, **item["customer"]}
        if history:
            whole["history"] = True
        code = _CODE.fullmatch(str((whole.get("order") or {}).get("coupon", "")))
        if code is not None:
            whole["order"] = {**whole["order"], "coupon": self._code(code[1])}
        receipt, work = take_in(world.database, [whole], "test", world.rules, world.now_)
        if receipt.refused:
            raise CannotPlayError(f"an event is not taken in: {receipt.refused[0].field} {receipt.refused[0].error}")
        world.follow(work)

    def _code(self, name: str) -> str:
        """Return the code that the customer was given last of a coupon."""
        asked = select(coupon.c.code).where(coupon.c.name == name, coupon.c.given_at.is_not(None))
        with self._world.database.reading() as connection:
            found = connection.execute(asked.order_by(coupon.c.id.desc())).scalars().first()
        if found is None:
            raise CannotPlayError(f"the customer has no coupon '{name}' by {self._local(self._world.now_)}")
        return str(found)

    def _look(self, given: Looked) -> None:
        """Have a person open a mail or click in it; of one whose mail is not tracked nobody hears."""
        world = self._world
        number, tracked = self._mail(given.send, given.place)
        if not tracked:
            return
        self._count += 1
        link = 1 if given.kind is HitKind.CLICK else None
        hit = NewHit(f"h{self._count}", number, given.kind, world.now_, link, user_agent=_BROWSER)
        opens, clicks = record(world.database, [hit])
        world.follow(opens)
        self._clicks += [(world.now_ + SETTLING, one) for one in clicks.hits]

    def _refuse(self, given: Unsubscribes) -> None:
        number, _ = self._mail(given.send, given.place)
        refusal = Refusal(number, self._world.now_, "one-click")
        self._world.follow(unsubscribe(self._world.database, refusal, self._world.now_))

    def _confirm(self, given: Confirms) -> None:
        number, _ = self._mail(given.send, given.place)
        yes = Yes(number, self._world.now_, "confirmed in a test")
        self._world.follow(confirm(self._world.database, yes, self._world.now_)[1])

    def _close(self, given: TaskDone) -> None:
        world = self._world
        asked = select(task.c.id, task.c.assignee).where(task.c.flow == self._test.flow, task.c.step == given.task)
        with world.database.reading() as connection:
            found = connection.execute(asked.order_by(task.c.id.desc())).first()
        if found is None:
            raise CannotPlayError(f"{given.place}: there is no task '{given.task}' by {self._local(world.now_)}")
        handled = world.tasks.close(found.id, given.outcome, given.by or found.assignee or "nobody", world.now_)
        if not handled.changed:
            raise CannotPlayError(f"{given.place}: the task '{given.task}' is closed by {self._local(world.now_)}")
        world.follow(handled.work)

    def _mail(self, step: str | None, place: Place) -> tuple[int, bool]:
        """Return the number of the last mail of a step that went out to the customer, and whether it is tracked."""
        asked = select(message.c.id, message.c.tracked).where(message.c.sent_at.is_not(None), message.c.staff.is_(None))
        if step is not None:
            asked = asked.where(message.c.step == step, message.c.flow == self._test.flow)
        with self._world.database.reading() as connection:
            found = connection.execute(asked.order_by(message.c.id.desc())).first()
        if found is None:
            what = "no mail" if step is None else f"no mail '{step}'"
            raise CannotPlayError(f"{place}: {what} has gone out by {self._local(self._world.now_)}")
        return found.id, bool(found.tracked)

    def _local(self, moment: datetime) -> str:
        return moment.astimezone(self._test.zone).strftime("%Y-%m-%d %H:%M")
