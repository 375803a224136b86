"""The file of seasons, followed while the system runs: a fault in one season harms that one alone."""

from __future__ import annotations

from pathlib import Path

from worker.edges.seasons import FollowedSeasons


def test_one_bad_season_leaves_the_rest_at_work(tmp_path: Path) -> None:
    """Given a season with an impossible lunar day, when the file is read, then the others are known, and all names."""
    path = tmp_path / "seasons.yaml"
    path.write_text("tet: {lunar: 1/1}\nghost: {lunar: 31/2}\nharvest: {day: 09-20}\n")
    seasons = FollowedSeasons(path)
    assert set(seasons()) == {"tet", "harvest"}
    assert seasons.read().names == frozenset({"tet", "ghost", "harvest"})
    assert [problem.place.line for problem in seasons.read().problems] == [2]


def test_what_breaks_while_it_runs_keeps_its_last_good_rule(tmp_path: Path) -> None:
    """Given known seasons, when one breaks, one goes and then the whole file breaks, then only what is gone is gone."""
    path = tmp_path / "seasons.yaml"
    seasons = FollowedSeasons(path)
    assert seasons() == {}
    path.write_text("tet: {lunar: 1/1}\nharvest: {day: 09-20}\n")
    known = dict(seasons())
    path.write_text("tet: {lunar: 40/1}\n")
    assert dict(seasons()) == {"tet": known["tet"]}
    path.write_text("tet: [not, a\n  season: {\n")
    assert dict(seasons()) == {"tet": known["tet"]}
    assert seasons.read().names is None
    path.unlink()
    assert seasons() == {}
