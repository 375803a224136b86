"""What a template or a text shows, held against what its flow has: a mail that can never be made is told before."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterator, Mapping

from worker.domain.conditions.faults import Fault
from worker.domain.conditions.tree import Expression, Name, Node, walk
from worker.domain.conditions.vocabulary import Scope, Vocabulary
from worker.domain.errors import Severity
from worker.domain.house_events import EVENT_ITSELF, HOUSE_EVENTS
from worker.domain.texts import Text
from worker.language.yaml.nodes import Scalar
from worker.language.yaml.source import Report
from worker.language.yaml.suggestions import listed

Templates = Mapping[str, Collection[str]]
"""The templates there are, each with what its mails need: `order`, `event.FIELD`, `coupons.NAME`, values of `with:`."""

_GUARD = "send another template, or let this one ask '{{% if {name} is defined %}}'"
_BRANCH = "put what shows it into a branch: if: {name} is not none, or into a template, which can ask for it"


def text_faults(text: Text, vocabulary: Vocabulary, scope: Scope, asked: Container[str]) -> Iterator[Fault]:
    """Yield a warning for each name in a text that some of the flow's events come without: its place is left empty.

    Parameters:
        scope: the flow's events.
        asked: `order` and `event`, where a condition on the way to the text asked for them.
    """
    if "?" in scope.events:
        return
    told: set[str] = set()
    for part in text.parts:
        if not isinstance(part, Expression):
            continue
        for node in walk(part.tree):
            if not isinstance(node, Name) or node.path[0] in asked or ".".join(node.path) in told:
                continue
            name = ".".join(node.path)
            lacking = _lacking(node.path, vocabulary, scope)
            if lacking and (len(lacking) < len(scope.events) or node.path[0] == "order"):
                told.add(name)
                message = f"'{name}' is empty where {listed(lacking)} comes without it"
                hint = _BRANCH.format(name=name)
                yield Fault(message, part.offset + node.at, node.length, hint, Severity.WARNING)


def asked_in(tree: Node) -> frozenset[str]:
    """Return which of `order` and `event` a condition asks for: where it was asked, the author has them in mind."""
    return frozenset(node.path[0] for node in walk(tree) if isinstance(node, Name)) & {"order", "event"}


def _lacking(path: tuple[str, ...], vocabulary: Vocabulary, scope: Scope) -> list[str]:
    """Return which of the flow's events may come without what a name stands for."""
    if path[0] == "order":
        return [*_orderless(scope), *_unsure(scope)]
    if path[0] == "event" and len(path) > 1 and path[1] not in EVENT_ITSELF:
        return [one for one in scope.events if path[1] not in vocabulary.events.get(one, path)]
    return []


def _orderless(scope: Scope) -> list[str]:
    return [one for one in scope.events if one in HOUSE_EVENTS and not HOUSE_EVENTS[one].order]


def _unsure(scope: Scope) -> list[str]:
    return [one for one in scope.events if one not in HOUSE_EVENTS]


def check_needs(
    report: Report,
    template: Scalar,
    needs: Collection[str],
    given: Collection[str],
    scope: Scope,
    vocabulary: Vocabulary,
    coupons: Container[str] = (),
) -> None:
    """Report what the template shows and the send cannot give: an error where it never can, a warning where it may.

    Values that the step should give are one problem, however many are missing: one line mends them all.

    Parameters:
        template: the template's name where it is sent.
        needs: `order`, `event.FIELD`, `coupons.NAME`, and the names of the values that the template wants from `with:`.
        given: names of the values that the step gives.
        scope: the flow's events.
        coupons: names of the coupons that a journey may have by then.
    """
    missing = []
    for need in sorted(needs):
        if need == "order":
            _check_order(report, template, scope)
        elif need.startswith("event."):
            _check_field(report, template, need, scope, vocabulary)
        elif need.startswith("coupons."):
            _check_coupon(report, template, need.removeprefix("coupons."), coupons)
        elif need not in given:
            missing.append(need)
    if missing:
        message = f"the template '{template.text}' shows {listed(missing, 'and')}, which this step does not give it"
        report.error(template, message, _give(missing, given))


def _give(missing: Collection[str], given: Collection[str]) -> str:
    """Return what to write so that the step gives the missing values, beside those that it gives."""
    values = ", ".join(f"{one}: …" for one in missing)
    return f"add to 'with' of the step: {values}" if given else f"add to the step: with: {{{values}}}"


def _check_order(report: Report, template: Scalar, scope: Scope) -> None:
    without, unsure = _orderless(scope), _unsure(scope)
    hint = _GUARD.format(name="order")
    if not scope.order:
        starts = listed(without, "and") or "what starts the flow"
        message = f"the template '{template.text}' shows 'order', and {starts} tells of no order"
        report.error(template, message, hint)
    elif without or unsure:
        message = f"the template '{template.text}' shows 'order', which {listed([*without, *unsure])} may come without"
        report.warning(template, message, hint)


def _check_coupon(report: Report, template: Scalar, coupon: str, coupons: Container[str]) -> None:
    if coupon not in coupons:
        name = f"coupons.{coupon}"
        message = f"the template '{template.text}' shows '{name}', and no step before this one gives such a coupon"
        report.error(template, message, f"add a step before: - coupon: {coupon}; or {_GUARD.format(name=name)}")


def _check_field(report: Report, template: Scalar, need: str, scope: Scope, vocabulary: Vocabulary) -> None:
    field = need.removeprefix("event.")
    if field in EVENT_ITSELF:
        return
    known = [one for one in scope.events if field in vocabulary.events.get(one, {}) or one not in vocabulary.events]
    hint = _GUARD.format(name=need)
    if not known:
        events = listed(scope.events, "and")
        message = f"the template '{template.text}' shows '{need}', and {events} has no '{field}'"
        report.error(template, message, f"declare it in config/phin.yaml, or {hint}")
    elif len(known) < len(scope.events):
        others = listed([one for one in scope.events if one not in known])
        report.warning(template, f"the template '{template.text}' shows '{need}', which {others} comes without", hint)
