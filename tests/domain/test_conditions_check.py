"""The check of conditions: what cannot be, is told where it stands, with what to write instead."""

from __future__ import annotations

import pytest
from hypothesis import given

from tests.support.condition_facts import ENTRY, FACTS, JOURNEY, SETTINGS, VOCABULARY
from tests.support.condition_trees import conditions
from tests.support.condition_writing import written
from worker.domain.conditions.catalogue import FUNCTIONS, NAMES
from worker.domain.conditions.check import check, check_text
from worker.domain.conditions.faults import Fault
from worker.domain.conditions.tree import Node
from worker.domain.conditions.values import Reading
from worker.domain.conditions.valuetypes import ValueType
from worker.domain.conditions.vocabulary import SEGMENT, Scope, Vocabulary, names_in
from worker.domain.errors import Severity
from worker.domain.house_events import HOUSE_EVENTS
from worker.language.expressions.expressions import parse_expression, parse_text


def faults(text: str, scope: Scope = JOURNEY, vocabulary: Vocabulary = VOCABULARY) -> tuple[Fault, ...]:
    return check(parse_expression(text), vocabulary, scope)


@pytest.mark.parametrize(
    ("text", "wrong", "message", "hint"),
    [
        ("order.totl >= 300_000", "order.totl", "'order.totl' is not known", "did you mean 'order.total'?"),
        ("total > 3", "total", "'total' is not known", "did you mean 'order.total'?"),
        ('customer.teir == "x"', "customer.teir", "'customer.teir' is not known", "did you mean 'customer.tier'?"),
        ("event.scor > 3", "event.scor", "'event.scor' is not known", "events: {purchase: {scor: text}}"),
        ("event.chanel", "event.chanel", "'event.chanel' is not known", "did you mean 'event.channel'?"),
        ("event.total > 3", "event.total", "'event.total' is not known", "write 'order.total'"),
        ("event.email", "event.email", "'event.email' is not known", "write 'customer.email'"),
        ("customer.shoe_size", "customer.shoe_size", "is not known", "fields: {shoe_size: text}"),
        ("customer", "customer", "'customer' is a group of values", "'customer.name'"),
        ("order.lines", "order.lines", "is for templates", "order.skus"),
        ("ordered", "ordered", "'ordered' is a function", "ordered()"),
        ("now() == 1", "now()", "'now' is no function", "without brackets"),
        ("customer.orders > 1", "customer.orders", "is not known", "did you mean 'customer.orders_count'?"),
        ("ordred()", "ordred", "'ordred()' is not known", "did you mean 'ordered()'?"),
        ('sent("thank-yu")', '"thank-yu"', "no step that sends 'thank-yu'", "did you mean 'thank-you'?"),
        ('did("purchse")', '"purchse"', "no event 'purchse'", "did you mean 'purchase'?"),
        ('did("skydive")', '"skydive"', "no event 'skydive'", "events: {skydive: {}}"),
        ('in_flow("welcom")', '"welcom"', "no flow 'welcom'", "did you mean 'welcome'?"),
        ('in_segment("loyl")', '"loyl"', "no segment 'loyl'", "did you mean 'loyal'?"),
        ('bought("a", wihtin="1 day")', '"1 day"', "no argument 'wihtin'", "did you mean 'within'?"),
        ('bought("a", within="1 dya")', '"1 dya"', "'1 dya' is no duration", "did you mean '1 day'?"),
        ('did("purchase", within="90 dayz")', '"90 dayz"', "'90 dayz' is no duration", "did you mean '90 days'?"),
        ('did("purchase", within="2 tuần")', '"2 tuần"', "'2 tuần' is no duration", "did you mean '2 weeks'?"),
        ('bought("a", within="a while")', '"a while"', "'a while' is no duration", "90 days"),
        ('bought("a", within="-1 day")', '"-1 day"', "no time to look back", "from 1 minute"),
        ('bought("a", within="99999999999 years")', '"99999999999 years"', "no time to look back", "100 years"),
        ('bought("a", within=7)', "7", "takes a duration", "for example"),
        ('bought("a", at_least=0)', "0", "takes a whole number from 1", "for example"),
        ("bought(order.number)", "order.number", "takes a text in quotes", "for example"),
        ('bought("a", "b")', '"b"', "takes no such argument", "within="),
        ('sent(step="welcome", step="welcome")', '"welcome"', "'step' is given twice", "leave one out"),
        ("bought()", "bought()", "needs a text", "for example"),
        ("days_since(customer.name) > 1", "customer.name", "'customer.name' is a text", None),
        ('days_since("soon") > 1', '"soon"', "'soon' is no time", "2027-03-01"),
        ('order.total >= "x"', '"x"', "'order.total' is a number and \"x\" is a text", "without quotes"),
        ('order.total >= "300000"', '"300000"', "is a text", "write 300000 without quotes"),
        ('customer.consent == "true"', '"true"', "is a text", "true or false without quotes"),
        ("customer.tier == 3", "3", "'customer.tier' is a text and 3 is a number", "never equal"),
        ("customer.vip < true", "customer.vip < true", "have no order", "== or !="),
        ("customer.birthday == none", "customer.birthday == none", "never true", "customer.birthday is none"),
        ("customer.birthday != none", "customer.birthday != none", "never true", "customer.birthday is not none"),
        ("customer.birthday < now", "now", "is a date and 'now' is a time", "days_since(now)"),
        ('today == "2027-02-30"', '"2027-02-30"', "'2027-02-30' is no date", "2027-03-01"),
        ("customer.seen < customer.left", "customer.left", "cannot be compared", "days_since(customer.seen)"),
        ("order.skus == 1", "order.skus", "is a list, which cannot be compared", "ask with 'in'"),
        ('"a" in order.total', "order.total", "is a number, and holds nothing", None),
        ("3 in order.skus", "3", "is a list of texts", None),
        ("order.skus in customer.tags", "order.skus", "is a list, and cannot be in one", "ask for each"),
        ("customer.name in []", "[]", "the list is empty", None),
        ('order.total in [1, "2"]', '"2"', "is a text", "write 2 without quotes"),
        ("none in customer.tags", "none", "none is in nothing", "is none"),
        ('["a"]', '["a"]', "can only stand after 'in'", "customer.name in"),
        ("order.total / 0 > 1", "0", "nothing can be divided by 0", None),
        ("customer.name + 1 > 1", "customer.name", "cannot be counted with", "{{ a }} {{ b }}"),
        ("today - 1 == 1", "today", "cannot be counted with", "days_since(today)"),
        ("true", "true", "is always the same", None),
        ('order.total > 1 and "a" == "b"', '"a" == "b"', "is always the same", None),
        ("order.total == order.total", "order.total == order.total", "is compared with itself", None),
    ],
)
def test_a_fault_tells_place_and_remedy(text: str, wrong: str, message: str, hint: str | None) -> None:
    """Given a condition that cannot be meant, then one error underlines the wrong part and says what to do."""
    (fault,) = faults(text)
    assert fault.severity is Severity.ERROR
    assert text[fault.offset : fault.offset + fault.length] == wrong
    assert message in fault.message
    assert hint is None or (fault.hint is not None and hint in fault.hint)


def test_every_fault_is_told_in_the_order_of_the_text() -> None:
    """Given several faults, then all are told."""
    found = faults('customer.nme == 1 and bough("x") and order.totl > 3')
    assert [fault.message for fault in found] == [
        "'customer.nme' is not known",
        "'bough()' is not known",
        "'order.totl' is not known",
    ]


@pytest.mark.parametrize(
    ("text", "scope", "says"),
    [
        ('journey.flow == "a"', ENTRY, "there is no journey here"),
        ('clicked("thank-you")', ENTRY, "there is none here"),
        ('did("purchase", within="journey")', ENTRY, "there is none here"),
        ("order.total > 1", SEGMENT, "there is no order here"),
        ("event.channel", SEGMENT, "there is no event here"),
        ("order.total > 1", Scope.of_events(["signup"], journey=True), "there is no order here"),
    ],
)
def test_what_is_not_there_is_told(text: str, scope: Scope, says: str) -> None:
    """Given a name of what the place does not have, then the check says so, and not that the name is unknown."""
    (fault,) = faults(text, scope)
    assert says in fault.message


@pytest.mark.parametrize(
    "text",
    [
        'order.total >= 300_000 and "arabica" in order.categories',
        'event.channel == "web" or event.gift',
        'customer.last_order_at >= "2027-01-01" and today < "2027-03-08" and customer.wedding == today',
        'customer.seen < "2027-03-01T14:00:00+07:00" and days_since(customer.seen) > days_since(customer.left)',
        'customer.tier in ["gold", "silver"] and order.total not in [1, customer.points]',
        "customer.tags and not customer.phone and customer.birthday",
        'did("quiz.done", within="journey") and in_flow("welcome") and in_segment("loyal")',
        'customer.tracking and not clicked("thank-you")',
        "(order.total > 3) == customer.vip",
        'customer.address.city == "Huế" and customer.address.ward_code == "x"',
        "1 < order.total < 5",
    ],
)
def test_what_can_be_meant_has_no_fault(text: str) -> None:
    """Given a sound condition, then the check is silent."""
    assert faults(text) == ()


def test_fields_of_events_that_nobody_declared_may_be_anything() -> None:
    """Given an event of a type that is not known, then its fields are taken as they come, and it may carry an order."""
    scope = Scope.of_events(["bicycle.repaired"], journey=False)
    assert faults("event.price > 3 and event.part.name == 'chain' and order.total > 1", scope) == ()
    assert faults("event.price.deep > 3", Scope.of_events(["quiz.done"], journey=False)) != ()


def test_of_several_events_a_field_may_be_of_any_that_has_it() -> None:
    """Given two triggers, then a field of either is known; of different types, it is of any."""
    scope = Scope.of_events(["purchase", "quiz.done", "product.viewed"], journey=False)
    assert faults("event.score > 3 and event.gift", scope) == ()
    clash = Vocabulary.of(SETTINGS.model_copy(update={"events": {"a": {"x": "text"}, "b": {"x": "number"}}}))
    both = Scope.of_events(["a", "b"], journey=False)
    assert faults('event.x == 1 or event.x == "1"', both, clash) == ()
    assert faults('event.x == 1 or event.x == "1"', Scope.of_events(["a"], journey=False), clash) != ()


@pytest.mark.parametrize(
    ("text", "warned"),
    [
        ('not clicked("thank-you")', True),
        ('not (order.total > 1 and opened("thank-you"))', True),
        ('not (not clicked("thank-you"))', False),
        ('clicked("thank-you")', False),
        ('customer.tracking and not clicked("thank-you")', False),
        ('not sent("thank-you")', False),
    ],
)
def test_a_negated_click_without_asking_for_tracking_is_warned_of(text: str, warned: bool) -> None:
    """Given `not clicked(…)`, then a warning says whom else it holds for, unless customer.tracking is asked."""
    found = faults(text)
    assert [fault.severity for fault in found] == ([Severity.WARNING] if warned else [])


def test_days_until_a_birth_are_warned_of() -> None:
    """Given days_until(customer.birthday), which looks like the next birthday, then a warning says what it is."""
    (fault,) = faults("days_until(customer.birthday) == 3")
    assert fault.severity is Severity.WARNING
    assert faults("days_since(customer.birthday) > 6_570") == ()


@pytest.mark.parametrize(
    ("text", "warned"),
    [
        ("customer.birthday == today", True),
        ("not today == customer.birthday", True),
        ('customer.birthday == "1990-03-01"', False),
        ("customer.birthday < today", False),
        ("customer.created_at is defined and today == '2027-03-08'", False),
    ],
)
def test_a_birth_that_is_today_is_warned_of(text: str, warned: bool) -> None:
    """Given customer.birthday == today, which looks like a birthday, then a warning says on which day it holds."""
    assert [fault.severity for fault in faults(text)] == ([Severity.WARNING] if warned else [])


def test_an_unusual_part_of_an_address_is_a_warning() -> None:
    """Given a part of an address close to a usual one, then the check asks whether that was meant."""
    (fault,) = faults('customer.address.cty == "Huế"')
    assert (fault.severity, fault.hint) == (Severity.WARNING, "did you mean 'customer.address.city'?")


def test_faults_of_a_text_have_their_place_in_the_whole() -> None:
    """Given a text with a wrong name, then the place is one in the text, and a value of any type is fine."""
    text = "Gọi {{ customer.nme }} về {{ order.number }} {{ customer.tags }} {{ order.total / 2 }} {{ 1 }}"
    (fault,) = check_text(parse_text(text), VOCABULARY, JOURNEY)
    assert text[fault.offset : fault.offset + fault.length] == "customer.nme"
    assert fault.hint == "did you mean 'customer.name'?"


def test_own_fields_do_not_hide_the_houses() -> None:
    """Given an own field called like one of the house's, then the house's is meant."""
    vocabulary = Vocabulary(fields={"name": ValueType.NUMBER})
    assert faults('customer.name == "Lan"', SEGMENT, vocabulary) == ()


def test_the_catalogue_is_complete() -> None:
    """Given every name and function of the catalogue, then its example or itself is a sound expression."""
    everywhere = Scope(("purchase",), True, True)
    for name in names_in(VOCABULARY, everywhere):
        assert faults(f"{name} is defined", everywhere) == ()
    for function in FUNCTIONS.values():
        assert faults(function.example, everywhere) == (), function.name
    for event in HOUSE_EVENTS:
        for name in names_in(VOCABULARY, Scope.of_events([event], journey=False)):
            assert faults(f"{name} is defined", Scope.of_events([event], journey=False)) == ()
    assert all(known.about for known in NAMES.values())


@given(conditions())
def test_any_tree_can_be_checked_and_read(tree: Node) -> None:
    """Given any tree, then the check ends with faults within the text, and both reading and explaining work."""
    expression = parse_expression(written(tree))
    for fault in check(expression, VOCABULARY, JOURNEY):
        assert 0 <= fault.offset < fault.offset + fault.length <= len(expression.text)
    reading = Reading()
    held = reading.holds(expression, FACTS)
    assert held == (not reading.holds(parse_expression(f"not ({expression.text})"), FACTS))
    assert all(part["text"] in expression.text for part in reading.explain(expression, FACTS))
