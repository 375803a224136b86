"""What is wrong with an expression: told to the person who wrote it, with its place in the text."""

from __future__ import annotations

from dataclasses import dataclass

from worker.domain.errors import PhinError, Severity


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of an expression or of a text with expressions.

    Parameters:
        message: one sentence without a full stop, lower case, the wrong text in single quotes.
        offset: characters before it in the text as it was given.
        length: characters that it covers, at least 1.
        hint: what to write instead, or None.
        severity: an error makes the text unusable; a warning says that it may surprise.
    """

    message: str
    offset: int
    length: int
    hint: str | None = None
    severity: Severity = Severity.ERROR

    def moved(self, by: int) -> Fault:
        """Return the same fault in a longer text, in which this one begins after `by` characters."""
        return Fault(self.message, self.offset + by, self.length, self.hint, self.severity)

    def __str__(self) -> str:
        return f"{self.message}; {self.hint}" if self.hint else self.message


class ExpressionError(PhinError):
    """An expression cannot be read; `fault` says what is wrong, where, and what to write instead."""

    def __init__(self, message: str, offset: int, length: int = 1, hint: str | None = None) -> None:
        self.fault = Fault(message, offset, max(1, length), hint)
        super().__init__(str(self.fault))

    @property
    def message(self) -> str:
        """What is wrong."""
        return self.fault.message

    @property
    def offset(self) -> int:
        """Characters before the wrong place."""
        return self.fault.offset

    @property
    def length(self) -> int:
        """Characters that are wrong, at least 1."""
        return self.fault.length

    @property
    def hint(self) -> str | None:
        """What to write instead, or None."""
        return self.fault.hint

    def moved(self, by: int) -> ExpressionError:
        """Return the same error in a longer text, in which this one begins after `by` characters."""
        return ExpressionError(self.message, self.offset + by, self.length, self.hint)
