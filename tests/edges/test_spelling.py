"""What customers read in Vietnamese: each word in one spelling, and the shop speaks of itself in one way."""

from __future__ import annotations

import re
from pathlib import Path

from worker.edges.web.texts import TEXTS

ROOT = Path(__file__).parents[2]
# The mark of a syllable that ends in oa, oe or uy stands on its first vowel: hòa, khỏe, tùy; not hoà, khoẻ, tuỳ.
ELSEWHERE = re.compile(r"\w*(?:o[áàảãạéèẻẽẹ]|(?<!q)u[ýỳỷỹỵ])\b", re.IGNORECASE)


def test_words_have_one_spelling_and_the_shop_one_name_for_itself() -> None:
    """Given pages and mails, then no word has its mark where another has it, and "we" is "chúng mình"."""
    texts = {f"text {name}": text for name, text in TEXTS["vi"].items()}
    texts |= {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "templates").rglob("*.vi.*")}
    assert len(texts) > 200
    found = {name: spelled for name, text in texts.items() if (spelled := ELSEWHERE.findall(text))}
    assert found == {}
    assert [name for name, text in texts.items() if "chúng tôi" in text.lower()] == []
