"""`config/seasons.yaml`: what it may say, and what it says wrongly."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.processes import ROOT, clean_environment
from worker.domain.errors import FileError
from worker.language.config.seasons import read_seasons


def _faults(tmp_path: Path, text: str) -> list[str]:
    file = tmp_path / "seasons.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(FileError) as caught:
        read_seasons(file, "config/seasons.yaml")
    return [f"{p.place.line}:{p.place.column}: {p.message}; {p.hint}" for p in caught.value.problems]


def test_the_shipped_seasons_are_read() -> None:
    """Given the file that ships, when it is read, then every season has both titles and falls in every year."""
    seasons = read_seasons(ROOT / "config" / "seasons.yaml", "config/seasons.yaml")
    assert {"tet", "ong-tao", "giao-thua", "hung-kings", "mid-autumn", "vu-lan", "black-friday", "easter"} <= set(
        seasons
    )
    for season in seasons.values():
        assert set(season.title) == {"vi", "en"}
        assert all(len(season.days(year)) == 1 for year in range(1970, 2100)), season.name


def test_a_shop_without_the_file_has_no_seasons(tmp_path: Path) -> None:
    """Given no file, when seasons are read, then there are none, and nothing is wrong."""
    assert read_seasons(tmp_path / "none.yaml", "none.yaml") == {}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: {lunar: 30/12}", "1:12: not every lunar month has a day 30; month 12 has one in some years only; "
         "for the last day of the month write: lunar: 1/1 and shift: -1 day"),
        ("a: {lunar: 32/1}", "is no day of the lunar calendar"),
        ("a: {lunar: 5/13}", "is no day of the lunar calendar"),
        ("a: {day: 02-30}", "'02-30' is no day of the year"),
        ("a: {nth: fourth thursdy of november}", "'thursdy' is not one of"),
        ("a: {nth: sixth mon of may}", "'sixth' is not one of"),
        ("a: {easter: monday}", "'easter' is 'sunday', not 'monday'"),
        ("a: {days: [2027-02-30]}", "'2027-02-30' is no day"),
        ("a: {days: [2127-02-03]}", "is not between 1970 and 2099"),
        ("a: {day: 12-25, shift: one day}", "'shift' is a number of days"),
        ("a: {day: 12-25, lunar: 1/1}", "it has 'day' and 'lunar'"),
        ("a: {title: x}", "needs exactly one of"),
        ("a: {dya: 12-25}", "did you mean 'day'?"),
        ("a: 12-25", "the season 'a' is a group of keys"),
        ("- a", "the seasons are names"),
    ],
)  # fmt: skip
def test_each_fault_is_told_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    """Given a season that cannot be, when the file is read, then the fault is told where it stands, with a remedy."""
    faults = _faults(tmp_path, text)
    assert len(faults) == 1
    assert told in faults[0]


def test_phin_seasons_prints_the_days_of_a_year() -> None:
    """Given the shipped seasons, when phin seasons is asked for 2030 as JSON, then Tết is on 2 February."""
    command = [sys.executable, "-m", "worker.edges.cli", "seasons", "--year", "2030", "--json"]
    environment = clean_environment(PHIN_HOME=str(ROOT))
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    days = {one["season"]: one["day"] for one in json.loads(done.stdout)}
    assert days["tet"] == "2030-02-02"
    assert days["giao-thua"] == "2030-02-01"
