"""What the tests of the language share: a flow that says everything, and short ways to read one."""

from __future__ import annotations

from worker.domain.conditions.vocabulary import Vocabulary
from worker.domain.errors import FileError, Problem
from worker.domain.flows import Flow
from worker.domain.settings import Settings
from worker.language.flow.flows import read_flow
from worker.language.sound.needs import Templates

VOCABULARY = Vocabulary.of(
    Settings.model_validate(
        {
            "fields": {
                "points": "number",
                "last_total": "number",
                "favourite": "text",
                "member": "boolean",
                "member_since": "date",
                "called_at": "time",
            },
            "events": {"tasting.booked": {"place": "text", "seats": "number"}},
            "topics": {"offers": {"vi": "Ưu đãi", "en": "Offers"}, "newsletter": {"vi": "Bản tin", "en": "Newsletter"}},
        }
    ),
    flows=["post-purchase", "welcome"],
)

FULL = """\
flow: post-purchase
title: {vi: Cảm ơn, en: Thank you}
kind: marketing
status: live
trigger: [purchase, {event: order.delivered, within: 2 days}]
when: order.total >= 300_000 and "arabica" in order.categories
once: per order
exit:
  - event: refund
    when: event.amount > 0
  - when: customer.orders_count >= 2
goal: {event: purchase, within: 14 days, when: order.total > 0}
steps:
  - send: thank-you
    subject: {vi: "Cảm ơn {{ customer.name }}", en: "Thank you, {{ customer.name }}"}
    from: Lan of The Coffee
    with: {percent: 10%, hello: "Chào {{ customer.first_name }}!"}
    expires: 2 days
    kind: marketing
  - wait: 7 days
    at: "10:30"
    on: [mon, fri]
  - split:
      plain:
        weight: 1
        then: []
      bold:
        weight: 2
        then:
          - send: review-invite
            name: bold-invite
  - wait: 3 days
    name: patience
    until: clicked("bold-invite")
  - if: customer.tracking and not clicked("bold-invite")
    then:
      - send: review-invite
        name: second-invite
    else:
      - wait: 1 hour
      - exit: has clicked
  - wait: 2 weeks
"""

EVERY_VERB = """\
flow: post-purchase
trigger: purchase
again: restart
goal: {event: purchase, within: 14 days}
holdout: 12.5%
steps:
  - choose:
      - when: order.total >= 1_000_000
        then:
          - coupon: thanks
            percent: 10%
            expires: 30 days
            prefix: VIP
      - when: order.total >= 500_000
        then: []
    else:
      - coupon: thanks
        amount: 50_000
        name: small
  - set: {favourite: "{{ customer.first_name }}", points: -1_000, member: no, called_at: "{{ now }}"}
  - add: {points: 2.5}
  - tag: coffee-club
  - untag: [Khách mới, trial]
  - suppress: asked for a rest
  - emit: tasting.booked
    with: {place: "Hà Nội {{ order.number }}", seats: 2}
  - webhook: https://example.com:8443/hooks?shop=1
    with: {order: "{{ order.number }}", code: "{{ coupons.thanks.code }}"}
"""


def flow_of(text: str, *, file: str = "flows/post-purchase.yaml", templates: Templates | None = None) -> Flow:
    """Read a flow that has no errors."""
    return read_flow(text, file, VOCABULARY, templates)[0]


def problems_of(
    text: str, *, file: str = "flows/post-purchase.yaml", templates: Templates | None = None
) -> tuple[Problem, ...]:
    """Return everything that is wrong with a flow's text."""
    try:
        return read_flow(text, file, VOCABULARY, templates)[1]
    except FileError as error:
        return error.problems


def told(text: str, *, file: str = "flows/post-purchase.yaml", templates: Templates | None = None) -> list[str]:
    """Return the problems of a flow's text as `line:column: severity: message; hint`."""
    return [
        f"{problem.place.line}:{problem.place.column}: {problem.severity.value}: {problem.message}"
        + (f"; {problem.hint}" if problem.hint else "")
        for problem in problems_of(text, file=file, templates=templates)
    ]


def with_line(line: str) -> str:
    """Return a small flow with one more line at its end, at the top level."""
    return f"flow: post-purchase\ntrigger: purchase\nsteps:\n  - send: welcome\n{line}\n"


def with_step(step: str) -> str:
    """Return a small flow with one more step, whose lines stand as given."""
    return f"flow: post-purchase\ntrigger: purchase\nsteps:\n  - send: welcome\n{step}\n"
