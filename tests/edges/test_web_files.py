"""The first page tells of the files beside the flows that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.edges.test_web_home import words
from tests.edges.test_web_signin import sign_in
from tests.support.web import client, web_house
from worker.domain.staff import Person, Staff
from worker.edges.web import overview
from worker.language.config.staff import StaffFile
from worker.storage.database import Database

pytestmark = pytest.mark.anyio


async def test_a_broken_staff_file_is_told_until_it_is_mended(
    sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a staff.yaml with a fault, then its place and the fault are told; once mended, they are gone."""
    monkeypatch.setattr(overview, "KEPT_FOR", -1.0)
    house = web_house(sqlite_database, tmp_path, flows=tmp_path / "flows", templates=tmp_path / "templates")
    known = Staff(people={"hoa": Person("hoa", "Hoa", "hoa@thecoffee.example", "en")})
    house.staff = lambda: known
    path = tmp_path / "config" / "staff.yaml"
    path.parent.mkdir()
    people = "people:\n  mai: {name: Mai, email: mai@example.com}\n"
    path.write_text(f"{people}roles: {{care: mia}}\n")
    staff = StaffFile(path, house.settings.shop, "config/staff.yaml", quiet=True)
    house.beside_flows = {path: staff.problems}
    async with client(house) as web:
        await sign_in(web, house)
        found = words(await web.get("/?lang=en"))
        assert "Settings file with an error" in found and "config/staff.yaml:3" in found and "did you mean" in found
        path.write_text(f"{people}roles: {{care: mai}}\n")
        assert "with an error" not in words(await web.get("/?lang=en"))
