"""What docs/segments.md tells is what there is: its examples are read, its tables are the code's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.processes import ROOT
from worker.domain.conditions.vocabulary import Vocabulary
from worker.domain.rfm import RfmClass, RfmLimits
from worker.domain.settings import Settings
from worker.language.config.segments import read_segments
from worker.language.config.settings import read_settings

PAGE = (ROOT / "docs" / "segments.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("block", [block for block in BLOCKS if not block.startswith("rfm:")])
def test_each_example_is_sound(tmp_path: Path, block: str) -> None:
    """Given an example of the page, then it is read without a problem."""
    file = tmp_path / "segments.yaml"
    file.write_text(block, encoding="utf-8")
    vocabulary = Vocabulary.of(Settings(fields={"tier": "text"}))
    assert read_segments(file, "segments.yaml", vocabulary).problems == ()


def test_the_limits_are_the_defaults(tmp_path: Path) -> None:
    """Given the settings as the page shows them, then they are those that hold without any."""
    (block,) = (block for block in BLOCKS if block.startswith("rfm:"))
    file = tmp_path / "phin.yaml"
    file.write_text(block, encoding="utf-8")
    assert read_settings(file, {}).rfm.limits == RfmLimits()


@pytest.mark.parametrize("limits", ["[30, 60, 90]", "[30, 60, 60, 120]", "[120, 90, 60, 30]", "[-1, 2, 3, 4]"])
def test_limits_that_cannot_be_are_refused(tmp_path: Path, limits: str) -> None:
    """Given too few limits, or such that do not ascend, then the settings say what is needed."""
    file = tmp_path / "phin.yaml"
    file.write_text(f"rfm: {{recency: {limits}}}\n", encoding="utf-8")
    with pytest.raises(Exception, match="four numbers"):
        read_settings(file, {})


def test_the_classes_and_segments_are_those_there_are() -> None:
    """Given the page's tables, then they list every class in its order, and every segment that ships."""
    classes = re.search(r"\| class \| who.*?\n\n", PAGE, re.DOTALL)
    assert classes and re.findall(r"^\| `([a-z-]+)`", classes[0], re.MULTILINE) == [one.value for one in RfmClass]
    shipped = re.search(r"\| segment \| holds.*?\n\n", PAGE, re.DOTALL)
    found = read_segments(ROOT / "config" / "segments.yaml", "segments.yaml", None)
    first = [row.split("|")[1] for row in shipped[0].splitlines()[2:] if row] if shipped else []
    assert [name for cell in first for name in re.findall("`([a-z-]+)`", cell)] == list(found.segments)
