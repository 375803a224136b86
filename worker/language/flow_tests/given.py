"""What is given in a test of a flow: the customer, and what they, the shop and the staff do at which time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from worker.domain.coupons import normal_code
from worker.domain.event_check import EventRules, check_event
from worker.domain.flow_tests import Confirms, Given, Looked, Reported, TaskDone, Unsubscribes
from worker.domain.flows import Flow
from worker.domain.hits import HitKind
from worker.domain.instants import known_zone
from worker.domain.repurchase import Prediction
from worker.domain.steps import Coupon, Send, Split, TaskStep, walk
from worker.domain.tasks import BY_STAFF, Outcome
from worker.language.flow.event_values import WORDS, Values
from worker.language.flow.events import EventNames
from worker.language.flow_tests.times import Times
from worker.language.yaml.fields import Fields
from worker.language.yaml.nodes import Entry, Mapping, Node, Scalar, Sequence
from worker.language.yaml.scalars import name, scalar, word
from worker.language.yaml.source import Report
from worker.language.yaml.suggestions import did_you_mean, listed

CUSTOMER = "test.customer"  # the type of the event that makes the customer known, which starts nothing
USUAL_ID, USUAL_EMAIL = "c1", "c1@example.com"
_CONSENTS = ("consent", "tracking")
_LATE = datetime(9000, 1, 1, tzinfo=UTC)  # whatever a test tells has happened by then
GIVEN = (
    "customer",
    "events",
    "opens",
    "clicks",
    "tasks_done",
    "unsubscribes",
    "confirms",
    "coupons",
    "foretold",
    "out_of_stock",
    "control",
    "branch",
    "from",
    "until",
)

Item = TypeVar("Item")
Answer = TypeVar("Answer", Unsubscribes, Confirms)


@dataclass(frozen=True, slots=True)
class GivenFor:
    """All that is given in one test."""

    customer: dict[str, Any]
    times: Times
    happenings: tuple[Given, ...]
    control: bool
    branches: dict[str, str]
    pools: dict[str, tuple[str, ...]]
    foretold: Prediction | None
    out_of_stock: tuple[str, ...]
    since: datetime | None
    until: datetime | None


class GivenReader:
    """Reads the group `given`.

    Parameters:
        rules: what the shop's settings say of events.
        zone: the shop's, for a customer who has none.
        events: knows the names of events.
    """

    def __init__(self, report: Report, rules: EventRules, zone: str, events: EventNames) -> None:
        self._report = report
        self._rules = rules
        self._zone = zone
        self._events = events

    def read(self, node: Node, flow: Flow | None) -> GivenFor:
        """Read what is given to a flow; None where its steps are not known."""
        fields = Fields(self._report, node, "'given'", GIVEN)
        customer, zone = self._customer(fields.value("customer"), node)
        times = Times(self._report, zone)
        known: dict[str, Any] = {key: customer[key] for key in ("id", "email") if key in customer}
        whom = {"id": known["id"]} if "id" in known else known
        happenings: list[Given] = [
            *self._each(fields, "events", lambda one: self._event(one, times, whom)),
            *self._each(fields, "opens", lambda one: self._looked(one, times, HitKind.OPEN, flow)),
            *self._each(fields, "clicks", lambda one: self._looked(one, times, HitKind.CLICK, flow)),
            *self._each(fields, "tasks_done", lambda one: self._done(one, times, flow)),
            *self._each(fields, "unsubscribes", lambda one: self._answers(one, times, flow, Unsubscribes)),
            *self._each(fields, "confirms", lambda one: self._answers(one, times, flow, Confirms)),
        ]
        happenings.sort(key=lambda one: one.at)
        branches, pools, foretold = fields.value("branch"), fields.value("coupons"), fields.value("foretold")
        since, until = times.bound(fields, "from", last=False), times.bound(fields, "until", last=True)
        return GivenFor(
            customer,
            times,
            tuple(happenings),
            self._control(fields, flow),
            {} if branches is None else self._branches(branches, flow),
            {} if pools is None else self._pools(pools, flow),
            None if foretold is None else self._foretold(foretold, times),
            self._out_of_stock(fields.value("out_of_stock")),
            since,
            until,
        )

    def _customer(self, node: Node | None, around: Node) -> tuple[dict[str, Any], ZoneInfo]:
        values = Values(self._rules)
        consent: dict[str, Any] = {"marketing": True, "tracking": True}
        said: dict[str, Any] = {}
        if node is not None:
            plain: Node = node
            if isinstance(node, Mapping):
                mine = [one for one in node.entries if one.key.text in _CONSENTS]
                plain = Mapping(node.start, node.end, tuple(one for one in node.entries if one not in mine))
                for entry in mine:
                    consent |= self._consent(entry)
            if isinstance(plain, Mapping):
                said = values.customer(plain)
            else:
                self._report.error(node, "'customer' is a group of keys, such as {id: c1, email: lan@example.com}")
        if said.get("email") == "none":
            del said["email"]
        elif "email" not in said:
            said["email"] = USUAL_EMAIL
        said.setdefault("id", USUAL_ID)
        if "email" in said:
            said["consent"] = {key: yes for key, yes in consent.items() if yes is not None} | {
                "source": "test",
                "confirmed": True,
            }
        self._check({"type": CUSTOMER, "customer": said}, values, node or around)
        zone = said.get("timezone")
        return said, ZoneInfo(zone if isinstance(zone, str) and known_zone(zone) else self._zone)

    def _consent(self, entry: Entry) -> dict[str, bool | None]:
        """Read what the customer said yes or no to: `consent: no`, `tracking: unknown`, or a group of both."""
        purpose = "marketing" if entry.key.text == "consent" else "tracking"
        if not isinstance(entry.value, Mapping):
            return {purpose: self._yes(entry.value, f"'{entry.key.text}'", unknown=True)}
        fields = Fields(self._report, entry.value, "'consent'", ("marketing", "tracking"))
        return {key: self._yes(one, f"'{key}'", unknown=True) for key in fields if (one := fields.value(key))}

    def _event(self, node: Node, times: Times, whom: dict[str, Any]) -> Reported | None:
        known = ("at", "event", "order", "data", "customer")
        form = "{at: 2027-03-01 14:00, event: signup}"
        fields = Fields(self._report, node, "an event", known, needed=("at", "event"), form=form)
        at, kind = times.at(fields), self._events.read(fields)
        if at is None or kind is None:
            return None
        values = Values(self._rules)
        item: dict[str, Any] = {"type": kind, "customer": dict(whom)}
        if (order := fields.value("order")) is not None:
            item["order"] = values.order(order)
        if (data := fields.value("data")) is not None:
            item["data"] = values.data(data, kind)
        if (more := fields.value("customer")) is not None and isinstance(said := values.customer(more), dict):
            item["customer"] |= said
        self._check(item, values, node)
        return Reported(at, item, self._report.source.place(node))

    def _looked(self, node: Node, times: Times, kind: HitKind, flow: Flow | None) -> Looked | None:
        what = "an open" if kind is HitKind.OPEN else "a click"
        form = "{at: 2027-03-08 11:00, send: welcome}"
        fields = Fields(self._report, node, what, ("at", "send"), needed=("at", "send"), form=form)
        at, send = times.at(fields), self._step(fields.value("send"), "send", flow, Send)
        return None if at is None or send is None else Looked(at, kind, send, self._report.source.place(node))

    def _done(self, node: Node, times: Times, flow: Flow | None) -> TaskDone | None:
        known = ("at", "task", "outcome", "by")
        form = "{at: 2027-03-12 09:00, task: call}"
        fields = Fields(self._report, node, "a task done", known, needed=("at", "task"), form=form)
        at, task = times.at(fields), self._step(fields.value("task"), "task", flow, TaskStep)
        given, by = fields.value("outcome"), fields.value("by")
        outcome = None if given is None else word(self._report, given, "'outcome'", [one.value for one in BY_STAFF])
        person = None if by is None else name(self._report, by, "'by'")
        if at is None or task is None:
            return None
        return TaskDone(at, task, Outcome(outcome or Outcome.DONE), person, self._report.source.place(node))

    def _answers(self, node: Node, times: Times, flow: Flow | None, kind: type[Answer]) -> Answer | None:
        """Read when the customer used a mail's link, and which mail's: `2027-03-08 11:00`, or with `send`."""
        what = "'unsubscribes'" if kind is Unsubscribes else "'confirms'"
        place = self._report.source.place(node)
        if isinstance(node, Scalar):
            alone = times.read(node, f"an entry of {what}")
            return None if alone is None else kind(alone, None, place)
        noun = "an unsubscribing" if kind is Unsubscribes else "a confirmation"
        fields = Fields(self._report, node, noun, ("at", "send"), needed=("at",))
        at, mail = times.at(fields), fields.value("send")
        send = None if mail is None else self._step(mail, "send", flow, Send)
        return None if at is None else kind(at, send, place)

    def _control(self, fields: Fields, flow: Flow | None) -> bool:
        node = fields.value("control")
        if node is None or not self._yes(node, "'control'"):
            return False
        if flow is not None and not flow.holdout:
            self._report.error(node, f"'{flow.name}' has no holdout, so nobody can be in it")
        return True

    def _pools(self, node: Node, flow: Flow | None) -> dict[str, tuple[str, ...]]:
        """Read the codes that the shop loaded: `{birthday: [A-1, A-2]}`."""
        if not isinstance(node, Mapping):
            self._report.error(node, "'coupons' names for a coupon the codes that were loaded: {birthday: [A-1, A-2]}")
            return {}
        found: dict[str, tuple[str, ...]] = {}
        for entry in node.entries:
            known = [one.coupon for one in walk(flow.steps) if isinstance(one, Coupon)] if flow is not None else None
            if known is not None and entry.key.text not in known:
                hint = did_you_mean(entry.key.text, known) or f"there are: {', '.join(known) or 'none'}"
                self._report.error(entry.key, f"the flow has no coupon '{entry.key.text[:60]}'", hint)
            nodes = entry.value.items if isinstance(entry.value, Sequence) else (entry.value,)
            codes = [scalar(self._report, one, f"'{entry.key.text[:60]}'", "a list of codes") for one in nodes]
            found[entry.key.text] = tuple(normal_code(one.text) for one in codes if one is not None)
        return found

    def _foretold(self, node: Node, times: Times) -> Prediction | None:
        """Read what the nightly forecast says: `{alive: 0.8, next_order_at: 2027-03-20 10:00}`."""
        fields = Fields(self._report, node, "'foretold'", ("alive", "next_order_at"), needed=("alive",))
        chance, at = fields.value("alive"), fields.value("next_order_at")
        next_at = None if at is None else times.read(at, "'next_order_at'")
        found = None if chance is None else scalar(self._report, chance, "'alive'", "a number from 0 to 1")
        if found is None:
            return None
        try:
            alive = float(found.text)
        except ValueError:
            alive = -1.0
        if not 0 <= alive <= 1:
            self._report.error(found, f"'alive' is a number from 0 to 1, not '{found.text[:60]}'")
            return None
        return Prediction(alive, next_at)

    def _out_of_stock(self, node: Node | None) -> tuple[str, ...]:
        """Read the articles that the shop has none of: `[AR-250, RO-500]`."""
        nodes = () if node is None else node.items if isinstance(node, Sequence) else (node,)
        found = [scalar(self._report, one, "'out_of_stock'", "a list of SKUs") for one in nodes]
        return tuple(one.text for one in found if one is not None)

    def _branches(self, node: Node, flow: Flow | None) -> dict[str, str]:
        if not isinstance(node, Mapping):
            self._report.error(node, "'branch' names for a split the way that is taken: {STEP: bold}")
            return {}
        splits = {one.name: one for one in walk(flow.steps) if isinstance(one, Split)} if flow is not None else None
        found: dict[str, str] = {}
        for entry in node.entries:
            way = scalar(self._report, entry.value, f"'{entry.key.text[:60]}'", "the name of one of its ways")
            if way is None:
                continue
            if splits is not None and entry.key.text not in splits:
                hint = did_you_mean(entry.key.text, splits) or f"there are: {', '.join(splits) or 'none'}"
                self._report.error(entry.key, f"the flow has no split called '{entry.key.text[:60]}'", hint)
                continue
            ways = [one.name for one in splits[entry.key.text].branches] if splits is not None else [way.text]
            if way.text not in ways:
                self._report.error(
                    way, f"'{entry.key.text}' has the ways {listed(ways, 'and')}", did_you_mean(way.text, ways)
                )
                continue
            found[entry.key.text] = way.text
        return found

    def _step(self, node: Node | None, verb: str, flow: Flow | None, kind: type[Send] | type[TaskStep]) -> str | None:
        found = None if node is None else scalar(self._report, node, f"'{verb}'", f"the name of a {verb} step")
        if found is None:
            return None
        return found.text if step_known(self._report, found, verb, flow, kind) else None

    def _each(self, fields: Fields, key: str, read: Callable[[Node], Item | None]) -> Iterator[Item]:
        node = fields.value(key)
        nodes: Iterable[Node] = () if node is None else node.items if isinstance(node, Sequence) else (node,)
        for one in nodes:
            found = read(one)
            if found is not None:
                yield found

    def _yes(self, node: Node, what: str, *, unknown: bool = False) -> bool | None:
        words = ["yes", "no", *(["unknown"] if unknown else [])]
        found = scalar(self._report, node, what, listed(words))
        if found is None or found.text.lower() == "unknown":
            return None
        if found.text.lower() not in WORDS:
            self._report.error(found, f"{what} is {listed(words)}, not '{found.text[:60]}'")
        return WORDS.get(found.text.lower())

    def _check(self, item: dict[str, Any], values: Values, node: Node) -> None:
        """Hold an event against what intake takes; each fault is told where the value stands."""
        checked = check_event({"id": "test", **item}, self._rules, _LATE)
        if isinstance(checked, tuple):
            for fault in checked:
                what = f"'{fault.field}'" if fault.field else "the event"
                self._report.error(values.place_of(fault.field, node), f"{what} {fault.error}")


def step_known(report: Report, found: Scalar, verb: str, flow: Flow | None, *kinds: type) -> bool:
    """Check that a flow has a step of this name and one of these kinds; where it is not known, every name will do."""
    if flow is None:
        return True
    names = [one.name for one in walk(flow.steps) if isinstance(one, kinds)]
    if found.text in names:
        return True
    hint = did_you_mean(found.text, names) or f"there are: {', '.join(names) or 'none'}"
    report.error(found, f"'{flow.name}' has no {verb} step called '{found.text[:60]}'", hint)
    return False
