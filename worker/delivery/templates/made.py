"""What is made of a template's files: plain data, the same for everyone, which may be kept and read again."""

from __future__ import annotations

from dataclasses import dataclass

from worker.delivery.templates.attached import Attached
from worker.delivery.templates.links import Link
from worker.domain.errors import Problem


@dataclass(frozen=True, slots=True)
class Text:
    """One text of a template.

    Parameters:
        source: what everybody gets, or Jinja whose tags begin with the numbers of their lines.
        jinja: which of the two it is.
        html: whether what is shown is escaped for HTML.
        first: the number of its first `| link`, where it is a text of the author's own; else 0.
    """

    source: str
    jinja: bool = False
    html: bool = False
    first: int = 0


@dataclass(frozen=True, slots=True)
class Made:
    """One template in one language: flattened, inlined and checked, ready for Jinja.

    Parameters:
        name, language, hash, links, problems, values, needs: see `CompiledTemplate`.
        files: those that it is made of, in the order of reading; their lines are counted on from one to the next.
        missing: those that were looked for and are not there.
        text: None where the text is made from each mail's HTML.
        own_text: whether the author wrote the text, so that its lines are kept.
        inlined: whether the CSS is in the elements already.
        attached: the files that go with each mail.
    """

    name: str
    language: str
    hash: str
    files: tuple[str, ...]
    missing: tuple[str, ...]
    links: tuple[Link, ...]
    problems: tuple[Problem, ...]
    values: tuple[str, ...]
    needs: tuple[str, ...]
    subject: Text
    preheader: Text
    from_name: Text
    from_email: Text
    reply_to: Text
    html: Text
    text: Text | None
    own_text: bool
    inlined: bool
    attached: tuple[Attached, ...] = ()

    @property
    def texts(self) -> tuple[Text, ...]:
        """All texts that a mail is rendered from."""
        head = (self.subject, self.preheader, self.from_name, self.from_email, self.reply_to)
        return (*head, self.html) if self.text is None else (*head, self.html, self.text)
