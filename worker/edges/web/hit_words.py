"""What a flow's page tells of opens and clicks: people's and all with machines', by step, and with what people read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from worker.delivery.formats import number
from worker.storage.hit_counts import Counts, HitCounts

MOST = 6  # programs that are named

_WORDS: Mapping[str, Mapping[str, str]] = {
    "vi": {
        "title": "Lượt mở và lượt bấm",
        "heads": "Bước|Thư được mở|Thư được bấm|Mở, kể cả máy|Bấm, kể cả máy",
        "times": "{count} lượt",
        "proxy": "{count} chỉ qua máy chủ ảnh",
        "programs": "Đọc và bấm bằng",
        "devices": "Trên thiết bị",
        "others": "khác",
        "note": "Hai cột đầu chỉ tính người đọc. Máy chủ ảnh (của Gmail, Yahoo) tải ảnh khi người dùng mở thư, nên "
        "được tính là người. Máy quét liên kết và ứng dụng tải ảnh trước chỉ có trong hai cột cuối; "
        "kịch bản bỏ qua chúng.",
        "phone": "điện thoại",
        "tablet": "máy tính bảng",
        "computer": "máy tính",
    },
    "en": {
        "title": "Opens and clicks",
        "heads": "Step|Mails opened|Mails clicked|Opened, with machines|Clicked, with machines",
        "times": "{count} times",
        "proxy": "{count} by an image proxy alone",
        "programs": "Read and clicked in",
        "devices": "On",
        "others": "others",
        "note": "The first two columns count people. An image proxy (Gmail's, Yahoo's) loads pictures when its user "
        "opens the mail, so it counts among them. Link scanners and programs that load pictures beforehand stand in "
        "the last two columns only; flows overlook them.",
    },
}


@dataclass(frozen=True, slots=True)
class HitsTold:
    """Opens and clicks as the page shows them.

    Parameters:
        heads: of the columns; `rows`: one a step.
        shares: of programs and devices: what it is, and each with its share.
        note: what is counted as what.
    """

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    shares: tuple[tuple[str, str], ...]
    note: str


def hits_told(steps: Mapping[str, HitCounts], language: str) -> HitsTold | None:
    """Return the hits on a flow's mails in the words of a language, `vi` or `en`; None where there are none."""
    if not steps:
        return None
    words = _WORDS[language]
    rows = tuple((step, *_cells(counts, words, language)) for step, counts in steps.items())
    shares = (
        (words["programs"], _shares((one.programs for one in steps.values()), words, language)),
        (words["devices"], _shares((one.devices for one in steps.values()), words, language)),
    )
    told = tuple((name, share) for name, share in shares if share)
    return HitsTold(words["title"], tuple(words["heads"].split("|")), rows, told, words["note"])


def _cells(counts: HitCounts, words: Mapping[str, str], language: str) -> tuple[str, ...]:
    def told(mails: int, hits: int, *more: str) -> str:
        often = [] if hits == mails else [words["times"].format(count=number(hits, language))]
        return " · ".join([number(mails, language), *often, *more])

    def everybodys(one: Counts) -> str:
        return told(one.all, one.all_total)

    opens, clicks = counts.opens, counts.clicks
    proxies = [words["proxy"].format(count=number(opens.proxies, language))] if opens.proxies else []
    people = told(opens.people, opens.people_total, *proxies), told(clicks.people, clicks.people_total)
    return (*people, everybodys(opens), everybodys(clicks))


def _shares(counted: Iterable[Mapping[str, int]], words: Mapping[str, str], language: str) -> str:
    found: Counter[str] = Counter()
    for one in counted:
        found.update(one)
    total = found.total()
    shown = found.most_common(MOST)
    rest = total - sum(count for _, count in shown)
    parts = [*shown, *([("others", rest)] if rest else [])]
    return " · ".join(
        f"{words.get(name, name)} {number(round(count / total * 100), language)}\xa0%" for name, count in parts
    )
