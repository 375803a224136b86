"""What can be wrong with a template, told with its file, line and source line."""

from __future__ import annotations

from worker.domain.errors import PhinError, Place, Problem, Severity


class TemplateError(PhinError):
    """A template cannot be read, or cannot be rendered for one customer.

    Parameters:
        file: the file as its author knows it, relative to the folder of templates.
        line: counted from 1; 0 where the whole file is meant.
        message: one sentence without a full stop.
        source_line: the line of the file, or None.
        column: counted from 1.
        length: characters that the caret underlines.
        hint: what to write instead, or None.
    """

    def __init__(
        self,
        file: str,
        line: int,
        message: str,
        source_line: str | None = None,
        *,
        column: int = 1,
        length: int = 1,
        hint: str | None = None,
    ) -> None:
        self.file = file
        self.line = line
        self.message = message
        self.source_line = source_line
        self.column = column
        self.length = length
        self.hint = hint
        super().__init__(f"{file}:{line}: {message}" + (f"; {hint}" if hint else ""))

    @property
    def problem(self) -> Problem:
        """The same as a problem, to stand among those of other files."""
        place = Place(self.file, max(1, self.line), self.column, self.length)
        return Problem(place, self.message, Severity.ERROR, self.hint, self.source_line)


class UnknownTemplateError(PhinError):
    """There is no template of that name in any language; the message names close ones."""


class RenderLimitError(PhinError):
    """A template asked for more work, or made more text, than one mail may."""


class StylesheetError(PhinError):
    """A stylesheet cannot be put into the elements; the message says why, in the words of the inliner."""
