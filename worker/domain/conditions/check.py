"""The check of an expression before anything runs: names that exist, types that fit, conditions that can change."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from difflib import get_close_matches

from worker.domain.conditions.calls import (
    Asked,
    Days,
    Did,
    InFlow,
    InSegment,
    InStock,
    Mailed,
    Redeemed,
    TaskDone,
    read_call,
)
from worker.domain.conditions.catalogue import ADDRESS_PARTS, COUPON_PARTS, FUNCTIONS, NAMES
from worker.domain.conditions.comparing import (
    Side,
    article_faults,
    compare_faults,
    membership_faults,
    moment_faults,
    number_faults,
)
from worker.domain.conditions.faults import ExpressionError, Fault
from worker.domain.conditions.tree import (
    And,
    Arithmetic,
    Call,
    Compare,
    Expression,
    In,
    Is,
    ListOf,
    Literal,
    Name,
    Negative,
    Node,
    Not,
    Or,
    walk,
)
from worker.domain.conditions.valuetypes import ValueType
from worker.domain.conditions.vocabulary import Scope, Vocabulary, find_name, nearest_name
from worker.domain.errors import Severity
from worker.domain.texts import Text

_ABSENT = {
    "event": "there is 'event' where an event starts the flow",
    "order": "there is 'order' where the flow is about one",
    "journey": "there is 'journey' in steps, exits and goals, not yet in 'when'",
}

_MOST_COMPARED = 1_000  # names; to look for a near one among more takes too long
_AGE = "ask for the age in days with days_since(customer.birthday)"


def check(expression: Expression, vocabulary: Vocabulary, scope: Scope) -> tuple[Fault, ...]:
    """Return what is wrong with a condition, in the order of its text; empty where all is well.

    A fault of severity WARNING tells of a condition that may surprise and can be used.
    """
    checker = _Checker(expression, vocabulary, scope)
    checker.condition(expression.tree)
    checker.warn_of_untracked()
    return checker.told()


def check_text(text: Text, vocabulary: Vocabulary, scope: Scope) -> tuple[Fault, ...]:
    """Return what is wrong with the expressions of a text; places are those in the text as written."""
    found: list[Fault] = []
    for part in text.parts:
        if isinstance(part, Expression):
            checker = _Checker(part, vocabulary, scope, in_text=True)
            checker.value(part.tree)
            found += (fault.moved(part.offset) for fault in checker.told())
    return tuple(found)


def type_of(expression: Expression, vocabulary: Vocabulary, scope: Scope) -> ValueType:
    """Return the type of an expression's value as far as it is known before there is one."""
    return _Checker(expression, vocabulary, scope).value(expression.tree)


class _Checker:
    """Walks one expression and collects its faults."""

    def __init__(self, expression: Expression, vocabulary: Vocabulary, scope: Scope, *, in_text: bool = False) -> None:
        self._expression = expression
        self._in_text = in_text
        self._vocabulary = vocabulary
        self._scope = scope
        self._faults: list[Fault] = []

    def told(self) -> tuple[Fault, ...]:
        return tuple(sorted(self._faults, key=lambda fault: fault.offset))

    def condition(self, node: Node) -> None:
        """Check a node that is asked whether it holds; a value holds if it is there and not empty, zero or false."""
        match node:
            case And(operands=operands) | Or(operands=operands):
                for operand in operands:
                    self.condition(operand)
            case Not(operand=operand):
                self.condition(operand)
            case _:
                before = len(self._faults)
                self.value(node)
                if len(self._faults) == before and not any(isinstance(part, Name | Call) for part in walk(node)):
                    self._fault(node, f"'{self._written(node)}' is always the same", "ask for a name or a function")

    def value(self, node: Node) -> ValueType:
        """Check a node that is asked for its value; returns the type of that."""
        match node:
            case Literal(value=value):
                return _type_of(value)
            case Name():
                return self._name(node)
            case Call():
                return self._call(node)
            case Negative(operand=operand):
                self._faults += number_faults(self._side(operand))
                return ValueType.NUMBER
            case Arithmetic(left=left, right=right):
                self._faults += number_faults(self._side(left)) + number_faults(self._side(right))
                if node.operator in ("/", "//", "%") and isinstance(right, Literal) and right.value == 0:
                    self._fault(right, "nothing can be divided by 0", None)
                return ValueType.NUMBER
            case Compare(left=left, right=right):
                self._warn_of_birth(node)
                self._faults += compare_faults(node, self._side(left), self._side(right))
            case In(item=item, container=ListOf(items=items)):
                self._faults += membership_faults(node, self._side(item), tuple(self._side(one) for one in items))
            case In(item=item, container=container):
                self._faults += membership_faults(node, self._side(item), self._side(container))
            case Is(operand=operand):
                self.value(operand)
            case ListOf():
                self._fault(node, "a list in brackets can only stand after 'in'", 'write customer.name in ["a", "b"]')
                return ValueType.LIST
            case _:
                self.condition(node)
        return ValueType.BOOLEAN

    def warn_of_untracked(self) -> None:
        """Warn of a negated `opened` or `clicked` that does not ask for the consent without which it always holds."""
        tree = self._expression.tree
        if not any(isinstance(node, Name) and node.path == ("customer", "tracking") for node in walk(tree)):
            for node in _negated(tree, False):
                if isinstance(node, Call) and node.function in ("opened", "clicked"):
                    self._fault(
                        node,
                        f"'not {node.function}()' also holds for every customer who did not agree to tracking",
                        "add 'customer.tracking and …' if that is not meant",
                        Severity.WARNING,
                    )

    def _warn_of_birth(self, node: Compare) -> None:
        paths = {side.path for side in (node.left, node.right) if isinstance(side, Name)}
        if node.operator == "==" and paths == {("customer", "birthday"), ("today",)}:
            self._fault(
                node,
                "'customer.birthday' is the day of birth, so this holds on that one day and on no birthday after it",
                _AGE,
                Severity.WARNING,
            )

    def _name(self, node: Name) -> ValueType:
        known = find_name(node.path, self._vocabulary, self._scope)
        name = ".".join(node.path)
        if known is not None:
            if name.startswith("customer.address.") and node.path[2] not in ADDRESS_PARTS:
                near = get_close_matches(node.path[2], ADDRESS_PARTS, 1, 0.75)
                if near:
                    hint = f"did you mean 'customer.address.{near[0]}'?"
                    self._fault(node, f"'{name}' is no usual part of an address", hint, Severity.WARNING)
            return known.type
        if node.path[0] in _ABSENT and find_name(node.path, self._vocabulary, self._everything()) is not None:
            self._fault(node, f"there is no {node.path[0]} here", _ABSENT[node.path[0]])
        elif node.path in (("customer",), ("order",), ("event",), ("journey",), ("shop",), ("customer", "address")):
            self._fault(node, f"'{name}' is a group of values", f"write one of them: '{self._one_of(name)}'")
        elif node.path[0] == "coupons":
            self._coupon(node)
        elif name == "order.lines" and self._scope.order:
            self._fault(node, "'order.lines' is for templates", "ask for order.skus or order.categories")
        elif len(node.path) == 1 and name in FUNCTIONS:
            self._fault(node, f"'{name}' is a function", f"write {FUNCTIONS[name].example}")
        else:
            near_name = nearest_name(name, self._vocabulary, self._scope)
            self._fault(
                node, f"'{name}' is not known", f"did you mean '{near_name}'?" if near_name else self._how(node)
            )
        return ValueType.ANY

    def _coupon(self, node: Name) -> None:
        parts = ", ".join(f"'{part}'" for part in COUPON_PARTS)
        if not self._in_text:
            name = node.path[1] if len(node.path) > 1 else "NAME"
            self._fault(node, "coupons stand in texts, not in conditions", f'ask redeemed("{name}")')
        elif len(node.path) != 3:
            self._fault(node, "a coupon is named with its part: coupons.NAME.code", f"the parts are {parts}")
        elif self._scope.coupons is not None and node.path[1] not in self._scope.coupons:
            near = get_close_matches(node.path[1], self._scope.coupons, 1)
            hint = f"did you mean '{near[0]}'?" if near else f"before this, give one: - coupon: {node.path[1]}"
            self._fault(node, f"a journey has no coupon '{node.path[1]}' here", hint)
        else:
            near = get_close_matches(node.path[2], COUPON_PARTS, 1)
            hint = f"did you mean '{near[0]}'?" if near else f"the parts are {parts}"
            self._fault(node, f"a coupon has no '{node.path[2]}'", hint)

    def _how(self, node: Name) -> str | None:
        if node.path[0] == "customer" and len(node.path) == 2:
            return f"an own field is declared in config/phin.yaml: fields: {{{node.path[1]}: text}}"
        if node.path[0] == "event" and len(node.path) == 2:
            for root in ("order", "customer"):  # what an event tells of these is no field of it
                if find_name((root, node.path[1]), self._vocabulary, self._scope) is not None:
                    return f"write '{root}.{node.path[1]}'"
        if node.path[0] == "event" and len(node.path) == 2 and self._scope.events:
            field = f"{{{self._scope.events[0]}: {{{node.path[1]}: text}}}}"
            return f"a field is declared in config/phin.yaml: events: {field}"
        return None

    def _one_of(self, group: str) -> str:
        examples = {"customer": "customer.name", "customer.address": "customer.address.city", "shop": "shop.name"}
        return examples.get(group) or {"order": "order.total", "event": "event.type", "journey": "journey.flow"}[group]

    def _call(self, node: Call) -> ValueType:
        try:
            asked = read_call(node)
        except ExpressionError as error:
            self._faults.append(error.fault)
            return FUNCTIONS[node.function].returns if node.function in FUNCTIONS else ValueType.ANY
        function = FUNCTIONS[node.function]
        in_journey = isinstance(asked, Did) and asked.within == "journey"
        if (function.journey or in_journey) and not self._scope.journey:
            self._fault(node, f"'{function.name}()' asks about a journey, and there is none here", _ABSENT["journey"])
        if isinstance(asked, Days):
            self._faults += moment_faults(self._side(asked.moment))
            if asked.until and isinstance(asked.moment, Name) and asked.moment.path == ("customer", "birthday"):
                self._fault(
                    node,
                    "'customer.birthday' is the day of birth, which is never to come",
                    _AGE,
                    Severity.WARNING,
                )
        else:
            self._asked(node, asked)
        return function.returns

    def _asked(self, node: Call, asked: Asked) -> None:
        match asked:
            case Did(event=name):
                hint = f"declare it in config/phin.yaml: events: {{{name}: {{}}}}"
                self._one_known(node, "event", name, self._vocabulary.events, hint)
            case Mailed(step=name):
                self._one_known(node, "step that sends", name, self._scope.steps, "name the step: 'name: …'")
            case Redeemed(coupon=name):
                self._one_known(node, "coupon", name, self._vocabulary.coupons, f"add a step: - coupon: {name}")
            case TaskDone(step=name):
                self._one_known(node, "task", name, self._scope.tasks, "name the step: 'name: …'")
            case InStock(what=what):
                self._faults += article_faults(self._side(what))
            case InFlow(flow=name):
                self._one_known(node, "flow", name, self._vocabulary.flows, None)
            case InSegment(segment=name):
                self._one_known(node, "segment", name, self._vocabulary.segments, "add it to config/segments.yaml")

    def _one_known(
        self, call: Call, what: str, name: str, known: Collection[str] | None, otherwise: str | None
    ) -> None:
        if known is None or name in known:
            return
        node = call.arguments[0] if call.arguments else call.named[0][1]
        near = get_close_matches(name, list(known), 1) if len(known) <= _MOST_COMPARED else []
        self._fault(node, f"there is no {what} '{name}'", f"did you mean '{near[0]}'?" if near else otherwise)

    def _side(self, node: Node) -> Side:
        kind = self.value(node)
        stored = kind is ValueType.TIME and isinstance(node, Name) and ".".join(node.path) not in NAMES
        return Side(node, kind, self._written(node), stored)

    def _everything(self) -> Scope:
        return Scope(self._scope.events or ("?",), True, True)

    def _written(self, node: Node) -> str:
        return self._expression.written(node)

    def _fault(self, node: Node, message: str, hint: str | None, severity: Severity = Severity.ERROR) -> None:
        self._faults.append(Fault(message, node.at, node.length, hint, severity))


def _type_of(value: str | int | float | bool | None) -> ValueType:
    if value is None:
        return ValueType.NOTHING
    if isinstance(value, bool):
        return ValueType.BOOLEAN
    return ValueType.TEXT if isinstance(value, str) else ValueType.NUMBER


def _negated(node: Node, negative: bool) -> Iterator[Node]:
    """Yield the calls that the condition wants not to hold."""
    if isinstance(node, Not):
        yield from _negated(node.operand, not negative)
    elif isinstance(node, And | Or):
        for operand in node.operands:
            yield from _negated(operand, negative)
    elif negative:
        yield node
