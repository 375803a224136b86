"""The occasion of a mail: the flow and the step that send it, which say what it is about and give it values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from worker.domain.errors import PhinError
from worker.domain.flows import Flow
from worker.domain.house_events import HOUSE_EVENTS
from worker.domain.messages import Kind
from worker.domain.steps import Send, walk
from worker.domain.triggers import ORDER_DATES as DATES_OF_AN_ORDER
from worker.domain.triggers import DateTrigger, EventTrigger
from worker.language.yaml.suggestions import did_you_mean


@dataclass(frozen=True, slots=True)
class Occasion:
    """A flow's step that sends a template."""

    flow: Flow
    step: Send

    @property
    def kind(self) -> Kind:
        """What the mail is for."""
        return Kind.TRANSACTIONAL if self.step.to is not None else self.step.kind or self.flow.kind

    @property
    def event(self) -> str | None:
        """The type of the event that starts the flow; None where none does."""
        return next((one.event for one in self.flow.triggers if isinstance(one, EventTrigger)), None)

    @property
    def about_order(self) -> bool:
        """Whether its journeys are about an order."""
        return any(
            one.event in HOUSE_EVENTS and HOUSE_EVENTS[one.event].order
            if isinstance(one, EventTrigger)
            else isinstance(one, DateTrigger) and one.field in DATES_OF_AN_ORDER
            for one in self.flow.triggers
        )

    def __str__(self) -> str:
        return f"{self.flow.name}, step {self.step.name}"


def occasion_of(
    flows: Mapping[str, Flow], template: str, flow: str | None = None, step: str | None = None
) -> Occasion | None:
    """Return the step that sends a template: the named one, else the first of the flows that does; None without any.

    Raises:
        PhinError: there is no such flow or step, or it sends another template.
    """
    if flow is None and step is not None:
        raise PhinError(f"of which flow is the step '{step}'? name it by --flow")
    if flow is not None and flow not in flows:
        hint = did_you_mean(flow, flows) or f"there are: {', '.join(sorted(flows)) or 'none'}"
        raise PhinError(f"there is no flow '{flow}' that can be used; {hint}")
    looked_at = [flows[name] for name in sorted(flows)] if flow is None else [flows[flow]]
    sends = [Occasion(one, send) for one in looked_at for send in _sends(one)]
    if step is not None:
        named = [one for one in sends if one.step.name == step]
        if not named:
            names = [one.step.name for one in sends]
            hint = did_you_mean(step, names) or f"there are: {', '.join(names) or 'none'}"
            raise PhinError(f"'{flow}' has no step '{step}' that sends a mail; {hint}")
        sends = named
    fitting = [one for one in sends if one.step.template == template]
    if not fitting and flow is not None:
        told = ", ".join(dict.fromkeys(one.step.template for one in sends)) or "none"
        where = f"step '{step}' of '{flow}'" if step is not None else f"'{flow}'"
        raise PhinError(f"{where} does not send '{template}'; it sends: {told}")
    return fitting[0] if fitting else None


def _sends(flow: Flow) -> Iterator[Send]:
    yield from (step for step in walk(flow.steps) if isinstance(step, Send))
