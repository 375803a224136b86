"""Delivery for tests: real templates and senders, with a transport that keeps what it is given or fails as told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.support.shop import Shop
from worker.delivery.preparing import Preparing
from worker.delivery.recovery import Recovered, Recovery
from worker.delivery.sender import Mailroom
from worker.delivery.sending import Sending
from worker.delivery.templates.library import TemplateLibrary
from worker.delivery.tokens import Tokens
from worker.delivery.transport import Answer, Journal, LeaseOver, Outcome, Outgoing, Transport
from worker.domain.work import Work

TEMPLATE = """---
subject: "{subject}"
---
<html><body><p>{text}</p><p><a href="https://shop.example/orders">link</a></p>
{{% if unsubscribe_url %}}<p><a href="{{{{ unsubscribe_url }}}}">stop</a></p>{{% endif %}}</body></html>
"""


class Died(BaseException):
    """Stands for the death of the process in the midst of a conversation."""


class Postbox:
    """A transport that keeps what it is given, answers as it is told, or dies.

    Parameters:
        outcomes: what becomes of each mail in turn, then all are taken. `Died` before its dot, a string after it.
        between: called before each mail.
    """

    def __init__(self, *outcomes: Outcome | type[Died] | str, between: Callable[[int], None] = lambda _: None) -> None:
        self.mails: list[Outgoing] = []
        self.outcomes = list(outcomes)
        self.between = between

    def send(self, mails: Sequence[Outgoing], journal: Journal) -> Iterator[Answer]:
        """Take the mails, or not."""
        over = False
        for mail in mails:
            self.between(mail.message)
            outcome = self.outcomes.pop(0) if self.outcomes else Outcome.ACCEPTED
            if outcome is Died:
                raise Died
            try:
                if not over:
                    journal.handing(mail.message)
            except LeaseOver:
                over = True
            if over:
                yield Answer(mail.message, Outcome.TEMPORARY, None, "the claim ran out")
                continue
            if outcome == "after the dot":
                self.mails.append(mail)
                raise Died
            assert isinstance(outcome, Outcome)
            if outcome is Outcome.ACCEPTED:
                self.mails.append(mail)
            code = {Outcome.ACCEPTED: 250, Outcome.TEMPORARY: 451, Outcome.REFUSED: 550}.get(outcome)
            answer = Answer(mail.message, outcome, code, "5.1.1 no such user" if code == 550 else "")
            journal.answered(answer)
            yield answer

    def close(self) -> None:
        """Close nothing."""


class Office:
    """The senders of one shop.

    Parameters:
        texts: body of each template by name; with `name.en` for another language than Vietnamese.
    """

    def __init__(self, shop: Shop, folder: Path, transport: Postbox | None = None, **texts: str) -> None:
        self.shop = shop
        self.folder = folder
        self.post = transport or Postbox()
        self.by_relay: Callable[[str], Transport] | None = None  # in place of the one
        self.lead = timedelta(0)  # by how much the machine's clock was moved
        templates = folder / "templates"
        templates.mkdir(parents=True, exist_ok=True)
        given = {"order-confirmation": "Cảm ơn {{ customer.name }}", "welcome": "Chào", "thank-you": "Cảm ơn"}
        for name, text in {**given, **{key.replace("_", "-"): body for key, body in texts.items()}}.items():
            file = TEMPLATE.format(subject=f"{name}: {{{{ customer.name | default('bạn') }}}}", text=text)
            (templates / f"{name}.vi.html").write_text(file, encoding="utf-8")
        self.library = TemplateLibrary(templates, shop.settings.shop, monotonic=lambda: 0.0)
        self.tokens = Tokens([b"a secret of forty characters for the tests"])
        self.sending = self._senders()

    def now(self) -> datetime:
        """Return the shop's time."""
        return self.shop.now

    def machine(self) -> datetime:
        """Return the machine's time."""
        return datetime.now(UTC) + self.lead

    def send(self, work: Work | None = None) -> Work:
        """Send these messages, or whatever is due."""
        return self.sending.run_due() if work is None else self.sending.run(work.messages)

    def restart(self) -> None:
        """Stand for a new process after the old one died."""
        self.sending.close()
        self.sending = self._senders()

    def recover(self) -> Recovered:
        """Look after what dead senders left."""
        recovery = Recovery(self.shop.database, self.folder / "journals", self.shop.settings.sending)
        return recovery.run(self.shop.now, self.machine())

    def _transport(self, relay: str) -> Transport:
        return self.post if self.by_relay is None else self.by_relay(relay)

    def _senders(self) -> Sending:
        preparing = Preparing(self.shop.settings, self.library, self.tokens)
        journals = self.folder / "journals"
        room = Mailroom(
            self.shop.database, self.shop.flowbook, preparing, self._transport, journals, self.shop.settings, self
        )
        return Sending(room)
