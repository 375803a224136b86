"""Segments for tests of the engine: published from a text, kept by turns of the clock, asked for their members."""

from __future__ import annotations

import textwrap
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import select

from tests.support.shop import Shop
from worker.domain.conditions.vocabulary import Vocabulary
from worker.engine.segment_publishing import PublishedSegment, publish_segments
from worker.engine.segments import Segments
from worker.language.config.segments import SegmentFile, read_segments
from worker.storage import membership
from worker.storage.tables import customer, segment_member


class Keeper:
    """The segments of a shop."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.segments = Segments(shop.database, shop.flowbook, shop.settings)

    def publish(self, text: str) -> list[PublishedSegment]:
        """Publish segments, as their file says, and look for their members for the first time."""
        changed = self.publish_only(text)
        self.keep()
        return changed

    def publish_only(self, text: str) -> list[PublishedSegment]:
        """Publish segments, as their file says."""
        found = self.read(text)
        limits = self.shop.settings.rfm.limits
        return publish_segments(self.shop.database, found.segments, set(found.broken), limits, self.shop.now)

    def read(self, text: str) -> SegmentFile:
        """Return what a file with this text says."""
        with TemporaryDirectory() as folder:
            file = Path(folder) / "segments.yaml"
            file.write_text(textwrap.dedent(text), encoding="utf-8")
            return read_segments(file, "config/segments.yaml", Vocabulary.of(self.shop.settings))

    def keep(self) -> int:
        """Take turns until nothing is left to do; returns how many journeys began."""
        began = 0
        more = True
        while more:
            work, more = self.segments.turn(self.shop.now)
            began += len(work.journeys)
        return began

    def members(self, name: str) -> set[str | None]:
        """Return the shop's ids of a segment's members."""
        asked = select(customer.c.external_id).join(segment_member, segment_member.c.customer_id == customer.c.id)
        with self.shop.database.reading() as connection:
            return set(connection.execute(asked.where(segment_member.c.segment == name)).scalars())

    def marks(self) -> int:
        """Return how many notes wait of customers whose facts changed."""
        with self.shop.database.reading() as connection:
            return membership.waiting(connection, 1_000)
