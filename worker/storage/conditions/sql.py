"""Conditions read as SQL: what stands in a WHERE finds the same customers as reading each one's facts would."""

from __future__ import annotations

from sqlalchemy import Boolean, Date, Double, and_, false, func, literal, literal_column, not_, or_
from sqlalchemy import Text as SqlText

from worker.domain.conditions.calls import (
    Bought,
    Days,
    Did,
    InFlow,
    InSegment,
    InStock,
    Mailed,
    OpenRequest,
    Ordered,
    Question,
    Redeemed,
    TaskDone,
    read_call,
)
from worker.domain.conditions.readings import date_of, number_of, time_of, written_time
from worker.domain.conditions.tree import (
    And,
    Arithmetic,
    Call,
    Compare,
    Comparison,
    In,
    Is,
    ListOf,
    Literal,
    Name,
    Negative,
    Node,
    Not,
    Operator,
    Or,
)
from worker.domain.zones import zone_of
from worker.storage.conditions.context import SqlContext
from worker.storage.conditions.functions import (
    bought,
    did,
    in_flow,
    in_stock,
    mailed,
    open_request,
    ordered,
    redeemed,
    task_done,
)
from worker.storage.conditions.names import MISSING, name_in, today
from worker.storage.conditions.quantities import COMPARE, Condition, Quantity, Sql, decided, either, number
from worker.storage.types import Instant


def to_sql(node: Node, context: SqlContext) -> Condition:
    """Return a condition's tree as SQL for a WHERE: true where the condition holds, else false or NULL.

    Raises:
        ExpressionError: a name or a call is not known, which the check would have told.
    """
    return _Reader(context).condition(node)


class _Reader:
    """Turns nodes into SQL in one context."""

    def __init__(self, context: SqlContext) -> None:
        self._context = context
        self._words = context.words

    def condition(self, node: Node) -> Condition:
        """Return whether a node holds: true, else false or NULL, so that a plain comparison can use an index."""
        match node:
            case And(operands=operands):
                return and_(*(self.condition(operand) for operand in operands))
            case Or(operands=operands):
                return or_(*(self.condition(operand) for operand in operands))
            case Not(operand=operand):
                return not_(decided(self.condition(operand)))
            case Compare(operator=operator, left=left, right=right):
                return self._compare(operator, self.value(left), self.value(right))
            case In():
                return self._contains(node)
            case Is(operand=operand):
                there = decided(self.value(operand).there())
                return there if (node.test == "defined") != node.negated else not_(there)
            case Call():
                asked = read_call(node)
                return self._days(asked).holds() if isinstance(asked, Days) else self._answer(asked)
        return self.value(node).holds()

    def value(self, node: Node) -> Quantity:
        """Return what a node is, by the kinds that it may be of."""
        match node:
            case Literal():
                return _literal(node)
            case Name():
                return name_in(node, self._context)
            case Call():
                asked = read_call(node)
                if isinstance(asked, Days):
                    return self._days(asked)
                return Quantity(boolean=decided(self._answer(asked)))
            case Negative(operand=operand):
                negated = self.value(operand).number
                return MISSING if negated is None else Quantity(number=number(0) - negated)
            case Arithmetic(operator=operator, left=left, right=right):
                one, other = self.value(left).number, self.value(right).number
                if one is None or other is None:
                    return MISSING
                return Quantity(number=_calculated(operator, one, other))
        return Quantity(boolean=decided(self.condition(node)))

    def _answer(self, asked: Question) -> Condition:
        match asked:
            case Bought():
                return bought(asked, self._context)
            case Did():
                return did(asked, self._context)
            case Mailed():
                return mailed(asked, self._context)
            case Ordered():
                return ordered(self._context)
            case Redeemed():
                return redeemed(asked, self._context)
            case TaskDone():
                return task_done(asked, self._context)
            case OpenRequest():
                return open_request(self._context)
            case InStock(what=what):
                return in_stock(self.value(what))
            case InFlow():
                return in_flow(asked, self._context)
            case InSegment(segment=segment):
                return self._in_segment(segment)

    def _days(self, asked: Days) -> Quantity:
        days = self._days_since(self.value(asked.moment))
        if days is None:
            return MISSING
        return Quantity(number=number(0) - days if asked.until else days)

    def _in_segment(self, segment: str) -> Condition:
        context = self._context
        if segment in context.inside or segment not in context.segments:
            return false()
        return _Reader(context.within(segment)).condition(context.segments[segment].tree)

    def _days_since(self, moment: Quantity) -> Sql | None:
        """Return periods of 24 hours since a time, or days of the calendar since a date."""
        date, time = moment.date, moment.time
        if moment.fixed is not None:
            day, instant = date_of(moment.fixed), time_of(moment.fixed)
            date = literal(day, Date()) if day is not None else None
            time = literal(instant, Instant()) if instant is not None else None
        elif moment.text is not None:
            date, time = self._words.date_of(moment.text), self._words.time_of(moment.text)
        found: list[Sql] = []
        if date is not None:
            found.append(self._words.days_between(today(self._context), date))
        if time is not None:
            found.append(self._words.days_passed(self._context.now, time))
        return found[0] if len(found) == 1 else func.coalesce(*found, type_=Double()) if found else None

    def _compare(self, operator: Comparison, left: Quantity, right: Quantity) -> Condition:
        """Compare two values, kind by kind: only those of one kind compare, and a text beside a date is read as one."""
        compare = COMPARE[operator]
        found: list[Condition] = []
        if left.number is not None and right.number is not None:
            found.append(compare(left.number, right.number))
        if left.boolean is not None and right.boolean is not None and operator in ("==", "!="):
            found.append(compare(left.boolean, right.boolean))
        if left.text is not None and right.text is not None:
            ordered_text = left.text if operator in ("==", "!=") else self._words.in_order(left.text)
            found.append(compare(ordered_text, right.text))
        for native in ("date", "time"):
            if getattr(left, native) is not None or getattr(right, native) is not None:
                read = self._as_date if native == "date" else self._as_time
                one, other = read(left), read(right)
                if one is not None and other is not None:
                    found.append(compare(one, other))
        return either(*found)

    def _contains(self, node: In) -> Condition:
        item = self.value(node.item)
        if isinstance(node.container, ListOf):
            values = [self.value(one) for one in node.container.items]
            held = either(*(self._compare("==", item, one) for one in values))
            return and_(item.one_there(), not_(decided(held))) if node.negated else held
        container = self.value(node.container)
        found: list[Condition] = []
        if container.text is not None and item.text is not None:
            part = self._words.part_of(container.text, item.text)
            found.append(not_(part) if node.negated else part)
        if container.items is not None:
            held = container.items.hold(item)
            found.append(and_(container.items.there, item.one_there(), not_(held)) if node.negated else held)
        return either(*found)

    def _as_date(self, value: Quantity) -> Sql | None:
        if value.date is not None or value.text is None:
            return value.date
        if value.fixed is None:
            return self._words.date_of(value.text)
        day = date_of(value.fixed)
        return None if day is None else literal(day, Date())

    def _as_time(self, value: Quantity) -> Sql | None:
        if value.time is not None or value.text is None:
            return value.time
        if value.fixed is None:
            return self._words.time_of(value.text)
        zone = zone_of(None, self._context.shop.timezone)
        moment = written_time(value.fixed, zone) if value.written else time_of(value.fixed)
        return None if moment is None else literal(moment, Instant())


def _literal(node: Literal) -> Quantity:
    if node.value is None:
        return MISSING
    if isinstance(node.value, str):
        return Quantity(text=literal(node.value, SqlText()), fixed=node.value, written=True)
    if isinstance(node.value, bool):
        return Quantity(boolean=literal(node.value, Boolean()))
    fits = number_of(node.value)
    return MISSING if fits is None else Quantity(number=number(fits))


def _calculated(operator: Operator, left: Sql, right: Sql) -> Sql:
    """Calculate in doubles; what is divided by 0 is missing, `//` and `%` go by the floor."""
    match operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
    divided = left / func.nullif(right, literal_column("0"), type_=Double())
    if operator == "/":
        return divided
    # The floor, by way of ceil(): on SQLite, SQLAlchemy puts a floor() of its own that fails on NULL.
    floored: Sql = number(0) - func.ceil(number(0) - divided, type_=Double())
    return floored if operator == "//" else left - right * floored
