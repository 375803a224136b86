"""`config/segments.yaml`: what it may say, what it says wrongly, and what goes on beside a faulty segment."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.condition_facts import SETTINGS
from tests.support.processes import ROOT
from worker.domain.conditions.vocabulary import Vocabulary
from worker.domain.segments import Segment, moves
from worker.language.config.segments import SegmentFile, read_segments

VOCABULARY = Vocabulary.of(SETTINGS, flows=["welcome"])


def read(tmp_path: Path, text: str) -> SegmentFile:
    file = tmp_path / "segments.yaml"
    file.write_text(text, encoding="utf-8")
    return read_segments(file, "config/segments.yaml", VOCABULARY)


def faults(found: SegmentFile) -> list[str]:
    return [f"{p.place.line}:{p.place.column}: {p.message}; {p.hint}" for p in found.problems]


def test_the_shipped_segments_are_read() -> None:
    """Given the file that ships, then each segment has both titles, and those the documents name are there."""
    found = read_segments(ROOT / "config" / "segments.yaml", "config/segments.yaml", Vocabulary.of(SETTINGS))
    assert found.problems == ()
    assert {"repeat-browsers", "recent-first-buyers", "lapsed", "loyal", "potential", "most-valuable"} <= set(
        found.segments
    )
    for segment in found.segments.values():
        assert set(segment.title) == set(segment.about) == {"vi", "en"}, segment.name


def test_both_forms_say_the_same(tmp_path: Path) -> None:
    """Given a segment in short and one in full, then both hold a condition, and the full one its texts."""
    found = read(
        tmp_path, "short: customer.consent\nfull: {title: Quen, when: customer.consent, about: {en: Regulars}}\n"
    )
    assert found.problems == () and list(found.segments) == ["short", "full"]
    short, full = found.segments.values()
    assert short.when == full.when
    assert (short.titled("vi"), full.titled("en"), full.about) == ("short", "Quen", {"en": "Regulars"})


@pytest.mark.parametrize("text", [None, "", "# none yet\n\n"])
def test_a_shop_may_have_no_segments(tmp_path: Path, text: str | None) -> None:
    """Given no file, or one without a segment, then there are none, and nothing is wrong."""
    found = read_segments(tmp_path / "none.yaml", "none", VOCABULARY) if text is None else read(tmp_path, text)
    assert (found.segments, found.problems, found.names) == ({}, (), frozenset())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: customer.emial is none", "1:4: 'customer.emial' is not known; did you mean 'customer.email'?"),
        ("a: order.total > 1", "1:4: there is no order here"),
        ('a: sent("welcome")', "1:4: 'sent()' asks about a journey, and there is none here"),
        ('a: did("purchase", within="journey")', "asks about a journey"),
        ('loyal: customer.consent\nb: in_segment("loyl")', "2:15: there is no segment 'loyl'; did you mean 'loyal'?"),
        ('b: in_segment("vip")', "there is no segment 'vip'; add it to config/segments.yaml"),
        ('b: in_flow("welcom")', "there is no flow 'welcom'; did you mean 'welcome'?"),
        ('a: in_segment("a")', "1:4: the segment 'a' names itself"),
        (
            'a: customer.consent and in_segment("b")\nb: in_segment("c")\nc: {when: not in_segment("a")}',
            "1:25: segments go round in a circle: a → b → c → a",
        ),
        ('a: customer.rfm == "champoin"', "1:20: there is no class 'champoin'; did you mean 'champion'?"),
        ('a: customer.rfm in ["loyal", "vip"]', "1:30: there is no class 'vip'; none, lapsed, at-risk"),
        ("a: {title: x}", "the segment 'a' needs 'when'"),
        ("a: {wen: customer.consent}", "unknown key 'wen' in the segment 'a'; did you mean 'when'?"),
        ("a: {when: customer.consent, title: {fr: x}}", "unknown key 'fr' in 'title'"),
        ("a: {when: [customer.consent]}", "'when' is a condition such as"),
        ("a:", "1:1: the segment 'a' has no condition; write: a: customer.orders_count >= 3"),
        ("a b: customer.consent", "a segment's name is made of letters"),
        ("- a", "the segments are names"),
    ],
)  # fmt: skip
def test_each_fault_is_told_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    """Given a segment that cannot be, then the fault is told once where it stands, with a remedy."""
    found = faults(read(tmp_path, text))
    assert len(found) == 1
    assert told in found[0]


def test_a_faulty_segment_harms_only_itself(tmp_path: Path) -> None:
    """Given faulty segments among good ones, then the good ones stand, also one that names a faulty one."""
    found = read(
        tmp_path,
        'good: customer.consent\nbad: custmer.consent\nround: in_segment("about")\nabout: in_segment("round")\n'
        'leans: in_segment("bad") or in_segment("round")\n',
    )
    assert (list(found.segments), found.broken) == (["good", "leans"], ("bad", "round", "about"))
    assert found.names == frozenset(("good", "bad", "round", "about", "leans"))
    assert len(found.problems) == 2


@pytest.mark.parametrize(
    "text", ["a: customer.consent\n  b: [", "\ta: customer.consent", "a: customer.consent\na: today"]
)
def test_a_file_that_is_no_yaml_says_of_no_segment_that_it_is_gone(tmp_path: Path, text: str) -> None:
    """Given a file that cannot be read for sure, then it is not known which segments there are."""
    found = read(tmp_path, text)
    assert (found.readable, found.names, found.segments) == (False, None, {})
    assert found.problems


def test_segments_that_grow_by_naming_each_other_are_refused(tmp_path: Path) -> None:
    """Given segments each of which names the one before twice, then the first that is too large is refused."""
    lines = ["s0: customer.orders_count > 1"]
    lines += [f's{n}: customer.consent and in_segment("s{n - 1}") or not in_segment("s{n - 1}")' for n in range(1, 40)]
    found = read(tmp_path, "\n".join(lines))
    assert "s3" in found.segments and "s39" in found.broken
    assert all("too large with the segments that it names" in fault for fault in faults(found))


@pytest.mark.parametrize(
    ("text", "moved"),
    [
        ("customer.orders_count >= 3", False),
        ('bought("arabica", at_least=3) or did("signup")', False),
        ('customer.last_order_at >= "2027-01-01"', False),
        ("days_since(customer.last_order_at) > 60", True),
        ('bought("arabica", within="90 days")', True),
        ('not did("purchase", within="7 days")', True),
        ("customer.wedding < today", True),
        ('customer.rfm == "loyal"', True),
        ('in_flow("welcome")', True),
        ('in_segment("still")', False),
        ('in_segment("moving")', True),
    ],
)
def test_it_is_known_which_segments_time_moves(tmp_path: Path, text: str, moved: bool) -> None:
    """Given a condition, then it is known whether it may change though nothing happens to the customer."""
    found = read(
        tmp_path, f"still: customer.consent\nmoving: in_segment('deep')\ndeep: now > '2027-01-01'\nit: ({text})"
    )
    expressions = {name: segment.when for name, segment in found.segments.items()}
    assert moves(expressions["it"].tree, expressions) is moved


def test_a_segment_without_a_title_is_called_by_its_name() -> None:
    """Given titles in one language or none, then there is always something to call it."""
    when = read_segments(ROOT / "config" / "segments.yaml", "s", None).segments["loyal"].when
    assert Segment("vip", when).titled("en") == "vip"
    assert Segment("vip", when, {"vi": "Khách quý"}).titled("en") == "Khách quý"
