"""`docs/check.md` tells the truth: what it says of each of its examples is what the check tells."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.language.samples import VOCABULARY
from worker.delivery.templates.library import TemplateLibrary
from worker.domain.errors import FileError, Problem
from worker.domain.setting_groups import Shop
from worker.domain.settings import Settings
from worker.language.expressions.syntax import LONGEST
from worker.language.flow.flows import read_flow
from worker.language.yaml.composing import DEEPEST, MOST
from worker.language.yaml.files import LARGEST
from worker.language.yaml.source import MOST_PROBLEMS
from worker.rehearsal.mail_settings import mail_problems

PAGE = (Path(__file__).parent.parent.parent / "docs" / "check.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```(yaml|html)\n(.*?)```\n```\n(.*?)```", PAGE, re.DOTALL)
SURVEYS = {"nps": {"scale": "nps", "question": {"vi": "Bạn có giới thiệu không?"}}}
SETTINGS = Settings.model_validate({"surveys": SURVEYS})
STAFFED = replace(VOCABULARY, staff=frozenset({"care"}))


def flow_problems(steps: str) -> tuple[Problem, ...]:
    lines = "".join(f"  {line}\n" for line in steps.splitlines())
    text = f"flow: a\ntrigger: purchase\nsteps:\n{lines}"
    if "opened(" in steps:
        text += "  - {send: welcome, name: other}\n"
        text = text.replace("steps:\n", "steps:\n  - send: welcome\n")
    try:
        return read_flow(text, "flows/a.yaml", STAFFED, {"welcome": (), "thank-you": ()})[1]
    except FileError as error:
        return error.problems


def template_problems(html: str, folder: Path) -> tuple[Problem, ...]:
    (folder / "a.vi.html").write_text(f"---\nsubject: Chào\n---\n{html}", encoding="utf-8")
    library = TemplateLibrary(folder, Shop(languages=("vi",)))
    return (*library.check(), *mail_problems(SETTINGS, library, None))


@pytest.mark.parametrize(
    ("kind", "example", "expected"), EXAMPLES, ids=[one[2].split("\n")[0][:60] for one in EXAMPLES]
)
def test_what_the_page_says_of_an_example_is_told(kind: str, example: str, expected: str, tmp_path: Path) -> None:
    """Given an example of the page, then the check tells exactly what stands beneath it."""
    problems = flow_problems(example) if kind == "yaml" else template_problems(example, tmp_path)

    told = [f"{one.severity.value}: {one.message}; {one.hint}" for one in problems]
    lines = expected.strip().split("\n")
    assert len(told) == len(lines)
    assert all(found.startswith(line) for found, line in zip(told, lines, strict=True)), told


def test_the_page_tells_the_bounds_as_they_are() -> None:
    """Given the bounds of files, then the page's table has the same."""
    assert f"{LARGEST // 1_000_000} MB, and {MOST:,} values" in PAGE
    assert f"{DEEPEST} deep" in PAGE
    assert f"{LONGEST:,} characters" in PAGE
    assert f"| {MOST_PROBLEMS} |" in PAGE
    assert len(EXAMPLES) > 15
