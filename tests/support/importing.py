"""A CSV file of the test's, imported into a shop of the test's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from tests.support.shop import Shop
from worker.domain.event_check import EventRules
from worker.domain.work import Work
from worker.edges.importing.columns import map_columns
from worker.edges.importing.faults import RefusedFile
from worker.edges.importing.reading import open_sheet
from worker.edges.importing.running import Import, Tally
from worker.edges.importing.survey import Plan, Said, survey
from worker.edges.importing.targets import Subject, squeezed

SAIGON = ZoneInfo("Asia/Ho_Chi_Minh")


def planned(shop: Shop, subject: Subject, path: Path, maps: Sequence[str] = (), **said: Any) -> Plan:
    """Look at a file and settle how it is read, as the command does."""
    sheet = open_sheet(path)
    mapped = map_columns(subject, sheet.header, shop.settings.fields, maps)
    statuses = {squeezed(word): status for word, status in said.pop("statuses", {}).items()}
    return survey(sheet, mapped, Said(SAIGON, statuses=statuses, **said), shop.settings.shop.currency)


def import_file(
    shop: Shop,
    subject: Subject,
    path: Path,
    *maps: str,
    write: bool = True,
    refused: Path | None = None,
    **said: Any,
) -> Tally:
    """Import a file, as the command does."""
    plan = planned(shop, subject, path, maps, **said)
    work = Import(
        plan,
        shop.database,
        EventRules.of(shop.settings),
        currency=shop.settings.shop.currency,
        vietnamese=True,
        now=lambda: shop.now,
        process=lambda ids: shop.process(Work(events=tuple(ids))),
    )
    with RefusedFile(refused, plan.sheet.header, plan.sheet.separator) as file:
        return work.run(write=write, refused=file, went=lambda _rows: None)
