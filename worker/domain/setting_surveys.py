"""Settings of surveys: the questions that mails ask, and their scales."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from worker.domain.setting_groups import Group
from worker.domain.surveys import Scale

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")


def _in_words(value: dict[str, str]) -> dict[str, str]:
    if any(not text.strip() for text in value.values()):
        raise ValueError("a text is empty; write it in every language, such as {vi: Bạn hài lòng tới đâu?, en: …}")
    return value


Words = Annotated[dict[str, str], AfterValidator(_in_words)]  # by language


class Survey(Group):
    """A question that mails ask with one-click marks, answered on a page of Phin's."""

    scale: Scale = Field(description="`nps`: marks from 0 to 10, `csat`: from 1 to 5")
    question: Words = Field(description="The question on the page, by language", min_length=1)
    low: Words = Field(default_factory=dict, description="What the lowest mark means, by language")
    high: Words = Field(default_factory=dict, description="What the highest mark means, by language")


def named(value: dict[str, Survey]) -> dict[str, Survey]:
    """Check the names of surveys: they stand in links and events."""
    for name in value:
        if not _NAME.fullmatch(name):
            raise ValueError(f"a survey is named with small letters, digits and '-', up to 40; '{name[:60]}' is not")
    return value


Surveys = Annotated[dict[str, Survey], AfterValidator(named)]
